"""Audio sockets: each voice of a room apart, for programs that must know who speaks, and a voice to answer with."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from aiohttp import WSCloseCode, web

from conference.audio.resample import RATES
from conference.options.declaration import part_of
from conference.telephony.backpressure import ReadLimits, limit_reading
from conference.voices.settings import VoicesSettings
from conference.web.access.actor import require
from conference.web.api.participants import asked_name
from conference.web.api.reading import check_room
from conference.web.api.refusals import RETRY, check_stays, room_refusals
from conference.web.http.limits.concurrency import TooManyAtOnce
from conference.web.http.origin import is_foreign
from conference.web.http.problems import Problem
from conference.web.http.protocol import check_has_waited, protocol_of
from conference.web.joining.audience import Audience
from conference.web.joining.audio_socket import AsWhat, AudioSocket
from conference.web.joining.stream_connection import WebSocketConnection
from conference.web.live import SERVER, Server, address_key, limit_joins
from conference.web.schemas.room_json import read_role, read_switch
from conference.webrtc.client.whip import SERVER_STOPS

_log = logging.getLogger(__name__)

DEFAULT_RATE = 16_000
"""What recognisers take."""


async def open_socket(request: web.Request) -> web.StreamResponse:
    """``GET /rooms/{room}/audio``: one client, from handshake to goodbye."""
    server = request.app[SERVER]
    room = check_room(request.match_info["room"])
    if is_foreign(request, server.settings):
        raise Problem(403, "Pages of other sites may not come in here; see the option --allow-origin.")
    wanted = _wanted(request, room)
    socket = web.WebSocketResponse(
        timeout=server.settings.shutdown_timeout / 2,
        max_msg_size=server.settings.max_audio_message_bytes,
        compress=False,
        autoping=False,  # pings are answered by whoever takes all else, too
    )
    if not socket.can_prepare(request):
        raise Problem(400, "This address is a WebSocket: connect to it with ws:// or wss://.")
    check_has_waited(request)
    limit_joins(server, request)
    check_stays(server)
    address = address_key(server, request)
    try:
        server.calls_in_rooms.enter(address)
    except TooManyAtOnce as error:
        raise Problem(429 if error.of_address else 503, str(error), headers=RETRY) from None
    try:
        return await _serve(request, server, wanted, socket)
    finally:
        server.calls_in_rooms.leave(address)


async def close_all(server: Server) -> None:
    """End every audio socket, as a server that goes away does."""
    sockets = server.registry.of_kind(AudioSocket)
    for one in sockets:
        one.end(WSCloseCode.GOING_AWAY, SERVER_STOPS, "lost")
    await asyncio.gather(*(one.closed() for one in sockets))


async def _serve(
    request: web.Request, server: Server, wanted: AsWhat, socket: web.WebSocketResponse
) -> web.StreamResponse:
    settings, transport = server.settings, request.transport
    audio = AudioSocket(
        wanted,
        WebSocketConnection(socket, transport),
        server.conference,
        partial(Audience, sidebars=server.sidebars),
        part_of(settings, VoicesSettings),
        close_timeout=settings.shutdown_timeout / 2,
        abort=lambda: None if request.transport is None else request.transport.abort(),
    )
    with room_refusals():
        audio.join()
    server.registry.opened(audio)
    try:
        reading = None if transport is None else limit_reading(transport, _limits(server))
        await socket.prepare(request)
        protocol = protocol_of(request)
        if protocol is not None:
            protocol.awaits_messages()
            protocol.stays()
        await audio.run(reading)
    except Exception:
        if not socket.prepared:
            raise
        _log.exception("an audio socket failed")  # the handshake is over: no HTTP answer can say it any more
        await socket.close(code=WSCloseCode.INTERNAL_ERROR)
    finally:
        audio.leave("lost", "lost")
        server.registry.closed(audio)
    return socket


def _limits(server: Server) -> ReadLimits:
    settings = server.settings
    return ReadLimits(
        settings.max_audio_bytes_per_second, settings.max_audio_frames_per_second, settings.audio_flood_timeout
    )


def _wanted(request: web.Request, room: str) -> AsWhat:
    """How a client wants to be in a room, if it may be there like that.

    Raises:
        Problem: what it asks for makes no sense (400), or is not granted (401, 403).
    """
    query = request.query
    try:
        listens = read_switch("listen", query.get("listen")) is not False
        role = read_role(query.get("role"))
        original_sound = read_switch("original_sound", query.get("original_sound")) is True
        interruptible = read_switch("interruptible", query.get("interruptible")) is True
        rate = _read_rate(query.get("rate"))
        grant = require(request, "voices" if listens else "speak", room).grant
        name = asked_name(request, grant)
    except ValueError as error:
        raise Problem(400, str(error)) from None
    if role is not None and not grant.may_be(role):
        raise Problem(403, f"Your token does not allow you to join as a {role}.")
    return AsWhat(room, name, role or grant.joins_as, grant, rate, listens, original_sound, interruptible)


def _read_rate(text: str | None) -> int:
    if text is None:
        return DEFAULT_RATE
    if text not in map(str, RATES):
        raise ValueError(f"'rate' is one of {', '.join(map(str, RATES))}.")
    return int(text)
