"""One stream of sequence numbers and timestamps, whoever's packets are on it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.playout.sequence import MAX_DROPOUT, timestamp_step
from conference.webrtc.send.continuity import Continuity, HeaderFields

RATE, FRAME = 48_000, 960
MS = 1_000_000


def place(
    stream: Continuity, sequence: int, timestamp: int, now_ns: int, begin: tuple[int, int] = (100, 5000)
) -> HeaderFields | None:
    return stream.place(sequence & 0xFFFF, timestamp & 0xFFFFFFFF, FRAME, now_ns, lambda _: begin)


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
    now_ns = 40 * MS
    begin = stream.next_sequence, stream.next_timestamp(now_ns, FRAME)
    assert place(stream, 60_000, 123_456, now_ns, begin) == (101, 5000 + FRAME, True)


def test_a_clock_that_jumps_moves_the_line_by_the_time_that_has_passed() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    assert place(stream, 11, 1_000_000_000, 20 * MS, (101, 5000 + FRAME)) == (101, 5000 + FRAME, True)


def test_a_sequence_number_far_ahead_is_another_stream() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    assert place(stream, 10 + MAX_DROPOUT, FRAME, 20 * MS, (101, 6000)) == (101, 6000, True)


def test_the_line_s_clock_goes_on_with_the_time() -> None:
    stream = Continuity(RATE)
    place(stream, 10, 0, 0)
    assert timestamp_step(stream.timestamp(100 * MS), 5000 + FRAME) == 100 * 48
    assert stream.next_timestamp(60 * MS, FRAME) == 5000 + FRAME, "directly behind what was sent"
    assert stream.next_timestamp(100 * MS, FRAME) == 5000 + FRAME + 100 * 48, "after a pause"
