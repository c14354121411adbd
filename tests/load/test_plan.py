from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.load.plan import Crowd, Member, Role, divide


def everybody(crowd: Crowd) -> list[Member]:
    return [member for step in range(len(crowd.steps)) for member in crowd.members(step)]


crowds = st.builds(
    lambda steps, talkers, phones, rooms: Crowd(tuple(sorted(steps)), min(talkers, min(steps)), phones, rooms),
    st.sets(st.integers(1, 200), min_size=1, max_size=4),
    st.integers(0, 10),
    st.integers(0, 5),
    st.integers(1, 7),
)


@given(crowds)
def test_each_step_has_as_many_as_it_says(crowd: Crowd) -> None:
    there: list[Member] = []
    for step, wanted in enumerate(crowd.steps):
        there += crowd.members(step)
        assert len(there) == wanted + crowd.phones
    roles = Counter(member.role for member in there)
    assert roles[Role.TALKER] == crowd.talkers
    assert roles[Role.PHONE] == crowd.phones
    assert roles[Role.EAR] == roles[Role.MOUTH] == crowd.measures_delay
    assert len({member.name for member in there}) == len(there)


@given(crowds)
def test_all_rooms_are_filled_alike(crowd: Crowd) -> None:
    rooms = Counter(member.room for member in everybody(crowd))
    assert len(rooms) <= crowd.rooms
    assert max(rooms.values()) - min(rooms.values()) <= 5


@given(crowds, st.integers(1, 6))
def test_everybody_is_played_once_and_the_loud_by_the_first_process(crowd: Crowd, workers: int) -> None:
    members = everybody(crowd)
    shares = divide(members, workers)
    assert sorted(one.name for share in shares for one in share) == sorted(one.name for one in members)
    if workers > 1:
        assert {one.role for one in shares[0]} <= {Role.EAR, Role.MOUTH, Role.TALKER}
        assert not {one.role for share in shares[1:] for one in share} & {Role.EAR, Role.MOUTH, Role.TALKER}


def test_the_ear_and_the_mouth_are_in_the_first_room() -> None:
    rooms = {one.room for one in everybody(Crowd((40,), rooms=5)) if one.role in (Role.EAR, Role.MOUTH)}
    assert rooms == {"load-1"}


@pytest.mark.parametrize(
    ("steps", "talkers", "phones", "rooms"),
    [((), 0, 0, 1), ((20, 10), 3, 0, 1), ((2,), 3, 0, 1), ((0,), 0, 0, 1), ((5,), 1, 0, 0)],
)
def test_what_makes_no_sense_is_refused(steps: tuple[int, ...], talkers: int, phones: int, rooms: int) -> None:
    with pytest.raises(ValueError, match=r"there must be|steps must rise"):
        Crowd(steps, talkers, phones, rooms)
