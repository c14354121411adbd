"""``POST /rooms/{room}/tokens``: a token for whoever knows the room's PIN; and ``GET /access``: what a token allows."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from conference.access.grants import RIGHTS, Grant
from conference.access.tokens import sign
from conference.web.access.actor import require
from conference.web.access.pins import check_pin, pin_wait
from conference.web.api.reading import check_room, read_body
from conference.web.http.headers import FRESH
from conference.web.http.origin import client_address
from conference.web.http.problems import Problem, check_wait
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.requests import PinEntered


async def make_token(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/tokens``: a PIN in, a token out."""
    server = request.app[SERVER]
    entered = await read_body(request, PinEntered)
    room = check_room(request.match_info["room"])
    address = client_address(request, server.settings)
    check_wait(pin_wait(server, room, address), "Too many wrong PINs")
    grant = check_pin(server, room, entered.pin, address)
    if grant is None:
        raise Problem(403, "This is not the room's PIN, or the room has none: ask whoever invited you.")
    grant = replace(grant, name=entered.name)
    body = responses.NewAccess(**grant_json(grant), token=sign(grant, server.token_keys[0]))
    return web.json_response(body, status=201, headers=FRESH)


async def show_access(request: web.Request) -> web.Response:
    """``GET /access`` and ``GET /rooms/{room}/access``: what whoever asks may do."""
    grant = require(request, None, request.match_info.get("room")).grant
    return web.json_response(grant_json(grant), headers=FRESH)


def grant_json(grant: Grant) -> responses.Access:
    """The JSON of what a grant allows."""
    return {
        "room": grant.room,
        "identity": grant.identity,
        "name": grant.name,
        "role": grant.joins_as,
        "rights": [right for right in RIGHTS if grant.allows(right)],
        "expires_at": grant.expires_at,
    }
