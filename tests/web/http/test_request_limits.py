"""What a connection sends is read no faster than the limits say, a call or not."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from conference.settings import Settings
from conference.telephony.backpressure import LimitedReading
from conference.web.app import build_app
from conference.web.http import listener
from conference.web.http.limits.tcp_connections import TcpConnection
from tests.web.doubles import FakeWebRtc

CHUNKED = b"POST /rooms/tea/participants HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\n"
CHUNKED += b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1000
PIPELINED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200
EVENTS = b"GET /rooms/tea/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + PIPELINED


@pytest.mark.parametrize(
    "sent", [CHUNKED, PIPELINED, EVENTS, b"x" * 6000], ids=["chunks", "requests", "events", "junk"]
)
async def test_a_connection_is_read_no_faster_than_the_limit(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    made: list[LimitedReading] = []
    settings = Settings(port=0, max_request_bytes_per_second=1000)
    runner = web.AppRunner(build_app(settings, webrtc=FakeWebRtc()))
    await runner.setup()
    listening = listener.Listener(runner, settings)
    make = listening._make_protocol

    def note(connection: TcpConnection) -> LimitedReading:
        made.append(make(connection))
        return made[-1]

    monkeypatch.setattr(listening, "_make_protocol", note)
    try:
        await listening.start()
        _, writer = await asyncio.open_connection(*listening.addresses[0])
        writer.write(sent)
        async with asyncio.timeout(10):
            while not made or made[0].held_back_seconds < 2:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
        writer.close()
    finally:
        listening.close()
        await listening.closed()
        await runner.cleanup()
