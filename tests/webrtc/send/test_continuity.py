"""One stream of sequence numbers and timestamps, whoever's packets are on it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.playout.sequence import MAX_DROPOUT, timestamp_step
from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.continuity import Continuity, HeaderFields, LineState
from conference.webrtc.send.stream import SingleStream

RATE, FRAME = 48_000, 960
MS = 1_000_000


def place(
    stream: Continuity, sequence: int, timestamp: int, now_ns: int, begin: tuple[int, int] = (100, 5000)
) -> HeaderFields | None:
    state = LineState(begin[0], begin[1], begin[1])
    return stream.place(sequence & 0xFFFF, timestamp & 0xFFFFFFFF, FRAME, now_ns, lambda _: state)


@given(
    first=st.integers(0, 0xFFFF),
    origin=st.integers(0, 0xFFFFFFFF),
    begin=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)),
    lost=st.sets(st.integers(1, 99)),
    swapped=st.sets(st.integers(1, 98)),
)
def test_forwarded_packets_keep_their_distances(
    first: int, origin: int, begin: tuple[int, int], lost: set[int], swapped: set[int]
) -> None:
    stream = Continuity(RATE)
    order = list(range(100))
    for number in swapped:
        order[number], order[number + 1] = order[number + 1], order[number]
    for at, number in enumerate(order):
        if number in lost:
            continue
        placed = place(stream, first + number, origin + number * FRAME, at * 20 * MS, begin)
        assert placed is not None or number < order[0]
        if placed is not None:
            assert placed[:2] == ((begin[0] + number) & 0xFFFF, (begin[1] + number * FRAME) & 0xFFFFFFFF)
    newest = max(set(order) - lost)
    assert stream.next_sequence == (begin[0] + newest + 1) & 0xFFFF


def test_a_packet_from_before_the_first_one_has_no_place() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    assert place(stream, 9, -FRAME, 5 * MS) is None


def test_a_packet_that_comes_twice_has_one_place() -> None:
    stream = Continuity(RATE)
    assert place(stream, 10, 0, 0)
    assert place(stream, 10, 0, MS) is None


def test_a_pause_is_a_gap_in_timestamps_alone_and_marked() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    assert place(stream, 11, 20 * FRAME, 400 * MS) == (101, 5000 + 20 * FRAME, True)
    assert place(stream, 12, 21 * FRAME, 420 * MS) == (102, 5000 + 21 * FRAME, False)


def test_another_stream_goes_on_where_the_line_is() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    stream.restart()
    assert place(stream, 60_000, 123_456, 5 * MS, (101, 0)) == (101, 5000 + FRAME, True), "not before the end"
    stream.restart()
    placed = place(stream, 70_000, 1, 100 * MS, (102, 0))
    assert placed is not None
    assert abs(placed.timestamp - (5000 + 100 * 48)) <= 1, "after a pause"


def test_a_clock_that_jumps_moves_the_line_by_the_time_that_has_passed() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    assert place(stream, 11, 1_000_000_000, 20 * MS, (101, 0)) == (101, 5000 + FRAME, True)


def test_a_sequence_number_far_ahead_is_another_stream() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    assert place(stream, 10 + MAX_DROPOUT, FRAME, 22 * MS, (101, 0)) == (101, 5000 + 22 * 48, True)


def test_the_line_s_clock_goes_on_with_the_time() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    assert timestamp_step(stream.timestamp(100 * MS), 5000) == 100 * 48
    assert stream.take_over(75 * MS, FRAME) == 5000 + FRAME, "directly behind what was sent"
    assert stream.take_over(100 * MS, FRAME) == 5000 + 100 * 48, "after a pause"


def test_however_often_it_changes_no_delay_adds_up() -> None:
    """Every change is in a pause."""
    stream, now_ns = Continuity(RATE), 0
    place(stream, 1, 0, 0)
    for change in range(1, 200):
        now_ns += 497 * MS
        stream.restart()
        placed = place(stream, 1000 * change, 7 * change, now_ns)
        assert placed is not None
        assert 0 <= timestamp_step(placed.timestamp, 5000 + now_ns // MS * 48) < 48
        mix_ns = now_ns + 503 * MS
        assert 0 <= timestamp_step(stream.take_over(mix_ns, FRAME), 5000 + mix_ns // MS * 48) < 48
        now_ns = mix_ns


def test_the_line_follows_a_talker_whose_clock_is_fast() -> None:
    stream, fast = Continuity(RATE), 1 + 200e-6
    for number in range(30 * 60 * 50):
        placed = place(stream, number, round(number * FRAME * fast), number * 20 * MS)
    assert placed is not None
    after_ns = number * 20 * MS + 500 * MS
    expected = placed.timestamp + 500 * 48
    assert abs(timestamp_step(stream.take_over(after_ns, FRAME), expected)) < 5 * 48


def test_what_follows_the_news_of_a_pause_comes_at_its_time() -> None:
    stream = Continuity(RATE)
    state = LineState(100, 5000, 5000)
    stream.place(10, 0, FRAME, 0, lambda _: state, pauses=True)
    assert stream.take_over(50 * MS, FRAME) == 5000 + 50 * 48
    stream.place(11, FRAME, FRAME, 20 * MS, lambda _: state, pauses=True)
    assert stream.take_over(22 * MS, FRAME) == 5000 + 2 * FRAME, "but not before the end"


@pytest.mark.parametrize("seed", range(2))
def test_no_delay_adds_up_over_many_changes_where_the_network_shakes(seed: int) -> None:
    chance, now_ns, sent = random.Random(seed), [0], list[tuple[int, int]]()

    def transmit(packet: bytes) -> bool:
        sent.append((now_ns[0], parse_rtp(packet).timestamp))
        return True

    stream, tick, delays_ms = SingleStream(Format(111, "opus"), 7, transmit, lambda: now_ns[0]), 0, []
    for _ in range(100):
        for _ in range(chance.randrange(50, 150)):
            tick += 1
            now_ns[0] = tick * 20 * MS
            stream.post(tick, b"a packet of a mix")
        stream.restart_forwarding()
        for _ in range(chance.randrange(50, 150)):
            tick += 1
            now_ns[0] = tick * 20 * MS + chance.randrange(5, 16) * MS
            stream.forward(tick & 0xFFFF, tick * FRAME & 0xFFFFFFFF, FRAME, b"a talker's packet", now_ns[0])
        stream.restart_forwarding()
        passed_ms = (sent[-1][0] - sent[0][0]) / MS
        delays_ms.append(timestamp_step(sent[-1][1], sent[0][1]) / 48 - passed_ms)
    assert max(delays_ms) < 25
