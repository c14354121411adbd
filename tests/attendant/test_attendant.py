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
from tests.attendant.callers import House
from tests.tones import tone

# Coming and going


def test_a_caller_is_welcomed_and_told_that_nobody_else_is_here() -> None:
    house = House()
    house.join("amy")
    assert house.heard() == [("amy", "welcome"), ("amy", "alone")]


def test_a_caller_is_told_how_many_others_there_are() -> None:
    house = House()
    for name in ("ben", "cat"):
        house.join(name, transport="webrtc")
    house.join("amy")
    assert house.heard() == [("amy", "welcome+others-2")]


def test_many_others_are_more_than_twenty() -> None:
    house = House()
    for number in range(21):
        house.join(f"p{number}", transport="webrtc")
    house.join("amy")
    assert house.heard() == [("amy", "welcome+others-many")]


def test_whoever_is_left_alone_is_told() -> None:
    house = House()
    house.join("amy")
    house.join("ben", transport="webrtc")
    house.heard()
    house.leave("ben")
    assert house.heard() == [("amy", "alone")]


@pytest.mark.parametrize(("alone", "said"), [("phones", []), ("everybody", [("ben", "alone")]), ("nobody", [])])
def test_who_is_told_to_be_alone_is_a_setting(alone: str, said: list[tuple[str, str]]) -> None:
    house = House(alone=alone)
    house.join("ben", transport="webrtc")
    assert house.heard() == said


def test_programs_that_want_to_be_told_nothing_are_told_nothing() -> None:
    house = House()
    house.quiet.add("bot")
    house.join("bot")
    house.room.set_muted("bot", True, by="Host")
    house.press("bot", "*9")
    assert house.heard() == []


def test_without_prompts_nobody_is_told_anything_and_keys_still_work() -> None:
    house = House(prompts=False)
    amy = house.join("amy")
    house.run()
    house.press("amy", "*6")
    assert amy.state().muted
    assert house.heard() == []


@pytest.mark.parametrize(
    ("announce", "joins", "leaves"),
    [("off", [], []), ("tones", ["join-tone"], ["leave-tone"]),
     ("names", ["join-tone+somebody-joined"], ["leave-tone+somebody-left"])],
)  # fmt: skip
def test_coming_and_going_is_announced_as_the_room_wants(announce: str, joins: list[str], leaves: list[str]) -> None:
    house = House(RoomPolicy(announce=announce))  # type: ignore[arg-type]
    for name in ("amy", "ben"):
        house.join(name, transport="webrtc")
        house.run()
    house.join("cat", transport="webrtc")
    assert house.heard() == [("*", sound) for sound in joins]  # for Ben; while it is played, Cat gets none
    house.leave("cat")
    assert house.heard() == [("*", sound) for sound in leaves]


def test_names_are_spoken_where_they_can_be() -> None:
    house = House(RoomPolicy(announce="names"), speaking=True)
    house.names = {"Ben": tone(440.0, 0.5)}
    house.join("amy", transport="webrtc")
    house.run()
    house.join("ben", transport="webrtc")
    house.run(0.1)
    [sound] = house.room.sounds
    parts = Library().sequence(["join-tone", house.names["Ben"], "has-joined"])
    assert np.array_equal(sound._samples, parts)
    assert house.heard() == [("*", "join-tone+has-joined")]
    house.join("cat", transport="webrtc")
    assert house.heard() == [("*", "join-tone+somebody-joined")]
    house.leave("ben")
    assert house.heard() == [("*", "leave-tone+has-left")]


def test_a_name_that_is_spoken_too_late_for_its_room_is_not_heard() -> None:
    house = House(RoomPolicy(announce="names"), speaking=True)
    late: list[Callable[[Samples | None], None]] = []
    house._speak = lambda name, then: late.append(then)  # type: ignore[method-assign]
    house.attendant._speak_name = house._speak
    house.join("amy", transport="webrtc")
    house.join("ben", transport="webrtc")
    house.run()
    assert late
    for name in ("amy", "ben"):
        house.leave(name)
    for then in late:
        then(tone(440.0, 0.5))
    house.run(0.1)
    assert house.said == []
    assert not house.attendant._desks


