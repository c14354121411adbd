"""Checks of what is heard: whatever differs is seen, and what is the same is not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SILENCE
from conference.capture.digest import HeardSoFar, Ledger
from conference.room.participant import Mix

mixes = st.builds(lambda level, payload: (level, payload), st.integers(0, 3), st.sampled_from([None, b"", b"a", b"b"]))


def mix(level: int, payload: bytes | None) -> Mix:
    samples = SILENCE if level == 0 else np.full(FRAME_SAMPLES, level, np.int16)
    return Mix(0, samples, payload)


def checks(heard: list[tuple[int, bytes | None]]) -> tuple[int, int]:
    ledger = Ledger()
    ledger.begin()
    for one in heard:
        ledger.note(mix(*one))
    return ledger.sound, ledger.packets


@given(st.lists(mixes, max_size=6), st.lists(mixes, max_size=6))
def test_two_ticks_have_the_same_checks_if_all_that_was_delivered_in_them_is_the_same(
    one: list[tuple[int, bytes | None]], other: list[tuple[int, bytes | None]]
) -> None:
    sound, packets = checks(one)
    assert checks(list(one)) == (sound, packets)
    assert (checks(other)[0] == sound) is ([level for level, _ in one] == [level for level, _ in other])
    told = [[payload or b"" for _, payload in each] for each in (one, other)]  # no packet, or an empty one: no matter
    assert (checks(other)[1] == packets) is (told[0] == told[1])


def test_a_mix_that_many_hear_counts_once_and_an_equal_one_again() -> None:
    ledger = Ledger()
    ledger.begin()
    first = mix(1, b"a")
    marks = {ledger.note(first) for _ in range(3)}
    once = ledger.sound, ledger.packets
    assert len(marks) == 1
    assert ledger.note(mix(1, b"a")) in marks
    assert (ledger.sound, ledger.packets) != once
    ledger.begin()
    assert (ledger.sound, ledger.packets) == (0, 0)
    ledger.note(first)
    assert (ledger.sound, ledger.packets) == once


def test_silence_has_the_check_of_any_frame_that_is_silent() -> None:
    ledger = Ledger()
    ledger.begin()
    assert ledger.note(Mix(0, SILENCE, None)) == ledger.note(Mix(0, SILENCE.copy(), None))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5), st.integers(0, 5))
def test_what_somebody_has_heard_is_read_from_one_reading_to_the_next(marks: list[tuple[int, int]], cut: int) -> None:
    def check(heard: list[tuple[int, int]], listener: HeardSoFar) -> tuple[int, int]:
        for mark in heard:
            listener.note(mark)
        return listener.read()

    one = HeardSoFar()
    assert check(marks[:cut], one) == check(marks[:cut], HeardSoFar())
    assert check(marks[cut:], one) == check(marks[cut:], HeardSoFar())
    assert one.read() == HeardSoFar().read()
    if marks:
        sound, packets = marks[0]
        changed = check([(sound + 1, packets), *marks[1:]], one)
        before = check(marks, one)
        assert (changed[0] != before[0], changed[1] == before[1]) == (True, True)
