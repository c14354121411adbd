"""How loud everybody is, for those who want to see it: told five times a second, and only while it changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zlib import crc32

from conference.audio.noise_gate import DEFAULT_THRESHOLD, decibels
from conference.room.participant import Participant

EVERY_TICKS = 10
"""Ticks between two looks: 200 ms. A meter moves smoothly from one to the next."""

STEP_DB = 2.0
"""What changes by less is not told: the noise of a room, or the hum of a line, moves no meter."""

INAUDIBLE = decibels(DEFAULT_THRESHOLD)
"""In dBov: a frame at or below it is silent, by the law of the gate."""


class LevelReport:
    """What has been told of one room.

    Args:
        room: its name. Rooms take turns by it, so that not all of them are told of on the same tick.
    """

    def __init__(self, room: str) -> None:
        self._turn = crc32(room.encode()) % EVERY_TICKS
        self._told: Mapping[str, float] = {}

    @property
    def told(self) -> Mapping[str, float]:
        """What was told last: levels in dBov, by id."""
        return self._told

    def due(self, tick: int) -> bool:
        """Whether it is time for a look."""
        return tick % EVERY_TICKS == self._turn

    def was_due(self, tick: int, ticks: int) -> bool:
        """Whether it was time for a look within the last so many ticks, of which this is the last."""
        return (tick - self._turn) % EVERY_TICKS < ticks

    def take(self, people: Iterable[Participant]) -> dict[str, float] | None:
        """Look at those who may be heard.

        Returns:
            How loud everybody is who is not silent, in dBov, by id; ``None`` if that is as it was told.
        """
        levels = {one.id: round(level, 1) for one in people if (level := one.level) > INAUDIBLE}
        told = self._told
        if levels.keys() == told.keys() and all(abs(level - told[one]) < STEP_DB for one, level in levels.items()):
            return None
        self._told = levels
        return levels