def test_a_crowd_comes_quietly() -> None:
    house = House(RoomPolicy(announce="tones"))
    for number in range(60):
        house.join(f"p{number}", transport="webrtc")
    assert house.heard() == [("*", "join-tone")]


def test_sixty_phones_at_once_are_all_welcomed() -> None:
    house = House()
    for number in range(60):
        house.join(f"p{number}")
    assert sorted(to for to, _ in house.heard()) == sorted(f"p{number}" for number in range(60))


# The lobby, hold, and music


def test_what_happens_to_hundreds_at_once_is_seen_to_in_the_course_of_a_few_ticks() -> None:
    house = House()
    for number in range(2 * EVENTS_A_TICK):
        house.join(f"browser-{number}", transport="webrtc")
    house.join("phone")
    house.run(3)
    house.heard()
    house.room.mute_all((), by="Host")
    house.run(0.04)
    assert house.said == []
    house.run()
    assert house.said == [("phone", "muted-by-host")]


def test_somebody_in_the_lobby_is_told_to_wait_and_then_that_they_are_in() -> None:
    house = House(RoomPolicy(lobby="host"))
    house.join("amy")
    assert house.heard() == [("amy", "welcome+waiting-for-host")]
    house.join("host", transport="webrtc", role="host")
    assert house.heard() == [("amy", "admitted+others-1")]


def test_nobody_is_told_to_wait_who_is_in_already() -> None:
    house = House(RoomPolicy(lobby="admit"))
    house.join("amy")
    house.run(0.2)
    [waiting] = house.room.sounds
    house.room.admit(["amy"])
    house.run(0.1)
    assert waiting.ended
    assert [prompt for _, prompt in house.heard()] == ["welcome+waiting", "admitted+alone"]


def test_a_lobby_of_those_who_are_let_in_one_by_one_says_so() -> None:
    house = House(RoomPolicy(lobby="admit"))
    house.join("amy")
    assert house.heard() == [("amy", "welcome+waiting")]


def test_music_plays_while_somebody_waits_and_only_then() -> None:
    house = House(RoomPolicy(hold_music="hold-music", lobby="admit"))
    amy = house.join("amy", transport="webrtc")
    house.run(0.1)
    [music] = house.room.sounds
    assert (music.name, music.loop, music.for_absent) == ("hold-music", True, True)
    house.run(1)
    assert np.abs(amy.sink.mixes[-1].samples).max() > 100  # type: ignore[union-attr]
    house.room.admit(["amy"])
    house.run(0.1)
    assert not house.room.sounds
    house.room.hold("amy", True)
    house.run(0.1)
    assert len(house.room.sounds) == 1
    house.room.set_policy(replace(house.room.policy, hold_music=None))
    house.run(0.1)
    assert not house.room.sounds
    house.room.set_policy(replace(house.room.policy, hold_music="no such sound"))
    house.run(0.1)
    assert not house.room.sounds


def test_music_that_somebody_stops_begins_again_with_the_next_change() -> None:
    house = House(RoomPolicy(hold_music="hold-music"))
    house.join("amy", transport="webrtc")
    house.room.hold("amy", True)
    house.run(0.1)
    [music] = house.room.sounds
    house.room.stop_sound(music.id)
    house.run(0.1)
    assert not house.room.sounds
    house.room.rename("amy", "Amy B")
    house.run(0.1)
    assert len(house.room.sounds) == 1


# What happens to them


def test_a_caller_is_told_what_is_done_to_them() -> None:
    house = House()
    house.join("amy")
    house.join("host", transport="webrtc", role="host")
    house.heard()
    room = house.room
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
        assert house.heard() == [("amy", prompt) for prompt in said]


