"""Whatever happens in a room: the attendant follows it, and is left with nothing when all have gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conference.attendant.prompt_player import MAX_AT_ONCE
from conference.room.policy import RoomPolicy
from conference.room.soundboard import MAX_SOUNDS
from tests.attendant.callers import AttendedConference

NAMES = ("amy", "ben", "cat", "dan")

Step = Callable[[AttendedConference], object]


def on(name: str, act: Callable[[AttendedConference, str], object]) -> Step:
    """Something that is done to somebody, if they are there."""

    def step(attended: AttendedConference) -> None:
        room = attended.conference.get("tea")
        if room is not None and name in room.participants:
            act(attended, name)

    return step


def come(name: str, role: str, transport: str) -> Step:
    def step(attended: AttendedConference) -> None:
        room = attended.conference.get("tea")
        if room is None or (name not in room.participants and not (room.policy.locked and role != "host")):
            attended.join(name, role=role, transport=transport)  # type: ignore[arg-type]

    return step


def govern(policy: RoomPolicy) -> Step:
    def step(attended: AttendedConference) -> None:
        room = attended.conference.get("tea")
        if room is not None:
            room.set_policy(replace(policy, pin=room.policy.pin))

    return step


names = st.sampled_from(NAMES)
policies = st.builds(
    RoomPolicy,
    locked=st.booleans(),
    lobby=st.sampled_from(["off", "host", "admit"]),
    announce=st.sampled_from(["off", "tones", "names"]),
    hold_music=st.sampled_from([None, "hold-music", "join-tone", "no such sound"]),
    ends_with_host=st.booleans(),
)
acts: tuple[Callable[[AttendedConference, str], object], ...] = (
    lambda attended, name: attended.leave(name),
    lambda attended, name: attended.press(name, "*6"),
    lambda attended, name: attended.press(name, "*7"),
    lambda attended, name: attended.press(name, "*3"),
    lambda attended, name: attended.press(name, "*9"),
    lambda attended, name: attended.press(name, "*00"),
    lambda attended, name: attended.room.set_muted(name, True, by="Host"),
    lambda attended, name: attended.room.set_muted(name, False, by="Host"),
    lambda attended, name: attended.room.hold(name, True, by="Host"),
    lambda attended, name: attended.room.hold(name, False, by="Host"),
    lambda attended, name: attended.room.admit([name], by="Host"),
    lambda attended, name: attended.room.ask_to_unmute(name, by="Host"),
    lambda attended, name: attended.room.set_role(name, "listener", by="Host"),
    lambda attended, name: attended.room.raise_hand(name, 1.0),
    lambda attended, name: attended.conference.dismiss("tea", name, "enough", by="Host"),
)
steps = st.one_of(
    st.builds(come, names, st.sampled_from(["host", "speaker", "listener"]), st.sampled_from(["twilio", "webrtc"])),
    st.builds(on, names, st.sampled_from(acts)),
    st.builds(govern, policies),
    st.builds(lambda seconds: lambda attended: attended.run(seconds), st.sampled_from([0.02, 0.1, 2.0])),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=40))
def test_the_attendant_follows_whatever_happens_and_keeps_nothing_of_it(
    caplog: pytest.LogCaptureFixture, happening: list[Step]
) -> None:
    caplog.clear()
    attended = AttendedConference()
    for step in happening:
        step(attended)
    attended.run(0.04)
    assert not caplog.records, caplog.text
    room = attended.conference.get("tea")
    announcer = attended.attendant._announcers.get("tea")
    if room is not None and announcer is not None:
        assert set(announcer.people) == set(room.participants)
        assert set(announcer.keypads) | announcer.prompted <= set(room.participants)
        assert announcer.policy == room.policy
        assert {name: state.muted for name, state in announcer.people.items()} == {
            name: one.muted for name, one in room.participants.items()
        }
        assert len(room.sounds) <= MAX_SOUNDS
        assert sum(not sound.loop for sound in room.sounds) <= MAX_AT_ONCE + 1
        waits = any(one.absent for one in room.participants.values())
        playing = [sound for sound in room.sounds if sound.for_absent and not sound.stopping]
        assert len(playing) == (waits and room.policy.hold_music in ("hold-music", "join-tone"))
    for name in NAMES:
        attended.leave(name)
    attended.run(0.02)
    assert not attended.conference.rooms
    assert not attended.attendant._announcers
    assert not attended.attendant._happened
    assert not caplog.records, caplog.text
