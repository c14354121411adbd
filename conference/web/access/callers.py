"""Which callers are let in: tokens and signatures of telephone calls. Requests are checked in `web.access.actor`."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from conference.access.grants import EVERYTHING, Grant, make_grant
from conference.access.tokens import TokenError, sign
from conference.telephony.twilio.twiml import MAX_PARAMETER_CHARS
from conference.web.access.actor import presented_token, require
from conference.web.access.pins import check_pin, pin_wait
from conference.web.http.problems import Problem
from conference.web.joining.admitted import NotAdmitted, PinNeeded
from conference.web.joining.signatures import HEADER, Form
from conference.web.live import SERVER, Server

PARAMETER = "token"
"""Where a stream's ``customParameters`` carry a token."""

CALLER = "from"
"""Where a stream's ``customParameters`` carry the caller's number, if a PIN may be asked for."""

STREAM_TOKEN_TTL_S = 300.0
"""How long a stream's token is good for. From the webhook's answer to the stream's start it takes seconds, or longer if
the caller hears something else before."""

_NUMBER = re.compile(r"\+?[0-9]{3,20}")


def admit_caller(
    server: Server, room: str, parameters: Mapping[str, str], handshake_token: str | None
) -> Grant | PinNeeded:
    """Find out what a caller may do in the room that their stream names.

    Args:
        server: this one.
        room: a valid name.
        parameters: the stream's ``customParameters``, which may hold a ``token``.
        handshake_token: of the WebSocket's handshake, for clients that are not Twilio; used if there is no other.

    Raises:
        NotAdmitted: their token does not open this room, or they have none and there is no PIN; or the server takes
            nobody new.
    """
    if server.drain.begun:
        raise NotAdmitted("The server takes nobody new: it ends soon.")
    needed = server.token_needed(room)
    token = parameters.get(PARAMETER) or handshake_token
    if token:
        try:
            grant = server.verify(token)
        except TokenError as error:
            if needed:
                raise NotAdmitted(str(error)) from None
        else:
            if grant.covers(room):
                return _useful(grant)
            if needed:
                raise NotAdmitted("This token is for another room.")
    if not needed:
        return EVERYTHING
    if server.pin_of(room) is not None:
        return PinNeeded()
    raise NotAdmitted(f"This call needs a token: send one as customParameters.{PARAMETER}.")


def caller_with_pin(server: Server, room: str, pin: str, address: str) -> Grant | None:
    """Find out what a caller may do in a room who has keyed in a PIN; ``None`` if the PIN is wrong.

    Args:
        server: this one.
        room: a valid name.
        pin: as it was keyed in.
        address: of the caller, by which wrong PINs are counted.

    Raises:
        NotAdmitted: too many wrong PINs came from this caller, or for that room: no PIN is checked for now.
    """
    if pin_wait(server, room, address) > 0:
        raise NotAdmitted("Too many wrong PINs came: try again later.")
    return check_pin(server, room, pin, address)


def caller_number(request: web.Request, room: str, caller: str | None) -> str | None:
    """The caller's number, by which wrong PINs are counted, if the room has a PIN; ``None`` if it is of no use."""
    server = request.app[SERVER]
    return caller if server.signatures is not None and server.pin_of(room) is not None else None


def check_handshake(request: web.Request) -> None:
    """Let only Twilio, and clients with a token, open a stream, where that is asked for.

    Raises:
        Problem: it is neither (403).
    """
    server = request.app[SERVER]
    if server.signatures is None or server.signatures.signed_handshake(request) or _has_token(request, server):
        return
    raise Problem(403, f"This stream is not signed by Twilio: {HEADER} is missing or wrong.")


def check_webhook(request: web.Request, form: Form) -> None:
    """Let only Twilio, and clients with a token, use a webhook, where that is asked for.

    Raises:
        Problem: it is neither (403).
    """
    server = request.app[SERVER]
    if server.signatures is None or server.signatures.signed_webhook(request, form) or _has_token(request, server):
        return
    raise Problem(403, f"This request is not signed by Twilio: {HEADER} is missing or wrong.")


def stream_token(request: web.Request, room: str, caller: str | None) -> str | None:
    """The token that the answer to a webhook gives the call's stream, so that it needs no secret of its own.

    Args:
        request: checked with :func:`check_webhook`.
        room: where the call goes.
        caller: their number, if it is known.

    Returns:
        ``None`` where none is needed, and where the caller is to key in a PIN.

    Raises:
        Problem: the room needs a token, and neither Twilio's signature nor a token came with the request (401, 403).
    """
    server = request.app[SERVER]
    if not server.token_needed(room):
        return None
    expires_at = time.time() + STREAM_TOKEN_TTL_S
    identity = f"tel:{caller}" if caller is not None and _NUMBER.fullmatch(caller) else None
    if presented_token(request) is not None:
        grant = require(request, None, room).grant
        expires_at = min(expires_at, grant.expires_at or expires_at)
        grant = replace(grant, room=room, name=None, identity=grant.identity or identity, expires_at=expires_at)
    elif server.pin_of(room) is not None:
        return None
    elif server.signatures is not None:
        grant = make_grant("speaker", room=room, identity=identity, expires_at=expires_at)
    else:
        grant = require(request, None, room).grant  # which says what is missing
    token = sign(grant, server.token_keys[0])
    if len(PARAMETER) + len(token) <= MAX_PARAMETER_CHARS:
        return token
    return sign(replace(grant, identity=None), server.token_keys[0])  # half a token would open nothing


def caller_address(server: Server, parameters: Mapping[str, str], address: str) -> str:
    """The address of a caller, or their number, as far as the caller cannot choose it.

    Args:
        server: this one.
        parameters: of their stream.
        address: where it comes from.
    """
    number = parameters.get(CALLER, "")
    # Whoever is asked for a PIN brought no token, so where signatures are checked, Twilio opened the stream.
    if server.signatures is not None and _NUMBER.fullmatch(number):
        return f"tel:{number}"
    return address


def _has_token(request: web.Request, server: Server) -> bool:
    token = presented_token(request)
    try:
        return token is not None and server.verify(token) is not None
    except TokenError:
        return False


def _useful(grant: Grant) -> Grant:
    if not grant.allows("speak") and not grant.allows("listen"):
        raise NotAdmitted("This token allows neither to speak nor to listen.")
    return grant
