"""The constants of a tick, and what a frame is.

A *tick* is 20 ms. A *frame* is one tick of sound: 960 samples, 48 kHz, mono, int16. Frames are shared between
everyone who hears them, so they are read-only by convention: whoever changes one copies it first.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
"""Samples per second of every frame inside a room."""

TICK_NS = 20_000_000
"""Length of a tick in nanoseconds."""

TICKS_PER_SECOND = 1_000_000_000 // TICK_NS

FRAME_SAMPLES = SAMPLE_RATE // TICKS_PER_SECOND
"""Samples in one frame (960)."""

Samples: TypeAlias = NDArray[np.int16]
"""PCM: shape ``(n,)``, int16, 48 kHz unless said otherwise. A frame has ``n == FRAME_SAMPLES``."""

Wide: TypeAlias = NDArray[np.float64]
"""The accumulator of a mix: shape ``(FRAME_SAMPLES,)``, float64, in units of one int16 step.

Float64 holds every integer up to 2**53. Samples have 16 bits and gains are multiples of 2**-16 below 4, so a sum of up
to 2**19 sources is exact: nothing is rounded, nothing wraps, and subtracting gives back what was added.
"""

SILENCE: Samples = np.zeros(FRAME_SAMPLES, dtype=np.int16)
"""A frame of digital silence; shared, not writeable."""
SILENCE.setflags(write=False)

SILENT_LEVEL = -127.0
"""The level of digital silence in dBov: the lowest that RFC 6464 can express."""


def full_scale(level: float) -> float:
    """A level in dBov as a mean square per sample, in squared int16 steps; 0 dBov is ``32768 ** 2``."""
    return float(32768.0**2 * 10 ** (level / 10))
