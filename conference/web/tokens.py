"""``POST /rooms/{room}/tokens``: a token for whoever knows the room's PIN; and ``GET /access``: what a token allows."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

from aiohttp import web

from conference.access.grants import RIGHTS, Grant
from conference.access.tokens import sign
from conference.room.conference import check_room_name
from conference.web.access import require
from conference.web.body import read_text
from conference.web.live import SERVER
from conference.web.names import read_name
from conference.web.origin import client_address
from conference.web.pins import check_pin, pin_wait
from conference.web.problems import Problem
from conference.web.shapes import Json

_FRESH = {"Cache-Control": "no-store"}
_MAX_PIN_CHARS = 64


@dataclass(frozen=True, slots=True)
class PinEntered:
    """What somebody sends who knows a PIN."""

    pin: str
    name: str | None
    """As it was typed; ``None`` if they gave none."""


async def make_token(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/tokens``: a PIN in, a token out."""
    server = request.app[SERVER]
    if request.content_type != "application/json":
        raise Problem(415, "Send a JSON object as application/json.", headers={"Accept-Post": "application/json"})
    try:
        room = check_room_name(request.match_info["room"])
        entered = read_pin_entered(await read_text(request))
        name = None if entered.name is None else read_name(entered.name, server.settings.max_name_length)
    except ValueError as error:
        raise Problem(400, str(error)) from None
    address = client_address(request, behind_proxy=server.settings.behind_proxy)
    seconds = math.ceil(pin_wait(server, room, address))
    if seconds > 0:
        headers = {"Retry-After": str(seconds)}
        raise Problem(429, f"Too many wrong PINs: try again in {seconds} s.", headers=headers)
    grant = check_pin(server, room, entered.pin, address)
    if grant is None:
        raise Problem(403, "This is not the room's PIN, or the room has none: ask whoever invited you.")
    grant = replace(grant, name=name)
    body = grant_json(grant) | {"token": sign(grant, server.token_keys[0])}
    return web.json_response(body, status=201, headers=_FRESH)


async def show_access(request: web.Request) -> web.Response:
    """``GET /access`` and ``GET /rooms/{room}/access``: what whoever asks may do."""
    grant = require(request, None, request.match_info.get("room")).grant
    return web.json_response(grant_json(grant), headers=_FRESH)


def grant_json(grant: Grant) -> Json:
    """What somebody may do."""
    return {
        "room": grant.room,
        "identity": grant.identity,
        "name": grant.name,
        "role": grant.joins_as,
        "rights": [right for right in RIGHTS if grant.allows(right)],
        "expires_at": grant.expires_at,
    }


def read_pin_entered(body: str) -> PinEntered:
    """The body of a request for a token.

    Raises:
        ValueError: with a sentence that says what it should look like.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON.") from None
    if not isinstance(value, dict) or value.keys() - {"pin", "name"}:
        raise ValueError('The body must be a JSON object, e.g. {"pin": "1234", "name": "Amy"}.')
    pin, name = value.get("pin"), value.get("name")
    if not isinstance(pin, str) or not 1 <= len(pin) <= _MAX_PIN_CHARS:
        raise ValueError("'pin' must be text: the room's PIN.")
    if name is not None and not isinstance(name, str):
        raise ValueError("'name' must be text.")
    return PinEntered(pin, name)
