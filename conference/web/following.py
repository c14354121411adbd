"""Requests about rooms that are on several processes: any process answers them, and passes on what only one can do."""

from __future__ import annotations

from email.utils import formatdate

from aiohttp import web

from conference.cluster.log import LogUnavailable
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName
from conference.web.http.problems import Handler, Problem
from conference.web.live import SERVER

STALE_SINCE = "Conference-Stale-Since"
"""The header field that says since when this process cannot know what others decide."""


@web.middleware
async def follow_rooms(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Know the room of a request as it is, whichever process serves the people in it."""
    server, name = request.app[SERVER], request.match_info.get("room")
    cluster = server.cluster
    if cluster is not None and name is not None and _is_name(name):
        try:
            await cluster.follow(name)
        except (LogUnavailable, TimeoutError):
            title = "It cannot be found out now who is in this room. Try again in a moment."
            raise Problem(503, title, headers={"Retry-After": "2"}) from None
        answer = None if server.passing_on is None else await server.passing_on.pass_on(request)
        if answer is not None:
            return answer
    return await handler(request)


async def say_if_stale(request: web.Request, response: web.StreamResponse) -> None:
    """Say of an answer since when it may be out of date, if it may be."""
    cluster = request.app[SERVER].cluster
    if cluster is not None and cluster.node.unavailable_since is not None:
        response.headers[STALE_SINCE] = formatdate(cluster.node.unavailable_since, usegmt=True)


def _is_name(name: str) -> bool:
    try:
        check_room_name(name)
    except InvalidRoomName:
        return False
    return True
