"""Media streams of any dialect: the WebSocket of one caller."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from aiohttp import WSCloseCode, web

from conference.options.declaration import part_of
from conference.telephony.backpressure import ReadLimits, limit_reading
from conference.telephony.dialect import Dialect
from conference.telephony.dialects.known import DIALECTS
from conference.telephony.leg import Leg
from conference.telephony.settings import LegSettings
from conference.telephony.websocket_frames import TextMessages
from conference.web.access.actor import presented_token
from conference.web.access.callers import (
    admit_caller,
    caller_address,
    caller_with_pin,
    check_handshake,
)
from conference.web.api.reading import check_room
from conference.web.api.refusals import check_no_loop, check_stays
from conference.web.http.limits.concurrency import TooManyAtOnce
from conference.web.http.origin import client_address, is_foreign
from conference.web.http.problems import Problem
from conference.web.http.protocol import check_has_waited, protocol_of
from conference.web.joining.admitted import TooManyCalls
from conference.web.joining.call import Call
from conference.web.joining.call_loops import PLACED_BY, read_placed_by
from conference.web.joining.stream_connection import WebSocketConnection
from conference.web.live import SERVER, Server, address_key, limit_joins
from conference.webrtc.client.whip import SERVER_STOPS

_log = logging.getLogger(__name__)


async def media(request: web.Request) -> web.StreamResponse:
    """``GET /media/{dialect}/{room}`` and ``GET /media/{dialect}``: a stream of another provider than Twilio."""
    dialect = DIALECTS.get(request.match_info["dialect"])
    if dialect is None:
        raise Problem(404, f"There is no such dialect: there are {', '.join(DIALECTS)}.")
    return await open_stream(request, dialect)


async def open_stream(request: web.Request, dialect: Dialect) -> web.StreamResponse:
    """One caller, from handshake to hang-up, in the room that the address names or in the one that their start does."""
    server = request.app[SERVER]
    room = request.match_info.get("room")
    if room is not None:
        check_room(room)
    if is_foreign(request, server.settings):
        raise Problem(403, "Pages of other sites may not call in here; see the option --allow-origin.")
    socket = web.WebSocketResponse(
        timeout=server.settings.shutdown_timeout / 2,
        max_msg_size=server.settings.max_call_message_bytes,
        compress=False,
        protocols=dialect.subprotocols,
        autoping=False,  # pings are answered by whoever takes all else, too
    )
    if not socket.can_prepare(request):
        raise Problem(400, "This address is a WebSocket: connect to it with ws:// or wss://.")
    check_no_loop(server, request)
    if not any(server.dialing.calls):  # else it may be the stream of somebody who was called before
        check_stays(server)
    limit_joins(server, request)
    check_handshake(request)
    token = presented_token(request)
    check_has_waited(request)
    transport = request.transport
    reading = None if transport is None else limit_reading(transport, read_limits(server))
    if reading is not None:
        reading.keep_messages(TextMessages(server.settings.max_call_message_bytes))
    await socket.prepare(request)
    protocol = protocol_of(request)
    if protocol is not None:
        protocol.awaits_messages()
    places: list[str] = []
    leg = Leg(dialect, room, part_of(server.settings, LegSettings), dict(request.query))
    call = Call(
        WebSocketConnection(socket, transport),
        leg,
        server.conference,
        lambda room, parameters: admit_caller(server, room, parameters, token),
        lambda room, pin, parameters: caller_with_pin(
            server, room, pin, caller_address(server, parameters, client_address(request, server.settings))
        ),
        server.call_services.make_pin_prompt,
        partial(_let_in, request, places),
        server.dialing.waiting_for,
        server.registry,
        attendant=server.call_services.settings,
        start_timeout=server.settings.connect_timeout,
        close_timeout=server.settings.shutdown_timeout / 2,
        abort=lambda: None if request.transport is None else request.transport.abort(),
        reading=reading,
    )
    call.placed_by = read_placed_by(request.headers.get(PLACED_BY))
    server.registry.opened(call)
    try:
        await call.run()
    except Exception:  # the handshake is over: no HTTP answer can say it any more
        _log.exception("a call failed")
        await socket.close(code=WSCloseCode.INTERNAL_ERROR)
    finally:
        for address in places:
            server.calls_in_rooms.leave(address)
        server.registry.closed(call)
    return socket


async def close_all(server: Server) -> None:
    """End every call, as a server that goes away does."""
    calls = server.calls
    for call in calls:
        call.end(WSCloseCode.GOING_AWAY, SERVER_STOPS, "lost")
    await asyncio.gather(*(call.closed() for call in calls))


def read_limits(server: Server) -> ReadLimits:
    """What is read of one caller."""
    settings = server.settings
    return ReadLimits(
        settings.max_call_bytes_per_second, settings.max_call_frames_per_second, settings.call_flood_timeout
    )


def take_place(server: Server, address: str, places: list[str]) -> None:
    """Count a caller among those in rooms, by the address that then stands in ``places``.

    Raises:
        TooManyCalls: there are as many as there may be.
    """
    if not places:  # else a room was full, and they try another one
        try:
            server.calls_in_rooms.enter(address)
        except TooManyAtOnce as error:
            raise TooManyCalls(f"No more calls are taken now: {error}") from None
        places.append(address)


def _let_in(request: web.Request, places: list[str]) -> None:
    server = request.app[SERVER]
    take_place(server, address_key(server, request), places)
    protocol = protocol_of(request)
    if protocol is not None:
        protocol.stays()
