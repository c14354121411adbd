"""Levelling and forwarding agree: in a call of two nobody is levelled, and when a third comes loudness moves slowly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, Samples
from tests.room.callers import Caller
from tests.room.meeting import Meeting, Person
from tests.room.test_law_10_forwarding import silent
from tests.speech import spoken

VOICE = spoken(8.0, seed=4)
MOST_DB = 1.0
"""From one tick to the next: nobody takes that for a step."""

KINDS = {"peers": Person, "callers": Caller}


def says(peak: int) -> Callable[[int], Samples]:
    sound = (VOICE * (peak / 12_000)).astype("int16")

    def voice(tick: int) -> Samples:
        start = tick * FRAME_SAMPLES % (len(sound) - FRAME_SAMPLES)
        return sound[start : start + FRAME_SAMPLES]

    return voice


def gains(meeting: Meeting) -> dict[str, float]:
    return {one.id: one.voice.gain_db for one in meeting.room.participants.values()}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None)
@given(
    peak=st.sampled_from([900, 2500, 30_000]),
    stays=st.lists(st.integers(20, 250), min_size=1, max_size=4),
    asked=st.booleans(),
)
def test_when_a_third_comes_or_goes_nobody_s_loudness_makes_a_step(
    kind: str, peak: int, stays: list[int], asked: bool
) -> None:
    make = KINDS[kind]
    amy, ben, cal = make("amy", says(peak)), make("ben", silent), make("cal", silent)
    meeting = Meeting(amy, ben)
    if asked:
        meeting.room.treat_voice("amy", levelling=True)
    before, there, was_levelled = gains(meeting), 2, False
    for number, ticks in enumerate([60, *stays]):
        if number % 2:
            there = 3
            cal = make("cal", silent)
            meeting.people = [*meeting.people[:2], cal]
            meeting.room.add(cal.participant)
        elif number:
            there = 2
            meeting.room.remove("cal", "left")
        for since in range(ticks):
            meeting.go_on(1)
            now = gains(meeting)
            for name in before.keys() & now.keys():
                assert abs(now[name] - before[name]) <= MOST_DB
                if there == 2 and since and not asked:
                    assert abs(now[name]) <= abs(before[name]), "nobody is there whom they could be as loud as"
            was_levelled = was_levelled or (there == 3 and now["amy"] != 0)
            if meeting.room.participants["amy"].voice.gain_db:
                assert meeting.room.forwarded.get("ben") != "amy", "a voice that has a gain is mixed"
            before = now
    if not (asked or was_levelled):
        assert before["amy"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_quiet_voice_is_heard_as_it_is_by_one_and_brought_up_for_more(kind: str) -> None:
    make = KINDS[kind]
    amy, ben, cal = make("amy", says(900)), make("ben", silent), make("cal", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(150)
    assert meeting.room.forwarded["ben"] == "amy"
    assert gains(meeting)["amy"] == 0
    meeting.people.append(cal)
    meeting.room.add(cal.participant)
    meeting.go_on(250)
    assert gains(meeting)["amy"] > 3
    assert "ben" not in meeting.room.forwarded
