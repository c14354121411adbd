from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.load.batch.arrivals import SequenceCounts
from conference.load.batch.reception_table import ReceptionTable

TICK_NS = 20_000_000


def note(table: ReceptionTable, packets: list[tuple[int, int, int]]) -> None:
    """Row, number and arrival of each packet."""
    rows, numbers, at_ns = (np.array(column, np.int64) for column in zip(*packets, strict=True))
    table.note(rows, (numbers & 0xFFFF).astype(">u2"), (numbers * 960 & 0xFFFFFFFF).astype(">u4"), at_ns)


@given(
    first=st.integers(0, 0xFFFF), lost=st.sets(st.integers(1, 398)), sizes=st.lists(st.integers(1, 40), min_size=1),
    seed=st.integers(),
)  # fmt: skip
def test_counts_are_those_of_packets_one_by_one(first: int, lost: set[int], sizes: list[int], seed: int) -> None:
    table, chance = ReceptionTable(), random.Random(seed)
    single = [SequenceCounts(), SequenceCounts()]
    for row in (0, 1):
        table.enter(row, SequenceCounts())
    numbers = [number for number in range(400) if number not in lost]
    for start in range(0, len(numbers), 6):
        part = numbers[start : start + 6]
        chance.shuffle(part)
        numbers[start : start + 6] = part
    at = 0
    while at < len(numbers):
        some = numbers[at : at + sizes[at % len(sizes)]]
        at += len(some)
        note(table, [(row, first + one, 10**9 + one * TICK_NS) for row in (0, 1) for one in some])
        for row in (0, 1):
            for one in some:
                single[row].add((first + one) & 0xFFFF)
    for row in (0, 1):
        assert table.reception(row)[:3] == single[row].reception[:3]
        assert table.leave(row) == single[row]


def test_packets_on_time_leave_no_gap_and_no_jitter() -> None:
    table = ReceptionTable()
    table.enter(0, SequenceCounts())
    for start in range(0, 5000, 5):
        note(table, [(0, one, 10**9 + one * TICK_NS) for one in range(start, start + 5)])
    assert table.gaps(0) == 0
    assert table.reception(0).jitter == 0


def test_a_stall_is_one_gap_and_what_comes_after_it_on_time_is_none() -> None:
    table = ReceptionTable()
    table.enter(0, SequenceCounts())
    for start in range(0, 100, 5):
        late = 45_000_000 if start == 50 else 0
        note(table, [(0, one, 10**9 + one * TICK_NS + late) for one in range(start, start + 5)])
    assert table.gaps(0) == 1


def test_a_delay_below_the_cushion_is_no_gap_but_jitter() -> None:
    table = ReceptionTable()
    table.enter(0, SequenceCounts())
    for start in range(0, 500, 5):
        note(table, [(0, one, 10**9 + one * TICK_NS + one % 2 * 35_000_000) for one in range(start, start + 5)])
    assert table.gaps(0) == 0
    assert abs(table.reception(0).jitter / 48 - 35) < 2  # ms


def test_a_server_that_skips_sound_and_its_timestamps_alike_leaves_no_gap() -> None:
    table = ReceptionTable()
    table.enter(0, SequenceCounts())
    times = [one if one < 50 else one + 300 for one in range(100)]
    for start in range(0, 100, 5):
        some = range(start, start + 5)
        rows = np.zeros(5, np.int64)
        table.note(rows, np.array(some, ">u2"), np.array([times[one] * 960 for one in some], ">u4"),
                   np.array([10**9 + times[one] * TICK_NS for one in some], np.int64))  # fmt: skip
    assert table.gaps(0) == 0


@given(st.integers(50, 100))
def test_a_clock_that_is_a_little_slow_leaves_no_gap(ppm: int) -> None:
    table = ReceptionTable()
    table.enter(0, SequenceCounts())
    for start in range(0, 60_000, 500):
        note(
            table, [(0, one, 10**9 + one * TICK_NS * (1_000_000 + ppm) // 1_000_000) for one in range(start, start + 5)]
        )
    assert table.gaps(0) == 0
