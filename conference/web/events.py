"""``GET /rooms/{room}/events``: what happens in a room, as it happens (``text/event-stream``)."""

from __future__ import annotations

from aiohttp import web

from conference.web.access import require
from conference.web.feeds import encode_event
from conference.web.live import SERVER
from conference.web.shapes import room_json

HEARTBEAT = b": still here\n\n"
"""A comment: ignored by readers, noticed by proxies."""

RETRY = b"retry: 1000\n\n"
"""Milliseconds after which a browser that lost the stream comes back."""


async def events(request: web.Request) -> web.StreamResponse:
    """``GET /rooms/{room}/events``: first a snapshot, then what happens, until somebody goes."""
    server = request.app[SERVER]
    require(request, None, request.match_info["room"])
    room = server.room(request.match_info["room"])
    subscription = server.feeds.subscribe(room.name)
    snapshot = encode_event("room", room_json(room))  # no await in between: nothing is missed, nothing comes twice
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    try:
        await response.prepare(request)
        subscription.on_overflow = lambda: _abort(request)
        await response.write(RETRY + snapshot)
        while not subscription.closed and not _gone(request):
            data = await subscription.next(server.settings.event_heartbeat)
            if not subscription.closed:
                await response.write(data or HEARTBEAT)
    except ConnectionError:
        pass  # the reader went
    finally:
        server.feeds.unsubscribe(room.name, subscription)
    return response


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _abort(request: web.Request) -> None:
    """Cut the connection off at once, even in the middle of a write."""
    if request.transport is not None:
        request.transport.abort()
