"""Who is told what, and what keys do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from conference.attendant.attendant import EVENTS_A_TICK
from conference.attendant.menu import Menu
from conference.audio.frame import Samples
from conference.prompts.library import Library
from conference.room.policy import RoomPolicy
from tests.attendant.callers import AttendedConference
from tests.tones import tone

# Coming and going


def test_a_caller_is_welcomed_and_told_that_nobody_else_is_here() -> None:
    attended = AttendedConference()
    attended.join("amy")
    assert attended.heard() == [("amy", "welcome"), ("amy", "alone")]


def test_a_caller_is_told_how_many_others_there_are() -> None:
    attended = AttendedConference()
    for name in ("ben", "cat"):
        attended.join(name, transport="webrtc")
    attended.join("amy")
    assert attended.heard() == [("amy", "welcome+others-2")]


def test_many_others_are_more_than_twenty() -> None:
    attended = AttendedConference()
    for number in range(21):
        attended.join(f"p{number}", transport="webrtc")
    attended.join("amy")
    assert attended.heard() == [("amy", "welcome+others-many")]


def test_whoever_is_left_alone_is_told() -> None:
    attended = AttendedConference()
    attended.join("amy")
    attended.join("ben", transport="webrtc")
    attended.heard()
    attended.leave("ben")
    assert attended.heard() == [("amy", "alone")]


@pytest.mark.parametrize(("alone", "said"), [("phones", []), ("everybody", [("ben", "alone")]), ("nobody", [])])
def test_who_is_told_to_be_alone_is_a_setting(alone: str, said: list[tuple[str, str]]) -> None:
    attended = AttendedConference(alone_prompt=alone)
    attended.join("ben", transport="webrtc")
    assert attended.heard() == said


def test_programs_that_want_to_be_told_nothing_are_told_nothing() -> None:
    attended = AttendedConference()
    attended.quiet.add("bot")
    attended.join("bot")
    attended.room.set_muted("bot", True, by="Host")
    attended.press("bot", "*9")
    assert attended.heard() == []


def test_without_prompts_nobody_is_told_anything_and_keys_still_work() -> None:
    attended = AttendedConference(phone_prompts=False)
    amy = attended.join("amy")
    attended.run()
    attended.press("amy", "*6")
    assert amy.state().muted
    assert attended.heard() == []


@pytest.mark.parametrize(
    ("announce", "joins", "leaves"),
    [("off", [], []), ("tones", ["join-tone"], ["leave-tone"]),
     ("names", ["join-tone+somebody-joined"], ["leave-tone+somebody-left"])],
)  # fmt: skip
def test_coming_and_going_is_announced_as_the_room_wants(announce: str, joins: list[str], leaves: list[str]) -> None:
    attended = AttendedConference(RoomPolicy(announce=announce))  # type: ignore[arg-type]
    for name in ("amy", "ben"):
        attended.join(name, transport="webrtc")
        attended.run()
    attended.join("cat", transport="webrtc")
    assert attended.heard() == [("*", sound) for sound in joins]  # for Ben; while it is played, Cat gets none
    attended.leave("cat")
    assert attended.heard() == [("*", sound) for sound in leaves]


def test_whoever_is_called_is_announced_and_greeted_once_they_have_answered() -> None:
    attended = AttendedConference(RoomPolicy(announce="tones"))
    for name in ("amy", "ben"):
        attended.join(name, transport="webrtc")
        attended.run()
    attended.heard()
    attended.join("cat", call="dialing")
    attended.join("dan", call="dialing")
    attended.room.set_call_state("dan", "busy")
    attended.leave("dan")
    assert attended.heard() == []
    attended.room.set_call_state("cat", "ringing")
    attended.room.set_call_state("cat", "answered")
    assert attended.heard() == [("*", "join-tone"), ("cat", "welcome+others-2")]
    attended.leave("cat")
    assert attended.heard() == [("*", "leave-tone")]


def test_names_are_spoken_where_they_can_be() -> None:
    attended = AttendedConference(RoomPolicy(announce="names"), speaking=True)
    attended.names = {"Ben": tone(440.0, 0.5)}
    attended.join("amy", transport="webrtc")
    attended.run()
    attended.join("ben", transport="webrtc")
    attended.run(0.1)
    [sound] = attended.room.sounds
    parts = Library().sequence(["join-tone", attended.names["Ben"], "has-joined"])
    assert np.array_equal(sound._samples, parts)
    assert attended.heard() == [("*", "join-tone+has-joined")]
    attended.join("cat", transport="webrtc")
    assert attended.heard() == [("*", "join-tone+somebody-joined")]
    attended.leave("ben")
    assert attended.heard() == [("*", "leave-tone+has-left")]


def test_a_name_that_is_spoken_too_late_for_its_room_is_not_heard() -> None:
    attended = AttendedConference(RoomPolicy(announce="names"), speaking=True)
    late: list[Callable[[Samples | None], None]] = []
    attended._speak = lambda name, then: late.append(then)  # type: ignore[method-assign]
    attended.attendant._speak_name = attended._speak
    attended.join("amy", transport="webrtc")
    attended.join("ben", transport="webrtc")
    attended.run()
    assert late
    for name in ("amy", "ben"):
        attended.leave(name)
    for then in late:
        then(tone(440.0, 0.5))
    attended.run(0.1)
    assert attended.said == []
    assert not attended.attendant._announcers


def test_a_crowd_comes_quietly() -> None:
    attended = AttendedConference(RoomPolicy(announce="tones"))
    for number in range(60):
        attended.join(f"p{number}", transport="webrtc")
    assert attended.heard() == [("*", "join-tone")]


def test_sixty_phones_at_once_are_all_welcomed() -> None:
    attended = AttendedConference()
    for number in range(60):
        attended.join(f"p{number}")
    assert sorted(to for to, _ in attended.heard()) == sorted(f"p{number}" for number in range(60))


# The lobby, hold, and music


def test_what_happens_to_hundreds_at_once_is_seen_to_in_the_course_of_a_few_ticks() -> None:
    attended = AttendedConference()
    for number in range(2 * EVENTS_A_TICK):
        attended.join(f"browser-{number}", transport="webrtc")
    attended.join("phone")
    attended.run(3)
    attended.heard()
    attended.room.mute_all((), by="Host")
    attended.run(0.04)
    assert attended.said == []
    attended.run()
    assert attended.said == [("phone", "muted-by-host")]


def test_somebody_in_the_lobby_is_told_to_wait_and_then_that_they_are_in() -> None:
    attended = AttendedConference(RoomPolicy(lobby="host"))
    attended.join("amy")
    assert attended.heard() == [("amy", "welcome+waiting-for-host")]
    attended.join("host", transport="webrtc", role="host")
    assert attended.heard() == [("amy", "admitted+others-1")]


def test_nobody_is_told_to_wait_who_is_in_already() -> None:
    attended = AttendedConference(RoomPolicy(lobby="admit"))
    attended.join("amy")
    attended.run(0.2)
    [waiting] = attended.room.sounds
    attended.room.admit(["amy"])
    attended.run(0.1)
    assert waiting.ended
    assert [prompt for _, prompt in attended.heard()] == ["welcome+waiting", "admitted+alone"]


def test_a_lobby_of_those_who_are_let_in_one_by_one_says_so() -> None:
    attended = AttendedConference(RoomPolicy(lobby="admit"))
    attended.join("amy")
    assert attended.heard() == [("amy", "welcome+waiting")]


def test_music_plays_while_somebody_waits_and_only_then() -> None:
    attended = AttendedConference(RoomPolicy(hold_music="hold-music", lobby="admit"))
    amy = attended.join("amy", transport="webrtc")
    attended.run(0.1)
    [music] = attended.room.sounds
    assert (music.name, music.loop, music.for_absent) == ("hold-music", True, True)
    attended.run(1)
    assert np.abs(amy.sink.mixes[-1].samples).max() > 100  # type: ignore[union-attr]
    attended.room.admit(["amy"])
    attended.run(0.1)
    assert not attended.room.sounds
    attended.room.hold("amy", True)
    attended.run(0.1)
    assert len(attended.room.sounds) == 1
    attended.room.set_policy(replace(attended.room.policy, hold_music=None))
    attended.run(0.1)
    assert not attended.room.sounds
    attended.room.set_policy(replace(attended.room.policy, hold_music="no such sound"))
    attended.run(0.1)
    assert not attended.room.sounds


def test_music_that_somebody_stops_begins_again_with_the_next_change() -> None:
    attended = AttendedConference(RoomPolicy(hold_music="hold-music"))
    attended.join("amy", transport="webrtc")
    attended.room.hold("amy", True)
    attended.run(0.1)
    [music] = attended.room.sounds
    attended.room.stop_sound(music.id)
    attended.run(0.1)
    assert not attended.room.sounds
    attended.room.rename("amy", "Amy B")
    attended.run(0.1)
    assert len(attended.room.sounds) == 1


# What happens to them


def test_a_caller_is_told_what_is_done_to_them() -> None:
    attended = AttendedConference()
    attended.join("amy")
    attended.join("host", transport="webrtc", role="host")
    attended.heard()
    room = attended.room
    steps: list[tuple[Callable[[], object], list[str]]] = [
        (lambda: room.set_muted("amy", True, by="Host"), ["muted-by-host"]),
        (lambda: room.ask_to_unmute("amy", by="Host"), ["unmute-request+help-mute+key-star"]),
        (lambda: room.set_muted("amy", False), ["unmuted"]),
        (lambda: room.set_muted("amy", True), ["muted"]),
        (lambda: room.set_muted("amy", True, by="Host"), ["muted-by-host"]),
        (lambda: room.hold("amy", True, by="Host"), ["on-hold"]),
        (lambda: room.hold("amy", False, by="Host"), ["off-hold"]),
        (lambda: room.raise_hand("amy", 1.0), ["hand-raised"]),
        (lambda: room.raise_hand("amy", None, by="Host"), ["hand-lowered"]),
        (lambda: room.set_role("amy", "listener", by="Host"), ["listening"]),
        (lambda: room.rename("amy", "Amy B", by="Host"), []),
    ]
    for step, said in steps:
        step()
        assert attended.heard() == [("amy", prompt) for prompt in said]


def test_what_is_said_comes_one_after_the_other() -> None:
    attended = AttendedConference()
    attended.join("amy")
    attended.join("ben", transport="webrtc")
    attended.heard()
    attended.room.set_muted("amy", True)
    attended.run(0.1)
    attended.room.set_muted("amy", False)
    attended.run(0.1)
    assert attended.said == [("amy", "muted")]
    assert attended.heard() == [("amy", "muted"), ("amy", "unmuted")]


def test_somebody_who_is_spoken_to_hears_the_others_softly_and_nobody_else_hears_it() -> None:
    attended = AttendedConference()
    amy, ben = attended.join("amy"), attended.join("ben", transport="webrtc")
    attended.run(0.5)
    assert np.abs(amy.sink.mixes[-1].samples).max() > 100  # type: ignore[union-attr]
    assert not any(np.any(mix.samples) for mix in ben.sink.mixes)  # type: ignore[union-attr]
    [sound] = attended.room.sounds
    assert 0 < sound.talk_gain < 1


# Keys


def test_star_six_mutes_and_unmutes() -> None:
    attended = AttendedConference()
    amy = attended.join("amy")
    attended.join("ben", transport="webrtc")
    attended.heard()
    attended.press("amy", "*6")
    assert (amy.muted, amy.muted_by) == (True, None)
    assert attended.heard() == [("amy", "muted")]
    attended.press("amy", "*6")
    assert not amy.state().muted
    assert attended.heard() == [("amy", "unmuted")]


def test_whom_a_host_has_muted_cannot_unmute_with_a_key_until_asked_to() -> None:
    attended = AttendedConference()
    amy = attended.join("amy")
    attended.room.set_muted("amy", True, by="Host")
    attended.heard()
    attended.press("amy", "*6")
    assert amy.state().muted
    assert attended.heard() == [("amy", "muted-by-host")]
    attended.room.ask_to_unmute("amy", by="Host")
    attended.press("amy", "*6")
    assert not amy.state().muted


def test_hands_locks_and_counts() -> None:
    attended = AttendedConference()
    amy = attended.join("amy", role="host")
    attended.join("ben", transport="webrtc")
    attended.heard()
    attended.press("amy", "*5")
    assert amy.state().hand_raised_at == 1_700_000_000.0
    assert attended.heard() == [("amy", "hand-raised")]
    attended.press("amy", "*5")
    assert amy.state().hand_raised_at is None
    assert attended.heard() == [("amy", "hand-lowered")]
    for locked, said in ((True, "locked"), (False, "unlocked")):
        attended.press("amy", "*7")
        assert attended.room.policy.locked == locked
        assert attended.heard() == [("amy", said)]
    attended.press("amy", "*8")
    assert attended.heard() == [("amy", "others-1")]


@pytest.mark.parametrize(("lobby", "said"), [("admit", "waiting"), ("host", "waiting-for-host")])
def test_who_waits_does_not_learn_how_many_are_in_the_room(lobby: str, said: str) -> None:
    attended = AttendedConference(RoomPolicy(lobby=lobby))  # type: ignore[arg-type]
    attended.join("amy")
    attended.heard()
    attended.press("amy", "*8")
    assert attended.heard() == [("amy", said)]


@pytest.mark.parametrize("keys", ["*7", "*2", "*3", "*00"])
def test_what_hosts_do_others_are_told_they_may_not(keys: str) -> None:
    attended = AttendedConference(RoomPolicy(lobby="off"))
    attended.join("amy")
    ben = attended.join("ben", transport="webrtc")
    attended.heard()
    attended.press("amy", keys)
    assert attended.heard() == [("amy", "hosts-only")]
    assert not attended.room.policy.locked
    assert not ben.muted
    assert "amy" in attended.room.participants


def test_somebody_who_may_moderate_need_not_be_a_host() -> None:
    attended = AttendedConference()
    attended.moderators.add("amy")
    attended.join("amy")
    attended.heard()
    attended.press("amy", "*7")
    assert attended.room.policy.locked


def test_a_host_runs_the_room_from_a_telephone() -> None:
    attended = AttendedConference(RoomPolicy(lobby="admit"))
    attended.join("host", role="host")
    ben, cat = attended.join("ben", transport="webrtc"), attended.join("cat", transport="webrtc")
    attended.heard()
    attended.press("host", "*2")
    assert not ben.waiting
    assert not cat.waiting
    assert attended.heard() == [("host", "all-admitted")]
    attended.press("host", "*3")
    assert (ben.muted_by, cat.muted_by) == ("Host", "Host")
    assert attended.heard() == [("host", "all-muted")]
    attended.press("host", "*00")
    assert "tea" not in attended.conference.rooms


def test_the_menu_tells_hosts_more_and_a_key_stops_it() -> None:
    attended = AttendedConference()
    attended.join("amy")
    attended.join("host", role="host")
    attended.heard()
    lengths = {}
    for name in ("amy", "host"):
        attended.press(name, "*9")
        attended.run(0.1)
        [sound] = attended.room.sounds
        lengths[name] = len(sound._samples)
        attended.press(name, "1")
        attended.run(0.1)
        assert not attended.room.sounds
    assert lengths["host"] > 1.5 * lengths["amy"]


def test_another_menu_has_other_keys() -> None:
    attended = AttendedConference(dtmf_menu=Menu({"1": "mute"}))
    amy = attended.join("amy")
    attended.run()
    attended.press("amy", "*6")
    assert not amy.state().muted
    attended.press("amy", "1")
    assert amy.state().muted


def test_keys_that_come_too_far_apart_do_nothing() -> None:
    attended = AttendedConference(key_timeout=1.0)
    amy = attended.join("amy")
    attended.run()
    attended.press("amy", "*")
    attended.run(1.5)
    attended.press("amy", "6")
    assert not amy.state().muted


# What it costs


def test_rooms_that_are_gone_leave_nothing_behind() -> None:
    attended = AttendedConference(RoomPolicy(announce="tones", hold_music="hold-music", lobby="admit"))
    for _ in range(3):
        for name in ("amy", "ben"):
            attended.join(name)
        attended.run(0.1)
        attended.press("amy", "*9")
        attended.leave("amy")
        attended.leave("ben")
        attended.run(0.1)
        attended.join("amy")  # at once
        attended.leave("amy")
        attended.run(0.1)
    assert not attended.conference.rooms
    assert not attended.attendant._announcers
    assert not attended.attendant._happened


def test_a_room_that_ends_and_begins_between_two_ticks_is_a_new_one() -> None:
    attended = AttendedConference()
    attended.join("amy")
    attended.run()
    attended.leave("amy")
    attended.join("ben")
    assert attended.heard()[-2:] == [("ben", "welcome"), ("ben", "alone")]
    assert set(attended.attendant._announcers["tea"].people) == {"ben"}


def test_a_room_is_not_run_as_an_earlier_one_of_its_name_was() -> None:
    attended = AttendedConference()
    attended.join("amy", transport="webrtc")
    attended.room.set_policy(RoomPolicy(hold_music="hold-music"))
    attended.leave("amy")
    attended.join("amy", transport="webrtc")
    attended.room.hold("amy", True)
    attended.run(0.1)
    assert not attended.room.sounds


def test_whoever_comes_and_goes_between_two_ticks_is_not_spoken_to() -> None:
    attended = AttendedConference()
    attended.join("ben", transport="webrtc")
    attended.join("amy")
    attended.leave("amy")
    assert attended.heard() == []


def test_a_room_without_phones_pays_for_nothing() -> None:
    attended = AttendedConference()
    for name in ("amy", "ben"):
        attended.join(name, transport="webrtc")
    attended.run(1)
    assert attended.room._plain
    assert not attended.room.sounds
    assert attended.said == []


def test_something_that_goes_wrong_is_logged_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    attended = AttendedConference()

    def fail(participant_id: str) -> bool:
        raise RuntimeError("no such thing")

    attended.wants_prompts = fail  # type: ignore[method-assign]
    attended.join("amy")
    attended.run()
    assert "the attendant failed" in caplog.text
    del attended.wants_prompts
    attended.join("ben")
    assert ("ben", "welcome+others-1") in attended.heard()
