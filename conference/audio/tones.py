"""Whether a sound is made of tones, as music is, or of noise: how much of its energy stands in narrow peaks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import SAMPLE_RATE, Wide

TONAL = 0.4
"""From this share on a sound is made of tones."""

_LOWEST_HZ, _HIGHEST_HZ = 150.0, 4000.0
_NEIGHBOURS = 20  # frequencies that a peak is compared with: 500 Hz of two frames
_PEAK = 6.0  # times their median: next to nothing of noise is as high


def share_of_tones(sound: Wide) -> float:
    """What share of a sound's energy is in tones, between 150 Hz and 4 kHz, weighted as `bands.voice_squares` does.

    Args:
        sound: shape ``(n,)``, float64; two frames tell tones apart that are 60 Hz from each other.

    Returns:
        0 to 1: 0.2 at most of noise, 0.5 to 0.9 of chords.
    """
    window, first, last, weights = _shape(len(sound))
    power = np.abs(np.fft.rfft(sound * window)[first:last]) ** 2 * weights
    total = float(power.sum())
    if not total:
        return 0.0
    groups = power.reshape(-1, _NEIGHBOURS)
    medians = np.partition(groups, _NEIGHBOURS // 2, axis=1)[:, _NEIGHBOURS // 2 : _NEIGHBOURS // 2 + 1]
    return float(groups[groups > _PEAK * medians].sum()) / total


@lru_cache(maxsize=4)
def _shape(samples: int) -> tuple[NDArray[np.float64], int, int, NDArray[np.float64]]:
    frequencies = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    first, last = (int(one) for one in np.searchsorted(frequencies, [_LOWEST_HZ, _HIGHEST_HZ]))
    last -= (last - first) % _NEIGHBOURS
    weights = np.minimum(frequencies[first:last], 3000.0) ** 2
    return np.hanning(samples), first, last, weights
