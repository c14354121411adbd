"""Calls that come from Twilio: the address of their media streams, and the webhook that sends calls to it."""

from __future__ import annotations

import logging
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict

from conference.telephony.twilio.dialect import TWILIO
from conference.telephony.twilio.twiml import rejection, stream_url, voice_response
from conference.web.access.callers import (
    CALLER,
    PARAMETER,
    caller_number,
    check_webhook,
    stream_token,
)
from conference.web.api.reading import check_room
from conference.web.api.refusals import check_no_loop, check_stays
from conference.web.api.streams import open_stream
from conference.web.http.body import read_bytes
from conference.web.http.headers import FRESH
from conference.web.http.origin import public_origin
from conference.web.http.problems import Problem
from conference.web.joining.call import PROMPTS_PARAMETER
from conference.web.joining.signatures import Form
from conference.web.live import SERVER

MAX_FORM_FIELDS = 500
"""Of a webhook; Twilio sends some thirty."""

_log = logging.getLogger(__name__)


async def stream(request: web.Request) -> web.StreamResponse:
    """``GET /twilio/stream/{room}`` and ``GET /twilio/stream``: one caller, from handshake to hang-up."""
    return await open_stream(request, TWILIO)


async def voice(request: web.Request) -> web.Response:
    """``POST /twilio/voice``: TwiML that connects an incoming call to ``?room=``, or to the default room."""
    server = request.app[SERVER]
    check_no_loop(server, request)
    room = request.query.get("room") or server.settings.twilio_default_room
    check_room(room)
    form = await read_form(request)
    check_webhook(request, form)
    if server.dialing.end_loop(form.get("From"), form.get("To")):
        _log.warning("a call to %s is refused: it comes from a room of this server", form.get("To"))
        return web.Response(text=rejection(), content_type="text/xml", headers=FRESH)
    check_stays(server)
    name = request.query.get("name") or form.get("CallerName") or form.get("From")
    url = stream_url(public_origin(request, server.settings), room)
    token = stream_token(request, room, form.get("From"))
    number = None if token else caller_number(request, room, form.get("From"))
    prompts = "on" if server.settings.phone_prompts else None
    parameters = {"name": name, PARAMETER: token, CALLER: number, PROMPTS_PARAMETER: prompts}
    twiml = voice_response(url, {key: value for key, value in parameters.items() if value})
    return web.Response(text=twiml, content_type="text/xml", headers=FRESH)


async def read_form(request: web.Request) -> Form:
    """The form of a request by Twilio, or one made as for Twilio. Nothing else is read, so that no file is written."""
    if request.content_type != "application/x-www-form-urlencoded":
        return MultiDict()
    body, charset = await read_bytes(request), request.charset or "utf-8"
    try:
        text = body.decode(charset)
        return MultiDict(parse_qsl(text, keep_blank_values=True, encoding=charset, max_num_fields=MAX_FORM_FIELDS))
    except (ValueError, LookupError):  # bytes that are not of the charset, a charset that is none, or too many fields
        raise Problem(400, "The body is not a form as Twilio sends it.") from None
