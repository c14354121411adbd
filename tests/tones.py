"""Tones to tell people apart by, and how loud each is in what somebody hears: "who hears whom".

Levels here are in dBFS of a *sine*: 0 is a sine whose peak is full scale (AES17), so a tone made with
``dbfs=-12`` is found again by :func:`level_at` as -12.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples

FULL_SCALE = 32768.0
FLOOR = -160.0
"""What :func:`level_at` says of digital silence."""


def tone(
    frequency: float, seconds: float, dbfs: float = -12.0, *, rate: int = SAMPLE_RATE, fade: float = 0.01
) -> Samples:
    """A steady sine, int16 mono, faded in and out over ``fade`` seconds so that it starts without a click."""
    time = np.arange(round(seconds * rate)) / rate
    wave = np.sin(2 * math.pi * frequency * time)
    edge = np.minimum(time, time[::-1]) / fade if fade > 0 else np.ones_like(time)
    wave *= np.clip(edge, 0.0, 1.0)
    return np.rint(wave * 10 ** (dbfs / 20) * (FULL_SCALE - 1)).astype(np.int16)


def silence(seconds: float, *, rate: int = SAMPLE_RATE) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * rate), np.int16)


def frames(samples: Samples, size: int = FRAME_SAMPLES) -> list[Samples]:
    """Cut into frames; the last is padded with silence."""
    padded = np.pad(samples, (0, -samples.size % size))
    return list(padded.reshape(-1, size))


def level_at(samples: NDArray[np.generic], rate: int, frequency: float, *, width: float = 5.0) -> float:
    """Loudest tone within ``width`` Hz of ``frequency``, in dBFS of a sine.

    A Blackman-Harris window keeps a loud tone elsewhere 92 dB out of the way, given half a second or more.
    """
    wave = np.asarray(samples, np.float64)
    if wave.size == 0:
        return FLOOR
    window = _blackman_harris(wave.size)
    padded = 1 << max(1, (4 * wave.size - 1).bit_length())
    spectrum = np.abs(np.fft.rfft(wave * window, padded)) * 2 / window.sum()
    bins = np.fft.rfftfreq(padded, 1 / rate)
    near = spectrum[np.abs(bins - frequency) <= max(width, rate / padded)]
    peak = float(near.max(initial=0.0)) / FULL_SCALE
    return max(FLOOR, 20 * math.log10(peak)) if peak > 0 else FLOOR


def own_level_at(samples: NDArray[np.generic], rate: int, frequency: float) -> float:
    """How loud a tone is that should not be there, in dBFS of a sine.

    A receiver that repairs its stream now and then makes noise everywhere. A tone is what stands out of the noise
    around it: the loudest of a few bins of noise is up to 10 dB over their median. If nothing stands out, the level of
    that noise is the answer: the tone is quieter.
    """
    here = level_at(samples, rate, frequency)
    around = float(np.median([level_at(samples, rate, frequency + offset) for offset in _AROUND]))
    return here if here > around + 10 else min(here, around)


_AROUND = (-90.0, -75.0, -60.0, -45.0, -30.0, 30.0, 45.0, 60.0, 75.0, 90.0)


def levels_at(samples: NDArray[np.generic], rate: int, frequencies: Mapping[str, float]) -> dict[str, float]:
    """:func:`level_at` for a frequency per name."""
    return {name: level_at(samples, rate, frequency) for name, frequency in frequencies.items()}


def steady(samples: Samples, rate: int, *, skip: float, seconds: float) -> Samples:
    """``seconds`` of it from ``skip`` on: the part after joining and before leaving.

    Raises:
        AssertionError: there is not that much.
    """
    part = samples[round(skip * rate) : round((skip + seconds) * rate)]
    assert part.size == round(seconds * rate), f"wanted {skip + seconds} s of sound, got {samples.size / rate:.2f} s"
    return part


def onset(samples: Samples, rate: int, *, threshold_dbfs: float = -40.0) -> float | None:
    """Seconds until it first gets louder than the threshold (RMS over 5 ms), or ``None``."""
    block = rate // 200
    whole = samples[: samples.size // block * block].astype(np.float64).reshape(-1, block)
    loud = np.flatnonzero(np.sqrt((whole**2).mean(axis=1)) > FULL_SCALE * 10 ** (threshold_dbfs / 20) / math.sqrt(2))
    return float(loud[0]) * block / rate if loud.size else None


def loudest_steady(chunks: Sequence[Samples], rate: int, *, seconds: float, frequency: float) -> float:
    """The highest :func:`level_at` over any window of ``seconds``, stepping by half of it."""
    whole = np.concatenate(chunks) if chunks else silence(0)
    size = round(seconds * rate)
    starts = range(0, max(1, whole.size - size + 1), max(1, size // 2))
    return max((level_at(whole[start : start + size], rate, frequency) for start in starts), default=FLOOR)


def _blackman_harris(size: int) -> NDArray[np.float64]:
    angle = 2 * math.pi * np.arange(size) / max(1, size)
    window: NDArray[np.float64] = (
        0.35875 - 0.48829 * np.cos(angle) + 0.14128 * np.cos(2 * angle) - 0.01168 * np.cos(3 * angle)
    )
    return window
