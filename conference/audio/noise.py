"""How loud a source's background is: the noise floor under a voice, learnt while it speaks and while it does not.

By minimum statistics (Martin, 2001): speech pauses for breath, between words, inside words; the noise beneath it does
not. The quietest frame of the last second and a half is therefore noise. It follows a floor that falls at once, and one
that rises as soon as the quieter past has left the window.

Sound is measured first where voices are and noise is not: below 3 kHz, and the less the lower (6 dB per octave), so
that neither the hiss above a voice nor a fan's or a car's rumble below it counts for much. What remains of them is
steady from frame to frame, within 4 dB, where rumble as it is varies by 10. Speech measures about what it does
unweighted.

But not all of a voice is there. An s or an f has next to nothing below 3 kHz, and an m or a b little above 500 Hz:
beside noise they can be heard well, and would go unnoticed. So there are three more bands, each with a noise floor of
its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import Wide, full_scale
from conference.audio.tones import TONAL, share_of_tones

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

HELD = full_scale(-65.0)
"""No noise floor made of tones is taken to be above this mean square: they are held by an instrument, or by a voice."""

LOUDEST = full_scale(-50.0)
"""No noise floor is taken to be above this mean square. Whatever is steady and louder is a tone, or music, or somebody
with a reason to be heard."""


_IS_MUSIC, _STAYS_MUSIC = 0.8, 0.5
"""What is made of tones in so many of the last blocks where it is quietest is music, and remains it in so many."""

_PIECES = 4  # of 5 ms, in a frame


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the spectrum, as something that is cheap to measure.

    So many samples are averaged to one, which leaves out what is above. Of these the differences are taken, once or
    twice, which weighs down what is below.
    """

    fold: int
    """Samples to one."""

    differences: int
    """1: 6 dB less for each octave downwards; 2: 12 dB."""

    scale: float = 1.0
    """Of the squares."""

    def squares(self, frame: Wide) -> NDArray[np.float64]:
        """The weighted mean squares of the four quarters of a frame.

        Args:
            frame: shape ``(n,)``, float64, in int16 steps; cut to a multiple of four times :attr:`fold`.

        Returns:
            Shape ``(4,)``, in squared int16 steps; zeros for too few samples to take differences of.
        """
        fold = self.fold
        usable = len(frame) // (_PIECES * fold) * _PIECES * fold
        if usable < (self.differences + 1) * _PIECES * fold:
            return np.zeros(_PIECES)
        slopes = frame[:usable].reshape(-1, fold).dot(_mean(fold))
        for _ in range(self.differences):
            slopes = slopes[1:] - slopes[:-1]
        slopes *= slopes
        means: NDArray[np.float64] = _means(usable // fold, self.differences, self.scale).dot(slopes)
        return means


VOICE = Band(8, 1)
"""Where voices are and noise is not: below 3 kHz, and the less the lower."""

HISS = Band(3, 2, 1 / 8)
"""Where an s, an f or a breath is all there is of a voice: 3 to 8 kHz, and some of what is above."""

HUM = Band(24, 1)
"""Where an h or a v begins: below 1 kHz, and the less the lower."""

BASS = Band(48, 1)
"""Where an m or a b begins: below 500 Hz, and the less the lower."""


@lru_cache(maxsize=8)
def _mean(fold: int) -> NDArray[np.float64]:
    return np.full(fold, 1 / fold)


@lru_cache(maxsize=16)
def _means(samples: int, differences: int, scale: float) -> NDArray[np.float64]:
    """What takes the slopes between so many samples to their means in each piece; between two pieces there is none."""
    length = samples // _PIECES
    means = np.zeros((_PIECES, samples - differences))
    for piece in range(_PIECES):
        means[piece, piece * length : (piece + 1) * length - differences] = scale / (length - differences)
    return means


class NoiseFloor:
    """The noise floor of one source, told of every tick."""

    __slots__ = ("_block", "_block_ticks", "_gap", "_held", "_least", "_minima", "_quietest", "holds_tones", "square")

    square: float
    """The floor: weighted mean square per sample, in squared int16 steps."""

    holds_tones: bool
    """Wherever it is quietest, tones are held: it is music, for speech pauses."""

    def __init__(self) -> None:
        self.square = LOWEST
        self.holds_tones = False
        self._minima: tuple[float, ...] = ()  # of the last blocks
        self._held: tuple[bool, ...] = ()  # whether those were made of tones
        self._least = math.inf  # of this block, however loud
        self._quietest: tuple[Wide, ...] = ()  # what was heard there
        self._block = LOUDEST
        self._block_ticks = 0
        self._gap = 0

    @property
    def known(self) -> bool:
        """There is noise, and it has been heard for long enough to tell."""
        return self.square > LOWEST

    def process(self, square: float, sound: tuple[Wide, ...] = (), *, ticks: int = 1) -> None:
        """Hear a frame, or the quietest of so many ticks.

        Args:
            square: its weighted mean square.
            sound: what was heard, in frames of float64, this one the last of them; nothing if that is not known.
            ticks: how many.
        """
        self._gap = 0
        if square < self._block:
            self._block = max(square, LOWEST)
            self.square = min(self.square, self._block)
        if square < self._least:
            self._least, self._quietest = square, sound
        self._block_ticks += ticks
        if self._block_ticks >= BLOCK_TICKS:
            self._end_block()

    def _end_block(self) -> None:
        held = self._least > HELD and bool(self._quietest)
        if held:
            held = share_of_tones(np.concatenate(self._quietest)) > TONAL
        self._held = (*self._held[1 - BLOCKS :], held)
        self.holds_tones = sum(self._held) >= len(self._held) * (_STAYS_MUSIC if self.holds_tones else _IS_MUSIC)
        self._minima = (*self._minima[1 - BLOCKS :], min(self._block, HELD) if held else self._block)
        self._block, self._least, self._quietest = LOUDEST, math.inf, ()
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
            self._held, self.holds_tones = (), False
