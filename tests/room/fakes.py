"""A codec that codes nothing, and people made of code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.codecs.base import Codec, DecodeError, Decoder, Encoder
from conference.room.participant import Mix


class PcmDecoder:
    """The payload is the sound: int16, little-endian, 48 kHz. An odd length is not a packet."""

    name = "L16"
    clock_rate = 48_000
    has_memory = False

    def duration(self, payload: bytes) -> int:
        if len(payload) % 2 or not payload:
            raise DecodeError("not PCM")
        return len(payload) // 2

    def decode(self, payload: bytes) -> Samples:
        return np.frombuffer(payload, dtype=np.int16)

    def repairs(self, payload: bytes) -> bool:
        return False

    def lead_to(self, samples: Samples) -> Samples:
        return samples

    def conceal(self, duration: int, following: bytes | None = None) -> Samples:
        return np.zeros(duration, dtype=np.int16)

    def reset(self) -> None:
        pass

    def copy(self) -> Self:
        return self


@dataclass
class PcmEncoder:
    """Counts its work, and remembers which packets were to stand on their own."""

    packets: int = 0
    restarts: int = 0
    fresh: list[bool] = field(default_factory=list)
    losses: list[int] = field(default_factory=list)
    took_over: list[PcmEncoder] = field(default_factory=list)
    complexities: list[int] = field(default_factory=list)
    narrow: bool = False
    narrowed: list[bool] = field(default_factory=list)

    def encode(self, frame: Samples, *, fresh: bool = False) -> bytes:
        self.packets += 1
        self.narrowed.append(self.narrow)
        self.fresh.append(fresh)
        return frame.tobytes()

    def encode_silence(self) -> bytes | None:
        return None

    def go_on_from(self, other: PcmEncoder) -> None:
        self.took_over.append(other)
        self.losses, self.complexities = list(other.losses), list(other.complexities)

    def restart(self) -> None:
        self.restarts += 1

    def set_expected_loss(self, percent: int) -> None:
        self.losses.append(percent)

    def limit_complexity(self, complexity: int) -> None:
        self.complexities.append(complexity)


@dataclass(frozen=True)
class PcmCodec:
    """Equal ones share an encoder; ``made`` tells which encoders there were."""

    name: str = "L16"
    made: list[PcmEncoder] = field(default_factory=list, compare=False, hash=False)

    def make_encoder(self) -> Encoder:
        self.made.append(PcmEncoder())
        return self.made[-1]

    def make_decoder(self) -> Decoder:
        return PcmDecoder()


class Ear:
    """A sink that keeps what it hears."""

    def __init__(self, codec: PcmCodec | None = None) -> None:
        self.codec: Codec | None = codec
        self.mixes: list[Mix] = []

    def deliver(self, mix: Mix) -> None:
        self.mixes.append(mix)

    @property
    def heard(self) -> Samples:
        return np.concatenate([mix.samples for mix in self.mixes])


class Mouth:
    """A source that says a frame per tick, then nothing."""

    def __init__(self, frames: list[Samples | None]) -> None:
        self.frames = list(frames)

    def pull(self, now_ns: int) -> Samples | None:
        return self.frames.pop(0) if self.frames else None


def steady(value: int) -> Samples:
    """A frame of one value: easy to find again in a mix."""
    return np.full(FRAME_SAMPLES, value, dtype=np.int16)


def at(tick: int) -> int:
    return tick * TICK_NS
