"""A stand-in of Twilio's REST API, which checks requests as Twilio documents them, and plays the telephone."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as ET

from aiohttp import web
from aiohttp.test_utils import TestServer
from twilio.request_validator import RequestValidator

from conference.telephony.connecting import send_message
from conference.telephony.dialect import CallIdentity
from conference.telephony.phone import Phone
from tests.web.doubles import Site

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "12345"
ORIGIN = "https://talk.example.org"
CALLER_ID = "+15550001111"

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_CREATES = {
    "To", "From", "Url", "Twiml", "Method", "StatusCallback", "StatusCallbackMethod", "StatusCallbackEvent", "Timeout",
    "TimeLimit", "MachineDetection", "AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod",
}  # fmt: skip
_EVENTS = {"initiated", "ringing", "answered", "completed"}


@dataclass
class PhoneCall:
    """One call, as the API has it."""

    sid: str
    form: dict[str, str]
    events: list[str]
    status: str = "queued"
    sequence: int = 0
    answered: Phone | None = None
    socket: Any = None
    heard: list[bytes] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)


def _refused(status: int, code: int, message: str) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return web.json_response({"code": code, "message": message, "more_info": more, "status": status}, status=status)


class TwilioApi:
    """Takes calls, and does with each telephone what a test says."""

    def __init__(self) -> None:
        self.calls: list[PhoneCall] = []
        self.ended: list[str] = []
        self.refuse: tuple[int, int, str] | None = None
        self.hold: asyncio.Event | None = None
        self.hold_ends: asyncio.Event | None = None
        self.answers_with: tuple[int, str] | None = None
        """In place of an answer: status and body, as of a proxy that is broken."""
        self.asked = 0
        """How often it was asked for a call."""
        self.wait_to_answer: asyncio.Event | None = None
        self.parameters: dict[str, str] = {}
        """What the stream says in place of what the TwiML says."""
        self.loses_answer = False
        """Calls the telephone, and does not get round to saying so."""
        self.failing_ends = 0
        """How many requests to end a call fail."""
        self.site: Site | None = None
        self.tells = True
        self.url = ""

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[TwilioApi]:
        app = web.Application()
        app.router.add_post("/2010-04-01/Accounts/{account}/Calls.json", self._create)
        app.router.add_post("/2010-04-01/Accounts/{account}/Calls/{call}.json", self._change)
        server = TestServer(app)
        await server.start_server(shutdown_timeout=0.1)
        self.url = f"http://127.0.0.1:{server.port}"
        try:
            yield self
        finally:
            await server.close()

    # As requests have it

    async def _read(self, request: web.Request) -> list[tuple[str, str]] | web.Response:
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}" or request.match_info["account"] != ACCOUNT:
            return _refused(401, 20003, "Authenticate")
        if request.content_type != "application/x-www-form-urlencoded":
            return _refused(415, 20415, "Unsupported media type")
        return parse_qsl(await request.text(), keep_blank_values=True, strict_parsing=True)

    async def _create(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.refuse is not None:
            return _refused(*self.refuse)
        if self.answers_with is not None:
            status, text = self.answers_with
            return web.Response(status=status, text=text, content_type="application/json")
        fields = await self._read(request)
        if isinstance(fields, web.Response):
            return fields
        form = dict(fields)
        events = [value for name, value in fields if name == "StatusCallbackEvent"]
        wrong = self._wrong_with(form, events)
        if wrong is not None:
            return _refused(400, *wrong)
        call = PhoneCall(CallIdentity().call_sid, form, events)
        self.calls.append(call)
        if self.wait_to_answer is not None:
            await self.wait_to_answer.wait()
        if self.loses_answer:
            return _refused(503, 20503, "Service unavailable")
        return web.json_response(self._shown(call), status=201)

    @staticmethod
    def _wrong_with(form: Mapping[str, str], events: list[str]) -> tuple[int, str] | None:
        if form.keys() - _CREATES:
            return 20001, f"Unknown parameters: {form.keys() - _CREATES}"
        if not _NUMBER.fullmatch(form.get("To", "")):
            return 21211, f"The 'To' number {form.get('To')} is not a valid phone number."
        if form.get("From") != CALLER_ID:
            return 21210, f"The source phone number provided, {form.get('From')}, is not yet verified for your account."
        if ("Url" in form) == ("Twiml" in form) or len(form.get("Twiml", "")) > 4000:
            return 21205, "Url or Twiml is needed, and not both"
        if not form.get("StatusCallback", "").startswith(f"{ORIGIN}/") or not set(events) <= _EVENTS:
            return 21609, "The StatusCallback is not a valid URL"
        if form.get("StatusCallbackMethod", "POST") != "POST" or not 1 <= int(form.get("Timeout", "60")) <= 600:
            return 20001, "Timeout or StatusCallbackMethod is wrong"
        if (
            form.get("MachineDetection", "Enable") not in ("Enable", "DetectMessageEnd")
            or not 1 <= int(form["TimeLimit"]) <= 86_400
        ):
            return 20001, "MachineDetection or TimeLimit is wrong"
        if ("AsyncAmd" in form) != (form.get("AsyncAmdStatusCallback", "").startswith(ORIGIN)):
            return 20001, "AsyncAmd needs its callback"
        return None

    async def _change(self, request: web.Request) -> web.Response:
        fields = await self._read(request)
        if isinstance(fields, web.Response):
            return fields
        if self.hold_ends is not None:
            await self.hold_ends.wait()
        if self.failing_ends:
            self.failing_ends -= 1
            return _refused(500, 20500, "Internal Server Error")
        call = next((one for one in self.calls if one.sid == request.match_info["call"]), None)
        if call is None:
            return _refused(404, 20404, "The requested resource was not found")
        if call.status in ("completed", "busy", "failed", "no-answer", "canceled"):
            return _refused(400, 21220, "Call is not in-progress. Cannot redirect.")
        if dict(fields) != {"Status": "completed"}:
            return _refused(400, 20001, "Status is to be completed")
        self.ended.append(call.sid)
        if call.socket is not None:
            await call.socket.close()
        await self.tell(call, "completed" if call.status == "in-progress" else "canceled")
        return web.json_response(self._shown(call))

    def _shown(self, call: PhoneCall) -> dict[str, Any]:
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{call.sid}.json"
        return {
            "sid": call.sid, "account_sid": ACCOUNT, "to": call.form["To"], "from": call.form["From"],
            "status": call.status, "direction": "outbound-api", "api_version": "2010-04-01", "uri": uri,
            "answered_by": None, "date_created": None, "duration": None, "price": None, "subresource_uris": {},
        }  # fmt: skip

    # As telephones have it

    async def placed(self, number: int = 1) -> PhoneCall:
        """Wait until so many calls have been asked for. Returns the last of them."""
        async with asyncio.timeout(10):
            while len(self.calls) < number:  # noqa: ASYNC110 - the other end of a socket tells nothing
                await asyncio.sleep(0.005)
        return self.calls[number - 1]

    async def tell(self, call: PhoneCall, status: str) -> None:
        """Tell the server how far a call has come, in signed requests."""
        call.status = status
        told = {"in-progress": "answered"}.get(status, status)
        if self.tells and told in (*call.events, "busy", "no-answer", "failed", "canceled", "queued", "dancing"):
            url, number = call.form["StatusCallback"], str(call.sequence)
            await self.post(call, url, CallStatus=status, SequenceNumber=number)
            call.sequence += 1
        if status not in ("queued", "initiated", "ringing", "in-progress"):
            call.over.set()

    async def say_who(self, call: PhoneCall, answered_by: str) -> None:
        """Tell the server who has answered."""
        url = call.form["AsyncAmdStatusCallback"]
        await self.post(call, url, AnsweredBy=answered_by, MachineDetectionDuration="2000")

    async def post(self, call: PhoneCall, url: str, *, token: str = TOKEN, status: int = 204, **said: str) -> None:
        assert self.site is not None
        form = {
            "CallSid": call.sid, "AccountSid": ACCOUNT, "From": call.form["From"], "To": call.form["To"],
            "ApiVersion": "2010-04-01", "Direction": "outbound-api", "CallbackSource": "call-progress-events",
        } | said  # fmt: skip
        signature = RequestValidator(token).compute_signature(url, form)
        response = await self.site.client.post(_path(url), data=form, headers={"X-Twilio-Signature": signature})
        assert response.status == status, await response.text()

    async def answer(self, call: PhoneCall) -> Phone:
        """Somebody answers: the TwiML is done, which opens the stream. Returns who talks over it."""
        assert self.site is not None
        call.status = "in-progress"
        stream = ET.fromstring(call.form["Twiml"]).find("./Connect/Stream")
        assert stream is not None
        url = stream.attrib["url"]
        assert url.startswith("wss://talk.example.org/")
        parameters = {one.attrib["name"]: one.attrib["value"] for one in stream.iter("Parameter")}
        parameters |= self.parameters
        phone = Phone(CallIdentity(account_sid=ACCOUNT, call_sid=call.sid), parameters)
        signature = RequestValidator(TOKEN).compute_signature(url, {})
        socket = await self.site.client.ws_connect(_path(url), headers={"X-Twilio-Signature": signature})
        for message in phone.opening():
            await send_message(socket, message)
        call.answered, call.socket = phone, socket
        return phone


def _path(url: str) -> str:
    parts = urlsplit(url)
    assert url.startswith((ORIGIN, "wss://talk.example.org"))
    return parts.path + (f"?{parts.query}" if parts.query else "")
