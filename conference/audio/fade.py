"""Starts and ends of sound without clicks, where a source starts or stops in mid-sound.

A fade is half a period of a raised cosine. Where a source is silenced while it sounds, its next frame fades out. Where
there is no next frame (no more packets come, or the source has left), the end of what was heard is played backwards for
a moment, and fades: this joins without a step, and has the voice's own colour.
"""

from __future__ import annotations

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, Samples

FADE_SAMPLES = 240
"""5 ms: short enough to take nothing from a word, long enough that nothing clicks."""

AUDIBLE_STEP = 128
"""A jump between two samples that a listener may hear as a click, in int16 steps: -48 dBFS. A source that begins or
ends with less needs no help, and is left as it is, bit for bit."""


def fade_in(frame: Samples, samples: int = FADE_SAMPLES) -> Samples:
    """Let the first ``samples`` of a frame rise from silence. Returns a new array."""
    faded = frame.copy()
    faded[:samples] = np.rint(frame[:samples] * (1 - _falling(samples)))
    return faded


def fade_out(frame: Samples, samples: int = FADE_SAMPLES) -> Samples:
    """Let a frame fall to silence within its first ``samples``. Returns a new array."""
    faded = np.zeros_like(frame)
    faded[:samples] = np.rint(frame[:samples] * _falling(samples))
    return faded


def cross_fade(before: Samples, frame: Samples) -> Samples:
    """Let a frame fade in over what would have come in its place, ``before``, within as long as that is."""
    faded = fade_in(frame, before.size)
    faded[: before.size] += fade_out(before, before.size)
    return faded


def tail(last: Samples, samples: int = FADE_SAMPLES) -> Samples:
    """Make a frame to play after ``last`` where none comes: its end, backwards, falling to silence."""
    faded = np.zeros(FRAME_SAMPLES, dtype=np.int16)
    faded[:samples] = np.rint(last[: -samples - 1 : -1] * _falling(samples))
    return faded


def starts_abruptly(frame: Samples) -> bool:
    """Whether a frame that follows silence begins with a step."""
    return bool(abs(int(frame[0])) > AUDIBLE_STEP)


def ends_abruptly(frame: Samples) -> bool:
    """Whether silence after a frame begins with a step."""
    return bool(abs(int(frame[-1])) > AUDIBLE_STEP)


def _falling(samples: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    # The midpoints of the steps: the two curves of a length add up to one, forwards and backwards.
    return 0.5 + 0.5 * np.cos(np.pi * (np.arange(samples) + 0.5) / samples)
