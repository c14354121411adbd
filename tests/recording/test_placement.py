"""Sound lies where it was said, whatever the network and the clocks did to it."""

from __future__ import annotations

import random
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from conference.recording.legs import unwrap
from conference.recording.placement import Sent, is_live, place_messages, place_packets

MS = 1_000_000
TICK = 20 * MS


def stream(said: list[int], late: list[int], ppm: float = 0.0, clock_rate: int = 48_000) -> list[Sent]:
    """Packets of 20 ms that were said at these times, by a clock that runs faster, and came so late."""
    packets = [
        Sent(n, round(at * (1 + ppm / 1e6) * clock_rate / 1e9), clock_rate // 50, at + TICK + lag)
        for n, (at, lag) in enumerate(zip(said, late, strict=True))
    ]
    return sorted(packets, key=lambda one: one.arrival_ns)


def errors_ms(packets: list[Sent], said: list[int], clock_rate: int = 48_000) -> list[float]:
    places = place_packets(packets, clock_rate)
    return [(place - said[one.sequence]) / MS for one, place in zip(packets, places, strict=True)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(-200, 200), st.sampled_from([8_000, 48_000]))
def test_after_three_hours_with_pauses_and_losses_everything_is_in_its_place(
    seed: int, ppm: float, clock_rate: int
) -> None:
    chance = random.Random(seed)
    said, at = [], chance.randrange(10**9)
    while at < 3 * 3600 * 10**9:
        said += [at + n * TICK for n in range(chance.randrange(10, 60)) if chance.random() > 0.1]
        at += chance.randrange(2, 1200) * 10**9
    late = [3 * MS + int(chance.expovariate(1 / (8 * MS))) for _ in said]
    worst = max(abs(one) for one in errors_ms(stream(said, late, ppm, clock_rate), said, clock_rate))
    assert worst < 20


def test_packets_that_an_outage_held_back_are_where_they_were_said() -> None:
    said = [n * TICK for n in range(1000)]
    late = [max(0, 3 * 10**9 - (n - 400) * TICK) if 400 <= n < 550 else MS for n in range(1000)]
    assert max(map(abs, errors_ms(stream(said, late), said))) < 5


def test_a_clock_that_stands_still_while_nothing_is_said_is_followed() -> None:
    heard = [n * TICK + (2 * 10**9 if n >= 200 else 0) for n in range(600)]
    packets = [Sent(n, n * 960, 960, at + TICK + MS) for n, at in enumerate(heard)]
    places = place_packets(packets, 48_000)
    assert max(abs(place - at) for place, at in zip(places, heard, strict=True)) < 5 * MS


def test_the_last_packet_is_in_its_place_however_late_it_came() -> None:
    said = [n * TICK for n in range(300)]
    late = [MS] * 299 + [400 * MS]
    assert max(map(abs, errors_ms(stream(said, late), said))) < 5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(-200, 200))
def test_a_call_that_never_pauses_stays_in_its_place_whatever_its_clock(seed: int, ppm: float) -> None:
    chance = random.Random(seed)
    messages, said = [], []
    for n in range(50 * 900):
        at = round(n * TICK * (1 + ppm / 1e6))
        said.append(at)
        messages.append((at + TICK + int(chance.expovariate(1 / (2 * MS))), TICK))
    places = place_messages(sorted(messages))
    assert max(abs(place - at) for place, at in zip(places, said, strict=True)) < 20 * MS


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_what_a_stall_of_a_call_held_back_is_where_it_was_said(seed: int) -> None:
    chance = random.Random(seed)
    said = [n * TICK for n in range(50 * 120)]
    held_until = 0
    arrivals = []
    for at in said:
        if held_until + 10**9 < at < 110 * 10**9 and chance.random() < 0.01:
            held_until = at + chance.randrange(3 * 10**9)
        arrivals.append(max(at + TICK + int(chance.expovariate(1 / (2 * MS))), held_until))
    arrivals = list(accumulate(arrivals, max))  # TCP keeps the order
    assert is_live([(at, TICK) for at in arrivals])
    packets = [Sent(n, n * 160, 160, at) for n, at in enumerate(arrivals)]
    places = place_packets(packets, 8_000)
    assert max(abs(place - at) for place, at in zip(places, said, strict=True)) < 20 * MS


def test_a_bot_is_no_call() -> None:
    assert not is_live([(n * 10**9 + k, TICK) for n in range(0, 60, 7) for k in range(100)])
    assert not is_live([(n * TICK, TICK) for n in range(100)])
    assert not is_live([])
    assert not is_live([(10**9, 10 * 10**9)])


def test_what_a_bot_sends_at_once_is_laid_in_real_time_behind_each_other() -> None:
    places = place_messages([(10**9, TICK)] * 100)
    assert places == [10**9 - TICK + n * TICK for n in range(100)]


@given(st.lists(st.integers(200, 60_000), min_size=1, max_size=20))
def test_messages_that_hold_much_are_heard_from_when_they_came(lengths: list[int]) -> None:
    places = place_messages([(10**9, length * MS) for length in lengths])
    assert places == [10**9 + sum(lengths[:n]) * MS for n in range(len(lengths))]


@given(st.integers(0, 2**40), st.integers(-(2**14), 2**14), st.sampled_from([16, 32]))
def test_a_number_that_wraps_is_the_nearest_to_the_last(last: int, step: int, bits: int) -> None:
    assert unwrap(last, (last + step) % 2**bits, bits) == last + step
