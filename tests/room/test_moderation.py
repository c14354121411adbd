"""Whatever hosts do, in whatever order: the room stays consistent, and everybody hears what the matrix says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import SILENT_LEVEL
from conference.room.errors import RoomFull, RoomLocked
from conference.room.events import (
    HearingChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomUpdated,
    TalkingStarted,
    TalkingStopped,
    UnmuteRequested,
)
from conference.room.participant import Role
from conference.room.policy import RoomPolicy
from tests.room.moderated import NAMES, Scene, expected, matrix

someone = st.sampled_from(NAMES)

anyone = st.none() | someone

some = st.lists(someone, max_size=4, unique=True)

gains = st.sampled_from((0.0, 0.25, 0.5, 1.0, 1.5, 2.0)) | st.floats(0, 2)

Call = Callable[[Scene], object]


def _call(method: str, *arguments: object) -> Call:
    def call(scene: Scene) -> None:
        getattr(scene.room, method)(*arguments)

    call.__name__ = f"{method}{arguments}"
    return call


def _come(name: str, role: Role) -> Call:
    return lambda scene: None if name in scene.room.participants else scene.join(name, role)


def _go(name: str) -> Call:
    return lambda scene: scene.room.remove(name, "left")


calls = st.one_of(
    st.builds(lambda one, yes, by: lambda s: s.room.set_muted(one, yes, by=by), someone, st.booleans(), anyone),
    st.builds(lambda one, yes: _call("hold", one, yes), someone, st.booleans()),
    st.builds(lambda one, yes: _call("deafen", one, yes), someone, st.booleans()),
    st.builds(
        lambda one, role: _call("set_role", one, role), someone, st.sampled_from(("host", "speaker", "listener"))
    ),
    st.builds(lambda one: _call("admit", [one]), someone),
    st.just(_call("admit_all")),
    st.builds(lambda spared: _call("mute_all", spared), some),
    st.builds(lambda one: _call("ask_to_unmute", one), someone),
    st.builds(lambda one, at_: _call("raise_hand", one, at_), someone, st.none() | st.floats(0, 9)),
    st.builds(lambda a, b, gain: _call("set_gain", a, b, gain), anyone, anyone, st.none() | gains),
    st.builds(lambda a, b, volume: _call("set_volume", a, b, volume), someone, someone, gains),
    st.builds(lambda one, to: _call("whisper", one, to), someone, some),
    st.builds(lambda one: _call("speak_up", one), someone),
    st.builds(lambda group: _call("sidebar", group), some),
    st.builds(lambda group: _call("rejoin", group), some),
    st.builds(lambda one: _call("dismiss", one, "out with you"), someone),
    st.builds(
        lambda locked, lobby, ends: _call("set_policy", RoomPolicy(locked=locked, lobby=lobby, ends_with_host=ends)),
        st.booleans(),
        st.sampled_from(("off", "host", "admit")),
        st.booleans(),
    ),
    st.builds(_come, someone, st.sampled_from(("host", "speaker", "listener"))),
    st.builds(_go, someone),
    st.just(lambda scene: scene.tick()),
)


@settings(max_examples=300)
@given(sequence=st.lists(calls, max_size=25))
def test_any_sequence_of_calls_leaves_a_room_in_which_everybody_hears_what_the_matrix_says(
    sequence: list[Call],
) -> None:
    scene = Scene()
    for call in sequence:
        # Somebody who is not there, a sidebar of one, a locked room: refused, and nothing has changed.
        with suppress(KeyError, ValueError, RoomLocked, RoomFull):
            call(scene)
    heard = scene.heard()
    for name, value in heard.items():
        assert value == pytest.approx(expected(scene, name), abs=0.51), name
    _assert_told_all(scene)


def _assert_told_all(scene: Scene) -> None:  # noqa: C901 - an arm for each kind of event
    """Whoever followed the events knows what there is to know."""
    here: dict[str, object] = {}
    talking: set[str] = set()
    rules: tuple[object, ...] = ()
    policy = RoomPolicy()
    for event in scene.events:
        match event:
            case ParticipantJoined() | ParticipantUpdated():
                here[event.participant.id] = event.participant
            case ParticipantLeft():
                assert here.pop(event.participant.id)
            case TalkingStarted():
                assert event.participant_id not in talking
                talking.add(event.participant_id)
            case TalkingStopped():
                talking.remove(event.participant_id)
            case HearingChanged():
                rules = event.rules
            case RoomUpdated():
                policy = event.policy
    people = scene.room.participants
    assert here.keys() == people.keys()
    for name, participant in people.items():
        state = participant.state()
        known = here[name]
        for field in ("muted", "muted_by", "held", "deafened", "waiting", "role", "hand_raised_at", "name"):
            assert getattr(known, field) == getattr(state, field)
        assert (name in talking) == participant.talking == participant.may_be_heard
        if not participant.may_be_heard:
            assert participant.level == SILENT_LEVEL
    assert rules == tuple(scene.room.hearing.rules)
    assert policy == scene.room.policy


def test_who_is_muted_by_a_host_stays_so_until_they_are_asked_to_unmute() -> None:
    scene = Scene(("amy",))
    scene.room.set_muted("amy", True, by="cleo")
    scene.room.set_muted("amy", True)  # by themselves, on top of it
    assert scene.room.participants["amy"].muted_by == "cleo"
    scene.room.ask_to_unmute("amy", by="cleo")
    state = scene.room.participants["amy"].state()
    assert state.muted
    assert state.muted_by is None
    assert scene.told(UnmuteRequested) == [UnmuteRequested("tea", "amy", "cleo")]


def test_all_are_muted_but_hosts_and_those_who_are_spared() -> None:
    scene = Scene(("amy", "ben", "dan"))
    scene.join("cleo", "host")
    scene.room.set_muted("dan", True)
    assert scene.room.mute_all({"ben", "eve"}, by="cleo") == ["amy", "dan"]
    muted_by = {one.id: one.muted_by for one in scene.room.participants.values() if one.muted}
    assert muted_by == {"amy": "cleo", "dan": "cleo"}


def test_all_who_wait_are_let_in_at_once() -> None:
    scene = Scene((), RoomPolicy(lobby="admit"))
    scene.join("ben", "host")
    for name in ("amy", "cleo"):
        scene.join(name)
    scene.events.clear()
    scene.room.admit_all(by="ben")
    told = [(one.participant.id, one.by) for one in scene.events if isinstance(one, ParticipantUpdated)]
    assert told == [("amy", "ben"), ("cleo", "ben")]
    assert matrix(scene)["amy"] == {"ben", "cleo"}
