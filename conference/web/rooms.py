"""Who is where: the list of rooms, and one room."""

from __future__ import annotations

from aiohttp import web

from conference.web.live import SERVER
from conference.web.problems import Problem
from conference.web.shapes import room_json, room_summary_json

_FRESH = {"Cache-Control": "no-store"}


async def list_rooms(request: web.Request) -> web.Response:
    """``GET /rooms``: every room, with how many are in it."""
    rooms = request.app[SERVER].conference.rooms.values()
    return web.json_response({"rooms": [room_summary_json(room) for room in rooms]}, headers=_FRESH)


async def show_room(request: web.Request) -> web.Response:
    """``GET /rooms/{room}``: a room and everybody in it."""
    room = request.app[SERVER].room(request.match_info["room"])
    return web.json_response(room_json(room), headers=_FRESH)


async def config(request: web.Request) -> web.Response:
    """``GET /config``: what a page needs to know before it joins."""
    settings = request.app[SERVER].settings
    body = {
        "iceServers": [one.as_json() for one in settings.ice_servers],
        "maxNameLength": settings.max_name_length,
    }
    return web.json_response(body, headers=_FRESH)


async def healthz(request: web.Request) -> web.Response:
    """``GET /healthz``: the server takes calls, and its clock ticks."""
    if request.app[SERVER].broken:
        raise Problem(503, "The server's clock has stopped: restart the server.", headers={"Retry-After": "30"})
    return web.Response(text="ok\n", headers=_FRESH)
