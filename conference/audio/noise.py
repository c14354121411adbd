"""How loud a source's background is: the noise floor under a voice, learnt while it speaks and while it does not.

By minimum statistics (Martin, 2001): speech pauses for breath, between words, inside words; the noise beneath it does
not. The quietest frame of the last second and a half is therefore noise. It follows a floor that falls at once, and one
that rises as soon as the quieter past has left the window.
"""

from __future__ import annotations

from collections import deque

from conference.audio.frame import full_scale

BLOCK_TICKS = 16
"""The window slides by 320 ms."""

BLOCKS = 5
"""Blocks in a window: 1.6 s, longer than people speak without a dip between two syllables."""

LEARNT_BLOCKS = 2
"""Nothing is taken for noise before this many blocks of a source have been heard."""

PAUSE_TICKS = 25
"""Ticks without a frame after which the source is digitally silent: there is no noise. Shorter gaps are those between
the comfort noise updates of a sender with DTX (every 400 ms), and say nothing about its noise."""

LOUDEST = full_scale(-50.0)
"""No noise floor is taken to be above this mean square. Whatever is steady and louder is a tone, or music, or somebody
with a reason to be heard."""


class NoiseFloor:
    """The noise floor of one source, told of every tick.

    Args:
        lowest: what there is at least, as a mean square per sample; what lies below is no noise that matters.
    """

    __slots__ = ("_block", "_block_ticks", "_gap", "_lowest", "_minima", "square")

    square: float
    """The floor: mean square per sample, in squared int16 steps."""

    def __init__(self, lowest: float) -> None:
        self._lowest = lowest
        self.reset()

    def reset(self) -> None:
        """Forget: another microphone."""
        self.square = self._lowest
        self._minima: deque[float] = deque(maxlen=BLOCKS)
        self._block = LOUDEST
        self._block_ticks = 0
        self._gap = 0

    def process(self, square: float) -> None:
        """Hear a frame of this mean square."""
        self._gap = 0
        if square < self._block:
            self._block = max(square, self._lowest)
            self.square = min(self.square, self._block)
        self._block_ticks += 1
        if self._block_ticks == BLOCK_TICKS:
            self._minima.append(self._block)
            self._block = LOUDEST
            self._block_ticks = 0
            if len(self._minima) >= LEARNT_BLOCKS:
                self.square = min(self._minima)

    def silent(self) -> None:
        """A tick without a frame."""
        self._gap += 1
        if self._gap == PAUSE_TICKS:
            self.square = self._block = self._lowest
