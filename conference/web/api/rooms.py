"""The list of rooms, and one room with everybody in it."""

from __future__ import annotations

from collections.abc import Container

from aiohttp import web

from conference.cluster.cluster import Cluster
from conference.cluster.log import LogUnavailable
from conference.iceservers import IceServer
from conference.web.access.actor import require, visible
from conference.web.api.people import viewer_of
from conference.web.events.views import View, room_as_seen, visibility_of
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.room_json import room_summary_json


async def list_rooms(request: web.Request) -> web.Response:
    """``GET /rooms``: every room that whoever asks has a grant for, with how many are in it."""
    require(request, None, None)
    rooms = request.app[SERVER].conference.rooms
    seen = visible(request, rooms)
    summaries = [room_summary_json(room) for name, room in rooms.items() if name in seen]
    cluster = request.app[SERVER].cluster
    if cluster is not None:
        summaries += await _elsewhere(request, cluster, rooms)
    return web.json_response(responses.Rooms(rooms=summaries), headers=FRESH)


async def _elsewhere(request: web.Request, cluster: Cluster, known: Container[str]) -> list[responses.RoomSummary]:
    """Rooms that only other processes know, as far as whoever asks may see them."""
    try:
        found = {name: part for name, part in (await cluster.rooms()).items() if name not in known}
    except LogUnavailable:
        return []  # the answer says that it may be out of date
    seen = visible(request, found, {name for name, part in found.items() if part.guarded})
    return [
        responses.RoomSummary(name=name, participants=part.participants, created_at=part.created_at)
        for name, part in found.items()
        if name in seen
    ]


async def show_room(request: web.Request) -> web.Response:
    """``GET /rooms/{room}``: a room and everybody in it; those in the lobby, and those outside, see only themselves."""
    name = request.match_info["room"]
    actor = require(request, None, name)
    room = request.app[SERVER].room(name)
    viewer = viewer_of(actor)
    view = View.MODERATOR if actor.grant.allows("moderate") else visibility_of(room).view(viewer)
    return web.json_response(room_as_seen(room, view, viewer), headers=FRESH)


async def config(request: web.Request) -> web.Response:
    """``GET /config``: what a page needs to know before it joins. Open to all but for its STUN and TURN servers."""
    server = request.app[SERVER]
    settings = server.settings
    try:
        require(request, None, None)
    except Problem:
        servers: list[responses.IceServers] = []  # the servers come with credentials
    else:
        servers = [_ice_servers(one) for one in settings.ice_servers]
    body = responses.Configuration(
        access="open" if settings.secret is None else "token",
        iceServers=servers,
        maxNameLength=settings.max_name_length,
        calls=responses.CallsOut(bots=server.dialing.calls_hosts, phones=server.dialing.calls_phones),
        captions=settings.captions_engine is not None,
        frameAncestors=list(settings.frame_ancestors),
    )
    return web.json_response(body, headers=FRESH)


def _ice_servers(server: IceServer) -> responses.IceServers:
    """As `RTCPeerConnection` takes them."""
    shown = responses.IceServers(urls=server.url)
    if server.username is not None and server.credential is not None:
        shown |= {"username": server.username, "credential": server.credential}
    return shown


async def healthz(request: web.Request) -> web.Response:
    """``GET /healthz``: the server takes calls, and its clock ticks."""
    if request.app[SERVER].engine.broken:
        raise Problem(503, "The server's clock has stopped: restart the server.", headers={"Retry-After": "30"})
    return web.Response(text="ok\n", headers=FRESH)
