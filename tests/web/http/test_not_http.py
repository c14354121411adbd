"""What is not HTTP, or too much of it, gets an answer that says so, and is nothing for the log."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

from conference.settings import Settings
from conference.web.app import build_app
from conference.web.http import listener
from tests.web.doubles import FakeWebRtc


async def answer_to(sent: bytes) -> tuple[bytes, dict[str, object]]:
    """The head of what a server answers, and its body."""
    settings = Settings(port=0)
    runner = web.AppRunner(build_app(settings, webrtc=FakeWebRtc()))
    await runner.setup()
    listening = listener.Listener(runner, settings)
    try:
        await listening.start()
        reader, writer = await asyncio.open_connection(*listening.addresses[0])
        writer.write(sent)
        async with asyncio.timeout(10):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    finally:
        listening.close()
        await listening.closed()
        await runner.cleanup()
    return head, json.loads(body)


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (b"\x16\x03\x01\x00\xee\r\n\r\n", 400, "not HTTP"),
        (b"GET / SMTP/1.1\r\n\r\n", 400, "not HTTP"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 431, "too long"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Y: " + b"y" * 20_000 + b"\r\n\r\n", 431, "too long"),
    ],
    ids=["TLS", "another protocol", "a long line", "a long field"],
)
async def test_what_cannot_be_read_as_a_request_is_answered_with_a_problem_and_the_connection_ends(
    sent: bytes, status: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    head, body = await answer_to(sent)
    assert head.startswith((f"HTTP/1.1 {status} ".encode(), f"HTTP/1.0 {status} ".encode()))
    assert b"Content-Type: application/problem+json" in head
    assert b"Server: conference" in head
    assert (body["status"], words in str(body["title"])) == (status, True)
    assert [one for one in caplog.records if one.levelname in ("WARNING", "ERROR")] == []
