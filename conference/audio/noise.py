"""How loud a source's background is: the noise floor under a voice, learnt while it speaks and while it does not.

By minimum statistics (Martin, 2001): speech pauses for breath, between words, inside words; the noise beneath it does
not. The quietest frame of the last second and a half is therefore noise. It follows a floor that falls at once, and one
that rises as soon as the quieter past has left the window.

Sound is measured here where voices are and noise is not: below 3 kHz, and the less the lower (6 dB per octave), so that
neither the hiss above a voice nor a fan's or a car's rumble below it counts for much. What remains of them is steady
from frame to frame, within 4 dB, where rumble as it is varies by 10. Speech measures about what it does unweighted.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import Wide, full_scale

BLOCK_TICKS = 16
"""The window slides by 320 ms."""

BLOCKS = 5
"""Blocks in a window: 1.6 s, longer than people speak without a dip between two syllables."""

LEARNT_BLOCKS = 2
"""Nothing is taken for noise before this many blocks of a source have been heard."""

PAUSE_TICKS = 25
"""Ticks without a frame after which the source is digitally silent: there is no noise. Shorter gaps are those between
the comfort noise updates of a sender with DTX (every 400 ms), and say nothing about its noise."""

LOWEST = full_scale(-90.0)
"""There is at least as much noise; what lies below is none that matters."""

LOUDEST = full_scale(-50.0)
"""No noise floor is taken to be above this mean square. Whatever is steady and louder is a tone, or music, or somebody
with a reason to be heard."""


_PIECES = 4  # of 5 ms, in a frame
_FOLD = 8  # samples to one: 48 kHz becomes 6 kHz
_MEAN = np.full(_FOLD, 1 / _FOLD)


def weighted_squares(frame: Wide) -> NDArray[np.float64]:
    """The weighted mean squares of the four quarters of a frame.

    Args:
        frame: shape ``(n,)``, float64, in int16 steps; from 64 samples on, cut to a multiple of 32.

    Returns:
        Shape ``(4,)``, in squared int16 steps; zeros for less than 64 samples.
    """
    usable = len(frame) // (_PIECES * _FOLD) * _PIECES * _FOLD
    if usable < 2 * _PIECES * _FOLD:
        return np.zeros(_PIECES)
    low = frame[:usable].reshape(-1, _FOLD).dot(_MEAN)
    slopes = low[1:] - low[:-1]
    slopes *= slopes
    means: NDArray[np.float64] = _means(len(low)).dot(slopes)
    return means


@lru_cache(maxsize=16)
def _means(samples: int) -> NDArray[np.float64]:
    """What takes the slopes between so many samples to their means in each piece; between two pieces there is none."""
    length = samples // _PIECES
    means = np.zeros((_PIECES, samples - 1))
    for piece in range(_PIECES):
        means[piece, piece * length : (piece + 1) * length - 1] = 1 / (length - 1)
    return means


class NoiseFloor:
    """The noise floor of one source, told of every tick."""

    __slots__ = ("_block", "_block_ticks", "_gap", "_minima", "square")

    square: float
    """The floor: weighted mean square per sample, in squared int16 steps."""

    def __init__(self) -> None:
        self.square = LOWEST
        self._minima: tuple[float, ...] = ()  # of the last blocks
        self._block = LOUDEST
        self._block_ticks = 0
        self._gap = 0

    @property
    def known(self) -> bool:
        """There is noise, and it has been heard for long enough to tell."""
        return self.square > LOWEST

    def process(self, square: float, ticks: int = 1) -> None:
        """Hear a frame of this weighted mean square, or the quietest of so many ticks."""
        self._gap = 0
        if square < self._block:
            self._block = max(square, LOWEST)
            self.square = min(self.square, self._block)
        self._block_ticks += ticks
        if self._block_ticks >= BLOCK_TICKS:
            self._minima = (*self._minima[1 - BLOCKS :], self._block)
            self._block = LOUDEST
            self._block_ticks = 0
            if len(self._minima) >= LEARNT_BLOCKS:
                self.square = min(self._minima)

    def rise(self, decibels: float) -> None:
        """All that was heard so far has become louder by that."""
        factor = 10 ** (decibels / 10)
        self._minima = tuple(min(one * factor, LOUDEST) for one in self._minima)
        self._block, self.square = min(self._block * factor, LOUDEST), min(self.square * factor, LOUDEST)

    def silent(self, ticks: int = 1) -> None:
        """Ticks without a frame."""
        before = self._gap
        self._gap = before + ticks
        if before < PAUSE_TICKS <= self._gap:
            self.square = self._block = LOWEST
