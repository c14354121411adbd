"""``GET /rooms/{room}/captions``: what was said lately, for whoever joins late."""

from __future__ import annotations

from aiohttp import web

from conference.web.access.actor import require
from conference.web.api.people import viewer_of
from conference.web.events.views import View, may_read, visibility_of
from conference.web.http.headers import FRESH
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.room_json import caption_json


async def list_captions(request: web.Request) -> web.Response:
    """``GET /rooms/{room}/captions``: those that whoever asks may read; those in the lobby, and outside of it, none."""
    name = request.match_info["room"]
    actor = require(request, None, name)
    server = request.app[SERVER]
    room, viewer = server.room(name), viewer_of(actor)
    kept = () if server.captions is None else server.captions.kept(room)
    inside = visibility_of(room).view(viewer) is not View.LOBBY
    seen = [caption_json(one) for one in kept if inside and may_read(one.audience, viewer, room)]
    return web.json_response(responses.Captions(captions=seen), headers=FRESH)