def test_what_is_said_comes_one_after_the_other() -> None:
    house = House()
    house.join("amy")
    house.join("ben", transport="webrtc")
    house.heard()
    house.room.set_muted("amy", True)
    house.run(0.1)
    house.room.set_muted("amy", False)
    house.run(0.1)
    assert house.said == [("amy", "muted")]
    assert house.heard() == [("amy", "muted"), ("amy", "unmuted")]


def test_somebody_who_is_spoken_to_hears_the_others_softly_and_nobody_else_hears_it() -> None:
    house = House()
    amy, ben = house.join("amy"), house.join("ben", transport="webrtc")
    house.run(0.5)
    assert np.abs(amy.sink.mixes[-1].samples).max() > 100  # type: ignore[union-attr]
    assert not any(np.any(mix.samples) for mix in ben.sink.mixes)  # type: ignore[union-attr]
    [sound] = house.room.sounds
    assert 0 < sound.talk_gain < 1


# Keys


def test_star_six_mutes_and_unmutes() -> None:
    house = House()
    amy = house.join("amy")
    house.join("ben", transport="webrtc")
    house.heard()
    house.press("amy", "*6")
    assert (amy.muted, amy.muted_by) == (True, None)
    assert house.heard() == [("amy", "muted")]
    house.press("amy", "*6")
    assert not amy.state().muted
    assert house.heard() == [("amy", "unmuted")]


def test_whom_a_host_has_muted_cannot_unmute_with_a_key_until_asked_to() -> None:
    house = House()
    amy = house.join("amy")
    house.room.set_muted("amy", True, by="Host")
    house.heard()
    house.press("amy", "*6")
    assert amy.state().muted
    assert house.heard() == [("amy", "muted-by-host")]
    house.room.ask_to_unmute("amy", by="Host")
    house.press("amy", "*6")
    assert not amy.state().muted


def test_hands_locks_and_counts() -> None:
    house = House()
    amy = house.join("amy", role="host")
    house.join("ben", transport="webrtc")
    house.heard()
    house.press("amy", "*5")
    assert amy.state().hand_raised_at == 1_700_000_000.0
    assert house.heard() == [("amy", "hand-raised")]
    house.press("amy", "*5")
    assert amy.state().hand_raised_at is None
    assert house.heard() == [("amy", "hand-lowered")]
    for locked, said in ((True, "locked"), (False, "unlocked")):
        house.press("amy", "*7")
        assert house.room.policy.locked == locked
        assert house.heard() == [("amy", said)]
    house.press("amy", "*8")
    assert house.heard() == [("amy", "others-1")]


@pytest.mark.parametrize(("lobby", "said"), [("admit", "waiting"), ("host", "waiting-for-host")])
def test_who_waits_does_not_learn_how_many_are_in_the_room(lobby: str, said: str) -> None:
    house = House(RoomPolicy(lobby=lobby))  # type: ignore[arg-type]
    house.join("amy")
    house.heard()
    house.press("amy", "*8")
    assert house.heard() == [("amy", said)]


@pytest.mark.parametrize("keys", ["*7", "*2", "*3", "*00"])
def test_what_hosts_do_others_are_told_they_may_not(keys: str) -> None:
    house = House(RoomPolicy(lobby="off"))
    house.join("amy")
    ben = house.join("ben", transport="webrtc")
    house.heard()
    house.press("amy", keys)
    assert house.heard() == [("amy", "hosts-only")]
    assert not house.room.policy.locked
    assert not ben.muted
    assert "amy" in house.room.participants


def test_somebody_who_may_moderate_need_not_be_a_host() -> None:
    house = House()
    house.moderators.add("amy")
    house.join("amy")
    house.heard()
    house.press("amy", "*7")
    assert house.room.policy.locked


