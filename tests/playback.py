"""A `PacketSource` at the end of a simulated network: what it plays, and how late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, TICK_NS, Samples
from conference.codecs.base import Decoder
from conference.playout.source import PacketSource
from tests.netem import Arrival
from tests.room.fakes import PcmDecoder


@dataclass
class Playback:
    """What was heard, tick by tick."""

    source: PacketSource
    phase_ms: float
    """Of the first tick."""

    frames: list[Samples | None] = field(default_factory=list)
    behind_ms: list[float] = field(default_factory=list)
    """The delay that the buffer adds, by its own account; compare :meth:`delay_by_ear`."""

    concealed: list[int] = field(default_factory=list)
    """Up to and with each tick."""

    @property
    def sound(self) -> Samples:
        """All of it: what is not there is silence."""
        return self.sound_between(0, 1e9)

    def sound_between(self, from_s: float, to_s: float) -> Samples:
        frames = self.frames[round(from_s * 50) : round(min(to_s * 50, len(self.frames)))]
        return np.concatenate([SILENCE if one is None else one for one in frames])

    def delays(self, from_s: float = 0, to_s: float = 1e9) -> NDArray[np.float64]:
        """Of the ticks between two times, in milliseconds."""
        return np.array(self.behind_ms[round(from_s * 50) : round(min(to_s * 50, len(self.behind_ms)))])

    def delay_by_ear(self, said: Samples, at_s: float) -> float:
        """How long after its packet could arrive at best the sound of a moment was heard, in milliseconds."""
        return shift(said, self.sound, at_s) + self.phase_ms

    def concealed_between(self, from_s: float, to_s: float) -> int:
        return self.concealed[round(to_s * 50) - 1] - self.concealed[round(from_s * 50) - 1]


def play(
    payloads: Sequence[bytes],
    arrivals: Sequence[Arrival],
    *,
    decoder: Decoder | None = None,
    phase_ms: float = 7.0,
    ticks: int | None = None,
    duration: int = 960,
    levels: Sequence[int] | None = None,
    pauses: Mapping[int, int] | None = None,
) -> Playback:
    """Let packets arrive and pull a frame every 20 ms.

    Args:
        payloads: in the order sent; PCM of 960 samples each, unless there is a ``decoder``.
        arrivals: see :mod:`tests.netem`.
        decoder: of the payloads.
        phase_ms: of the first tick.
        ticks: how many; as many as there are packets by default.
        duration: of a packet, in samples of its clock.
        levels: what the sender measured, per packet.
        pauses: before which packet the sender said nothing, for how many packets' time.
    """
    source = PacketSource(decoder or PcmDecoder())
    playback = Playback(source, phase_ms)
    paused = np.zeros(len(payloads), np.int64)
    for first, length in (pauses or {}).items():
        paused[first:] += length
    waiting = iter(arrivals)
    one = next(waiting, None)
    for tick in range(len(payloads) if ticks is None else ticks):
        now_ns = tick * TICK_NS + round(phase_ms * 1_000_000)
        while one is not None and one[0] <= now_ns:
            arrival_ns, index = one
            level = None if levels is None else levels[index]
            media = index + int(paused[index % len(paused)])
            sequence, timestamp = (index + 65_000) & 0xFFFF, (media * duration + 2**32 - 5_000) & 0xFFFF_FFFF
            source.push(sequence, timestamp, payloads[index], arrival_ns, level)
            one = next(waiting, None)
        playback.behind_ms.append(source.behind_ms(now_ns))
        playback.frames.append(source.pull(now_ns))
        playback.concealed.append(source.stats.concealed)
    return playback


def pcm(sound: Samples, duration: int = FRAME_SAMPLES) -> list[bytes]:
    """Cut to packets."""
    whole = len(sound) // duration * duration
    return [one.tobytes() for one in sound[:whole].reshape(-1, duration)]


def shift(said: Samples, heard: Samples, at_s: float, *, most_ms: float = 400.0) -> float:
    """How much later it is in ``heard`` than in ``said``, the sound at ``at_s``: in milliseconds, by correlation."""
    length = SAMPLE_RATE // 5
    start = round(at_s * SAMPLE_RATE)
    wanted = heard[start : start + length].astype(np.float64)
    first = max(0, start - round(most_ms * SAMPLE_RATE / 1000))
    offered = said[first : start + length].astype(np.float64)
    size = 1 << (len(offered) + length).bit_length()
    products = np.fft.irfft(np.fft.rfft(offered, size) * np.conj(np.fft.rfft(wanted, size)), size)
    place = int(products[: len(offered) - length + 1].argmax())
    return (start - first - place) * 1000 / SAMPLE_RATE
