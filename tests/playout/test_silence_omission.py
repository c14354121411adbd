"""Silence that is left out of what is sent on looks to a listener as the sender's own DTX would."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from conference.playout.sequence import sequence_step
from conference.playout.silence_omission import SilenceOmission

FIRST = 65_520


def test_what_is_left_out_is_no_gap_and_what_is_lost_is_one() -> None:
    omission = SilenceOmission()
    assert omission.number(10) == 10
    assert omission.pause(11) == 11
    for silent in range(12, 40):
        omission.leave_out(silent)
    assert omission.number(42) == 14, "40 and 41 are lost: of a word"
    assert omission.number(41) == 13, "or late"
    assert omission.number(39) is None, "its place is taken"
    assert omission.number(43) == 15


def test_a_pause_is_told_again_without_a_gap_even_if_some_of_its_silence_is_lost() -> None:
    omission = SilenceOmission()
    assert omission.number(1) == 1
    assert omission.pause(2) == 2
    omission.leave_out(5)
    assert omission.pause(12) == 3
    assert omission.number(13) == 4


def test_what_went_by_unseen_is_no_gap_either() -> None:
    omission = SilenceOmission()
    assert omission.number(1) == 1
    assert omission.pause(2) == 2
    omission.note_bypassed(28, 30)
    assert omission.number(30) == 4, "29 is lost"
    assert omission.pause(31) == 5
    omission.note_bypassed(28, 32)
    assert omission.number(32) == 6, "that was another pause"


def test_the_last_packets_of_a_silence_can_be_had_after_all() -> None:
    omission = SilenceOmission()
    assert omission.number(1) == 1
    assert omission.pause(2) == 2
    for silent in range(3, 20):
        omission.leave_out(silent)
    assert omission.take_back(21, 2) == [(-2, 3), (-1, 2)], "20 is lost"
    assert [omission.number(number) for number in (18, 19, 21, 20)] == [3, 4, 6, 5]
    assert omission.pause(22) == 7
    omission.leave_out(23)
    assert omission.take_back(24, 2) == [(-1, 1)], "no more than were left out"
    assert [omission.number(number) for number in (23, 24)] == [8, 9]
    omission.leave_out(25)
    assert omission.take_back(60, 2) == [], "long before"


def test_a_stream_goes_on_for_longer_than_sequence_numbers_do() -> None:
    omission = SilenceOmission()
    omission.number(0)
    omission.leave_out(1)
    numbers = [omission.number(number & 0xFFFF) for number in range(2, 200_000)]
    assert numbers == [(number - 1) & 0xFFFF for number in range(2, 200_000)]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 12), st.sets(st.integers(0, 11), max_size=3)), max_size=30))
def test_any_stream_has_gaps_where_its_words_have_them(stretches: list[tuple[bool, int, set[int]]]) -> None:
    """Words and pauses, each of some packets, some of which are lost."""
    omission, sequence = SilenceOmission(), FIRST
    sent: list[tuple[int, int]] = [(sequence, omission.number(sequence) or 0)]
    for talks, packets, lost in stretches:
        for place in range(packets):
            sequence = (sequence + 1) & 0xFFFF
            if place in lost:
                continue
            if not talks:
                if place == 0:
                    number = omission.pause(sequence)
                    assert number is not None
                    assert sequence_step(number, sent[-1][1]) >= 1
                    sent.append((sequence, number))
                else:
                    omission.leave_out(sequence)
                continue
            number = omission.number(sequence)
            assert number is not None
            sent.append((sequence, number))
    for (before, went_before), (after, went_after) in pairwise(sent):
        assert 1 <= sequence_step(went_after, went_before) <= sequence_step(after, before)
