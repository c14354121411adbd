"""What a room plays, and to whom."""

from __future__ import annotations

import numpy as np

from conference.room.participant import Participant
from conference.room.room import Room
from conference.room.sounds import Sound
from tests.room.fakes import Ear


def person(name: str) -> Participant:
    return Participant(id=name, name=name, transport="local", joined_at=0.0, sink=Ear())


def music(**given: object) -> Sound:
    samples = np.full(2000, 1000, dtype=np.int16)
    return Sound(id="music", name="music", samples=samples, loop=True, **given)  # type: ignore[arg-type]


def test_music_for_those_who_wait_waits_for_them_and_can_be_stopped_meanwhile() -> None:
    room = Room("tea", 0.0, lambda _: None)
    room.add(person("amy"))
    room.play(music(for_absent=True))
    for tick in range(5):
        room.tick(tick, tick)
    assert len(room.sounds) == 1
    room.stop_sound("music")
    for tick in range(5, 7):
        room.tick(tick, tick)
    assert not room.sounds


def test_a_sound_that_is_stopped_before_it_began_is_never_heard() -> None:
    room, amy = Room("tea", 0.0, lambda _: None), person("amy")
    room.add(amy)
    room.play(music())
    room.stop_sound("music")
    for tick in range(3):
        room.tick(tick, tick)
    assert not room.sounds
    assert not any(mix.samples.any() for mix in amy.sink.mixes)  # type: ignore[union-attr]
