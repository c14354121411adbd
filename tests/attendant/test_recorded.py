"""Callers are told that they are recorded or captioned, and those who may record do so with a key."""

from __future__ import annotations

from dataclasses import replace

from conference.room.policy import RoomPolicy
from tests.attendant.callers import AttendedConference


def test_callers_are_told_when_it_begins_and_ends_and_whoever_comes_later_is_too() -> None:
    attended = AttendedConference(recording=True)
    attended.join("amy")
    attended.join("web", transport="webrtc")
    attended.heard()
    attended.attendant._actions._record(attended.room, "Web")  # type: ignore[misc]
    assert attended.heard() == [("amy", "recorded")]
    attended.join("ben")
    assert ("ben", "welcome+others-2+recorded") in attended.heard()
    attended.attendant._actions._record(attended.room, "Web")  # type: ignore[misc]
    assert sorted(attended.heard()) == [("amy", "recording-over"), ("ben", "recording-over")]


def test_even_those_are_told_who_are_told_nothing_else_but_for_programs() -> None:
    attended = AttendedConference(recording=True, phone_prompts=False)
    attended.quiet.add("bot")
    attended.join("amy")
    attended.join("bot")
    attended.run()
    attended.attendant._actions._record(attended.room, "Web")  # type: ignore[misc]
    attended.join("ben")
    assert attended.heard() == [("amy", "recorded"), ("ben", "recorded")]


def test_who_waits_in_the_lobby_is_told_before_they_are_heard() -> None:
    attended = AttendedConference(RoomPolicy(lobby="admit"), recording=True)
    attended.join("host", role="host")
    attended.attendant._actions._record(attended.room, "Host")  # type: ignore[misc]
    attended.heard()
    attended.join("amy")
    assert ("amy", "welcome+waiting+recorded") in attended.heard()


def test_a_key_begins_and_ends_it_for_those_who_may_record_and_for_nobody_else() -> None:
    attended = AttendedConference(recording=True)
    attended.join("amy", role="host")
    attended.join("ben")
    attended.recorders.add("ben")
    found = []
    for name in ("amy", "ben", "ben"):
        attended.press(name, "*4")
        recording = attended.room.recording
        found.append(None if recording is None else recording.started_by)
    assert found == [None, "Ben", None]


def test_where_nothing_is_recorded_the_key_does_nothing_and_nobody_is_told_of_it() -> None:
    attended = AttendedConference()
    attended.join("amy", role="host")
    attended.recorders.add("amy")
    attended.heard()
    attended.press("amy", "*4")
    assert attended.heard() == []
    attended.press("amy", "*9")
    [(_, said)] = attended.heard()
    assert "help-record" not in said


def test_callers_are_told_that_what_they_say_is_captioned_and_whoever_comes_later_is_too() -> None:
    attended = AttendedConference()
    attended.join("amy")
    attended.join("web", transport="webrtc")
    attended.heard()
    attended.room.set_policy(replace(attended.room.policy, captions=True), by="Web")
    assert attended.heard() == [("amy", "captioned")]
    attended.join("ben")
    assert ("ben", "welcome+others-2+captioned") in attended.heard()
    attended.room.set_policy(replace(attended.room.policy, captions=False), by="Web")
    assert sorted(attended.heard()) == [("amy", "captions-over"), ("ben", "captions-over")]
