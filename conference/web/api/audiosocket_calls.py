"""Announced calls: a room expects a call on Asterisk's AudioSocket, which only says a UUID."""

from __future__ import annotations

import time

from aiohttp import web

from conference.web.access.actor import require
from conference.web.api.calls import grant_called
from conference.web.api.reading import check_room, read_body
from conference.web.api.refusals import RETRY, check_stays
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.joining.expected_calls import TooManyExpected
from conference.web.live import SERVER, limit_joins
from conference.web.schemas import responses
from conference.web.schemas.requests import NewAudioSocketCall


async def expect(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/audiosocket-calls``: a UUID with which one call gets into this room."""
    server = request.app[SERVER]
    room = check_room(request.match_info["room"])
    actor = require(request, "dial", room)
    if server.settings.audiosocket is None:
        raise Problem(403, "This server takes no calls on AudioSocket: its operator allows that with --audiosocket.")
    limit_joins(server, request)
    body = await read_body(request, NewAudioSocketCall, optional=True)
    check_stays(server)  # it may be stopped meanwhile
    grant = grant_called(actor, room, body.role)
    try:
        call = server.expected_calls.expect(room, body.name, grant, body.prompts, time.monotonic())
    except TooManyExpected as error:
        raise Problem(503, str(error), headers=RETRY) from None
    answer = responses.ExpectedCall(
        uuid=str(call.uuid), room=room, expires_at=time.time() + server.settings.audiosocket_call_timeout
    )
    return web.json_response(answer, status=201, headers=FRESH)
