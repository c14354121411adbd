"""Somebody who hums in a room of a server, and hears its mix: code in the same process."""

from __future__ import annotations

from typing import Any

import numpy as np

from conference.codecs.base import Codec
from conference.room.participant import Participant
from conference.web.live import Server
from tests.tones import level_at, tone


class Hummer:
    """Somebody in the room who hums while told to."""

    def __init__(self, server: Server, name: str, frequency: float, room: str = "tea") -> None:
        self.on = False
        self._wave = tone(frequency, 1.0, -12.0, fade=0.0)  # of whole periods
        self._position = 0
        self.heard: list[Any] = []
        self.participant = Participant(
            id=name, name=name, transport="local", joined_at=0.0, source=self, sink=_Ear(self.heard)
        )
        server.conference.join(room, self.participant)

    def pull(self, now_ns: int) -> Any:
        if not self.on:
            return None
        self._position = (self._position + 960) % len(self._wave)
        return self._wave[self._position : self._position + 960]

    def level(self, frequency: float) -> float:
        """How loud a tone is in the last half second of what this one has heard, in dBFS."""
        return level_at(np.concatenate(self.heard[-25:]), 48_000, frequency) if self.heard else -160.0


class _Ear:
    def __init__(self, heard: list[Any]) -> None:
        self.codec: Codec | None = None
        self._heard = heard

    def deliver(self, mix: Any) -> None:
        self._heard.append(mix.samples)
