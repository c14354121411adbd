"""Whatever hosts do, in whatever order: the room stays consistent, and everybody hears what the matrix says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SILENT_LEVEL, Samples
from conference.room.errors import RoomFull, RoomLocked
from conference.room.events import (
    HearingChanged,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomEvent,
    RoomUpdated,
    SoundStarted,
    SoundStopped,
    TalkingStarted,
    TalkingStopped,
    UnmuteRequested,
    events_of,
)
from conference.room.participant import Mix, Participant, Role
from conference.room.people import HOST_GRACE_TICKS
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.room.room import Room
from conference.room.soundboard import MAX_SOUNDS
from conference.room.sounds import Sound
from conference.room.voice import UNTOUCHED
from tests.room.fakes import Ear, PcmCodec, at, steady

NAMES = ("amy", "ben", "cleo", "dan", "eve")
VALUES = dict(zip(NAMES, (1000, 2200, 4100, 800, 330), strict=True))
CODEC = PcmCodec()


class Drone:
    """Says the same value for ever."""

    def __init__(self, value: int) -> None:
        self._frame = steady(value)

    def pull(self, now_ns: int) -> Samples | None:
        return self._frame


class Scene:
    """A room of people who talk all the time, and all that is told of it."""

    def __init__(self, names: tuple[str, ...] = NAMES, policy: RoomPolicy = DEFAULT_POLICY) -> None:
        self.events: list[RoomEvent] = []
        self.room = Room("tea", 0.0, lambda one: self.events.extend(events_of(one)), UNTOUCHED, policy=policy)
        self.ears: dict[str, Ear] = {}
        self.now = 0
        for name in names:
            self.join(name)

    def join(self, name: str, role: Role = "speaker", *, returning: bool = False) -> Participant:
        ear = self.ears[name] = Ear(CODEC)
        participant = Participant(
            id=name, name=name, transport="local", joined_at=0.0, source=Drone(VALUES[name]), sink=ear, role=role
        )
        participant.hang_up = lambda reason: None
        self.room.add(participant, returning=returning)
        return participant

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.room.tick(self.now, at(self.now))
            self.now += 1

    def hears(self, name: str) -> float:
        """What somebody hears on a tick on which nothing changes: one value, all through the frame."""
        mix: Mix = self.ears[name].mixes[-1]
        assert np.ptp(mix.samples) == 0
        return float(mix.samples[0])

    def heard(self) -> dict[str, float]:
        self.tick(2)  # the first may be a crossfade
        return {name: self.hears(name) for name in self.room.participants}

    def told(self, kind: type[RoomEvent]) -> list[RoomEvent]:
        return [event for event in self.events if isinstance(event, kind)]


def expected(scene: Scene, name: str) -> float:
    """What the matrix, and what was decided about people, say that somebody hears."""
    people = scene.room.participants
    listener = people[name]
    if listener.absent or listener.deafened:
        return 0.0
    return sum(
        VALUES[one] * min(2.0, scene.room.hearing.gain(name, one) * scene.room.volumes.volume(name, one))
        for one, source in people.items()
        if one != name and source.may_be_heard
    )


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


def matrix(scene: Scene) -> dict[str, set[str]]:
    """Who hears whom."""
    heard = scene.heard()
    return {
        name: {one for one in scene.room.participants if one != name and VALUES[one] in _summands(value)}
        for name, value in heard.items()
    }


def _summands(value: float) -> set[int]:
    """Which values add up to it; no two sets of them have the same sum."""
    for mask in range(1 << len(NAMES)):
        chosen = {VALUES[name] for n, name in enumerate(NAMES) if mask >> n & 1}
        if sum(chosen) == value:
            return chosen
    raise AssertionError(f"{value} is no sum of voices")


def test_a_coach_is_heard_by_the_agent_alone_also_after_others_join() -> None:
    scene = Scene(("amy", "ben", "cleo"))  # a coach, an agent, a caller
    scene.room.whisper("amy", ["ben"], by="amy")
    assert matrix(scene) == {"amy": {"ben", "cleo"}, "ben": {"amy", "cleo"}, "cleo": {"ben"}}
    scene.join("dan")
    assert matrix(scene)["dan"] == {"ben", "cleo"}
    scene.room.speak_up("amy")
    assert matrix(scene)["cleo"] == {"amy", "ben", "dan"}


def test_a_coach_whose_line_broke_is_not_heard_by_the_caller_when_they_are_back() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    scene.room.whisper("amy", ["ben"])
    scene.tick(3)
    scene.room.remove("amy", "lost", "lost")
    scene.tick()
    assert scene.hears("cleo") == VALUES["ben"]
    scene.join("amy", returning=True)
    assert matrix(scene)["cleo"] == {"ben"}


def test_a_sidebar_is_heard_by_its_members_only() -> None:
    scene = Scene()
    scene.room.sidebar(["amy", "ben"])
    heard = matrix(scene)
    assert (heard["amy"], heard["ben"]) == ({"ben"}, {"amy"})
    assert heard["cleo"] == {"dan", "eve"}
    scene.room.rejoin(["amy", "ben"])
    assert matrix(scene)["eve"] == {"amy", "ben", "cleo", "dan"}


def test_whoever_is_on_hold_neither_hears_nor_is_heard() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    scene.room.hold("amy", True)
    assert matrix(scene) == {"amy": set(), "ben": {"cleo"}, "cleo": {"ben"}}


def test_whoever_is_deafened_is_heard_and_hears_nobody() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    scene.room.deafen("amy", True)
    assert matrix(scene) == {"amy": set(), "ben": {"amy", "cleo"}, "cleo": {"amy", "ben"}}


def test_a_whisperer_who_begins_to_talk_is_not_heard_for_a_single_sample() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    amy = scene.room.participants["amy"]
    source, amy.source = amy.source, None
    scene.tick(30)
    scene.room.whisper("amy", ["ben"])
    amy.source = source
    scene.room.set_gain("cleo", "ben", 0.5)  # a crossfade, on the very tick on which she begins
    for _ in range(4):
        scene.tick()
        assert scene.ears["cleo"].mixes[-1].samples.max() <= VALUES["ben"]


def test_a_gain_that_changes_in_mid_sound_moves_without_a_step() -> None:
    scene = Scene(("amy", "ben"))
    scene.tick(2)
    scene.room.set_gain("ben", "amy", 2.0)
    scene.tick(3)
    heard = scene.ears["ben"].heard.astype(int)
    assert heard[0] == 1000
    assert heard[-1] == 2000
    assert np.abs(np.diff(heard)).max() <= 2


def test_listeners_with_the_same_row_share_an_encoder_and_their_packets() -> None:
    scene = Scene()
    for listener in ("cleo", "dan"):
        scene.room.set_muted(listener, True)
        scene.room.set_gain(listener, "amy", 0.5)
    scene.tick(10)
    cleo, dan = (scene.ears[name].mixes[-1] for name in ("cleo", "dan"))
    assert cleo is dan
    assert cleo is not scene.ears["eve"].mixes[-1]


def test_a_gain_for_somebody_silent_parts_nobody() -> None:
    scene = Scene()
    for name in ("cleo", "dan", "eve"):
        scene.room.set_muted(name, True)
    scene.room.set_gain("dan", "eve", 0.5)
    scene.tick(10)
    assert scene.ears["dan"].mixes[-1] is scene.ears["cleo"].mixes[-1]


@pytest.mark.parametrize(("lobby", "waits"), [("off", False), ("host", True), ("admit", True)])
def test_who_comes_before_the_host_waits_if_there_is_a_lobby(lobby: str, waits: bool) -> None:
    scene = Scene((), RoomPolicy(lobby=lobby))  # type: ignore[arg-type]
    assert scene.join("amy").waiting == waits
    scene.join("ben", "host")
    assert scene.room.participants["amy"].waiting == (lobby == "admit")
    assert scene.join("cleo").waiting == (lobby == "admit")
    scene.room.admit(["amy", "cleo"], by="ben")
    assert matrix(scene)["amy"] == {"ben", "cleo"}


def test_who_waits_in_the_lobby_neither_hears_nor_is_heard() -> None:
    scene = Scene((), RoomPolicy(lobby="admit"))
    scene.join("ben", "host")
    scene.join("cleo", "host")
    scene.join("amy")
    assert matrix(scene) == {"amy": set(), "ben": {"cleo"}, "cleo": {"ben"}}


def test_nobody_is_in_a_room_twice_and_who_was_there_stays() -> None:
    scene = Scene(("amy",))
    there = scene.room.participants["amy"]
    told = len(scene.told(ParticipantJoined))
    with pytest.raises(ValueError, match="amy is in the room already"):
        scene.join("amy", "host", returning=True)
    assert scene.room.participants == {"amy": there}
    assert len(scene.told(ParticipantJoined)) == told


def test_a_locked_room_lets_in_hosts_and_those_who_come_back() -> None:
    scene = Scene(("amy",), RoomPolicy(locked=False))
    scene.room.set_policy(RoomPolicy(locked=True))
    with pytest.raises(RoomLocked):
        scene.join("ben")
    scene.join("cleo", "host")
    scene.room.remove("amy", "lost", "lost")
    scene.join("amy", returning=True)
    assert scene.room.participants.keys() == {"amy", "cleo"}


def test_a_room_holds_as_many_as_its_host_wants_hosts_aside() -> None:
    scene = Scene(("amy",), RoomPolicy(max_participants=1))
    with pytest.raises(RoomFull):
        scene.join("ben")
    scene.join("cleo", "host")


def test_a_room_that_ends_with_its_host_sends_everybody_home() -> None:
    scene = Scene(("amy", "ben"), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.room.remove("cleo", "left")
    assert not scene.room.participants
    assert [event.departure for event in scene.told(ParticipantLeft)] == ["left", "ended", "ended"]  # type: ignore[union-attr]


def test_a_host_whose_line_broke_has_half_a_minute_to_come_back() -> None:
    scene = Scene(("amy",), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.room.remove("cleo", "lost", "lost")
    scene.tick(HOST_GRACE_TICKS - 1)
    scene.join("cleo", "host", returning=True)
    scene.tick(HOST_GRACE_TICKS + 1)
    assert scene.room.participants.keys() == {"amy", "cleo"}
    scene.room.remove("cleo", "lost", "lost")
    scene.tick(HOST_GRACE_TICKS + 1)
    assert not scene.room.participants


def test_a_host_who_went_by_an_error_of_ours_has_half_a_minute_too() -> None:
    scene = Scene(("amy",), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.room.remove("cleo", "internal error", "failed")
    assert scene.room.participants.keys() == {"amy"}
    scene.tick(HOST_GRACE_TICKS + 1)
    assert not scene.room.participants


def test_a_room_told_not_to_end_with_its_host_does_not_end_though_one_was_waited_for() -> None:
    scene = Scene(("amy",), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.room.remove("cleo", "lost", "lost")
    scene.room.set_policy(RoomPolicy(ends_with_host=False))
    scene.tick(HOST_GRACE_TICKS + 1)
    assert scene.room.participants.keys() == {"amy"}


@pytest.mark.parametrize("ends_with_host", [False, True])
def test_a_room_that_never_had_a_host_waits_for_none(ends_with_host: bool) -> None:
    scene = Scene(("amy", "ben"), RoomPolicy(ends_with_host=ends_with_host))
    scene.room.remove("ben", "lost", "lost")
    scene.tick(HOST_GRACE_TICKS + 1)
    assert scene.room.participants.keys() == {"amy"}


def test_everybody_is_told_who_ended_a_room_that_would_end_with_its_host_anyway() -> None:
    scene = Scene((), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.join("amy")
    scene.room.end("Ended.", by="cleo")
    left = [(event.departure, event.by) for event in scene.told(ParticipantLeft)]  # type: ignore[union-attr]
    assert left == [("ended", "cleo")] * 2


def test_a_whisper_or_a_sidebar_for_which_there_is_no_place_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conference.room.gains.gain_matrix.MAX_RULES", 2)
    scene = Scene()
    scene.room.set_gain("amy", "ben", 0.5)
    before = scene.room.hearing.rules
    with pytest.raises(ValueError, match="Too many"):
        scene.room.whisper("ben", ["amy", "cleo"])
    assert scene.room.hearing.rules == before
    with pytest.raises(ValueError, match="Too many"):
        scene.room.sidebar(["ben", "cleo"])
    assert scene.room.hearing.rules == before


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


def sound(**options: object) -> Sound:
    about: dict[str, object] = {"id": "ding", "name": "ding", "samples": np.full(3 * FRAME_SAMPLES, 5000, np.int16)}
    return Sound(**(about | options))  # type: ignore[arg-type]


def test_a_sound_is_heard_by_everybody_over_the_talk_and_then_is_over() -> None:
    scene = Scene(("amy", "ben"))
    scene.room.play(sound(), by="amy")
    scene.tick(3)
    assert (scene.hears("amy"), scene.hears("ben")) == (5000 + 2200, 5000 + 1000)
    scene.tick()
    assert scene.hears("amy") == 2200
    assert scene.told(SoundStarted) == [SoundStarted("tea", "ding", "ding", None, "amy")]
    assert scene.told(SoundStopped) == [SoundStopped("tea", "ding", "ding")]
    assert not scene.room.sounds


def test_a_sound_for_one_person_is_heard_by_nobody_else_and_ducks_the_talk_for_them_alone() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    scene.room.play(sound(audience=frozenset({"amy"}), talk_gain=0.25, loop=True))
    scene.tick(2)
    assert scene.hears("amy") == 5000 + (2200 + 4100) / 4
    assert scene.hears("ben") == 1000 + 4100
    scene.room.stop_sound("ding")
    scene.tick(4)
    assert scene.hears("amy") == 2200 + 4100


def test_music_for_those_on_hold_reaches_whoever_is_on_hold_at_the_time() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    scene.room.play(sound(for_absent=True, loop=True))
    scene.room.hold("amy", True)
    assert (scene.heard(), scene.hears("amy"), scene.hears("ben")) == (scene.heard(), 5000, 4100)
    scene.room.hold("amy", False)
    scene.room.hold("ben", True)
    assert (scene.heard()["amy"], scene.hears("ben")) == (4100, 5000)


def test_too_many_sounds_are_refused() -> None:
    scene = Scene(("amy",))
    for n in range(MAX_SOUNDS):
        scene.room.play(sound(id=str(n), loop=True))
    with pytest.raises(ValueError, match="Too many"):
        scene.room.play(sound(id="one more"))
