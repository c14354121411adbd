"""``GET /rooms/{room}/events``: what happens in a room, as it happens (``text/event-stream``)."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from aiohttp import web

from conference.web.access.actor import require
from conference.web.api.people import viewer_of
from conference.web.events.channel import Subscription
from conference.web.events.stream_output import StreamOutput
from conference.web.events.views import Viewer
from conference.web.http.headers import FRESH
from conference.web.http.limits.concurrency import TooManyAtOnce
from conference.web.http.problems import REMOVED, Problem
from conference.web.http.protocol import protocol_of
from conference.web.joining.seats import shown_seat
from conference.web.live import SERVER, address_key

RETRY = b"retry: 1000\n\n"
"""Milliseconds after which a browser that lost the stream comes back."""

LAST_EVENT_ID = "last_event_id"
"""The query parameter for clients that cannot set ``Last-Event-ID``."""

BATCH = "batch"
"""The query parameter of those who know the events that tell of many participants at once."""

LEVELS = "levels"
"""The query parameter of those who do not want to know how loud everybody is."""


async def events(request: web.Request) -> web.StreamResponse:
    """``GET /rooms/{room}/events``: a snapshot, or what was missed; then what happens, until somebody goes."""
    server = request.app[SERVER]
    room = request.match_info["room"]
    actor = require(request, None, room)
    _check_seat(request, room, actor.participant_id)
    viewer = replace(viewer_of(actor), batches=_wants(request, BATCH, "0"), levels=_wants(request, LEVELS, "1"))
    last = request.headers.get("Last-Event-ID") or request.query.get(LAST_EVENT_ID)
    address = address_key(server, request)
    try:
        server.event_streams.enter(address)
    except TooManyAtOnce as error:
        raise Problem(429, f"No event stream is free: {error}", headers={"Retry-After": "30"}) from None
    try:
        return await _send(request, room, viewer, last, actor.grant.expires_at or math.inf)
    finally:
        server.event_streams.leave(address)


async def _send(request: web.Request, room: str, viewer: Viewer, last: str | None, until: float) -> web.StreamResponse:
    server = request.app[SERVER]
    subscription = server.feeds.subscribe(room, viewer, last)
    response = web.StreamResponse(headers=FRESH | {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    try:
        protocol = protocol_of(request)
        if protocol is not None:
            protocol.stays()
        await response.prepare(request)
        subscription.on_overflow = lambda: _abort(request)
        await response.write(RETRY)
        await _follow(request, subscription, until)
    except ConnectionError:
        pass  # the viewer went
    finally:
        server.feeds.unsubscribe(room, subscription)
    return response


async def _follow(request: web.Request, subscription: Subscription, until: float) -> None:
    """Pass on what comes until the viewer is gone, the server stops, or (unix time) their token expires."""
    server = request.app[SERVER]
    output = StreamOutput(request, server.feeds.chunks, server.settings.event_heartbeat)
    subscription.attach(output)
    while not subscription.over and not output.gone and (left := until - time.time()) > 0:
        if await output.wait(left) and subscription.behind:
            subscription.resume()


_WANTED = {BATCH: "events that tell of many participants at once", LEVELS: "how loud everybody is"}


def _wants(request: web.Request, what: str, usual: str) -> bool:
    """Whether a viewer wants something that a query parameter is about.

    Raises:
        Problem: they say neither yes nor no (400).
    """
    wanted = request.query.get(what, usual)
    if wanted not in ("0", "1"):
        raise Problem(400, f"'{what}' is 1 for {_WANTED[what]}, or 0.")
    return wanted == "1"


def _check_seat(request: web.Request, room: str, participant_id: str | None) -> None:
    """Whether the seat that somebody shows, if they do, is theirs.

    Raises:
        Problem: it is not, or not any more (403).
    """
    if participant_id is None and shown_seat(request) is not None:
        raise Problem(403, "This seat is not known here (any more): listen without it, or join again.")
    if participant_id is not None and request.app[SERVER].sessions.was_removed(room, participant_id):
        raise Problem(403, "You were removed from this conference.", type=REMOVED)


def _abort(request: web.Request) -> None:
    """Cut the connection off at once, even in the middle of a write."""
    if request.transport is not None:
        request.transport.abort()
