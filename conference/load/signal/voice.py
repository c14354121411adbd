"""What participants say: speech-like sound, the hum of a quiet room, and bursts to be found again."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples

PHRASE_SECONDS = 2.5
PAUSE_SECONDS = 0.25
"""Between two phrases, which is no long pause: people make longer ones."""


def speech(seconds: float, *, seed: int = 0, dbfs: float = -20.0) -> Samples:
    """Speech-like: harmonics of a wandering pitch, in syllables of about a quarter of a second, with pauses.

    People pause between phrases, and much of what a server can spare depends on it.
    """
    rng = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    pitch = rng.uniform(100, 220) * (1 + 0.15 * np.sin(2 * math.pi * rng.uniform(0.3, 0.7) * time + rng.uniform(0, 6)))
    phase = 2 * math.pi * np.cumsum(pitch) / SAMPLE_RATE
    wave = np.zeros(count)
    for harmonic in range(1, 25):
        wave += np.sin(harmonic * phase + rng.uniform(0, 6)) / harmonic
    wave += 0.05 * rng.standard_normal(count)
    syllables = 0.25 + 0.75 * np.abs(np.sin(2 * math.pi * rng.uniform(1.7, 2.3) * time))
    within_phrase = (time + rng.uniform(0, PHRASE_SECONDS)) % PHRASE_SECONDS
    phrases = np.clip((PHRASE_SECONDS - PAUSE_SECONDS - within_phrase) / 0.01, 0, 1)  # no step at a phrase's end
    return _scaled(wave * syllables * phrases, dbfs)


def hum(seconds: float, *, seed: int = 0, dbfs: float = -80.0) -> Samples:
    """A quiet room through an open microphone: noise that is sent, and that a gate takes for silence."""
    return _scaled(np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)), dbfs)


def burst(seconds: float = 0.08) -> Samples:
    """A sweep from 300 to 2000 Hz that swells and fades: correlation finds its place to a fraction of a millisecond.

    One that starts at once is more than a codec of speech is made for: one in a hundred comes out distorted.
    """
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sweep = np.sin(2 * math.pi * (300 * time + (2000 - 300) / (2 * seconds) * time**2))
    return _scaled(sweep * np.sin(math.pi * time / seconds) ** 2, -18.0)


def find(pattern: Samples, within: NDArray[np.generic], *, clear: float = 0.5) -> int | None:
    """Where in a recording a pattern begins, by normalised cross-correlation.

    Args:
        pattern: what to look for.
        within: where to look.
        clear: the least correlation (0 to 1) that counts.

    Returns:
        The index of its first sample, or ``None`` if it isn't there.
    """
    wave = np.asarray(within, np.float64)
    wanted = pattern.astype(np.float64)
    if wave.size < wanted.size:
        return None
    size = 1 << (wave.size + wanted.size - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(wave, size) * np.conj(np.fft.rfft(wanted, size)), size)
    product = product[: wave.size - wanted.size + 1]
    sums = np.concatenate([[0.0], np.cumsum(wave**2)])
    energy = sums[wanted.size :] - sums[: -wanted.size]
    likeness = product / np.sqrt(np.maximum(energy, 1e4) * (wanted**2).sum())
    best = int(likeness.argmax())
    return best if likeness[best] >= clear else None


def in_frames(samples: Samples) -> list[Samples]:
    """Cut into frames of 20 ms; what is left over is dropped."""
    whole = samples[: samples.size // FRAME_SAMPLES * FRAME_SAMPLES]
    return list(whole.reshape(-1, FRAME_SAMPLES))


def _scaled(wave: NDArray[np.float64], dbfs: float) -> Samples:
    wanted = 32768 * 10 ** (dbfs / 20) / math.sqrt(2)
    root_mean_square = float(np.sqrt((wave**2).mean()))
    return np.clip(np.rint(wave * (wanted / root_mean_square)), -32768, 32767).astype(np.int16)
