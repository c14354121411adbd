"""``GET /overview``: all rooms at a glance, for those who may moderate every room; the page /admin shows it to them."""

from __future__ import annotations

from aiohttp import web

from conference.web.access.actor import require, visible
from conference.web.api.drain import drain_json
from conference.web.http.headers import FRESH
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.room_json import room_overview_json


async def overview(request: web.Request) -> web.Response:
    """The server's load, and each room with how many are in it; those with a PIN only for who has a token for all."""
    require(request, "moderate", None)
    server = request.app[SERVER]
    there = server.conference.rooms
    seen = visible(request, there)  # without a secret, everybody gets here: a PIN keeps its room's name from them
    rooms = [room_overview_json(room) for name, room in there.items() if name in seen]
    stats, recordings = server.engine.stats, server.recordings
    body = responses.Overview(
        participants=sum(one["participants"] for one in rooms),
        talking=sum(one["talking"] for one in rooms),
        load=round(server.engine.complexity.load, 3),
        ticks=sum(stats.lateness.counts),
        ticks_late=stats.lateness.late,
        drain=drain_json(server),
        recording_bytes=None if recordings is None else recordings.figures().bytes,
        rooms=rooms,
    )
    return web.json_response(body, headers=FRESH)
