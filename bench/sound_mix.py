"""What a room of three makes of one voice, in simulated time: a minute of it takes a second or two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.sound_speech import powers
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICK_NS, Samples
from conference.codecs.opus import OpusCodec
from conference.room.local import LocalSink
from conference.room.participant import Mix, Participant
from conference.room.room import Room
from conference.room.voice import DEFAULT_VOICE, VoiceSettings

SENDER = OpusCodec(bitrate=32_000, fec=False, expected_loss=0)
"""What browsers send with."""

CODEC_DELAY = 312
"""Samples by which Opus delays what it codes: 6.5 ms."""

COLOURS = {"white": 0.0, "pink": 0.5, "brown": 1.0}
"""Of noise: its amplitude falls with this power of the frequency."""

_FULL_SCALE_DB = 20 * np.log10(32768)


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a voice."""

    came: Samples
    """As it came out of the sender's decoder, aligned with what was said; whole frames."""

    sound: Samples
    """As a listener heard it."""

    open: NDArray[np.bool_]
    """By tick, whether the gate was open."""


class _Frames:
    """A source that gives one frame after the other."""

    def __init__(self, samples: Samples) -> None:
        self._frames = list(samples.reshape(-1, FRAME_SAMPLES))

    def pull(self, now_ns: int) -> Samples | None:
        return self._frames.pop(0) if self._frames else None


def coded(wave: NDArray[np.generic]) -> Samples:
    """As it comes to the server: rounded, clipped, through Opus at 32 kb/s, without its delay; whole frames."""
    ticks = wave.size // FRAME_SAMPLES
    rounded = np.clip(np.rint(wave), -32768, 32767).astype(np.int16)
    padded = np.pad(rounded[: ticks * FRAME_SAMPLES], (0, FRAME_SAMPLES))
    encoder, decoder = SENDER.make_encoder(), SENDER.make_decoder()
    decoded = np.concatenate([decoder.decode(encoder.encode(one)) for one in padded.reshape(-1, FRAME_SAMPLES)])
    return decoded[CODEC_DELAY:][: ticks * FRAME_SAMPLES]


def listen(came: Samples, settings: VoiceSettings = DEFAULT_VOICE) -> Heard:
    """Let a room of three hear somebody.

    Args:
        came: 48 kHz, whole frames.
        settings: how voices are treated there.
    """
    pieces: list[Samples] = []
    gate: list[bool] = []

    def keep(mix: Mix) -> None:
        pieces.append(mix.samples)

    room = Room("mix", 0.0, lambda _: None, settings)
    room.add(Participant(id="mouth", name="mouth", transport="local", joined_at=0, source=_Frames(came)))
    room.add(Participant(id="ear", name="ear", transport="local", joined_at=0, sink=LocalSink(keep)))
    room.add(Participant(id="third", name="third", transport="local", joined_at=0))
    for tick in range(came.size // FRAME_SAMPLES):
        room.tick(tick, tick * TICK_NS)
        gate.append(room.participants["mouth"].talking)
    return Heard(came, np.concatenate(pieces), np.array(gate, dtype=bool))


def verdict(goal: str, *, reached: bool) -> str:
    """A line that says whether a goal is reached."""
    return f"* {'reached' if reached else '**not reached**'}: {goal}"


def levels(samples: NDArray[np.generic], size: int = FRAME_SAMPLES) -> NDArray[np.float64]:
    """By stretches of so many samples, in dBov; -127 at the least."""
    dbov: NDArray[np.float64] = 10 * np.log10(np.maximum(powers(samples, size), 1e-9)) - _FULL_SCALE_DB
    return np.maximum(dbov, -127.0)


def background(colour: str, length: int, level: float, seed: int) -> NDArray[np.float64]:
    """So many samples of steady noise.

    Args:
        colour: its power falls by 0 (``white``), 3 (``pink``) or 6 dB (``brown``) an octave above 50 Hz.
        length: in samples.
        level: in dBov.
        seed: of its chance.
    """
    frequencies = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum *= np.maximum(frequencies, 50.0) ** -COLOURS[colour]
    spectrum[frequencies < 50] *= 0.1
    wave: NDArray[np.float64] = np.fft.irfft(spectrum, length)
    wave *= 32768 * 10 ** (level / 20) / wave.std()
    return wave
