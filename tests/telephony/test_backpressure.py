"""All that arrives is counted; what is beyond the limits is not read, and nothing is lost or changes its order."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.backpressure import (
    BURST_SECONDS,
    FRAMES_AT_ONCE,
    READ_BYTES,
    LimitedReading,
    ReadLimits,
)

PING = b"\x89\x80mask"
FRAGMENT = b"\x00\x80mask"
FRAMES = [PING, FRAGMENT, b"\x89\x00", b"\x82\x01x", b"\x81\xfe\x01\x2cmask" + b"x" * 300]
SOUND = FRAMES[-1]


class Connection(asyncio.Transport):
    """A transport, the loop it is in, and its other end; time passes when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.kernel = bytearray()  # sent by the other end, and not read
        self.reading = True
        self.closing = False
        self.calls: list[tuple[float, int, Callable[[], None]]] = []
        self.reader: LimitedReading

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        call = (self.now + delay, len(self.calls) + round(self.now * 1e9), callback)
        heapq.heappush(self.calls, call)
        return type("Timer", (), {"cancel": lambda _: self.calls.clear()})()

    def is_closing(self) -> bool:
        return self.closing

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def turn(self) -> None:
        """One turn of the loop: read once, if anything is there and wanted, and call what is due."""
        if self.reading and self.kernel:
            buffer = self.reader.get_buffer(-1)
            piece = bytes(self.kernel[: len(buffer)])
            buffer[: len(piece)] = piece
            del self.kernel[: len(piece)]
            self.reader.buffer_updated(len(piece))
        for _ in range(sum(due <= self.now for due, _, _ in self.calls)):  # what these call for is for another turn
            heapq.heappop(self.calls)[2]()

    def pass_time(self, seconds: float, step: float = 0.005) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += step
            self.turn()


class Protocol(asyncio.Protocol):
    """Whom the bytes are for: it pauses the transport when it has got much, as aiohttp does."""

    def __init__(self, connection: Connection, most: int = 1 << 30) -> None:
        self.connection = connection
        self.most = most
        self.waiting = 0
        self.pausing = False
        self.got: list[tuple[float, bytes]] = []
        self.lost: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self.got.append((self.connection.now, data))
        self.waiting += len(data)
        if self.waiting > self.most and not self.pausing:
            self.pausing = True
            self.connection.pause_reading()

    def take(self) -> None:
        """Whoever reads from it has read all."""
        self.waiting = 0
        if self.pausing:
            self.pausing = False
            self.connection.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)

    @property
    def stream(self) -> bytes:
        return b"".join(data for _, data in self.got)


def connect(limits: ReadLimits, most: int = 1 << 30) -> tuple[Connection, Protocol]:
    connection = Connection()
    protocol = Protocol(connection, most)
    loop = cast("asyncio.AbstractEventLoop", connection)
    connection.reader = LimitedReading(protocol, limits, loop, connection)
    return connection, protocol


def test_what_is_within_the_limits_is_handed_on_at_once_and_the_transport_never_paused() -> None:
    connection, protocol = connect(ReadLimits(1_000_000, 400))
    for number in range(500):
        connection.kernel += SOUND
        connection.turn()
        assert len(protocol.got) == number + 1
        assert connection.reading
        connection.now += 0.02
    assert connection.reader.held_back_seconds == 0


@given(
    st.lists(st.tuples(st.sampled_from(FRAMES), st.integers(1, 150)), max_size=3),
    st.sampled_from([10, 50, 400]),
    st.sampled_from([2000, 20_000, 1_000_000]),
    st.integers(1, 100_000),
)
def test_never_more_is_handed_on_than_the_limits_allow_and_in_the_end_all_of_it_is(
    sent: list[tuple[bytes, int]], frames: int, size: int, most: int
) -> None:
    connection, protocol = connect(ReadLimits(size, frames), most)
    stream = b"".join(frame * number for frame, number in sent)
    connection.kernel += stream
    count = sum(number for _, number in sent)
    for _ in range(10_000):
        connection.pass_time(0.2, step=0.05)
        protocol.take()
        if len(protocol.stream) == len(stream):
            break
    assert protocol.stream == stream
    assert connection.now >= count / frames - BURST_SECONDS - FRAMES_AT_ONCE / frames
    assert connection.now >= len(stream) / size - BURST_SECONDS - READ_BYTES / size
    got = 0
    for now, data in protocol.got:
        got += len(data)
        assert got <= size * (BURST_SECONDS + now) + READ_BYTES
        assert data.count(b"mask") <= FRAMES_AT_ONCE + 1  # the first may have begun before


