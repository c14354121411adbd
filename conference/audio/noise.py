"""How loud a source's background is: the noise floor under a voice, learnt while it speaks and while it does not.

By minimum statistics (Martin, 2001): speech pauses for breath, between words, inside words; the noise beneath it does
not. The quietest frame of the last second and a half is therefore noise. It follows a floor that falls at once, and one
that rises as soon as the quieter past has left the window.

What it is the floor of is measured elsewhere, by frames (:mod:`conference.audio.bands`).
"""

from __future__ import annotations

import math

import numpy as np

from conference.audio.frame import Wide, full_scale
from conference.audio.tones import TONAL, share_of_tones

BLOCK_TICKS = 16
"""The window slides by 320 ms."""

BLOCKS = 5
"""Blocks in a window: 1.6 s, longer than people speak without a dip between two syllables."""

MUSIC_BLOCKS = 10
"""So many are looked at to tell whether it is music: 3.2 s, longer than people shout without a breath."""

LEARNT_BLOCKS = 2
"""Nothing is taken for noise before this many blocks of a source have been heard."""

PAUSE_TICKS = 25
"""Ticks without a frame after which the source is digitally silent: there is no noise. Shorter gaps are those between
the comfort noise updates of a sender with DTX (every 400 ms), and say nothing about its noise."""

LOWEST = full_scale(-90.0)
"""There is at least as much noise; what lies below is none that matters."""

MUSIC = full_scale(-75.0)
"""What is quieter is not looked at for tones."""

HELD = full_scale(-65.0)
"""No noise floor made of tones is taken to be above this mean square: they are held by an instrument, or by a voice."""

LOUDEST = full_scale(-50.0)
"""No noise floor of a voice is taken to be above this mean square. Whatever is steady and louder is a tone, or music,
or somebody with a reason to be heard."""

_IS_MUSIC, _STAYS_MUSIC = 0.8, 0.5
"""What is made of tones in so many of the last blocks where it is quietest is music, and remains it in so many."""


class NoiseFloor:
    """The noise floor of one source, told of every tick."""

    __slots__ = (
        "_block",
        "_block_ticks",
        "_gap",
        "_held",
        "_least",
        "_minima",
        "_quietest",
        "holds_tones",
        "square",
    )

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
            sound: what was heard, in frames that are `bands.folded`, this one the last of them; nothing if that is not
                known.
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
        held = self._least > MUSIC and bool(self._quietest)
        if held:
            held = share_of_tones(np.concatenate(self._quietest)) > TONAL
        self._held = (*self._held[1 - MUSIC_BLOCKS :], held)
        self.holds_tones = sum(self._held) >= len(self._held) * (_STAYS_MUSIC if self.holds_tones else _IS_MUSIC)
        self._minima = (*self._minima[1 - BLOCKS :], self._block)
        self._block, self._least, self._quietest = LOUDEST, math.inf, ()
        self._block_ticks = 0
        if len(self._minima) >= LEARNT_BLOCKS:
            self.square = min(self._minima)
            tonal = sum(self._held[-BLOCKS:])
            few = len(self._minima) < BLOCKS  # at the beginning one is enough; later noise is heard between tones
            if self.holds_tones or tonal >= _IS_MUSIC * BLOCKS or (few and tonal):
                self.square = min(self.square, HELD)

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
