"""What microphones pick up besides a voice, and voices at a level of their own. Levels are dBov."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples

Wave = NDArray[np.float64]

SLOPES = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power falls with this exponent of the frequency, above 50 Hz."""


def noise(colour: str, seconds: float, level: float, *, seed: int = 1) -> Wave:
    """Steady noise, not rounded."""
    length = round(seconds * SAMPLE_RATE)
    frequencies = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum *= np.maximum(frequencies, 50.0) ** (-SLOPES[colour] / 2)
    spectrum[frequencies < 50] *= 0.1
    wave: Wave = np.fft.irfft(spectrum, length)
    wave *= 32768 * 10 ** (level / 20) / wave.std()
    return wave


def in_ticks(wave: NDArray[np.generic]) -> NDArray[np.float64]:
    """Rows of whole frames, float64."""
    ticks = wave.size // FRAME_SAMPLES
    return np.asarray(wave[: ticks * FRAME_SAMPLES], np.float64).reshape(ticks, FRAME_SAMPLES)


def active_level(wave: NDArray[np.generic]) -> float:
    """How loud the voice in it is, in dBov: frames more than 25 dB below the loudest one are pauses."""
    squares = (in_ticks(wave) ** 2).mean(axis=1) / 32768**2
    return float(10 * np.log10(squares[squares > squares.max() * 10**-2.5].mean()))


def at_level(wave: NDArray[np.generic], level: float) -> Wave:
    """The voice, made as loud as that, not rounded."""
    return np.asarray(wave, np.float64) * 10 ** ((level - active_level(wave)) / 20)


def power(wave: NDArray[np.generic]) -> float:
    """Of everything in it, in dBov."""
    square = float((np.asarray(wave, np.float64) ** 2).mean())
    return 10 * np.log10(square / 32768**2) if square else -127.0


def recorded(wave: Wave) -> list[Samples]:
    """As it comes from a microphone: rounded, clipped, in frames."""
    return list(np.clip(np.rint(in_ticks(wave)), -32768, 32767).astype(np.int16))
