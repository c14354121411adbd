"""Silence detection with hangover, and levels in dBov."""

from __future__ import annotations

import math

import numpy as np

from conference.audio.frame import SILENT_LEVEL, Samples

DEFAULT_THRESHOLD = 5000 / 160
"""Mean square per sample at and below which a frame is silent: 31.25, that is -75.4 dBov. The edge case is 20 ms
at 8 kHz whose squares sum to 5000."""

DEFAULT_HANGOVER_TICKS = 20
"""Ticks that the gate stays open after the last loud frame: 400 ms keep the ends of words and the gaps between."""

_FULL_SCALE = 32768.0**2
_LOWEST = _FULL_SCALE * 10 ** (SILENT_LEVEL / 10)


def mean_square(frame: Samples) -> float:
    """The mean of the squared samples: shape ``(n,)`` in, 0 to 2**30 out, exact; 0 for an empty frame."""
    if not len(frame):
        return 0.0
    wide = frame.astype(np.float64)  # an int16 product wraps; float64 holds any sum of these exactly
    return float(np.dot(wide, wide)) / len(frame)


def level_of(frame: Samples) -> float:
    """The level of a frame in dBov (RFC 6464).

    0 dBov is the root mean square of a full-scale square wave (every sample +-32768), so that a full-scale sine
    is at -3.01 dBov.

    Args:
        frame: shape ``(n,)``, int16, any rate.

    Returns:
        -127 (digital silence, and whatever is below) to 0.
    """
    return _decibels(mean_square(frame))


def _decibels(square: float) -> float:
    return 10 * math.log10(square / _FULL_SCALE) if square > _LOWEST else SILENT_LEVEL


class Gate:
    """Says whether a source is to be heard. One per source, asked once a tick.

    The gate opens with the first frame above the threshold, and closes after ``hangover_ticks`` ticks without
    another; until then quiet frames still belong to the mix.

    Args:
        threshold: mean square per sample, in squared int16 steps; a frame at or below it is silent.
        hangover_ticks: ticks that the gate stays open after the last loud frame.

    Raises:
        ValueError: either is negative.
    """

    __slots__ = ("_hangover_ticks", "_remaining", "_threshold", "level", "open")

    level: float
    """Level of the last frame in dBov, see :func:`level_of`; -127 on a tick without a frame."""

    open: bool
    """The source is to be heard."""

    def __init__(self, threshold: float = DEFAULT_THRESHOLD, hangover_ticks: int = DEFAULT_HANGOVER_TICKS) -> None:
        if not threshold >= 0 or hangover_ticks < 0:
            raise ValueError("a gate's threshold and hangover cannot be negative")
        self._threshold = threshold
        self._hangover_ticks = hangover_ticks
        self._remaining = 0
        self.level = SILENT_LEVEL
        self.open = False

    def process(self, frame: Samples) -> bool:
        """Measure a frame, shape ``(n,)``, int16. Returns :attr:`open`: the frame belongs to the mix."""
        square = mean_square(frame)
        self.level = _decibels(square)
        if square > self._threshold:
            self._remaining = self._hangover_ticks
            self.open = True
            return True
        return self._count_down()

    def silent(self) -> bool:
        """A tick without a frame. Returns :attr:`open`: somebody is still taken to be talking."""
        self.level = SILENT_LEVEL
        return self._count_down()

    def _count_down(self) -> bool:
        self.open = self._remaining > 0
        self._remaining -= self.open
        return self.open
