"""Who hears whom: what is set for a while leaves nothing behind when it ends, in whatever order it began and ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.room.gains.gain_matrix import Hearing, Rule
from conference.room.participant import Participant
from conference.room.room import Room
from tests.room.fakes import Ear

NAMES = ("amy", "ben", "cleo", "dan", "eve")
WHISPERERS = ("dan", "eve")
"""Who begin and end whispers. To end one is to be heard by everybody, so nothing is set for them as sources before."""


class Crowd:
    """A room, who is in it, and what has been begun there and not ended yet."""

    def __init__(self) -> None:
        self.room = Room("tea", 0.0, lambda _: None)
        self.sidebars: list[tuple[str, ...]] = []
        for name in NAMES:
            self.come(name)

    def come(self, name: str) -> None:
        participant = Participant(id=name, name=name, transport="local", joined_at=0.0, sink=Ear())
        self.room.add(participant, returning=True)

    def heard(self) -> dict[tuple[str, str], float]:
        """How loud each hears each other."""
        people = self.room.participants
        return {
            (one, other): self.room.hearing.gain(one, other)
            if source.may_be_heard and not (listener.absent or listener.deafened)
            else 0.0
            for one, listener in people.items()
            for other, source in people.items()
            if one != other
        }

    def go_aside(self, members: list[str]) -> None:
        aside = {one for group in self.sidebars for one in group}
        if len(members) > 1 and not aside & set(members):
            self.room.sidebar(members)
            self.sidebars.append(tuple(members))

    def rejoin(self, number: int) -> None:
        if self.sidebars:
            self.room.rejoin(self.sidebars.pop(number % len(self.sidebars)))

    def end_all(self) -> None:
        for name in NAMES:
            if name not in self.room.participants:
                self.come(name)
            self.room.hold(name, False)
            self.room.deafen(name, False)
            self.room.set_muted(name, False)
        while self.sidebars:
            self.rejoin(0)
        for name in WHISPERERS:
            self.room.speak_up(name)


Step = Callable[[Crowd], object]

someone = st.sampled_from(NAMES)
some = st.lists(someone, max_size=4, unique=True)
whisperers = st.sampled_from(WHISPERERS)


def _if_here(name: str, act: Callable[[Room], object]) -> Step:
    return lambda crowd: act(crowd.room) if name in crowd.room.participants else None


def _return(name: str) -> Step:
    return lambda crowd: None if name in crowd.room.participants else crowd.come(name)


standing = st.one_of(
    st.builds(
        lambda listener, source, gain: (
            lambda room: None if listener == source else room.set_gain(listener, source, gain)
        ),
        st.none() | someone,
        st.sampled_from(("amy", "ben", "cleo")),
        st.sampled_from((0.0, 0.5, 1.0, 2.0)),
    ),
    st.builds(
        lambda listener, gain: lambda room: room.set_gain(listener, None, gain), someone, st.sampled_from((0.0, 0.5))
    ),
    st.builds(
        lambda coach, to: lambda room: room.whisper(coach, [one for one in to if one != coach]),
        st.sampled_from(("amy", "ben", "cleo")),
        some,
    ),
)

passing = st.one_of(
    st.builds(lambda members: lambda crowd: crowd.go_aside(members), some),
    st.builds(lambda members: lambda crowd: crowd.go_aside(members), some),
    st.builds(lambda number: lambda crowd: crowd.rejoin(number), st.integers(0, 3)),
    st.builds(lambda one, to: lambda crowd: crowd.room.whisper(one, [x for x in to if x != one]), whisperers, some),
    st.builds(lambda one: lambda crowd: crowd.room.speak_up(one), whisperers),
    st.builds(lambda one, yes: _if_here(one, lambda room: room.hold(one, yes)), someone, st.booleans()),
    st.builds(lambda one, yes: _if_here(one, lambda room: room.deafen(one, yes)), someone, st.booleans()),
    st.builds(lambda one, yes: _if_here(one, lambda room: room.set_muted(one, yes, by="x")), someone, st.booleans()),
    st.builds(lambda one: lambda crowd: crowd.room.remove(one, "lost", "lost"), someone),
    st.builds(_return, someone),
)


@settings(max_examples=300)
@given(before=st.lists(standing, max_size=6), meanwhile=st.lists(passing, max_size=20))
def test_when_all_that_was_for_a_while_has_ended_everybody_hears_whom_they_heard_before(
    before: list[Callable[[Room], object]], meanwhile: list[Step]
) -> None:
    crowd = Crowd()
    for step in before:
        step(crowd.room)
    heard, rules = crowd.heard(), crowd.room.hearing.rules
    for passing_step in meanwhile:
        passing_step(crowd)
    crowd.end_all()
    assert crowd.heard() == heard
    assert sorted(map(str, crowd.room.hearing.rules)) == sorted(map(str, rules))


@settings(max_examples=300)
@given(before=st.lists(standing, max_size=6), meanwhile=st.lists(passing, max_size=20))
def test_while_a_sidebar_lasts_nobody_hears_its_members_but_each_other_and_those_who_are_named_meanwhile(
    before: list[Callable[[Room], object]], meanwhile: list[Step]
) -> None:
    crowd = Crowd()
    for step in before:
        step(crowd.room)
    for passing_step in meanwhile:
        passing_step(crowd)
    crowd.end_all()
    crowd.go_aside(["amy", "ben"])
    hearing = crowd.room.hearing
    assert {
        (one, other) for one in NAMES for other in NAMES if hearing.gain(one, other) and {one, other} & {"amy", "ben"}
    } == {
        ("amy", "ben"),
        ("ben", "amy"),
    }


def test_a_coach_is_heard_by_the_agent_again_who_was_in_a_sidebar_with_the_caller() -> None:
    hearing = Hearing()
    hearing.whisper("coach", ["agent"])
    before = hearing.rules
    hearing.sidebar(["agent", "caller"])
    assert hearing.gain("agent", "coach") == 0.0
    hearing.rejoin(["agent", "caller"])
    assert hearing.rules == before
    assert (hearing.gain("agent", "coach"), hearing.gain("caller", "coach")) == (1.0, 0.0)


def test_what_was_set_for_one_listener_alone_comes_back_after_a_sidebar() -> None:
    hearing = Hearing()
    hearing.set("amy", "cleo", 0.25)
    hearing.set("amy", None, 0.5)
    hearing.sidebar(["amy", "ben"])
    hearing.rejoin(["amy", "ben"])
    assert (hearing.gain("amy", "cleo"), hearing.gain("amy", "dan")) == (0.25, 0.5)


def test_a_coach_who_speaks_to_a_member_while_the_sidebar_lasts_keeps_the_line_when_it_ends() -> None:
    hearing = Hearing()
    hearing.sidebar(["agent", "caller"])
    hearing.whisper("coach", ["agent"])
    assert (hearing.gain("agent", "coach"), hearing.gain("caller", "coach")) == (1.0, 0.0)
    hearing.rejoin(["agent", "caller"])
    assert (hearing.gain("agent", "coach"), hearing.gain("caller", "coach")) == (1.0, 0.0)


def test_a_line_that_was_ended_or_turned_to_somebody_else_meanwhile_does_not_come_back() -> None:
    hearing = Hearing()
    hearing.whisper("coach", ["agent"])
    hearing.whisper("boss", ["agent"])
    hearing.sidebar(["agent", "caller"])
    hearing.speak_up("coach")
    hearing.whisper("boss", ["dan"])
    hearing.rejoin(["agent", "caller"])
    assert hearing.gain("caller", "coach") == hearing.gain("agent", "coach") == 1.0
    assert (hearing.gain("agent", "boss"), hearing.gain("dan", "boss")) == (0.0, 1.0)


def test_a_second_whisper_ends_the_first() -> None:
    hearing = Hearing()
    hearing.whisper("amy", ["ben"])
    hearing.whisper("amy", ["cleo"])
    assert [hearing.gain(one, "amy") for one in ("ben", "cleo", "dan")] == [0.0, 1.0, 0.0]
    assert sorted(map(str, hearing.rules)) == sorted(map(str, [Rule(None, "amy", 0.0), Rule("cleo", "amy", 1.0)]))


def test_who_is_in_two_sidebars_one_after_the_other_hears_those_of_the_last() -> None:
    hearing = Hearing()
    hearing.sidebar(["amy", "ben"])
    hearing.sidebar(["ben", "cleo"])
    assert (hearing.gain("ben", "cleo"), hearing.gain("ben", "amy"), hearing.gain("amy", "ben")) == (1.0, 0.0, 0.0)
    hearing.rejoin(["ben"])
    assert hearing.plain


def test_a_setting_that_a_sidebar_made_can_be_taken_back_while_it_lasts() -> None:
    hearing = Hearing()
    hearing.set("amy", "ben", 0.5)
    hearing.sidebar(["amy", "ben"])
    assert hearing.set("amy", "ben", None)  # what was set before is not to come back
    assert hearing.gain("amy", "ben") == 1.0
    assert hearing.set("amy", "ben", None)  # of the sidebar
    assert not hearing.set("amy", "ben", None)
    assert hearing.gain("amy", "ben") == 0.0
    hearing.rejoin(["amy", "ben"])
    assert hearing.plain


def test_what_is_covered_by_a_sidebar_counts_among_what_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conference.room.gains.gain_matrix.MAX_RULES", 7)
    hearing = Hearing()
    hearing.set("amy", "cleo", 0.5)
    hearing.sidebar(["amy", "ben"])  # six
    with pytest.raises(ValueError, match="Too many"):
        hearing.set("dan", "cleo", 0.5)
    with pytest.raises(ValueError, match="Too many"):
        hearing.whisper("eve", ["dan"])
    hearing.rejoin(["amy"])
    assert hearing.rules == [Rule("amy", "cleo", 0.5)]
