"""Phone calls: the Twilio-compatible media WebSocket, and the webhook that sends calls to it."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from urllib.parse import parse_qsl

from aiohttp import WSCloseCode, web
from multidict import MultiDict

from conference.options.declaration import part_of
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName
from conference.telephony.backpressure import ReadLimits, limit_reading
from conference.telephony.leg import Leg
from conference.telephony.settings import LegSettings
from conference.telephony.twilio.dialect import TWILIO
from conference.telephony.twilio.twiml import stream_url, voice_response
from conference.telephony.websocket_frames import TextMessages
from conference.web.access.actor import presented_token
from conference.web.access.callers import (
    CALLER,
    PARAMETER,
    admit_caller,
    caller_number,
    caller_with_pin,
    check_handshake,
    check_webhook,
    stream_token,
)
from conference.web.http.body import read_bytes
from conference.web.http.headers import FRESH
from conference.web.http.limits.concurrency import TooManyAtOnce
from conference.web.http.origin import is_foreign, public_origin
from conference.web.http.problems import Problem
from conference.web.http.protocol import has_sent_more, protocol_of
from conference.web.joining.admitted import TooManyCalls
from conference.web.joining.call import PROMPTS_PARAMETER, Call
from conference.web.joining.signatures import Form
from conference.web.live import SERVER, Server, address_key, limit_joins
from conference.webrtc.client.whip import SERVER_STOPS

MAX_FORM_FIELDS = 500
"""Of a webhook; Twilio sends some thirty."""

_log = logging.getLogger(__name__)


async def stream(request: web.Request) -> web.StreamResponse:
    """``GET /twilio/stream/{room}`` and ``GET /twilio/stream``: one caller, from handshake to hang-up."""
    server = request.app[SERVER]
    room = request.match_info.get("room")
    if room is not None:
        _check_room(room)
    if is_foreign(request, server.settings):
        raise Problem(403, "Pages of other sites may not call in here; see the option --allow-origin.")
    socket = web.WebSocketResponse(
        timeout=server.settings.shutdown_timeout / 2,
        max_msg_size=server.settings.max_call_message_bytes,
        compress=False,
        autoping=False,  # pings are answered by whoever takes all else, too
    )
    if not socket.can_prepare(request):
        raise Problem(400, "This address is a WebSocket: connect to it with ws:// or wss://.")
    limit_joins(server, request)
    check_handshake(request)
    token = presented_token(request)
    if has_sent_more(request):  # where its frames begin would not be known
        raise Problem(400, "A WebSocket's client waits for the answer to its handshake (RFC 6455, section 4.1).")
    transport = request.transport
    reading = None if transport is None else limit_reading(transport, _limits(server))
    if reading is not None:
        reading.keep_messages(TextMessages(server.settings.max_call_message_bytes))
    await socket.prepare(request)
    protocol = protocol_of(request)
    if protocol is not None:
        protocol.awaits_messages()
    places: list[str] = []
    leg = Leg(TWILIO, room, part_of(server.settings, LegSettings))
    call = Call(
        socket,
        leg,
        server.conference,
        lambda room, parameters: admit_caller(server, room, parameters, token),
        partial(caller_with_pin, request),
        server.call_services.make_pin_prompt,
        partial(_let_in, request, places),
        attendant=server.call_services.settings,
        start_timeout=server.settings.connect_timeout,
        close_timeout=server.settings.shutdown_timeout / 2,
        abort=lambda: None if request.transport is None else request.transport.abort(),
        reading=reading,
        transport=transport,
    )
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


async def voice(request: web.Request) -> web.Response:
    """``POST /twilio/voice``: TwiML that connects an incoming call to ``?room=``, or to the default room."""
    server = request.app[SERVER]
    room = request.query.get("room") or server.settings.twilio_default_room
    _check_room(room)
    form = await _form(request)
    check_webhook(request, form)
    name = request.query.get("name") or form.get("CallerName") or form.get("From")
    url = stream_url(public_origin(request, server.settings), room)
    token = stream_token(request, room, form.get("From"))
    number = None if token else caller_number(request, room, form.get("From"))
    prompts = "on" if server.settings.phone_prompts else None
    parameters = {"name": name, PARAMETER: token, CALLER: number, PROMPTS_PARAMETER: prompts}
    twiml = voice_response(url, {key: value for key, value in parameters.items() if value})
    return web.Response(text=twiml, content_type="text/xml", headers=FRESH)


async def close_all(server: Server) -> None:
    """End every call, as a server that goes away does."""
    calls = server.calls
    for call in calls:
        call.end(WSCloseCode.GOING_AWAY, SERVER_STOPS, "lost")
    await asyncio.gather(*(call.closed() for call in calls))


def _limits(server: Server) -> ReadLimits:
    settings = server.settings
    return ReadLimits(
        settings.max_call_bytes_per_second, settings.max_call_frames_per_second, settings.call_flood_timeout
    )


def _check_room(name: str) -> None:
    try:
        check_room_name(name)
    except InvalidRoomName as error:
        raise Problem(400, str(error)) from None


def _let_in(request: web.Request, places: list[str]) -> None:
    """Count a caller among those in rooms, by the address that then stands in ``places``.

    Raises:
        TooManyCalls: there are as many as there may be.
    """
    server = request.app[SERVER]
    address = address_key(server, request)
    if not places:  # else a room was full, and they try another one
        try:
            server.calls_in_rooms.enter(address)
        except TooManyAtOnce as error:
            raise TooManyCalls(f"No more calls are taken now: {error}") from None
        places.append(address)
    protocol = protocol_of(request)
    if protocol is not None:
        protocol.stays()


async def _form(request: web.Request) -> Form:
    """What Twilio says about the call. Nothing else is read, so that no file is ever written for it."""
    if request.content_type != "application/x-www-form-urlencoded":
        return MultiDict()
    body, charset = await read_bytes(request), request.charset or "utf-8"
    try:
        text = body.decode(charset)
        return MultiDict(parse_qsl(text, keep_blank_values=True, encoding=charset, max_num_fields=MAX_FORM_FIELDS))
    except (ValueError, LookupError):  # bytes that are not of the charset, a charset that is none, or too many fields
        raise Problem(400, "The body is not a form as Twilio sends it.") from None
