"""Who is mixed when too many talk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.room.conference import Conference, ConferenceLimits
from conference.room.mixing.loudest import TalkerSelection
from conference.room.participant import Participant
from conference.room.voice import UNTOUCHED
from tests.room.fakes import Ear, Mouth, at, steady


def levels(**by_name: float) -> dict[str, float]:
    return by_name


def test_everybody_is_mixed_as_long_as_they_are_few() -> None:
    assert TalkerSelection(3).choose(levels(amy=-60, ben=-20, cat=-40)) == {"amy", "ben", "cat"}


def test_the_loudest_are_mixed_when_they_are_many() -> None:
    assert TalkerSelection(2).choose(levels(amy=-60, ben=-20, cat=-40)) == {"ben", "cat"}


def test_a_little_louder_is_not_enough_to_take_a_place() -> None:
    selection = TalkerSelection(1)
    assert selection.choose(levels(amy=-20, ben=-22)) == {"amy"}
    assert selection.choose(levels(amy=-22, ben=-20)) == {"amy"}
    assert selection.choose(levels(amy=-40, ben=-10)) == {"ben"}


def test_the_gap_between_two_syllables_does_not_cost_a_place() -> None:
    selection = TalkerSelection(1)
    assert selection.choose(levels(amy=-20, ben=-30)) == {"amy"}
    for _ in range(5):  # 100 ms
        assert selection.choose(levels(amy=-60, ben=-30)) == {"amy"}
    for _ in range(50):
        chosen = selection.choose(levels(amy=-60, ben=-30))
    assert chosen == {"ben"}


def test_at_least_one_must_be_let_through() -> None:
    with pytest.raises(ValueError, match="at least one"):
        TalkerSelection(0)


@given(
    limit=st.integers(1, 5),
    ticks=st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-127, 0)), max_size=20),
)
def test_never_more_than_the_limit_and_never_fewer_than_there_are(limit: int, ticks: list[dict[str, float]]) -> None:
    selection = TalkerSelection(limit)
    for tick in ticks:
        chosen = selection.choose(tick)
        assert chosen <= tick.keys()
        assert len(chosen) == min(limit, len(tick))


def test_a_room_mixes_the_loudest_and_everybody_hears_all_of_those_but_themselves() -> None:
    conference = Conference(ConferenceLimits(max_talkers=2), voice=UNTOUCHED)
    values = {"amy": 4000, "ben": 3000, "cat": 100}
    ears = {name: Ear() for name in values}
    for name, value in values.items():
        mouth = Mouth([steady(value)] * 40)
        person = Participant(id=name, name=name, transport="local", joined_at=0.0, source=mouth, sink=ears[name])
        room = conference.join("room", person)
    for tick in range(40):
        room.tick(tick, at(tick))
    heard = {name: int(ear.mixes[-1].samples[-1]) for name, ear in ears.items()}
    assert heard == {"amy": 3000, "ben": 4000, "cat": 7000}
    assert all(person.talking for person in room.participants.values())
