"""Sounds that a room plays: who hears them, and what becomes of the talk meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES
from conference.room.events import SoundStarted, SoundStopped
from conference.room.soundboard import MAX_SOUNDS
from conference.room.sounds import Sound
from tests.room.moderated import Scene


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
