"""People in a room without a connection: they hum a tone, or only listen."""

from __future__ import annotations

import time

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.codecs.base import Codec
from conference.room.participant import Mix, Participant
from tests.e2e.running import RunningServer, eventually
from tests.tones import tone


class LoopedSource:
    """A participant's voice: samples over and over."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._position = 0

    def pull(self, now_ns: int) -> Samples | None:
        del now_ns
        picked = np.arange(self._position, self._position + FRAME_SAMPLES) % self._samples.size
        self._position += FRAME_SAMPLES
        return self._samples[picked]


class Ear:
    """A participant's ear: keeps what it hears."""

    codec: Codec | None = None

    def __init__(self) -> None:
        self._heard: list[Samples] = []

    def deliver(self, mix: Mix) -> None:
        self._heard.append(mix.samples)

    async def listen(self, seconds: float) -> Samples:
        """What is heard from now on."""
        self._heard.clear()
        wanted = round(seconds * SAMPLE_RATE)
        await eventually(
            lambda: len(self._heard) * FRAME_SAMPLES >= wanted, "the room's clock ticks", within=seconds + 10
        )
        return np.concatenate(self._heard)[:wanted]


def seat_local(server: RunningServer, room: str, name: str, frequency: float | None = None, dbfs: float = -20.0) -> Ear:
    """Seat somebody without a connection, who hums a tone if ``frequency`` is given; gives their ear."""
    ear = Ear()
    source = None if frequency is None else LoopedSource(tone(frequency, 1.0, dbfs, fade=0))
    participant = Participant(
        id=f"local-{name}", name=name, transport="local", joined_at=time.time(), source=source, sink=ear
    )
    server.live.conference.join(room, participant)
    return ear
