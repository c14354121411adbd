"""A room of people who talk all the time, and what each of them hears."""

from __future__ import annotations

import numpy as np

from conference.audio.frame import Samples
from conference.room.events import RoomEvent, events_of
from conference.room.participant import Mix, Participant, Role
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.room.room import Room
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
