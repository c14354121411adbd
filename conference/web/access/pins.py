"""PINs: how people without a token get into a room."""

from __future__ import annotations

import hmac
import time
from dataclasses import replace

from conference.access.grants import EVERYTHING, Grant, make_grant
from conference.access.tokens import pin_mark
from conference.ids import new_id
from conference.web.live import Server


def pin_wait(server: Server, room: str, address: str) -> float:
    """Seconds until a PIN from this address is checked; 0 if it is checked now."""
    return server.guesses.wait(room, address, time.monotonic())


def check_pin(server: Server, room: str, pin: str, address: str) -> Grant | None:
    """Check a PIN, and grant what it opens.

    Args:
        server: this one.
        room: a valid name.
        pin: as it was typed or keyed in.
        address: where from, as in ``client_address``; of a phone call, the caller's number where it is known.

    Returns:
        A grant to speak and listen there, with an identity of its own. On a server without a secret it allows
        everything in that room, as anybody may do anything in the rooms without a PIN. ``None`` if the PIN is wrong, if
        the room has no PIN, or if too many wrong ones came: see :func:`pin_wait`.
    """
    now = time.monotonic()
    expected = server.pin_of(room)
    if expected is None or server.guesses.wait(room, address, now) > 0:
        return None
    if not hmac.compare_digest(pin.encode(errors="replace"), expected.encode()):
        server.guesses.wrong(room, address, now)
        return None
    grant = make_grant("speaker") if server.settings.secret is not None else EVERYTHING
    issued_at = time.time()
    expires_at = issued_at + server.settings.pin_token_ttl
    return replace(
        grant,
        room=room,
        identity=f"guest-{new_id()}",
        expires_at=expires_at,
        issued_at=issued_at,
        pin=pin_mark(room, expected, server.token_keys[0]),
    )
