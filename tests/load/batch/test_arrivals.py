from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from conference.load.batch.arrivals import SequenceCounts


@given(first=st.integers(0, 0xFFFF), lost=st.sets(st.integers(1, 498)), seed=st.integers())
def test_what_is_missing_between_the_first_and_the_last_is_lost(first: int, lost: set[int], seed: int) -> None:
    there = [number for number in range(500) if number not in lost]
    middle = there[1:-1]
    for start in range(0, len(middle), 8):  # reordered, a little
        part = middle[start : start + 8]
        random.Random(seed).shuffle(part)
        middle[start : start + 8] = part
    arrivals = SequenceCounts()
    for number in [there[0], *middle, there[-1]]:
        arrivals.add((first + number) & 0xFFFF)
    assert arrivals.received == 500 - len(lost)
    assert arrivals.lost == len(lost)


def test_a_hundred_thousand_packets_in_turn_lose_nothing() -> None:
    arrivals = SequenceCounts()
    for number in range(65_000, 165_000):
        arrivals.add(number & 0xFFFF)
    assert (arrivals.received, arrivals.lost) == (100_000, 0)


def test_before_the_first_packet_nothing_is_lost() -> None:
    assert SequenceCounts().lost == 0
