"""A server that asks for tokens, and tokens for it."""

from __future__ import annotations

import time
from typing import Any

from conference.access.grants import Right, Role, make_grant
from conference.access.tokens import sign
from conference.settings import Settings
from conference.web.joining.seats import HEADER

SECRET = "a secret of the tests: 32 bytes and more"


def guarded(**settings: Any) -> Settings:
    return Settings(secret=SECRET, **settings)


def token(
    role: Role = "speaker",
    room: str | None = "tea",
    *,
    identity: str | None = None,
    name: str | None = None,
    rights: list[Right] | None = None,
    lasts: float = 60,
    secret: str = SECRET,
) -> str:
    expires_at = time.time() + lasts
    grant = make_grant(role, room=room, identity=identity, name=name, rights=rights, expires_at=expires_at)
    return sign(grant, secret)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def as_role(role: Role = "speaker", room: str | None = "tea", **given: Any) -> dict[str, str]:
    """Header fields of somebody with a token."""
    return bearer(token(role, room, **given))


def seat_of(joined: Any) -> dict[str, str]:
    """Header fields that prove whose seat the answer to a join gave."""
    return {HEADER: joined.headers[HEADER]}
