"""When a socket is read, on a clock that is set by hand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from conference.webrtc.udp import datagrams
from conference.webrtc.udp import reader as reader_module
from conference.webrtc.udp.bindings import Binding
from conference.webrtc.udp.reader import HURRY_NS, LATEST_NS, PLACES, QUEUED_BYTES, QUICK_READS, SOONEST_NS, Reader
from conference.webrtc.udp.sockets import MuxStats, SharedSocket
from tests.webrtc.stock import LOOPBACK

MS = 1_000_000


@dataclass
class Timer:
    due_ns: int
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """As much of an event loop as a reader needs."""

    def __init__(self) -> None:
        self.now_ns = 10**12
        self.timers: list[Timer] = []
        self.readable: Callable[[], None] | None = None

    def time(self) -> float:
        return self.now_ns / 1e9

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self.now_ns + round(seconds * 1e9), callback)
        self.timers.append(timer)
        return timer

    def add_reader(self, _: int, callback: Callable[[], None]) -> None:
        self.readable = callback

    def remove_reader(self, _: int) -> None:
        self.readable = None


class Wire:
    """A reader, and how many datagrams a second come."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, buffer_bytes: int | None = None) -> None:
        self.loop = Loop()
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: self.loop)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((LOOPBACK, 0))
        if buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.buffer_bytes = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self.via = SharedSocket(sock, Binding(LOOPBACK, (LOOPBACK,)), MuxStats())
        self.reader = Reader(self.via, Any, lambda: self.loop.now_ns)  # type: ignore[arg-type]
        monkeypatch.setattr(self.reader, "_drain", self._drain)
        self.enough = min(PLACES, self.buffer_bytes // QUEUED_BYTES)
        self.per_second = 0
        self.reads: list[tuple[int, int]] = []  # when, and how many came
        self._drained_ns = self.loop.now_ns

    def _drain(self) -> int:
        came = (self.loop.now_ns - self._drained_ns) * self.per_second // 10**9
        if came:
            self._drained_ns = self.loop.now_ns
        self.reads.append((self.loop.now_ns, came))
        return came

    def run(self, duration_ns: int, step_ns: int = MS // 4) -> None:
        """Let time pass."""
        end_ns = self.loop.now_ns + duration_ns
        while self.loop.now_ns < end_ns:
            self.loop.now_ns += step_ns
            due = [one for one in self.loop.timers if one.due_ns <= self.loop.now_ns]
            for timer in due:
                self.loop.timers.remove(timer)
                if not timer.cancelled:
                    timer.callback()
            waiting = (self.loop.now_ns - self._drained_ns) * self.per_second // 10**9
            if waiting and self.loop.readable is not None:
                self.loop.readable()

    def wakes(self) -> bool:
        """Whether the next datagram wakes the event loop."""
        return self.loop.readable is not None

    def intervals_ms(self) -> list[float]:
        """Between the last reads."""
        moments = [moment for moment, _ in self.reads[-11:]]
        return [(after - before) / MS for before, after in pairwise(moments)]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    wire = Wire(monkeypatch)
    yield wire
    wire.reader.close()


def test_where_little_comes_each_datagram_wakes_the_event_loop(wire: Wire) -> None:
    wire.per_second = 10
    wire.run(10**9)
    assert wire.wakes()
    assert [came for _, came in wire.reads] == [1] * len(wire.reads)
    assert 9 <= len(wire.reads) <= 10


def test_what_follows_closely_is_read_by_the_clock_and_silence_ends_that(wire: Wire) -> None:
    wire.per_second = 500
    wire.run(10**9)
    assert not wire.wakes()
    assert wire.intervals_ms() == pytest.approx([LATEST_NS / MS] * 10, abs=1)
    wire.per_second = 0
    wire.run(4 * LATEST_NS)
    assert wire.wakes()
    assert not wire.loop.timers


def test_a_few_quick_ones_change_nothing(wire: Wire) -> None:
    wire.per_second = 200
    wire.run((QUICK_READS - 2) * 5 * MS)
    assert wire.wakes()


def test_much_is_read_as_often_as_there_are_many_together(wire: Wire) -> None:
    wire.per_second = 5_000
    wire.run(10**9)
    assert wire.intervals_ms() == pytest.approx([min(wire.enough / 5, LATEST_NS / MS)] * 10, abs=1)
    wire.per_second = 100_000
    wire.run(10**9)
    assert wire.intervals_ms() == pytest.approx([max(wire.enough / 100, SOONEST_NS / MS)] * 10, abs=1)


def test_a_small_buffer_is_read_before_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch, 128 * 1024)
    wire.per_second = 20_000
    wire.run(10**9)
    assert max(came for _, came in wire.reads[-10:]) <= 1.2 * wire.buffer_bytes / QUEUED_BYTES
    assert max(wire.intervals_ms()) < LATEST_NS / MS
    wire.reader.close()


@pytest.mark.parametrize(("per_second", "interval_ms"), [(500, 3), (5_000, 3), (15_000, 3), (30_000, 6), (200_000, 20)])
def test_while_somebody_connects_looks_are_frequent_and_less_so_where_much_comes(
    wire: Wire, per_second: int, interval_ms: float
) -> None:
    wire.reader._enough = 10_000
    wire.per_second = per_second
    wire.run(10**9)
    wire.reader.hurry()
    wire.run(HURRY_NS - LATEST_NS)
    assert wire.intervals_ms() == pytest.approx([interval_ms] * 10, abs=0.5)


def test_a_tick_reads_what_the_clock_would_and_delays_its_next_look(wire: Wire) -> None:
    wire.per_second = 500
    wire.run(10**9)
    reads = len(wire.reads)
    for _ in range(10):
        wire.reader.read()
        wire.run(LATEST_NS - MS)
    assert len(wire.reads) - reads == 10


def test_more_than_a_burst_says_that_it_is_behind(wire: Wire) -> None:
    wire.per_second = 500
    wire.run(10**9)
    assert wire.reader.behind_ns < 0
    wire.per_second = reader_module.BURST * 1000
    wire.run(LATEST_NS)
    assert wire.reader.behind_ns > 0


class Slow:
    """Takes what is read, and its time."""

    def __init__(self, loop: Loop, each_ns: int) -> None:
        self.taken = 0
        self._loop, self._each_ns = loop, each_ns

    def take(self, batch: Any, count: int, arrivals_ns: Any, via: SharedSocket) -> None:
        self.taken += count
        self._loop.now_ns += count * self._each_ns

    def take_one(self, data: bytes, address: Any, via: SharedSocket, now_ns: int) -> None:
        self.taken += 1
        self._loop.now_ns += self._each_ns


@pytest.mark.parametrize("many_at_once", [True, False])
def test_reading_ends_when_its_time_is_over_and_goes_on_later(
    many_at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "PLACES", 4)
    monkeypatch.setattr(datagrams, "AVAILABLE", many_at_once and datagrams.AVAILABLE)
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((LOOPBACK, 0))
    sock.setblocking(False)
    slow = Slow(loop, MS)
    via = SharedSocket(sock, Binding(LOOPBACK, (LOOPBACK,)), MuxStats())
    reader = Reader(via, slow, lambda: loop.now_ns, 5 * MS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(20):
            sender.sendto(b"x", sock.getsockname())
    reader._readable()
    assert 5 <= slow.taken <= 8
    assert reader.behind_ns > 0, "it is known that there is more"
    for _ in range(10):
        reader._readable()
    reader.read()
    loop.now_ns += LATEST_NS
    for timer in list(loop.timers):
        timer.callback()
    assert slow.taken == 20
    reader.close()
