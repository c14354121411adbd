"""Something that behaves like speech, made here: no recording to ship, none to license.

Voiced stretches with a gliding pitch and moving formants, hisses, pauses and word endings; seeded, so always the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import SAMPLE_RATE, Samples

_FORMANTS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (660, 1720, 2410))
"""Of five American English vowels, in Hz (Peterson and Barney, 1952, men)."""


def spoken(seconds: float = 6.0, *, peak: int = 12_000, seed: int = 1) -> Samples:
    """A voice: shape ``(seconds * 48000,)``, int16, with pauses between its words."""
    chance = np.random.default_rng(seed)
    pieces: list[NDArray[np.float64]] = [np.zeros(SAMPLE_RATE // 5)]
    while sum(map(len, pieces)) < seconds * SAMPLE_RATE:
        pieces.extend(_syllable(chance) for _ in range(chance.integers(2, 5)))
        pieces.append(np.zeros(int(SAMPLE_RATE * chance.uniform(0.08, 0.35))))
    voice = np.concatenate(pieces)[: round(seconds * SAMPLE_RATE)]
    voice[-SAMPLE_RATE // 10 :] = 0
    samples: Samples = np.rint(voice / np.abs(voice).max() * peak).astype(np.int16)
    return samples


def _syllable(chance: np.random.Generator) -> NDArray[np.float64]:
    """A vowel, sometimes with a hiss before it."""
    length = int(SAMPLE_RATE * chance.uniform(0.12, 0.28))
    time = np.arange(length) / SAMPLE_RATE
    pitch = chance.uniform(95, 150) * (1 + 0.15 * np.sin(2 * np.pi * chance.uniform(1, 3) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    formants = _FORMANTS[chance.integers(len(_FORMANTS))]
    vowel = np.zeros(length)
    for harmonic in range(1, 30):
        frequency = harmonic * pitch.mean()
        gain = sum(1 / (1 + ((frequency - one) / 90) ** 2) for one in formants) + 0.02
        vowel += gain * np.sin(harmonic * phase)
    vowel *= np.minimum(1, np.minimum(time, time[::-1]) / 0.03)
    if chance.random() < 0.4:
        hiss = np.diff(chance.standard_normal(int(SAMPLE_RATE * 0.07) + 1))
        return np.concatenate([hiss * np.hanning(len(hiss)) * 0.3 * np.abs(vowel).max(), vowel])
    return vowel
