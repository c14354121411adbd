"""Wrapping counters, and streams that start anew."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from conference.playout.sequence import (
    MAX_DROPOUT,
    MAX_MISORDER,
    Unwrapper,
    is_restart,
    sequence_step,
    timestamp_step,
)


@given(reference=st.integers(0, 1 << 40), step=st.integers(-0x8000, 0x7FFF))
def test_a_sequence_number_is_ahead_by_the_shorter_way_round(reference: int, step: int) -> None:
    assert sequence_step((reference + step) & 0xFFFF, reference) == step


@given(reference=st.integers(0, 1 << 40), step=st.integers(-0x8000_0000, 0x7FFF_FFFF))
def test_a_timestamp_is_ahead_by_the_shorter_way_round(reference: int, step: int) -> None:
    assert timestamp_step((reference + step) & 0xFFFF_FFFF, reference) == step


def test_a_restart_is_a_jump_as_large_as_the_standard_says() -> None:
    jumps = [-0x8000, -MAX_MISORDER, 1 - MAX_MISORDER, 0, MAX_DROPOUT - 1, MAX_DROPOUT, 0x7FFF]
    assert [is_restart(step) for step in jumps] == [True, True, False, False, False, True, True]


@given(
    first=st.integers(0, 0xFFFF),
    start=st.integers(0, 0xFFFF_FFFF),
    packets=st.integers(1, 500),
    shake=st.randoms(use_true_random=False),
)
def test_counters_that_wrap_and_packets_out_of_order_keep_their_distances(
    first: int, start: int, packets: int, shake: random.Random
) -> None:
    unwrapper = Unwrapper()
    order = sorted(range(packets), key=lambda number: number + shake.uniform(0, 20))
    places = {}
    for number in order:
        place = unwrapper.place((first + number) & 0xFFFF, (start + 960 * number) & 0xFFFF_FFFF)
        assert place is not None
        places[number] = place
    sequence, timestamp, _ = places[0]
    for number, place in places.items():
        assert place == (sequence + number, timestamp + 960 * number, False)


@given(step=st.integers(MAX_DROPOUT, 0xFFFF - MAX_MISORDER))
def test_a_jump_is_believed_once_its_successor_bears_it_out(step: int) -> None:
    unwrapper = Unwrapper()
    unwrapper.place(100, 0)
    assert unwrapper.place((100 + step) & 0xFFFF, 5) is None
    restarted = unwrapper.place((101 + step) & 0xFFFF, 965)
    assert restarted == ((101 + step) & 0xFFFF, 965, True)


def test_a_stray_is_forgotten() -> None:
    unwrapper = Unwrapper()
    unwrapper.place(100, 0)
    assert unwrapper.place(40_000, 5) is None
    assert unwrapper.place(101, 960) == (101, 960, False)
    assert unwrapper.place(40_001, 965) is None


def test_time_that_runs_backwards_is_a_restart() -> None:
    unwrapper = Unwrapper()
    unwrapper.place(100, 50_000)
    assert unwrapper.place(101, 7) == (101, 7, True)
