"""Everything that can be set about a server: one frozen value, handed down from the top."""

from conference.settings.checks import SettingsError as SettingsError
from conference.settings.server import FIELDS as FIELDS
from conference.settings.server import Settings as Settings
from conference.settings.webhooks import WEBHOOK_EVENTS as WEBHOOK_EVENTS