def test_a_host_runs_the_room_from_a_telephone() -> None:
    house = House(RoomPolicy(lobby="admit"))
    house.join("host", role="host")
    ben, cat = house.join("ben", transport="webrtc"), house.join("cat", transport="webrtc")
    house.heard()
    house.press("host", "*2")
    assert not ben.waiting
    assert not cat.waiting
    assert house.heard() == [("host", "all-admitted")]
    house.press("host", "*3")
    assert (ben.muted_by, cat.muted_by) == ("Host", "Host")
    assert house.heard() == [("host", "all-muted")]
    house.press("host", "*00")
    assert "tea" not in house.conference.rooms


def test_the_menu_tells_hosts_more_and_a_key_stops_it() -> None:
    house = House()
    house.join("amy")
    house.join("host", role="host")
    house.heard()
    lengths = {}
    for name in ("amy", "host"):
        house.press(name, "*9")
        house.run(0.1)
        [sound] = house.room.sounds
        lengths[name] = len(sound._samples)
        house.press(name, "1")
        house.run(0.1)
        assert not house.room.sounds
    assert lengths["host"] > 1.5 * lengths["amy"]


def test_another_menu_has_other_keys() -> None:
    house = House(menu=Menu({"1": "mute"}))
    amy = house.join("amy")
    house.run()
    house.press("amy", "*6")
    assert not amy.state().muted
    house.press("amy", "1")
    assert amy.state().muted


def test_keys_that_come_too_far_apart_do_nothing() -> None:
    house = House(key_timeout=1.0)
    amy = house.join("amy")
    house.run()
    house.press("amy", "*")
    house.run(1.5)
    house.press("amy", "6")
    assert not amy.state().muted


# What it costs


def test_rooms_that_are_gone_leave_nothing_behind() -> None:
    house = House(RoomPolicy(announce="tones", hold_music="hold-music", lobby="admit"))
    for _ in range(3):
        for name in ("amy", "ben"):
            house.join(name)
        house.run(0.1)
        house.press("amy", "*9")
        house.leave("amy")
        house.leave("ben")
        house.run(0.1)
        house.join("amy")  # at once
        house.leave("amy")
        house.run(0.1)
    assert not house.conference.rooms
    assert not house.attendant._desks
    assert not house.attendant._happened


def test_a_room_that_ends_and_begins_between_two_ticks_is_a_new_one() -> None:
    house = House()
    house.join("amy")
    house.run()
    house.leave("amy")
    house.join("ben")
    assert house.heard()[-2:] == [("ben", "welcome"), ("ben", "alone")]
    assert set(house.attendant._desks["tea"].people) == {"ben"}


def test_a_room_is_not_run_as_an_earlier_one_of_its_name_was() -> None:
    house = House()
    house.join("amy", transport="webrtc")
    house.room.set_policy(RoomPolicy(hold_music="hold-music"))
    house.leave("amy")
    house.join("amy", transport="webrtc")
    house.room.hold("amy", True)
    house.run(0.1)
    assert not house.room.sounds


def test_whoever_comes_and_goes_between_two_ticks_is_not_spoken_to() -> None:
    house = House()
    house.join("ben", transport="webrtc")
    house.join("amy")
    house.leave("amy")
    assert house.heard() == []


def test_a_room_without_phones_pays_for_nothing() -> None:
    house = House()
    for name in ("amy", "ben"):
        house.join(name, transport="webrtc")
    house.run(1)
    assert house.room._plain
    assert not house.room.sounds
    assert house.said == []


def test_something_that_goes_wrong_is_logged_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    house = House()

    def fail(participant_id: str) -> bool:
        raise RuntimeError("no such thing")

    house.wants_prompts = fail  # type: ignore[method-assign]
    house.join("amy")
    house.run()
    assert "the attendant failed" in caplog.text
    del house.wants_prompts
    house.join("ben")
    assert ("ben", "welcome+others-1") in house.heard()
