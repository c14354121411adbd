from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.load.plan import LoadProfile, LoadRole, Member, divide

LOUD = {LoadRole.EAR, LoadRole.MOUTH, LoadRole.TALKER, LoadRole.TALKING_PHONE}


def everybody(profile: LoadProfile) -> list[Member]:
    return [member for step in range(len(profile.steps)) for member in profile.members(step)]


profiles = st.builds(
    lambda steps, talkers, phones, rooms: LoadProfile(tuple(sorted(steps)), min(talkers, min(steps)), phones, rooms),
    st.sets(st.integers(1, 200), min_size=1, max_size=4),
    st.integers(0, 10),
    st.integers(0, 5),
    st.integers(1, 7),
)


@given(profiles)
def test_each_step_has_as_many_as_it_says(profile: LoadProfile) -> None:
    there: list[Member] = []
    for step, wanted in enumerate(profile.steps):
        there += profile.members(step)
        assert len(there) == wanted + profile.phones
    roles = Counter(member.role for member in there)
    assert roles[LoadRole.TALKER] == profile.talkers
    assert roles[LoadRole.PHONE] == profile.phones
    assert roles[LoadRole.EAR] == roles[LoadRole.MOUTH] == profile.measures_delay
    assert len({member.name for member in there}) == len(there)


@given(profiles)
def test_all_rooms_are_filled_alike(profile: LoadProfile) -> None:
    rooms = Counter(member.room for member in everybody(profile))
    assert len(rooms) <= profile.rooms
    assert max(rooms.values()) - min(rooms.values()) <= 5


@given(profiles, st.integers(1, 6))
def test_everybody_is_played_once_and_the_loud_by_the_first_process(profile: LoadProfile, workers: int) -> None:
    members = everybody(profile)
    shares = divide(members, workers)
    assert sorted(one.name for share in shares for one in share) == sorted(one.name for one in members)
    if workers > 1:
        assert {one.role for one in shares[0]} <= LOUD
        assert not {one.role for share in shares[1:] for one in share} & LOUD


@given(profiles)
def test_where_all_talk_nobody_is_silent_and_no_delay_is_measured(profile: LoadProfile) -> None:
    profile = replace(profile, talkers=None)
    members = everybody(profile)
    assert {one.role for one in members} <= {LoadRole.TALKER, LoadRole.TALKING_PHONE}
    assert len([one for one in members if one.role is LoadRole.TALKING_PHONE]) == profile.phones
    assert not profile.measures_delay


@given(st.integers(1, 30), st.integers(0, 30))
def test_callers_and_participants_share_rooms_of_two(rooms: int, callers: int) -> None:
    members = everybody(LoadProfile((2 * rooms - min(callers, rooms),), None, min(callers, rooms), rooms))
    assert set(Counter(one.room for one in members).values()) == {2}


@given(st.integers(2, 60), st.integers(1, 20))
def test_those_who_take_turns_have_each_their_own_in_their_room(people: int, rooms: int) -> None:
    members = everybody(LoadProfile((people,), None, 0, rooms, turns=True))
    for room in {one.room for one in members}:
        there = [one for one in members if one.room == room]
        assert {one.role for one in there} == {LoadRole.TURN_TAKER}
        assert sorted(one.turn for one in there) == [(place, len(there)) for place in range(len(there))]


@pytest.mark.parametrize(
    ("steps", "talkers", "phones"), [((9,), 3, 0), ((9,), None, 1), ((1,), None, 0), ((3, 9), None, 0)]
)
def test_turns_are_for_those_who_all_talk(steps: tuple[int, ...], talkers: int | None, phones: int) -> None:
    with pytest.raises(ValueError, match="turns are for"):
        LoadProfile(steps, talkers, phones, turns=True)


def test_the_ear_and_the_mouth_are_in_the_first_room() -> None:
    rooms = {one.room for one in everybody(LoadProfile((40,), rooms=5)) if one.role in (LoadRole.EAR, LoadRole.MOUTH)}
    assert rooms == {"load-1"}


@pytest.mark.parametrize(
    ("steps", "talkers", "phones", "rooms"),
    [((), 0, 0, 1), ((20, 10), 3, 0, 1), ((2,), 3, 0, 1), ((0,), 0, 0, 1), ((5,), 1, 0, 0)],
)
def test_what_makes_no_sense_is_refused(steps: tuple[int, ...], talkers: int, phones: int, rooms: int) -> None:
    with pytest.raises(ValueError, match=r"there must be|steps must rise"):
        LoadProfile(steps, talkers, phones, rooms)
