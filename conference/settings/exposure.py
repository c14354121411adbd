"""Whether a server would let the world do everything by oversight."""

from __future__ import annotations

from conference.loopback import is_loopback
from conference.options.declaration import SettingsError
from conference.settings.server import Settings


def refuse_strangers(settings: Settings) -> None:
    """Do not let the world do everything by oversight.

    Raises:
        SettingsError: others can reach the server, and it would let them do everything.
    """
    if settings.secret is not None or settings.open:
        return
    if not settings.on_loopback:
        raise SettingsError(
            f"Whoever reaches {settings.host} could do everything here: give a secret, so that a token is asked for, "
            "or say open if that is meant."
        )
    if settings.audiosocket_room is not None and settings.audiosocket and not is_loopback(settings.audiosocket[0]):
        raise SettingsError(
            f"Whoever reaches {settings.audiosocket[0]} could call into room {settings.audiosocket_room}: leave "
            "audiosocket-room out, so that calls have to be announced, or give a secret, or say open if that is meant."
        )
