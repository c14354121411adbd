"""Whom a server tells what happens."""

from __future__ import annotations

from dataclasses import dataclass

from conference.options.declaration import seconds, several, value, whole
from conference.options.groups import WEBHOOKS
from conference.settings.checks import SettingsError, check_webhook

WEBHOOK_EVENTS = (
    "participant.joined",
    "participant.left",
    "participant.updated",
    "participants.left",
    "participants.updated",
    "room.updated",
    "hearing.changed",
    "unmute.requested",
    "sound.started",
    "sound.stopped",
    "message",
    "digit",
    "talking.started",
    "talking.stopped",
    "talking.interrupted",
    "caption",
    "transfer.updated",
    "server.draining",
    "recording.started",
    "recording.paused",
    "recording.resumed",
    "recording.stopped",
    "recording.ready",
    "recording.failed",
    "recording.stored",
    "recording.not_stored",
)
"""What :attr:`WebhookOptions.webhook_events` can name."""


def check_event(name: str) -> None:
    """Refuse what is no event.

    Raises:
        SettingsError: with all that are.
    """
    if name not in WEBHOOK_EVENTS:
        raise SettingsError(f"webhook-event must be one of {', '.join(WEBHOOK_EVENTS)}, not '{name}'.")


@dataclass(frozen=True)
class WebhookOptions:
    """Receivers, and how long each is tried. What they make of it is `web.events.webhooks`."""

    webhooks: tuple[str, ...] = several(
        WEBHOOKS, "tell this address what happens; can be repeated", "URL", "webhook", str, check=check_webhook,
        secret=True,
    )  # fmt: skip
    webhook_secret: str | None = value(
        None, WEBHOOKS, "what webhooks are signed with: whsec_ and 24 to 64 random bytes in base64, or several "
        "separated by commas; better in the environment than here", "SECRET", secret=True,
    )  # fmt: skip
    webhook_events: tuple[str, ...] = several(
        WEBHOOKS, "send events of this name only; can be repeated (default: all but levels and those of talking)",
        "NAME", "webhook-event", str, check=check_event,
    )  # fmt: skip
    webhook_timeout: float = seconds(10.0, WEBHOOKS, "time for the answer", (0.01, 60))
    webhook_give_up: float = seconds(300.0, WEBHOOKS, "how long what did not arrive is tried again", (0, 86_400))
    webhook_queue: int = whole(
        1000, WEBHOOKS, "events that may wait for one address; of more, the oldest go", (1, 1_000_000),
        beyond="the oldest are dropped",
    )  # fmt: skip
