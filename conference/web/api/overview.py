"""``GET /overview``: all rooms at a glance, for those who may moderate every room; the page /admin shows it to them."""

from __future__ import annotations

from aiohttp import web

from conference.web.access.actor import require
from conference.web.api.drain import drain_json
from conference.web.http.headers import FRESH
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.room_json import room_overview_json


async def overview(request: web.Request) -> web.Response:
    """The server's load, and each room with how many are in it."""
    require(request, "moderate", None)
    server = request.app[SERVER]
    rooms = [room_overview_json(room) for room in server.conference.rooms.values()]
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
