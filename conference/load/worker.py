"""A process that plays participants. It is told whom over a pipe, and reports back what it sees."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing.connection import Connection
from typing import Protocol

import aiohttp

from conference.load.client.page import FastPage
from conference.load.client.peer import FastPeer
from conference.load.client.phone import FastPhone
from conference.load.plan import LoadRole, Member
from conference.load.send_schedule import SendSchedule
from conference.load.signal import scripts
from conference.load.signal.arrived import Arrived
from conference.webrtc.client.whip import JoinError, authorization

JOINS_AT_ONCE = 16
LEAVES_AT_ONCE = 16
LEAVE_SECONDS = 20.0
REPORT_SECONDS = 0.5
LOOK_SECONDS = 0.02
EVENTS_SECONDS = 0.2
EVENT_PARTS = 10
VOICES = 6
MAX_REASONS = 20


@dataclass(frozen=True, slots=True)
class LoadSetup:
    """What a worker has to know."""

    url: str
    verify: bool
    dtx: bool
    levels: bool
    noise: int
    """How loud the rooms of the silent are, in dBov; they send it all the time unless there is ``dtx``."""
    quiet: bool
    """Give way to the others when the processor is short: this one only makes up the numbers."""
    page: bool = False
    """WebRTC participants do what the page does, and follow the room's events."""
    token: str | None = field(default=None, repr=False)
    """Opens all rooms of the load, and the metrics; ``None`` where none is asked for."""


@dataclass(frozen=True, slots=True)
class JoinMembers:
    """Asks a worker to let these participants join, at this rate."""

    members: list[Member]
    joins_per_second: float


@dataclass(frozen=True, slots=True)
class LeaveAll:
    """Asks a worker to let everybody leave, and to end."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker saw. Counts and times are totals since its start; lists hold what is new."""

    joined: int = 0
    """Connected now."""
    failed: int = 0
    """Could not join."""
    sent: int = 0
    received: int = 0
    lost: int = 0
    gaps: int = 0
    """Times that a listener had nothing to play."""
    forged: int = 0
    """Packets that were not authentic, of those that were looked at."""
    events: int = 0
    """That were told to all of them."""
    steps: int = 0
    late: int = 0
    cpu_seconds: float = 0.0
    answer_ms: list[float] = field(default_factory=list)
    connected_ms: list[float] = field(default_factory=list)
    heard: list[Arrived] = field(default_factory=list)
    """What the ear got."""
    spoken: list[float] = field(default_factory=list)
    """When the mouth's bursts went in, in ns (monotonic)."""
    refusals: list[tuple[str, int]] = field(default_factory=list)
    """Why somebody could not join, with the HTTP status, or 0."""
    gone: bool = False
    """Everybody has left: this is the last report."""


