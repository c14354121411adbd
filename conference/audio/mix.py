"""Mix-minus: one total for the room, and each talker's own voice taken out of it again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, Samples, Wide

GAIN_STEP = 2.0**-16
"""Gains are multiples of this. With it every product and every sum in the accumulator is exact, so that
subtracting gives back what was added, bit for bit, in whatever order."""

MAX_GAIN = 2.0
"""The largest gain of one source: +6 dB."""


def quantise_gain(gain: float) -> float:
    """The nearest gain that mixes exactly: a multiple of 2**-16 from 0 to 2.

    Args:
        gain: linear; what lies outside 0 to 2 is clamped.

    Raises:
        ValueError: the gain is not a number.
    """
    if gain != gain:  # NaN alone differs from itself
        raise ValueError("a gain must be a number")
    return round(min(max(gain, 0.0), MAX_GAIN) / GAIN_STEP) * GAIN_STEP


def total(frames: Sequence[Samples], gains: Sequence[float] | None = None) -> Wide:
    """The sum of everybody, once per tick.

    Args:
        frames: frames of int16, each of shape ``(960,)``; none gives silence.
        gains: one per frame, from :func:`quantise_gain`; ``None`` is 1 for all.

    Returns:
        The accumulator, shape ``(960,)``, float64, not limited; a new array.

    Raises:
        ValueError: there are more or fewer gains than frames.
    """
    if gains is None:
        gains = (1.0,) * len(frames)
    mix = np.zeros(FRAME_SAMPLES, dtype=np.float64)
    for frame, gain in zip(frames, gains, strict=True):
        mix += _scaled(frame, gain)
    return mix


def minus(mix: Wide, frame: Samples, gain: float = 1.0) -> Wide:
    """A mix without one of its sources.

    Args:
        mix: a mix from :func:`total` (or from here) that holds the source; left as it is.
        frame: the source's frame, shape ``(960,)``, int16.
        gain: the gain that it was mixed with.

    Returns:
        A new accumulator, shape ``(960,)``, float64; exactly the total of the others.
    """
    without: Wide = mix - _scaled(frame, gain)
    return without


def _scaled(frame: Samples, gain: float) -> Samples | Wide:
    if gain == 1.0:
        return frame  # int16 widens on its way into the accumulator
    return np.multiply(frame, gain, dtype=np.float64)
