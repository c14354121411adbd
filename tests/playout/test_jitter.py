"""The jitter buffer, packet by packet, with time as a number."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.playout.items import Item, Lost, Packet, Silence
from conference.playout.jitter import JitterBuffer

RATE = 48_000
TICK = 960
TICK_NS = 20_000_000


@dataclass
class Arrival:
    at_ns: int
    number: int
    """Of the packet, counting from 0 with one packet every 20 ms of media time."""


def play(
    arrivals: list[Arrival],
    ticks: int,
    *,
    first_sequence: int = 1000,
    first_timestamp: int = 5_000_000,
    skip_ns: int = 3_000_000,
    buffer: JitterBuffer | None = None,
) -> list[Item]:
    """Run a buffer over ``ticks`` pulls, pushing each packet once its time has come."""
    buffer = buffer or JitterBuffer(RATE)
    waiting = sorted(arrivals, key=lambda one: one.at_ns)
    items = []
    for tick in range(ticks):
        now = tick * TICK_NS + skip_ns
        while waiting and waiting[0].at_ns <= now:
            one = waiting.pop(0)
            buffer.push(
                (first_sequence + one.number) & 0xFFFF,
                (first_timestamp + one.number * TICK) & 0xFFFFFFFF,
                payload(one.number),
                TICK,
                one.at_ns,
            )
        items.append(buffer.pull(now, TICK))
    return items


def payload(number: int) -> bytes:
    return b"packet" + number.to_bytes(4, "big")


def numbers(items: list[Item]) -> list[int | None]:
    """The packets that were played; None for what was not one."""
    return [int.from_bytes(one.payload[6:], "big") if isinstance(one, Packet) else None for one in items]


def steady(count: int, but: frozenset[int] = frozenset()) -> list[Arrival]:
    return [Arrival(number * TICK_NS, number) for number in range(count) if number not in but]


def test_packets_that_come_evenly_are_played_evenly() -> None:
    played = numbers(play(steady(50), 52))
    first = played.index(0)
    assert first <= 1
    assert played[first : first + 50] == list(range(50))


@pytest.mark.parametrize(
    ("first_sequence", "first_timestamp"), [(65_530, 0), (0, 2**32 - 5 * TICK), (65_535, 2**32 - 1)]
)
def test_counters_may_wrap(first_sequence: int, first_timestamp: int) -> None:
    played = numbers(play(steady(50), 52, first_sequence=first_sequence, first_timestamp=first_timestamp))
    assert [one for one in played if one is not None] == list(range(50))


def test_packets_out_of_order_are_played_in_order() -> None:
    arrivals = steady(50)
    for index in range(10, 40, 5):
        arrivals[index], arrivals[index + 1] = (
            Arrival(arrivals[index].at_ns, index + 1),
            Arrival(arrivals[index].at_ns + 1_000_000, index),
        )
    played = numbers(play(arrivals, 54))
    assert [one for one in played if one is not None] == list(range(50))


def test_duplicates_are_played_once() -> None:
    arrivals = steady(30) + [Arrival(one.at_ns + 1_000_000, one.number) for one in steady(30)]
    played = [one for one in numbers(play(arrivals, 34)) if one is not None]
    assert played == list(range(30))


def test_what_comes_again_is_counted_whether_it_waits_or_has_been_played() -> None:
    buffer = JitterBuffer(RATE)
    assert (buffer.stats.received, buffer.stats.duplicate, buffer.stats.late, buffer.stats.lost) == (0, 0, 0, 0)
    for number in (0, 0, 1, 2, 1, 2):
        buffer.push(number, number * TICK, b"sound", TICK, number * TICK_NS)
    assert buffer.stats.duplicate == 3
    for number in range(1, 4):
        buffer.pull(number * TICK_NS + 3_000_000, TICK)
    buffer.push(0, 0, b"sound", TICK, 5 * TICK_NS)
    assert (buffer.stats.duplicate, buffer.stats.late) == (4, 0)


def test_a_gap_in_time_but_not_in_sequence_is_silence() -> None:
    buffer = JitterBuffer(RATE)
    for number in range(3):
        buffer.push(number, number * TICK, b"sound", TICK, number * TICK_NS)
    items = [buffer.pull(number * TICK_NS + 3_000_000, TICK) for number in range(1, 4)]
    buffer.push(3, 23 * TICK, b"sound", TICK, 23 * TICK_NS)  # the next in sequence, 400 ms later
    late = [buffer.pull(23 * TICK_NS + 15_000_000, TICK)]
    assert [type(one) for one in items] == [Packet] * 3
    assert [type(one) for one in late] == [Packet]
    assert buffer.stats.lost == 0


def test_an_announced_silence_is_never_concealed() -> None:
    buffer = JitterBuffer(RATE)
    for number in range(4):
        buffer.push(number, number * TICK, b"sound" if number < 3 else b"\xf8", TICK, number * TICK_NS)
    items = [buffer.pull(number * TICK_NS + 13_000_000, TICK) for number in range(12)]
    assert not [one for one in items if isinstance(one, Lost)]
    assert isinstance(items[-1], Silence)


def test_a_source_that_stops_without_a_word_is_concealed_for_60_ms_only() -> None:
    items = play(steady(20), 40)
    assert sum(isinstance(one, Lost) for one in items) == 3
    assert all(isinstance(one, Silence) for one in items[-10:])


def test_the_packet_after_a_gap_is_handed_over_for_its_redundancy() -> None:
    arrivals = [one for one in steady(30) if one.number != 15]
    for one in arrivals:
        one.at_ns -= 25_000_000 if one.number > 15 else 0  # 16 is there when 15 is missed
    lost = lost_before_the_end(play(arrivals, 34))
    assert [one.following for one in lost] == [payload(16)]


def test_a_stream_that_restarts_with_other_numbers_goes_on() -> None:
    buffer = JitterBuffer(RATE)
    play(steady(20), 20, buffer=buffer)
    again = [Arrival(at_ns=one.at_ns + 20 * TICK_NS, number=one.number) for one in steady(30)]
    items = []
    for tick in range(20, 55):
        now = tick * TICK_NS + 3_000_000
        while again and again[0].at_ns <= now:
            one = again.pop(0)
            buffer.push(40_000 + one.number, one.number * TICK, payload(one.number), TICK, one.at_ns)
        items.append(buffer.pull(now, TICK))
    played = [one for one in numbers(items) if one is not None]
    assert played[-25:] == list(range(5, 30))
    assert buffer.stats.restarts == 1


def test_one_stray_sequence_number_changes_nothing() -> None:
    buffer = JitterBuffer(RATE)
    buffer.push(10, 0, b"sound", TICK, 0)
    buffer.push(40_000, 77, b"stray", TICK, 1_000_000)
    buffer.push(11, TICK, b"sound", TICK, TICK_NS)
    assert buffer.stats.restarts == 0
    assert buffer.buffered == 2 * TICK


def test_a_sender_whose_clock_stood_still_during_a_pause_is_heard_at_once_and_not_cut() -> None:
    """Some senders do not count while muted: their next packet is seconds late by its own timestamp."""
    buffer = JitterBuffer(RATE)
    pause = 250  # ticks
    arrivals = [Arrival((number + (pause if number >= 50 else 0)) * TICK_NS, number) for number in range(150)]
    items = play(arrivals, 150 + pause + 4, buffer=buffer)
    played = [one for one in numbers(items) if one is not None]
    assert played == list(range(150))
    assert buffer.correction((150 + pause) * TICK_NS, 0) < TICK


def test_what_the_buffer_holds_is_bounded() -> None:
    buffer = JitterBuffer(RATE, capacity_ms=1000)
    for number in range(500):
        buffer.push(number, number * TICK, b"flood", TICK, 0)
    assert buffer.buffered <= RATE
    assert buffer.stats.overflowed == 450


def lost_before_the_end(items: list[Item]) -> list[Lost]:
    """What was concealed while there was still something to come."""
    last = max(tick for tick, one in enumerate(items) if isinstance(one, Packet))
    return [one for one in items[:last] if isinstance(one, Lost)]


def delays_ns(arrivals: list[Arrival], items: list[Item], skip_ns: int = 3_000_000) -> list[int]:
    """How long after its media time each packet was played."""
    return [
        tick * TICK_NS + skip_ns - number * TICK_NS for tick, number in enumerate(numbers(items)) if number is not None
    ]


@settings(max_examples=60)
@given(
    gone=st.integers(min_value=5, max_value=90),
    phase=st.integers(min_value=0, max_value=19_999_999),
    shake=st.randoms(use_true_random=False),
)
def test_law_8_one_lost_packet_costs_one_concealed_frame_and_no_delay(
    gone: int, phase: int, shake: random.Random
) -> None:
    """Loss: one lost packet costs at most one concealed frame: no stall, and no delay that stays."""
    arrivals = [
        Arrival(number * TICK_NS + shake.randrange(2_000_000), number) for number in range(100) if number != gone
    ]
    items = play(arrivals, 103, skip_ns=phase)
    assert [one for one in numbers(items) if one is not None] == [one.number for one in arrivals]
    assert len(lost_before_the_end(items)) == 1
    delays = delays_ns(arrivals, items, phase)
    assert max(delays[gone:]) <= max(delays[:gone])


@settings(max_examples=60)
@given(late=st.integers(min_value=5, max_value=90), by_ms=st.integers(min_value=1, max_value=150))
def test_one_late_packet_leaves_no_delay_behind(late: int, by_ms: int) -> None:
    arrivals = steady(100)
    arrivals[late].at_ns += by_ms * 1_000_000
    items = play(arrivals, 103)
    delays = delays_ns(arrivals, items)
    assert delays[-1] <= delays[0]
    missing = set(range(100)) - set(numbers(items))
    assert missing <= {late}


def test_jitter_is_learnt_and_then_nothing_is_lost() -> None:
    shake = random.Random(4)
    arrivals = [Arrival(number * TICK_NS + shake.randrange(60_000_000), number) for number in range(500)]
    buffer = JitterBuffer(RATE)
    items = play(arrivals, 505, buffer=buffer)
    settled = items[150:490]
    assert sum(isinstance(one, Packet) for one in settled) >= 0.97 * len(settled)
    assert max(delays_ns(arrivals, items)) <= 110_000_000


@given(
    packets=st.lists(
        st.tuples(
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=8),
            st.integers(0, 5760),
            st.integers(0, 10_000_000_000),
        ),
        max_size=60,
    )
)
def test_no_packets_whatever_break_it(packets: list[tuple[int, int, bytes, int, int]]) -> None:
    buffer = JitterBuffer(RATE)
    now = 0
    for sequence, timestamp, content, duration, arrival in packets:
        buffer.push(sequence, timestamp, content, duration, arrival)
        now = max(now, arrival) + TICK_NS
        item = buffer.pull(now, TICK)
        assert item.duration >= 0
        buffer.correction(now, 0)
    assert buffer.buffered <= RATE + 5760
    steps_of_a_gap = 60 * 2 // 5  # 60 ms at most, in steps of the shortest packet there is
    for _ in range((len(packets) + 1) * (steps_of_a_gap + 1) + 1):
        now += 10 * TICK_NS
        item = buffer.pull(now, TICK)
    assert isinstance(item, Silence)
    assert not buffer.buffered


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.3),
    jitter_ms=st.integers(0, 80),
)
def test_nothing_is_played_twice_or_out_of_order(seed: int, loss: float, jitter_ms: int) -> None:
    shake = random.Random(seed)
    arrivals = [
        Arrival(number * TICK_NS + shake.randrange(jitter_ms * 1_000_000 + 1), number)
        for number in range(200)
        if shake.random() >= loss
    ]
    arrivals += [Arrival(one.at_ns + shake.randrange(50_000_000), one.number) for one in arrivals[::7]]
    played = [one for one in numbers(play(arrivals, 220)) if one is not None]
    assert played == sorted(set(played))


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4000), st.sampled_from([120, 960, 2880])), max_size=30),
    st.integers(1, 4),
)
def test_no_more_of_a_packet_is_left_out_than_there_is(packets: list[tuple[int, int, int]], together: int) -> None:
    """Whatever its sender says of time: packets may begin before the one in front of them ends."""
    buffer = JitterBuffer(RATE)
    sequence = timestamp = 0
    for tick, (step, ahead, duration) in enumerate(packets):
        sequence, timestamp = sequence + step, timestamp + ahead
        buffer.push(sequence, timestamp, b"sound", duration, tick // together * TICK_NS)
        item = buffer.pull(tick * TICK_NS + 5_000_000, TICK)
        assert not isinstance(item, Packet) or 0 <= item.skip <= item.duration


@given(st.lists(st.sampled_from([None, 0, 0, 0, 5, 30, 60, 110]), min_size=1, max_size=60))
def test_every_packet_that_came_is_played_or_was_late(delays_ms: list[int | None]) -> None:
    buffer = JitterBuffer(RATE)
    arrivals = [
        Arrival(number * TICK_NS + delay * 1_000_000, number)
        for number, delay in enumerate(delays_ms)
        if delay is not None
    ]
    played = [number for number in numbers(play(arrivals, len(delays_ms) + 60, buffer=buffer)) if number is not None]
    assert len(set(played)) == len(played), "nothing is played twice"
    assert (buffer.stats.received, buffer.stats.duplicate, buffer.stats.overflowed) == (len(arrivals), 0, 0)
    assert len(played) + buffer.stats.late == len(arrivals)


@settings(max_examples=60, deadline=None)
@given(
    late_ms=st.lists(st.integers(0, 20), min_size=30, max_size=200),
    lost=st.sets(st.integers(0, 199), max_size=20),
    swapped=st.sets(st.integers(0, 198), max_size=5),
)
def test_what_is_passed_on_tells_as_much_of_the_network_as_if_each_packet_were_looked_at(
    late_ms: list[int], lost: set[int], swapped: set[int]
) -> None:
    each, some = JitterBuffer(48_000), JitterBuffer(48_000)
    order = list(range(len(late_ms)))
    for number in swapped:
        if number + 1 < len(order):
            order[number], order[number + 1] = order[number + 1], order[number]
    for number in order:
        if number not in lost:
            packet = 65_500 + number & 0xFFFF, number * 960, (number * 20 + late_ms[number]) * 1_000_000, 960
            each.pass_by(*packet)
            some.pass_on(*packet)
    assert some.stats.received == each.stats.received
    for one in (each, some):
        one.resume()
    assert some.stats == each.stats
    assert some.delay.base == each.delay.base
    assert some.delay.target >= each.delay.target
    assert some.delay.target <= 21 * 48 * 33 // 32
    following = len(order)
    for one in (each, some):
        one.push(65_500 + following & 0xFFFF, following * 960, b"packet", 960, following * 20_000_000)
    items = [[one.pull((following * 20 + 80 + 20 * n) * 1_000_000, 960) for n in range(3)] for one in (each, some)]
    assert [type(one) for one in items[0]] == [type(one) for one in items[1]]
