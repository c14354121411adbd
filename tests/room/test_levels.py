"""When it is told how loud people are: five times a second, while it changes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from conference.room.levels import EVERY_TICKS, INAUDIBLE, STEP_DB, LevelReport
from conference.room.participant import Participant


def person(name: str, level: float) -> Participant:
    made = Participant(id=name, name=name, transport="local", joined_at=0.0)
    made.level = level
    return made


def test_what_has_hardly_changed_is_not_told() -> None:
    report, amy = LevelReport("tea"), person("amy", -30.0)
    assert report.take([amy]) == {"amy": -30.0}
    for level in (-30.0, -28.1, -31.9):
        amy.level = level
        assert report.take([amy]) is None
    amy.level = -28.0
    assert report.take([amy]) == {"amy": -28.0}
    amy.level = -30.0
    assert report.take([amy]) == {"amy": -30.0}


def test_who_falls_silent_is_left_out_once_and_then_nothing_is_told() -> None:
    report, amy, ben = LevelReport("tea"), person("amy", -30.0), person("ben", -20.0)
    assert report.take([amy, ben]) == {"amy": -30.0, "ben": -20.0}
    ben.level = INAUDIBLE
    assert report.take([amy, ben]) == {"amy": -30.0}
    assert report.take([]) == {}
    assert report.take([ben]) is None
    ben.level = INAUDIBLE + 0.1
    assert report.take([ben]) == {"ben": round(INAUDIBLE + 0.1, 1)}
    assert report.told == {"ben": round(INAUDIBLE + 0.1, 1)}


def test_what_the_gate_takes_for_silence_is_inaudible() -> None:
    assert -75.5 < INAUDIBLE < -75.3


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.floats(-127, 0)), max_size=20))
def test_what_was_told_last_is_never_far_from_how_it_is(moments: list[dict[str, float]]) -> None:
    report = LevelReport("tea")
    for moment in moments:
        told = report.take([person(name, level) for name, level in moment.items()])
        heard = {name: level for name, level in moment.items() if level > INAUDIBLE}
        assert report.told.keys() == heard.keys()
        assert all(abs(report.told[name] - level) <= STEP_DB + 0.1 for name, level in heard.items())
        assert told is None or told == report.told


def test_rooms_are_looked_at_five_times_a_second_each_in_its_turn() -> None:
    turns = []
    for number in range(200):
        due = [tick for tick in range(50) if LevelReport(f"room {number}").due(tick)]
        assert len(due) == 5
        assert {later - before for before, later in pairwise(due)} == {EVERY_TICKS}
        turns.append(due[0])
    assert set(turns) == set(range(EVERY_TICKS))
