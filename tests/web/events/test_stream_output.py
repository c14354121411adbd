"""What writes an event stream to its connection, and what becomes of it when that connection is gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import HttpVersion11

from conference.web.events.stream_output import HEARTBEAT, Chunks, StreamOutput

LOOKS = 100
"""More often nobody has to look for a connection that is gone; a loop that waits for nothing does."""


class Connection:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.often = asyncio.Event()
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if len(self.written) == 3:
            self.often.set()


class Request:
    """A request whose connection may go."""

    version = HttpVersion11

    def __init__(self) -> None:
        self.connection: Connection | None = Connection()
        self.protocol: Any = type("Protocol", (), {"writing_paused": False})()
        self._looks = 0

    @property
    def transport(self) -> Connection | None:
        self._looks += 1
        assert self._looks < LOOKS, "it looks for the connection again and again"
        return self.connection


def output_for(request: Any, heartbeat: float = 0.0) -> StreamOutput:
    return StreamOutput(request, Chunks(), heartbeat)


@pytest.mark.parametrize("closing", [True, False], ids=["is closing", "is closed"])
async def test_when_a_silent_viewer_is_gone_the_server_does_not_look_for_them_for_ever(closing: bool) -> None:
    request = Request()
    assert request.connection is not None
    request.connection.closing = closing
    if not closing:
        request.connection = None
    output = output_for(request)
    with pytest.raises(ConnectionError):
        await output.wait(float("inf"))


async def test_each_silence_is_broken_and_the_end_is_noticed() -> None:
    request = Request()
    assert request.connection is not None
    output = output_for(request, heartbeat=0.01)
    waiting = asyncio.create_task(output.wait(float("inf")))
    await request.connection.often.wait()
    output.ended()
    assert await waiting
    assert {bytes(HEARTBEAT) in one for one in request.connection.written} == {True}


async def test_it_returns_when_its_time_is_up() -> None:
    assert not await output_for(Request(), heartbeat=10.0).wait(0.01)
