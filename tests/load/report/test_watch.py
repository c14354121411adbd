"""What is seen of a server from outside, whether it answers or not."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from conference.load.report import watch as watch_module
from conference.load.report.watch import UnreachableError, Watch

URL = "http://198.51.100.7:8080"
METRICS = b"conference_talking 3\nprocess_cpu_seconds_total 4.25\nprocess_resident_memory_bytes 1e8\n"


class Session:
    """Answers every request alike, or raises. Stands in for an `aiohttp.ClientSession`."""

    def __init__(self, body: bytes = b"", status: int = 200, error: Exception | None = None) -> None:
        self.body, self.status, self.error = body, status, error
        self.asked: list[str] = []

    @asynccontextmanager
    async def get(self, url: str, **_: Any) -> AsyncIterator[SimpleNamespace]:
        self.asked.append(url)
        if self.error is not None:
            raise self.error

        async def read(limit: int) -> bytes:
            return self.body[:limit]

        yield SimpleNamespace(status=self.status, content=SimpleNamespace(read=read))


def watch(session: Session, pid: int | None = None) -> Watch:
    return Watch(cast("aiohttp.ClientSession", session), URL, pid)


@pytest.fixture(autouse=True)
def a_server_that_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "listener", lambda host, port: None)


async def test_a_server_that_is_elsewhere_is_taken_at_its_word() -> None:
    session = Session(METRICS)
    seen = await watch(session).look()
    assert (seen.talking, seen.cpu_seconds, seen.memory_bytes) == (3, 4.25, 1e8)
    assert session.asked == [f"{URL}/metrics"]


@pytest.mark.parametrize(
    "session",
    [
        Session(METRICS, status=401),
        Session(error=aiohttp.ClientError()),
        Session(error=TimeoutError()),
        Session(b"\xff"),
    ],
)
async def test_what_a_server_does_not_tell_is_unknown(session: Session) -> None:
    seen = await watch(session).look()
    assert (seen.talking, seen.cpu_seconds, seen.memory_bytes) == (None, None, None)


async def test_a_process_of_this_machine_is_looked_at_and_not_asked() -> None:
    seen = await watch(Session(METRICS), os.getpid()).look()
    assert seen.talking == 3
    assert seen.cpu_seconds not in (None, 4.25)
    assert seen.memory_bytes not in (None, 1e8)
    silent = await watch(Session(error=TimeoutError()), os.getpid()).look()
    assert silent.talking is None
    assert silent.memory_bytes is not None


async def test_a_process_that_has_ended_meanwhile_has_no_figures_and_not_those_of_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(pid: int) -> float:
        raise FileNotFoundError(pid)

    looking = watch(Session(METRICS), os.getpid())
    monkeypatch.setattr(watch_module, "cpu_seconds", gone)
    seen = await looking.look()
    assert (seen.talking, seen.cpu_seconds, seen.memory_bytes) == (3, None, None)


def test_a_process_that_is_not_there_is_said() -> None:
    with pytest.raises(UnreachableError, match=r"^There is no process 4194305 on this machine\.$"):
        watch(Session(), 2**22 + 1)


@pytest.mark.parametrize(
    ("session", "words"),
    [
        (Session(status=503), "is not in order: /healthz has HTTP status 503"),
        (Session(error=TimeoutError()), "did not answer within 5 s"),
        (Session(error=aiohttp.ClientConnectionError("refused")), "cannot be reached"),
    ],
)
async def test_a_server_that_cannot_be_tried_is_said_with_a_reason(session: Session, words: str) -> None:
    with pytest.raises(UnreachableError, match=words):
        await watch(session).greet()


async def test_a_server_in_order_is_greeted_by_its_health() -> None:
    session = Session()
    await watch(session).greet()
    assert session.asked == [f"{URL}/healthz"]