class LoadClient(Protocol):
    """A participant that a worker plays: `FastPeer` or `FastPhone`."""

    answer_ms: float
    connected_ms: float

    @property
    def sent(self) -> int: ...
    @property
    def there(self) -> bool: ...
    @property
    def received(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def gaps(self) -> int: ...
    async def connect(self) -> None: ...
    def stop_waking(self, *, stamped: bool = False) -> None: ...
    def drain(self) -> None: ...
    def send(self, payload: bytes, timestamp: int, level: int | None = None) -> None: ...
    async def close(self) -> None: ...


def main(pipe: Connection, setup: LoadSetup) -> None:
    """Run until told to stop, or until whoever holds the other end of the pipe has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us, and they will tell us
    with contextlib.suppress(OSError, AttributeError):
        if setup.quiet:
            os.nice(5)
    _allow_sockets()
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(0.001)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        asyncio.run(Worker(pipe, setup).run())


class Worker:
    """Plays participants, in a process of its own.

    Args:
        pipe: takes `JoinMembers` and `LeaveAll`, gives `Report`.
        setup: what all have in common.
    """

    def __init__(self, pipe: Connection, setup: LoadSetup) -> None:
        self._pipe = pipe
        self._setup = setup
        self._schedule = SendSchedule(on_burst=lambda at_ns: self._news.spoken.append(at_ns))
        self._there: list[LoadClient] = []
        self._pages: list[FastPage] = []
        self._failed = 0
        self._news = Report()
        self._joining: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(JOINS_AT_ONCE)

    async def run(self) -> None:
        """Until `LeaveAll`.

        Raises:
            EOFError: the other end has gone; everybody has left all the same.
        """
        connector = aiohttp.TCPConnector(ssl=self._setup.verify, limit=2 * LEAVES_AT_ONCE)
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=20), connector=connector, headers=authorization(self._setup.token)
        ) as session:
            running = [asyncio.create_task(one) for one in (self._schedule.run(), self._report(), self._read_events())]
            try:
                await self._obey(session)
            finally:
                for task in (*running, *self._joining):
                    task.cancel()
                await asyncio.gather(*running, *self._joining, return_exceptions=True)
                await self._leave()
                self._tell(gone=True)

    async def _obey(self, session: aiohttp.ClientSession) -> None:
        while True:
            while self._pipe.poll():
                match self._pipe.recv():
                    case JoinMembers(members, rate):
                        task = asyncio.create_task(self._grow(session, members, rate))
                        self._joining.add(task)
                        task.add_done_callback(self._joining.discard)
                    case LeaveAll():
                        return
            await asyncio.sleep(LOOK_SECONDS)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self._tell()

    async def _read_events(self) -> None:
        """Read the events of each page five times a second, a part of the pages at a time."""
        for part in itertools.count():
            await asyncio.sleep(EVENTS_SECONDS / EVENT_PARTS)
            for page in self._pages[part % EVENT_PARTS :: EVENT_PARTS]:
                page.drain_events()

    def _tell(self, *, gone: bool = False) -> None:
        news, self._news = self._news, Report()
        self._pipe.send(
            replace(
                news,
                joined=sum(one.there for one in self._there),
                failed=self._failed,
                sent=sum(one.sent for one in self._there),
                received=sum(one.received for one in self._there),
                lost=sum(one.lost for one in self._there),
                gaps=sum(one.gaps for one in self._there),
                forged=self._schedule.forged,
                events=sum(page.events for page in self._pages),
                steps=self._schedule.steps,
                late=self._schedule.late,
                cpu_seconds=time.process_time(),
                gone=gone,
            )
        )

    async def _grow(self, session: aiohttp.ClientSession, members: list[Member], rate: float) -> None:
        for member in members:  # encoding takes a while, in which those who talk already would fall silent
            await asyncio.sleep(0)
            _script(member, self._setup)
        start = time.monotonic()
        async with asyncio.TaskGroup() as joins:
            for number, member in enumerate(members):
                await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
                await self._gate.acquire()
                joins.create_task(self._join(session, member)).add_done_callback(lambda _: self._gate.release())

    async def _join(self, session: aiohttp.ClientSession, member: Member) -> None:
        participant = self._make(session, member)
        try:
            await participant.connect()
        except JoinError as error:
            self._failed += 1
            if len(self._news.refusals) < MAX_REASONS:
                self._news.refusals.append((str(error), error.status))
            await participant.close()
            return
        except BaseException:
            await participant.close()
            raise
        participant.stop_waking(stamped=member.role is LoadRole.EAR)
        self._news.answer_ms.append(participant.answer_ms)
        self._news.connected_ms.append(participant.connected_ms)
        self._there.append(participant)
        if isinstance(participant, FastPage):
            self._pages.append(participant)
        self._schedule.add(participant, _script(member, self._setup))

    def _make(self, session: aiohttp.ClientSession, member: Member) -> LoadClient:
        url = self._setup.url
        if member.role in (LoadRole.PHONE, LoadRole.TALKING_PHONE):
            return FastPhone(url, member.room, member.name, verify=self._setup.verify, token=self._setup.token)
        hear: Callable[[Arrived], None] | None = None
        if member.role is LoadRole.EAR:
            hear = lambda packet: self._news.heard.append(packet)  # noqa: E731 - `_news` changes
        if self._setup.page:
            verify, token = self._setup.verify, self._setup.token
            return FastPage(session, url, member.room, member.name, hear, verify=verify, token=token)
        return FastPeer(session, url, member.room, member.name, hear)

    async def _leave(self) -> None:
        """Everybody at the same time, as far as the server likes that; within a bound."""
        gate = asyncio.Semaphore(LEAVES_AT_ONCE)

        async def leave(one: LoadClient) -> None:
            async with gate:
                await one.close()

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await asyncio.gather(*(leave(one) for one in self._there), return_exceptions=True)


def _script(member: Member, setup: LoadSetup) -> scripts.Script:
    match member.role:
        case LoadRole.TALKER:
            return _talking(member.number % VOICES, setup.levels)
        case LoadRole.TURN_TAKER:
            return _taking_turns(member.number % VOICES, member.turn, setup.levels, setup.dtx)
        case LoadRole.MOUTH:
            return _mouth(setup.levels)
        case LoadRole.PHONE:
            return _phone()
        case LoadRole.TALKING_PHONE:
            return _talking_phone(member.number % VOICES)
        case _:
            return _silent(setup.levels) if setup.dtx else _humming(setup.noise, setup.levels)


@cache
def _talking(voice: int, levels: bool) -> scripts.Script:
    return scripts.talking(voice, levels=levels)


@cache
def _taking_turns(voice: int, turn: tuple[int, int], levels: bool, dtx: bool) -> scripts.Script:
    return scripts.taking_turns(voice, *turn, levels=levels, dtx=dtx)


@cache
def _mouth(levels: bool) -> scripts.Script:
    return scripts.mouth(levels=levels)


@cache
def _silent(levels: bool) -> scripts.Script:
    return scripts.silent(levels=levels)


@cache
def _humming(noise: int, levels: bool) -> scripts.Script:
    return scripts.humming(noise, levels=levels)


@cache
def _phone() -> scripts.Script:
    return scripts.phone_hum()


@cache
def _talking_phone(voice: int) -> scripts.Script:
    return scripts.phone_talking(voice)


def _allow_sockets() -> None:
    """Take as many open files as this system gives: each participant needs three."""
    try:
        import resource  # not on Windows
    except ImportError:
        return
    with contextlib.suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
