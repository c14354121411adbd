"""Grants as signed tokens: JSON Web Tokens (RFC 7519), HS256 (RFC 7518, section 3.2) and nothing else.

    {"iss": "conference", "aud": "conference", "exp": 1795342935,
     "room": "standup", "role": "host", "sub": "amy@example.org", "name": "Amy", "rights": ["speak", "listen"]}

``room`` is ``*`` for any. ``rights`` may be missing: then they are those of the role. Whoever entered a PIN gets a
token with a claim ``pin``, from which the PIN cannot be told.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jwt

from conference.access.grants import RIGHTS, ROLE_RIGHTS, ROLES, Grant, Right, Role
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName

ISSUER = "conference"
AUDIENCE = "conference"
ALGORITHM = "HS256"
ANY_ROOM = "*"
"""The claim ``room`` of a token for all rooms: said, so that a forgotten room opens nothing."""

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: "A key of the same size as the hash output […] or larger MUST be used"."""

LEEWAY_S = 10.0
"""How far the clock of whoever made a token may be off."""

MAX_TOKEN_CHARS = 4096
MAX_TEXT_CHARS = 256
"""Of an identity or a name."""

_MARK_DIGITS = 16  # a token for a phone's parameter has little room; one PIN in 2⁶⁴ has the mark of another

_LATEST = 253_402_300_800.0  # the year 10000


class TokenError(Exception):
    """A token that opens nothing; the text is a sentence for whoever presented it."""


def check_secret(secret: str) -> str:
    """The secret, if tokens can be signed with it.

    Raises:
        ValueError: with a sentence, which does not hold the secret.
    """
    if len(secret.encode(errors="replace")) < MIN_SECRET_BYTES:
        raise ValueError(
            f"A secret must be {MIN_SECRET_BYTES} characters or more: 'openssl rand -base64 32' makes a good one."
        )
    try:
        jwt.encode({}, secret, ALGORITHM)
    except (jwt.PyJWTError, ValueError):
        raise ValueError("A secret must be random text, and not the PEM of a key or certificate.") from None
    return secret


def sign(grant: Grant, secret: str) -> str:
    """A token for ``grant``.

    Args:
        grant: with a time at which it expires.
        secret: at least 32 bytes.

    Raises:
        ValueError: the grant does not expire.
    """
    if grant.expires_at is None:
        raise ValueError("A token must expire.")
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": math.floor(grant.expires_at),
        "room": ANY_ROOM if grant.room is None else grant.room,
        "role": grant.role,
    }
    if grant.issued_at is not None:
        claims["iat"] = grant.issued_at
    if grant.identity is not None:
        claims["sub"] = grant.identity
    if grant.name is not None:
        claims["name"] = grant.name
    if grant.pin is not None:
        claims["pin"] = grant.pin
    if grant.rights != ROLE_RIGHTS[grant.role]:
        claims["rights"] = [right for right in RIGHTS if right in grant.rights]
    return jwt.encode(claims, secret, ALGORITHM)


def verify(token: str, secrets: tuple[str, ...], now: float) -> Grant:
    """The grant that a token carries.

    Args:
        token: as it was presented.
        secrets: any of them may have signed it, so that one can be replaced while tokens of the other are about.
        now: unix time in seconds.

    Raises:
        TokenError: it is no token, not signed by us, expired, or says what makes no sense.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise TokenError("This token is too long.")
    claims = _signed_claims(token, secrets)
    expires_at = _time(claims, "exp")
    if expires_at is None:
        raise TokenError("This token never expires: it needs the claim 'exp'.")
    if now >= expires_at + LEEWAY_S:
        raise TokenError("This token has expired: ask for a new one.")
    if now < (_time(claims, "nbf") or 0.0) - LEEWAY_S:
        raise TokenError("This token is not valid yet.")
    role = _role(claims)
    return Grant(
        room=_room(claims),
        identity=_text(claims, "sub"),
        name=_text(claims, "name"),
        role=role,
        rights=_rights(claims, role),
        expires_at=expires_at,
        issued_at=_issued_at(claims),
        pin=_text(claims, "pin"),
    )


def pin_mark(room: str, pin: str, secret: str) -> str:
    """What stands for a room's PIN in the tokens of those who entered it. It tells nobody the PIN."""
    return hmac.new(secret.encode(), f"pin/{room}/{pin}".encode(), hashlib.sha256).hexdigest()[:_MARK_DIGITS]


@lru_cache(maxsize=64)  # to list recordings, each of them asks anew what the same token grants
def _signed_claims(token: str, secrets: tuple[str, ...]) -> Mapping[str, Any]:
    """What the token says, once it is sure that one of ``secrets`` has signed it."""
    # Times are checked against ``now`` by the caller; whether they are there at all is checked there, too.
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_sub": False}
    for secret in secrets:
        try:
            return jwt.decode(token, secret, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=options)
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError, jwt.MissingRequiredClaimError):
            raise TokenError(f"This token is for something else: 'iss' and 'aud' must be '{ISSUER}'.") from None
        except jwt.InvalidAlgorithmError:
            raise TokenError(f"This token is not signed with {ALGORITHM}.") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise TokenError("This is not a token of this server.") from None
    raise TokenError("This token was not signed by this server: ask for a new one.")


def _issued_at(claims: Mapping[str, Any]) -> float | None:
    """When the token was made, if it says so in a way that can be read: it opens what it opens all the same."""
    try:
        return _time(claims, "iat")
    except TokenError:
        return None


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise TokenError(f"The claim '{name}' of this token is not a time in seconds.")
    return float(value)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT_CHARS:
        raise TokenError(f"The claim '{name}' of this token is not text of 1 to {MAX_TEXT_CHARS} characters.")
    return value


def _room(claims: Mapping[str, Any]) -> str | None:
    value = claims.get("room")
    if value == ANY_ROOM:
        return None
    try:
        return check_room_name(value if isinstance(value, str) else "")
    except InvalidRoomName:
        raise TokenError(f"This token names no room: the claim 'room' is a room's name, or {ANY_ROOM}.") from None


def _role(claims: Mapping[str, Any]) -> Role:
    for role in ROLES:
        if claims.get("role") == role:
            return role
    raise TokenError(f"The claim 'role' of this token is not one of {', '.join(ROLES)}.")


def _rights(claims: Mapping[str, Any], role: Role) -> frozenset[Right]:
    value = claims.get("rights")
    if value is None:
        return ROLE_RIGHTS[role]
    if not isinstance(value, list) or not all(one in RIGHTS for one in value):
        raise TokenError(f"The claim 'rights' of this token is not a list of {', '.join(RIGHTS)}.")
    return frozenset(value)