def test_others_have_their_turn_between_a_few_frames_of_a_pile() -> None:
    connection, protocol = connect(ReadLimits(1_000_000_000, 1_000_000))
    connection.kernel += PING * 1000
    turns = 0
    while len(protocol.stream) < 6000:
        connection.turn()
        turns += 1
    assert turns >= 1000 // FRAMES_AT_ONCE // 2
    assert max(len(data) for _, data in protocol.got) < (FRAMES_AT_ONCE + 1) * len(PING)


def test_the_other_protocols_pause_is_never_ended_by_ours() -> None:
    connection, protocol = connect(ReadLimits(1_000_000, 50), most=600)
    connection.kernel += PING * 5000
    connection.pass_time(1)
    assert protocol.pausing
    got = len(protocol.stream)
    connection.pass_time(60)
    assert len(protocol.stream) - got <= READ_BYTES
    assert not connection.reading
    for _ in range(2000):
        connection.pass_time(0.1)
        protocol.take()
    assert protocol.stream == PING * 5000


def test_who_goes_on_sending_too_much_is_told_of_once_and_who_stops_is_not() -> None:
    floods: list[float] = []
    connection, _ = connect(ReadLimits(1_000_000, 50, flood_seconds=10))
    connection.reader.on_flood = lambda: floods.append(connection.now)
    connection.kernel += PING * 400  # 2 s at once, and then 6 s of too much
    connection.pass_time(30)
    assert floods == []
    connection.kernel += PING * 5000
    connection.pass_time(40)
    assert len(floods) == 1
    assert connection.reader.held_back_seconds > 10


@pytest.mark.parametrize("step", [0.001, 0.017, 0.03])
def test_a_flood_is_one_however_late_the_loop_is(step: float) -> None:
    floods: list[float] = []
    connection, _ = connect(ReadLimits(1_000_000, 400, flood_seconds=5))
    connection.reader.on_flood = lambda: floods.append(connection.now)
    connection.kernel += PING * 20_000
    connection.pass_time(12, step)
    assert len(floods) == 1


def test_frames_are_counted_from_where_the_limits_become_those_of_a_web_socket() -> None:
    connection, protocol = connect(ReadLimits(100_000))
    connection.kernel += b"GET / HTTP/1.1\r\n\r\n" + b"x" * 5000
    connection.turn()
    assert len(protocol.got) == 1
    connection.reader.limit(ReadLimits(1_000_000, 50))
    connection.kernel += PING * 1000
    connection.pass_time(5)
    assert 50 * 5 <= protocol.stream.count(PING) <= 50 * (5 + BURST_SECONDS) + FRAMES_AT_ONCE
    connection.pass_time(20)
    assert protocol.stream.endswith(PING * 1000)


def test_what_was_read_and_not_handed_on_as_a_web_socket_begins_is_its_first_frames() -> None:
    connection, protocol = connect(ReadLimits(1000))
    connection.kernel += b"x" * READ_BYTES
    connection.turn()  # 6 s too much
    connection.resume_reading()  # as the other protocol may
    connection.kernel += PING * 100
    connection.turn()
    connection.reader.limit(ReadLimits(1_000_000, 10))
    connection.pass_time(20, step=0.05)
    assert protocol.stream == b"x" * READ_BYTES + PING * 100
    assert max(data.count(PING) for _, data in protocol.got) == FRAMES_AT_ONCE


def test_a_connection_that_is_lost_meanwhile_gets_nothing_more() -> None:
    connection, protocol = connect(ReadLimits(1_000_000, 50))
    connection.kernel += PING * 1000
    connection.pass_time(1)
    got = len(protocol.got)
    connection.closing = True
    connection.reader.connection_lost(None)
    connection.pass_time(10)
    assert protocol.lost == [None]
    assert len(protocol.got) == got
