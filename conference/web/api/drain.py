"""A server that is to end once it is empty: asked for, and looked at, by those who may moderate every room."""

from __future__ import annotations

import logging

from aiohttp import web

from conference.web.access.actor import require
from conference.web.api.reading import read_body
from conference.web.api.refusals import RETRY
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.live import SERVER, Server
from conference.web.schemas import responses
from conference.web.schemas.requests import NewDrain

_log = logging.getLogger(__name__)


async def begin(request: web.Request) -> web.Response:
    """``POST /drain``: take nobody new, and end when the last has left, or after a time."""
    require(request, "moderate", None)
    wanted = await read_body(request, NewDrain, optional=True)
    actor = require(request, "moderate", None)
    server = request.app[SERVER]
    seconds = server.settings.drain_timeout if wanted.timeout is None else wanted.timeout
    _log.info("%s has the server drained: nobody joins any more, %d people are there", actor.label, server.drain.people)
    server.drain.begin(seconds, by=actor.label)
    return web.json_response(drain_json(server), status=202, headers=FRESH)


async def show(request: web.Request) -> web.Response:
    """``GET /drain``: whether it goes on, and how many are still there."""
    require(request, "moderate", None)
    return web.json_response(drain_json(request.app[SERVER]), headers=FRESH)


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: the server takes newcomers. For whatever decides where those are sent."""
    if request.app[SERVER].drain.begun:
        raise Problem(503, "The server is being drained: it takes nobody new.", headers=RETRY)
    return web.Response(text="ok\n", headers=FRESH)


def drain_json(server: Server) -> responses.Drain:
    """Whether the server takes newcomers."""
    drain = server.drain
    return responses.Drain(
        draining=drain.begun, began_at=drain.began_at, ends_at=drain.ends_at, participants=drain.people
    )
