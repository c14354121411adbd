"""Whether a sound is made of tones, as music is, or of noise: how much of its energy stands in narrow peaks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from conference.audio.bands import FOLD
from conference.audio.frame import SAMPLE_RATE, Wide

TONAL = 0.36
"""From this share on a sound is made of tones."""

_LOWEST_HZ, _HIGHEST_HZ = 150.0, 2900.0
_NEIGHBOURS = 20  # frequencies that a peak is compared with: 500 Hz of two frames
_PEAK = 6.0  # times their median: next to nothing of noise is as high


def share_of_tones(low: Wide) -> float:
    """What share of a sound's energy is in tones, from 150 Hz on, weighted as `bands.voice_squares` does.

    Args:
        low: the sound, `bands.folded`: two frames tell tones apart that are 60 Hz from each other. A tone that is
            above what is left of it is found there all the same, since it is mirrored.

    Returns:
        0 to 1: of noise beyond `TONAL` in one moment of a hundred at most, of chords 0.5 to 0.9.
    """
    window, first, last, weights = _shape(len(low))
    spectrum = np.fft.rfft(low * window)[first:last]
    power = (spectrum * spectrum.conj()).real * weights
    total = float(power.sum())
    if not total:
        return 0.0
    groups = power.reshape(-1, _NEIGHBOURS)
    by_size = np.sort(groups, axis=1)
    peaks = groups > _PEAK * by_size[:, _NEIGHBOURS // 2 : _NEIGHBOURS // 2 + 1]
    return float(np.vdot(groups, peaks)) / total


@lru_cache(maxsize=4)
def _shape(samples: int) -> tuple[NDArray[np.float64], int, int, NDArray[np.float64]]:
    frequencies: NDArray[np.float64] = np.arange(samples // 2 + 1) * SAMPLE_RATE / FOLD / samples
    first, last = (int(one) for one in np.searchsorted(frequencies, [_LOWEST_HZ, _HIGHEST_HZ]))
    last -= (last - first) % _NEIGHBOURS
    return np.hanning(samples), first, last, np.square(frequencies[first:last])
