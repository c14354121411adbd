"""Requests about rooms that are on several processes: any process answers them, and passes on what only one can do."""

from __future__ import annotations

from email.utils import formatdate

from aiohttp import web

from conference.cluster.cluster import Cluster
from conference.cluster.log import LogUnavailable
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName
from conference.web.http.problems import Handler, Problem
from conference.web.passing_on import PassingOn

STALE_SINCE = "Conference-Stale-Since"
"""The header field that says since when this process cannot know what others decide."""


async def follow_rooms(
    cluster: Cluster, passing_on: PassingOn, request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Know the room of a request as it is, whichever process serves the people in it; a middleware of these two."""
    name = request.match_info.get("room")
    if name is not None and _is_name(name):
        try:
            await cluster.follow(name)
        except (LogUnavailable, TimeoutError):
            title = "It cannot be found out now who is in this room. Try again in a moment."
            raise Problem(503, title, headers={"Retry-After": "2"}) from None
        answer = await passing_on.pass_on(request)
        if answer is not None:
            return answer
    return await handler(request)


async def say_if_stale(cluster: Cluster, request: web.Request, response: web.StreamResponse) -> None:
    """Say of an answer since when it may be out of date, if it may be."""
    del request
    if cluster.node.unavailable_since is not None:
        response.headers[STALE_SINCE] = formatdate(cluster.node.unavailable_since, usegmt=True)


def _is_name(name: str) -> bool:
    try:
        check_room_name(name)
    except InvalidRoomName:
        return False
    return True
