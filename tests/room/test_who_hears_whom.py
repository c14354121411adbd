"""Coaches, whispers, sidebars, hold and deafness: who hears whom, and without a step."""

from __future__ import annotations

import numpy as np
import pytest

from tests.room.moderated import VALUES, Scene, matrix


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
