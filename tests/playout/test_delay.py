"""How long a jitter buffer waits, from when packets came."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.playout.delay import (
    FRESH_PACKETS,
    LEAST_PACKETS,
    LOSS_SECONDS,
    MARGIN,
    QUANTILE,
    WINDOW_SECONDS,
    DelayEstimator,
)
from conference.playout.stall import LATE_MS, SingleStall
from tests.netem import Network, every_20_ms

RATE = 48_000
MS = RATE // 1000
PER_SECOND = 50


def make(minimum_ms: int = 3, maximum_ms: int = 200) -> DelayEstimator:
    return DelayEstimator(clock_rate=RATE, minimum=minimum_ms * MS, maximum=maximum_ms * MS)


def feed(estimator: DelayEstimator, late_ms: list[float], first: int = 0, base: int = 12_345) -> None:
    """Packets that were sent every 20 ms, so much late each, as numbers in the order sent."""
    for number, late in enumerate(late_ms, start=first):
        arrival = number * 20 * MS + base + round(late * MS)
        estimator.observe(base + round(late * MS), arrival)


def test_a_perfect_network_needs_the_minimum_only() -> None:
    estimator = make()
    feed(estimator, [0.0] * 500)
    assert estimator.base == 12_345
    assert estimator.target == 3 * MS


@pytest.mark.parametrize("jitter_ms", [10, 30, 60, 100])
def test_uniform_jitter_is_covered_and_little_more(jitter_ms: int) -> None:
    estimator = make()
    chance = random.Random(jitter_ms)
    feed(estimator, [chance.uniform(0, jitter_ms) for _ in range(500)])
    assert 0.95 * jitter_ms <= estimator.target / MS <= 1.05 * jitter_ms + 1  # a bucket is a millisecond


def test_the_target_rises_within_a_few_packets() -> None:
    estimator = make()
    feed(estimator, [0.0] * 500)
    feed(estimator, [50.0] * 5, first=500)
    assert estimator.target >= 50 * MS


def test_a_bad_minute_is_forgotten_when_the_window_ends() -> None:
    estimator = make()
    chance = random.Random(1)
    feed(estimator, [chance.uniform(0, 100) for _ in range(60 * PER_SECOND)])
    assert estimator.target > 90 * MS
    feed(estimator, [0.0] * (WINDOW_SECONDS * PER_SECOND + 2), first=60 * PER_SECOND)
    assert estimator.target == 3 * MS


@given(late_ms=st.floats(0, 190), when=st.integers(1, 400))
def test_one_straggler_changes_nothing(late_ms: float, when: int) -> None:
    estimator = make()
    feed(estimator, [late_ms if number == when else 0.0 for number in range(402)])
    assert estimator.target == 3 * MS


@given(late_ms=st.floats(201, 100_000))
def test_one_straggler_too_late_to_be_waited_for_is_not_even_counted(late_ms: float) -> None:
    estimator = make()
    feed(estimator, [0.0] * 10)
    feed(estimator, [late_ms], first=10)
    assert (estimator.base, estimator.target) == (12_345, 3 * MS)


@pytest.mark.parametrize("jump_ms", [-90_000, -300, 300, 90_000])
def test_a_clock_that_jumps_is_followed(jump_ms: int) -> None:
    estimator = make()
    feed(estimator, [0.0] * 300)
    feed(estimator, [float(jump_ms)] * 3, first=300)
    assert estimator.base == 12_345 + jump_ms * MS
    assert estimator.target == 3 * MS


@pytest.mark.parametrize("longer_ms", [-80, 80])
def test_a_way_that_becomes_longer_or_shorter_is_no_jitter_once_the_window_has_ended(longer_ms: int) -> None:
    estimator = make()
    feed(estimator, [0.0] * 300)
    feed(estimator, [float(longer_ms)] * (WINDOW_SECONDS * PER_SECOND + 2), first=300)
    assert estimator.base == 12_345 + longer_ms * MS
    assert estimator.target == 3 * MS


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_clock_that_drifts_is_followed(ppm: int) -> None:
    estimator = make()
    sent = every_20_ms(60 * PER_SECOND)
    for arrival_ns, index in Network(drift_ppm=ppm, delay_ms=50).deliver(sent):
        arrival = arrival_ns * RATE // 1_000_000_000
        transit = arrival - index * 960
        estimator.observe(transit, arrival)
        assert 0 <= transit - estimator.base <= 2 * MS  # 200 ppm of the window are 1 ms
    assert estimator.target == 3 * MS


def test_a_long_pause_does_not_make_it_forget_the_network() -> None:
    estimator = make()
    chance = random.Random(2)
    feed(estimator, [chance.uniform(0, 60) for _ in range(200)])
    before = estimator.target
    feed(estimator, [10.0], first=200 + 120 * PER_SECOND)
    assert estimator.target == pytest.approx(before, rel=0.2)


def test_a_bad_minute_is_over_when_a_few_have_come_in_time() -> None:
    estimator = make()
    chance = random.Random(2)
    feed(estimator, [chance.uniform(0, 60) for _ in range(200)])
    for look in range(11):  # two a second
        feed(estimator, [0.0], first=200 + 25 * look)
        assert look == 10 or estimator.target > 20 * MS
    assert estimator.target == 3 * MS


def forget(seen: list[tuple[int, int]], before: int) -> None:
    """Take out of pairs of arrival and transit what counts no more."""
    fresh = len(seen) >= FRESH_PACKETS and seen[-FRESH_PACKETS][0] >= before
    while len(seen) > (FRESH_PACKETS if fresh else LEAST_PACKETS) and seen[0][0] < before:
        del seen[0]


@settings(max_examples=50)
@given(late_ms=st.lists(st.floats(0, 190), min_size=1, max_size=400), rate=st.sampled_from([8_000, 48_000]))
def test_the_quantile_that_is_moved_is_the_quantile_that_a_search_would_find(late_ms: list[float], rate: int) -> None:
    minimum, maximum = 0, 10 * rate
    estimator = DelayEstimator(clock_rate=rate, minimum=minimum, maximum=maximum)
    seen = []
    for number, late in enumerate(late_ms):
        transit = round(late * rate / 1000)
        arrival = number * rate // 50 + transit
        estimator.observe(transit, arrival)
        seen.append((arrival, transit))
        forget(seen, arrival - WINDOW_SECONDS * rate)
        transits = sorted(one for _, one in seen)
        assert estimator.base == transits[0]
        may_be_late = max(int((1 - QUANTILE) * len(seen)), len(seen) > 1)
        needed = transits[-1 - may_be_late] - transits[0]
        assert needed <= estimator.target <= (needed + rate // 1000) * 1.04


class Plain:
    """The same with nothing but lists, from scratch for each packet."""

    def __init__(self, rate: int, minimum: int, maximum: int) -> None:
        self.rate, self.minimum, self.maximum = rate, minimum, maximum
        self.seen: list[tuple[int, int]] = []
        self.forgotten = 0  # of those that were seen
        self.stall = SingleStall(rate)
        self.base, self.target, self.odd = 0, minimum, False

    def observe(self, transit: int, arrival: int) -> None:
        if self.seen and abs(transit - self.base) > self.maximum:
            if transit > self.base and not self.odd:
                self.odd = True
                return
            self.seen, self.forgotten = [], 0
        self.odd = False
        self.seen.append((arrival, transit))
        self.look_for_stall(transit, arrival)
        before = len(self.seen)
        forget(self.seen, arrival - WINDOW_SECONDS * self.rate)
        self.forgotten += before - len(self.seen)
        buckets = sorted((one // (self.rate // 1000) for _, one in self.seen), reverse=True)
        self.base = min(one for _, one in self.seen)
        may_be_late = max(int((1 - QUANTILE) * len(buckets)), len(buckets) > 1)
        wanted = (buckets[may_be_late] + 1) * (self.rate // 1000) - self.base
        self.target = min(max(wanted + wanted // MARGIN, self.minimum), self.maximum)

    def look_for_stall(self, transit: int, arrival: int) -> None:
        number = self.forgotten + len(self.seen) - 1
        if not number:
            self.stall.begin(transit, arrival)
        elif transit - self.base > LATE_MS * self.rate // 1000:
            self.stall.late(number, arrival)
        elif transit < self.base:
            self.stall.earliest(number, transit, arrival)
        elif arrival > self.stall.over_at:
            for held_up in self.stall.take():
                place = held_up - self.forgotten
                if place >= 0:
                    when, late = self.seen[place]
                    self.seen[place] = when, min(late, self.base)


STEPS = st.tuples(st.integers(0, 9_000), st.integers(-2_000, 12_000))


@settings(max_examples=100)
@given(
    steps=st.lists(STEPS, min_size=1, max_size=60),
    repeat=st.integers(1, 8),
    gap=st.sampled_from([120, 960, 2_880, 30_000]),
    rate=st.sampled_from([8_000, 48_000]),
)
def test_it_is_what_plain_lists_would_come_to(steps: list[tuple[int, int]], repeat: int, gap: int, rate: int) -> None:
    estimator, plain = DelayEstimator(clock_rate=rate, minimum=144, maximum=9_600), Plain(rate, 144, 9_600)
    arrival = 0
    for wait, transit in steps * repeat:
        arrival += wait if wait > 8_900 else gap
        estimator.observe(transit, arrival)
        plain.observe(transit, arrival)
        assert (estimator.base, estimator.target, estimator.least) == (plain.base, plain.target, plain.target)


def test_a_window_with_thousands_of_packets_is_what_plain_lists_would_come_to() -> None:
    estimator, plain = make(), Plain(RATE, 3 * MS, 200 * MS)
    chance = random.Random(3)
    for number in range(3_000):
        transit = chance.randrange(0, 50 * MS)
        estimator.observe(transit, number * 120)
        plain.observe(transit, number * 120)
        assert (estimator.base, estimator.target) == (plain.base, plain.target)


def test_what_is_known_of_a_stream_takes_a_few_kilobytes() -> None:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        estimator = make()
        assert tracemalloc.get_traced_memory()[0] - before < 1_000  # for those who never send anything
        feed(estimator, [number % 7 / 10 for number in range(1_000)])
        assert tracemalloc.get_traced_memory()[0] - before < 10_000
    finally:
        tracemalloc.stop()


def test_one_lost_packet_is_not_worth_waiting_for_what_could_repair_the_next() -> None:
    estimator = make()
    feed(estimator, [0.0] * 100)
    estimator.observe_loss(100 * 20 * MS, 20 * MS)
    feed(estimator, [0.0] * 100, first=100)
    assert estimator.target == 3 * MS


def test_two_lost_packets_within_a_while_are_until_that_has_passed() -> None:
    estimator = make()
    feed(estimator, [0.0] * 100)
    for number in (50, 99):
        estimator.observe_loss(number * 20 * MS, 20 * MS)
    feed(estimator, [0.0] * 10, first=100)
    assert estimator.target == 23 * MS
    feed(estimator, [0.0] * PER_SECOND * LOSS_SECONDS, first=110)
    assert estimator.target == 3 * MS


def test_where_packets_are_waited_for_anyway_repairs_are_worth_half_as_much_less() -> None:
    estimator = make()
    for start in range(0, 100, 2):
        feed(estimator, [0.0, 12.0], first=start)
        if start in (50, 98):
            estimator.observe_loss(start * 20 * MS, 20 * MS)
    feed(estimator, [0.0, 12.0], first=100)
    assert 12 * MS < estimator.least < 20 * MS
    assert estimator.target == estimator.least + 20 * MS - (estimator.least - 3 * MS) // 2


def test_packets_that_were_late_are_not_taken_for_lost() -> None:
    estimator = make()
    feed(estimator, [0.0] * 100)
    for number in (50, 99):
        estimator.observe_loss(number * 20 * MS, 20 * MS)
    estimator.observe_late()
    feed(estimator, [0.0] * 10, first=100)
    assert estimator.target == 3 * MS


def test_a_sender_that_begins_to_add_repairs_is_taken_to_lose_packets_until_that_has_turned_out_wrong() -> None:
    estimator = make()
    feed(estimator, [0.0] * 100)
    estimator.observe_repair(100 * 20 * MS, 20 * MS)
    feed(estimator, [0.0] * 10, first=100)
    assert (estimator.least, estimator.target) == (3 * MS, 23 * MS)
    for number in range(110, 110 + PER_SECOND * LOSS_SECONDS):
        estimator.observe_repair(number * 20 * MS, 20 * MS)
        feed(estimator, [0.0], first=number)
    assert estimator.target == 3 * MS


def stall(length_ms: float, packet_ms: float = 20.0) -> list[float]:
    """How late the packets are that a stall holds up."""
    return [length_ms - number * packet_ms for number in range(int(length_ms / packet_ms))]


@pytest.mark.parametrize("length_ms", [70, 120, 190])
@pytest.mark.parametrize("before", [0, 1, 10, 50, 400])
def test_a_single_stall_is_waited_for_at_once_and_forgotten_a_second_later(length_ms: int, before: int) -> None:
    estimator = make()
    held_up = stall(length_ms)
    feed(estimator, [0.0] * before + held_up)
    assert not before or estimator.target >= (length_ms - 65) * MS  # three in a full window may be later
    feed(estimator, [0.0] * PER_SECOND, first=before + len(held_up))
    feed(estimator, [0.0] * 8, first=before + len(held_up) + PER_SECOND)
    assert estimator.target == 3 * MS
    feed(estimator, [0.0] * 400, first=before + len(held_up) + PER_SECOND + 8)
    assert (estimator.target, estimator.base) == (3 * MS, 12_345)


def test_stalls_that_come_again_are_waited_for_as_long_as_they_do() -> None:
    estimator = make()
    targets = []
    for number in range(10):
        feed(estimator, [*stall(120), *[0.0] * 144], first=150 * number)
        targets.append(estimator.target)
    assert targets[0] == 3 * MS
    assert all(target >= 50 * MS for target in targets[1:])


def test_jitter_is_no_stall() -> None:
    estimator = make()
    chance = random.Random(4)
    for number in range(40):
        feed(estimator, [chance.uniform(0, 80) for _ in range(50)], first=50 * number)
        assert number < 2 or estimator.target >= 70 * MS
