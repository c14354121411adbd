"""A whole call over a real WebSocket on this machine, against a server made for the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext
from typing import Any

import pytest
from aiohttp import WSCloseCode, web
from aiohttp.test_utils import TestServer

from conference.settings import Settings
from conference.telephony.caller import CallEnd, Caller, HungUp
from conference.telephony.connecting import CallError
from conference.telephony.phone import Phone
from conference.telephony.settings import CallerSettings
from conference.telephony.twilio.messages import Clear, ServerMark, ServerMedia, build
from conference.web.http.tls import make_ssl_context

pytestmark = pytest.mark.e2e

Script = Callable[[web.WebSocketResponse, str], Awaitable[None]]


class FakeServer:
    """Notes what a client says; answers by a script once the stream has started."""

    def __init__(self, script: Script | None = None) -> None:
        self.messages: list[dict[str, Any]] = []
        self.arrivals: list[float] = []
        self.started = asyncio.Event()
        self.ended = asyncio.Event()
        self._script = script

    async def handle(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            self.messages.append(json.loads(message.data))
            self.arrivals.append(asyncio.get_running_loop().time())
            if self.messages[-1]["event"] == "start":
                self.started.set()
                if self._script is not None:
                    await self._script(socket, self.messages[-1]["streamSid"])
        self.ended.set()
        return socket

    def events(self) -> list[str]:
        return [message["event"] for message in self.messages]


@asynccontextmanager
async def serving(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], ssl: SSLContext | None = None
) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/stream", handler)
    server = TestServer(app)
    await server.start_server(ssl=ssl)
    try:
        yield f"{'ws' if ssl is None else 'wss'}://127.0.0.1:{server.port}/stream"
    finally:
        await server.close()


def saying(ticks: int) -> Callable[[], bytes | None]:
    """Silence for so many ticks, then the end."""
    left = ticks

    def speak() -> bytes | None:
        nonlocal left
        left -= 1
        if left < 0:
            raise HungUp
        return None

    return speak


async def place(caller: Caller) -> CallEnd:
    async with asyncio.timeout(10):
        return await caller.run()


@pytest.mark.alone
async def test_a_call_talks_in_real_time_and_hangs_up_with_stop() -> None:
    server, heard = FakeServer(), list[bytes]()
    async with serving(server.handle) as url:
        caller = Caller(url, Phone(), speak=saying(50), hear=heard.append)
        caller.press("1#")
        end = await place(caller)
        async with asyncio.timeout(2):
            await server.ended.wait()
    assert not end.by_server
    events = server.events()
    assert events[:2] == ["connected", "start"]
    assert events[-1] == "stop"
    assert events.count("media") == len(heard) == 50
    assert [message["dtmf"]["digit"] for message in server.messages if message["event"] == "dtmf"] == ["1", "#"]
    # A second of sound takes a second; the upper bound is wide for a busy machine.
    assert 0.95 <= server.arrivals[-1] - server.arrivals[0] <= 3
    numbers = [int(message["sequenceNumber"]) for message in server.messages[1:]]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.alone
async def test_marks_come_back_after_the_sound_before_them_and_after_a_clear_at_once() -> None:
    async def script(socket: web.WebSocketResponse, sid: str) -> None:
        for message in (
            ServerMedia(sid, b"\x01" * 1600),  # 200 ms
            ServerMark(sid, "played"),
            ServerMedia(sid, b"\x02" * 80_000),
            ServerMark(sid, "cleared"),
        ):
            await socket.send_str(build(message))
        asyncio.get_running_loop().call_later(
            0.5, lambda: clears.append(asyncio.ensure_future(socket.send_str(build(Clear(sid)))))
        )

    clears: list[asyncio.Future[None]] = []
    server, heard = FakeServer(script), list[bytes]()
    async with serving(server.handle) as url:
        await place(Caller(url, Phone(), speak=saying(50), hear=heard.append))
    await asyncio.gather(*clears)
    events = server.events()
    marks = [index for index, event in enumerate(events) if event == "mark"]
    assert [server.messages[index]["mark"]["name"] for index in marks] == ["played", "cleared"]
    before = [events[:index].count("media") for index in marks]
    assert 10 <= before[0] <= 13
    assert 20 <= before[1] <= 40
    sound = b"".join(heard)
    assert sound.count(1) == 1600
    assert 0 < sound.count(2) < 20_000


async def test_the_servers_close_is_the_end_and_its_code_is_told() -> None:
    async def script(socket: web.WebSocketResponse, sid: str) -> None:
        await socket.close(code=WSCloseCode.GOING_AWAY)

    async with serving(FakeServer(script).handle) as url:
        end = await place(Caller(url, Phone(), speak=saying(10_000)))
    assert end == CallEnd(by_server=True, code=1001, reason="the server is going away")


async def test_why_the_server_ends_the_call_is_told_in_its_own_words() -> None:
    async def refuse(socket: web.WebSocketResponse, _: str) -> None:
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"This call needs a token\x1b[2J.")

    async with serving(FakeServer(refuse).handle) as url:
        end = await place(Caller(url, Phone(), speak=saying(500)))
    assert end == CallEnd(by_server=True, code=1008, reason="This call needs a token[2J.")


async def test_a_cancelled_call_hangs_up_properly() -> None:
    server = FakeServer()
    async with serving(server.handle) as url:
        call = asyncio.create_task(Caller(url, Phone(), speak=saying(10_000)).run())
        async with asyncio.timeout(5):
            await server.started.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(2):
            await server.ended.wait()
    assert server.events()[-1] == "stop"


async def test_a_server_that_floods_is_read_no_faster_than_the_limits_allow() -> None:
    async def script(socket: web.WebSocketResponse, sid: str) -> None:
        text = build(ServerMark(sid, "x"))
        with suppress(ConnectionError):
            for _ in range(5000):
                await socket.send_str(text)

    phone, settings = Phone(), CallerSettings(max_bytes_per_second=1_000_000, max_frames_per_second=100)
    async with serving(FakeServer(script).handle) as url:
        end = await place(Caller(url, phone, speak=saying(50), settings=settings))
    assert not end.by_server
    assert 0 < phone.marks_echoed < 2500


async def test_wrong_messages_and_binary_frames_are_warned_about_and_the_call_goes_on() -> None:
    async def script(socket: web.WebSocketResponse, sid: str) -> None:
        await socket.send_str("?")
        await socket.send_bytes(b"\x01" * 160)

    phone = Phone()
    async with serving(FakeServer(script).handle) as url:
        end = await place(Caller(url, phone, speak=saying(10)))
    assert not end.by_server
    assert len(phone.warnings) == 2


async def test_an_error_in_what_listens_ends_the_call_and_is_not_lost() -> None:
    def hear(_: bytes) -> None:
        raise OSError(28, "No space left on device")

    server = FakeServer()
    async with serving(server.handle) as url:
        with pytest.raises(OSError, match="No space"):
            await place(Caller(url, Phone(), speak=saying(10_000), hear=hear))
        async with asyncio.timeout(2):
            await server.ended.wait()
    assert server.events()[-1] == "stop"


@pytest.mark.parametrize(
    ("status", "sentence"), [(404, "no such stream.*404"), (403, "forbids"), (503, "no calls"), (200, "no WebSocket")]
)
async def test_a_refused_handshake_is_one_sentence(status: int, sentence: str) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with serving(refuse) as url:
        with pytest.raises(CallError, match=sentence):
            await place(Caller(url, Phone()))


async def test_a_server_that_is_not_there_is_one_sentence(unused_tcp_port: int) -> None:
    with pytest.raises(CallError, match="connection refused"):
        await place(Caller(f"ws://127.0.0.1:{unused_tcp_port}/stream", Phone()))


async def test_a_server_that_does_not_answer_is_one_sentence() -> None:
    async def wait(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(wait) as url:
        with pytest.raises(CallError, match=r"did not answer within 0.2 s"):
            await place(Caller(url, Phone(), handshake_seconds=0.2))


async def test_a_certificate_that_is_not_trusted_is_one_sentence_and_can_be_taken_all_the_same() -> None:
    server = FakeServer()
    async with serving(server.handle, make_ssl_context(Settings(tls_self_signed=True))) as url:
        with pytest.raises(CallError, match="cannot be reached: nobody vouches for its certificate"):
            await place(Caller(url, Phone()))
        end = await place(Caller(url, Phone(), speak=saying(2), ssl=False))
    assert not end.by_server
    assert server.events()[:2] == ["connected", "start"]


async def test_what_is_no_address_is_one_sentence() -> None:
    with pytest.raises(CallError, match="not a WebSocket address"):
        await place(Caller("ws://", Phone()))


async def test_a_wrong_key_is_refused_before_the_call() -> None:
    with pytest.raises(ValueError, match="not a key"):
        Caller("ws://127.0.0.1:1", Phone()).press("1x")
