"""Requests of one connection, and of one address, are answered no faster than the limits say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from conference.settings import Settings
from conference.telephony.backpressure import LimitedReading
from conference.web.app import build_app
from conference.web.http.limits.rate_limit import AddressPacer
from conference.web.http.limits.tcp_connections import TcpConnection
from conference.web.http.listener import Listener
from tests.web.doubles import FakeWebRtc

SECOND = 1_000_000_000
FEW = 200


def pipelined(count: int, *fields: str) -> bytes:
    return "".join(["GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", *fields, "\r\n"]).encode() * count


@dataclass
class Waiting:
    """Stands in for the sleep of requests that have to wait: it ends when the test says so."""

    seconds: list[float] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await self.over.wait()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    made = Waiting()
    monkeypatch.setattr("conference.web.http.request_pacing.sleep", made.sleep)
    return made


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[tuple[Listener, list[LimitedReading]]]:
    """A server, and the connections that it has taken."""
    made: list[LimitedReading] = []
    runner = web.AppRunner(build_app(settings, webrtc=FakeWebRtc()))
    await runner.setup()
    listener = Listener(runner, settings)
    make = listener._make_protocol

    def note(connection: TcpConnection) -> LimitedReading:
        made.append(make(connection))
        return made[-1]

    listener._make_protocol = note  # type: ignore[method-assign]
    try:
        await listener.start()
        yield listener, made
    finally:
        listener.close()
        await listener.closed()
        await runner.cleanup()


async def answers(reader: asyncio.StreamReader, count: int) -> None:
    for _ in range(count):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))


async def until_it_waits(waiting: Waiting, count: int = 1) -> None:
    while len(waiting.seconds) < count:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


async def test_a_connection_that_asks_too_often_waits_and_is_not_read_meanwhile(waiting: Waiting) -> None:
    async with listening(Settings(port=0, max_requests_per_second=5)) as (listener, made), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*listener.addresses[0])
        writer.write(pipelined(FEW))
        await answers(reader, 10)  # two seconds' worth
        await until_it_waits(waiting)
        [reading] = made
        assert reading._transport is not None
        while reading._transport.is_reading():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        assert len(waiting.seconds) == 1  # the next request has its turn after this one
        waiting.over.set()
        await answers(reader, FEW - 10)
        writer.close()


async def test_whoever_waited_is_answered_nothing_is_refused(waiting: Waiting) -> None:
    waiting.over.set()
    async with listening(Settings(port=0, max_requests_per_second=5)) as (listener, _), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*listener.addresses[0])
        writer.write(pipelined(FEW))
        await answers(reader, FEW)
        assert waiting.seconds
        writer.close()


async def test_another_connection_does_not_get_around_the_limit_of_the_address(waiting: Waiting) -> None:
    settings = Settings(port=0, max_requests_per_second=0, max_requests_per_address=5)
    async with listening(settings) as (listener, _), asyncio.timeout(60):
        first, second = [await asyncio.open_connection(*listener.addresses[0]) for _ in range(2)]
        for count, (_, writer) in enumerate((first, second), start=1):
            writer.write(pipelined(FEW))
            await until_it_waits(waiting, count)
        waiting.over.set()
        for _, writer in (first, second):
            writer.close()


@pytest.mark.parametrize(("fields", "waits"), [((), False), (("X-Forwarded-For: 203.0.113.7\r\n",), True)])
async def test_behind_a_proxy_it_goes_by_the_address_that_the_proxy_tells(
    waiting: Waiting, fields: tuple[str, ...], waits: bool
) -> None:
    settings = Settings(port=0, behind_proxy=True, max_requests_per_second=5, max_requests_per_address=5)
    waiting.over.set()
    async with listening(settings) as (listener, _), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*listener.addresses[0])
        writer.write(pipelined(FEW, *fields))
        await answers(reader, FEW)
        assert bool(waiting.seconds) == waits
        writer.close()


@pytest.mark.parametrize("limit", [0, 1_000_000])
async def test_without_limits_or_within_them_nobody_waits(waiting: Waiting, limit: int) -> None:
    settings = Settings(port=0, max_requests_per_second=limit, max_requests_per_address=limit)
    async with listening(settings) as (listener, _), asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*listener.addresses[0])
        writer.write(pipelined(FEW))
        await answers(reader, FEW)
        assert not waiting.seconds
        writer.close()


def test_an_address_waits_as_long_as_it_has_asked_too_often() -> None:
    pacer = AddressPacer(10)
    assert [pacer.charge("a", 0) for _ in range(20)] == [0.0] * 20
    assert pacer.charge("a", 0) == pytest.approx(0.1)
    assert pacer.charge("b", 0) == 0
    assert pacer.charge("a", SECOND) == 0


def test_of_too_many_addresses_the_one_unused_for_longest_is_forgotten() -> None:
    pacer = AddressPacer(1, max_addresses=2)
    for address in ("a", "a", "b", "b", "a", "c"):
        pacer.charge(address, 0)
    assert pacer.charge("a", 0) > 0
    assert pacer.charge("b", 0) == 0
