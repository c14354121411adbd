"""The HTTP side of joining as a client, with a server that takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.client import whip
from conference.webrtc.client.whip import EventReader, JoinError, WhipClient

URL = "http://127.0.0.1:1"


class SlowServer:
    """Answers when it is told to. Stands in for an `aiohttp.ClientSession`."""

    def __init__(self, status: int = 201) -> None:
        self.status = status
        self.asked, self.answers = asyncio.Event(), asyncio.Event()
        self.left: list[str] = []

    @asynccontextmanager
    async def post(self, url: str, **_: Any) -> AsyncIterator[SimpleNamespace]:
        self.asked.set()
        await self.answers.wait()

        async def read(limit: int) -> bytes:
            return b"v=0"[:limit]

        headers = {"Location": "/rooms/tea/participants/amy", "Conference-Seat": "secret"}
        yield SimpleNamespace(status=self.status, headers=headers, content=SimpleNamespace(read=read))

    @asynccontextmanager
    async def delete(self, url: str, headers: dict[str, str]) -> AsyncIterator[None]:
        assert headers["Conference-Seat"] == "secret"
        self.left.append(url)
        yield


async def asking(server: SlowServer) -> asyncio.Task[whip.Seat]:
    """Somebody who has asked for a seat, and has no answer yet."""
    client = WhipClient(URL, session=cast("aiohttp.ClientSession", server))
    task = asyncio.create_task(client.join("tea", "Amy", "v=0"))
    await server.asked.wait()
    return task


async def test_whoever_joins_gets_the_seat() -> None:
    server = SlowServer()
    task = await asking(server)
    server.answers.set()
    assert (await task).location == f"{URL}/rooms/tea/participants/amy"
    assert server.left == []


async def test_whoever_is_cancelled_while_they_join_leaves_nobody_behind() -> None:
    server = SlowServer()
    task = await asking(server)
    task.cancel()
    await asyncio.sleep(0)
    server.answers.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.left == [f"{URL}/rooms/tea/participants/amy"]


@pytest.mark.parametrize("status", [201, 503])
async def test_whoever_is_cancelled_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    monkeypatch.setattr(whip, "TAKE_BACK_SECONDS", 0.01)
    server = SlowServer(status)
    task = await asking(server)
    task.cancel()
    if status != 201:
        server.answers.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.left == []
    assert [one.get_name() for one in asyncio.all_tasks() if one.get_name() == "join"] == []


async def test_who_is_refused_is_told_so() -> None:
    server = SlowServer(503)
    task = await asking(server)
    server.answers.set()
    with pytest.raises(JoinError, match="503"):
        await task


def test_events_are_read_a_line_at_a_time() -> None:
    reader = EventReader()
    lines = b'retry: 1000\n\n:\n\nid: a-1\nevent: participant.left\ndata: {"x":1}\n\nevent: levels\ndata: {}\n\n'
    found = [event for line in lines.splitlines(keepends=True) if (event := reader.take(line)) is not None]
    assert found == [("participant.left", '{"x":1}'), ("levels", "{}")]
    assert reader.last_id == "a-1"


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_any_lines_are_events_or_none(lines: list[bytes]) -> None:
    reader = EventReader()
    for line in lines:
        event = reader.take(line)
        assert event is None or event[0]
    assert reader.last_id.isprintable()
