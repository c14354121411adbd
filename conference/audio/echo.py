"""Whether what somebody seems to say is what was played to them, come back from a loudspeaker into their microphone.

Telephones and browsers take most of an echo out (ITU-T G.167), so that what is left is far quieter than what was
played. What comes back of a bare loudspeaker is alike: where in the last second it was played, the samples go up and
down with those that came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Sound: TypeAlias = NDArray[np.integer[Any]]

RESIDUAL_DB: Final = 20.0
"""What is quieter than what was played, by more than this, may be what an echo canceller has left of it."""

ALIKE: Final = {2: 0.65, 3: 0.6, 4: 0.55}
"""From how many frames on what correlation counts as an echo. What comes back of a loudspeaker that is nearer than the
walls is at 0.7 and more; of two voices, one in ten stretches of two frames is above, and one in twenty of four
(measured)."""

_DECIMATION: Final = 6  # voices are told from each other below 4 kHz
_MEAN: Final = np.full(_DECIMATION, 1 / _DECIMATION)
_LEAST: Final = 1e-3


def is_alike(played: Sequence[Sound], heard: Sequence[Sound]) -> bool:
    """Whether what was heard is alike enough to what was played just before to be its echo.

    Args:
        played: frames, the oldest first; in all, at least as long as the other.
        heard: two frames or more, the oldest first.
    """
    return correlation(played, heard) > ALIKE[max(size for size in ALIKE if size <= max(2, len(heard)))]


def correlation(played: Sequence[Sound], heard: Sequence[Sound]) -> float:
    """How alike what was heard is to what was played, at the best of all delays, however loud: 0 to 1."""
    far, near = _whitened(played), _whitened(heard)
    size = 1 << (len(far) - 1).bit_length()  # nothing wraps around: only where all of it is within is looked at
    products = np.fft.irfft(np.fft.rfft(far, size) * np.conj(np.fft.rfft(near, size)), size)
    products = products[: len(far) - len(near) + 1]
    sums = np.concatenate(([0.0], np.cumsum(far * far)))
    energies = sums[len(near) :] - sums[: len(sums) - len(near)]
    energy, most = float(near.dot(near)), float(energies.max(initial=0.0))
    if most <= 0 or energy <= 0:
        return 0.0
    return float((np.abs(products) / np.sqrt(np.maximum(energies, most * _LEAST) * energy)).max())


def _whitened(frames: Sequence[Sound]) -> NDArray[np.float64]:
    """At 8 kHz, with the low frequencies held down, in which all voices are alike."""
    low = np.concatenate(frames).astype(np.float64).reshape(-1, _DECIMATION) @ _MEAN  # BLAS: mean(axis=1) takes 1 ms
    return np.diff(low, prepend=low[:1])
