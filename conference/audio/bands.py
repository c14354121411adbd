"""Where in the spectrum sound is measured, as something that is cheap to do for every frame.

It is measured first where voices are and noise is not: below 3 kHz, and the less the lower (6 dB per octave), so that
neither the hiss above a voice nor a fan's or a car's rumble below it counts for much. What remains of them is steady
from frame to frame, within 4 dB, where rumble as it is varies by 10. Speech measures about what it does unweighted.

But not all of a voice is there. An s or an f has next to nothing below 3 kHz, and an m or a b little above 500 Hz. So
there are bands of what is between two frequencies, and as little as possible of what is beside them. Of all directions
that a piece of sound of some length can point to, a few hold nearly all of what is in a band (Slepian, 1978); so a
piece is projected on these, and its squares are added up. The projection costs less than a spectrum.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Wide

FOLD = 8
"""Samples that are averaged to one: 48 kHz become 6."""

_PIECE = 2 * FOLD  # samples that are looked at together for what is above voices: a third of a millisecond

QUARTERS = 4
"""Pieces of 5 ms, in a frame."""


def folded(frame: Wide) -> Wide:
    """What of a frame is below 3 kHz.

    Args:
        frame: shape ``(n,)``, float64, in int16 steps; cut to a multiple of 32.

    Returns:
        Shape ``(n // 8,)``: 6 kHz.
    """
    low: Wide = frame[: len(frame) // _CUT * _CUT].reshape(-1, FOLD).dot(_MEAN)
    return low


def voice_squares(low: Wide) -> NDArray[np.float64]:
    """The weighted mean squares of the four quarters of a frame, where voices are.

    Args:
        low: the frame, :func:`folded`.

    Returns:
        Shape ``(4,)``, in squared int16 steps; zeros for less than 64 samples of the frame.
    """
    if len(low) < 2 * QUARTERS:
        return np.zeros(QUARTERS)
    slopes = low[1:] - low[:-1]
    means: NDArray[np.float64] = _means(len(low)).dot(slopes * slopes)
    return means


_EDGE = 1 / 1.15  # between what is inside and what is beside
_RUMBLE_HZ = 30.0  # below that there is no more of it
_LEAST_BESIDE = 0.02  # of white noise, and of the codec's own: whatever is said above

_CUT = FOLD * QUARTERS
_MEAN = np.full(FOLD, 1 / FOLD)


@lru_cache(maxsize=16)
def _means(samples: int) -> NDArray[np.float64]:
    """What takes the slopes between so many samples to their means in each piece; between two pieces there is none."""
    length = samples // QUARTERS
    means = np.zeros((QUARTERS, samples - 1))
    for piece in range(QUARTERS):
        means[piece, piece * length : (piece + 1) * length - 1] = 1 / (length - 1)
    return means


def split(frame: Wide) -> tuple[Wide, Wide]:
    """What of a whole frame is below 3 kHz, and what of it is above, both found at once.

    Args:
        frame: shape ``(960,)``, float64, in int16 steps.

    Returns:
        The frame, :func:`folded`, and what :func:`hiss_squares` measures.
    """
    pieces: Wide = frame.reshape(_SPLIT_PIECES).dot(_SPLIT)
    return pieces[:, : _PIECE // FOLD].reshape(FRAME_SAMPLES // FOLD), pieces


def hiss_squares(pieces: Wide) -> list[float]:
    """The mean squares of the four quarters of a whole frame where an s, an f or a breath is all there is of a voice.

    Args:
        pieces: the second part of :func:`split`.

    Returns:
        In squared int16 steps. As in all these bands, a tone counts the more, the higher it is within the band, so that
        brown noise fills it as evenly as white noise.
    """
    squares: list[float] = (pieces * pieces).reshape(QUARTERS, -1).dot(_HISS_MEANS).tolist()
    return squares


def low_squares(low: Wide) -> list[float]:
    """The mean squares of a whole frame where an h or a v begins, and where an m or a b does: 250 to 900 Hz, 90 to 320.

    Args:
        low: shape ``(120,)``: the frame, :func:`folded`.

    Returns:
        Two, in squared int16 steps.
    """
    inside = low.dot(_LOW)
    squares: list[float] = (inside * inside).dot(_LOW_SUMS).tolist()
    return squares


def _directions(low: float, high: float, samples: int, rate: float, count: int) -> NDArray[np.float64]:
    """The directions, shape ``(samples, count)``, in which there is most of a band and least of what is beside it."""
    middle = math.sqrt(low * high)
    step = (high - low) / 100
    inside = np.arange(low, high, step)
    within = _energies(inside, inside / middle, samples, rate)
    below, above = np.arange(5.0, low * _EDGE, step / 2), np.arange(high / _EDGE, rate / 2, step)
    weights = np.concatenate([0.5 * (middle / np.maximum(below, _RUMBLE_HZ)) ** 2, np.ones(len(above))])
    beside = _energies(np.concatenate([below, above]), weights, samples, rate)
    beside += np.eye(samples) * _LEAST_BESIDE * np.trace(within) / samples
    # Of a generalised eigenvalue problem, by way of an ordinary one.
    whitened = np.linalg.inv(np.linalg.cholesky(beside))
    found = whitened.T @ np.linalg.eigh(whitened @ within @ whitened.T)[1][:, : -count - 1 : -1]
    basis = np.linalg.qr(found)[0]
    shares, turned = np.linalg.eigh(basis.T @ within @ basis)
    directions: NDArray[np.float64] = basis @ turned * np.sqrt(np.maximum(shares, 0) / shares.max() / samples)
    return np.ascontiguousarray(directions)


def _energies(
    frequencies: NDArray[np.float64], weights: NDArray[np.float64], samples: int, rate: float
) -> NDArray[np.float64]:
    """The quadratic form that says how much of a piece of sound is at these frequencies."""
    angles = 2 * np.pi / rate * np.outer(frequencies, np.arange(samples))
    cosines, sines = np.cos(angles), np.sin(angles)
    form: NDArray[np.float64] = (cosines.T * weights) @ cosines + (sines.T * weights) @ sines
    return form


_HISS = _directions(3300, 10_500, _PIECE, SAMPLE_RATE, 4)
_SPLIT = np.ascontiguousarray(np.concatenate([np.repeat(np.eye(_PIECE // FOLD), FOLD, axis=0) / FOLD, _HISS], axis=1))
_SPLIT_PIECES = (FRAME_SAMPLES // _PIECE, _PIECE)
_HISS_MEANS = np.tile(
    np.repeat([0.0, QUARTERS * _PIECE / FRAME_SAMPLES], [_PIECE // FOLD, _HISS.shape[1]]),
    FRAME_SAMPLES // _PIECE // QUARTERS,
)

_MURMUR = _directions(250, 900, FRAME_SAMPLES // FOLD, SAMPLE_RATE / FOLD, 26)
_HUM = _directions(90, 320, FRAME_SAMPLES // FOLD, SAMPLE_RATE / FOLD, 11)
_LOW = np.ascontiguousarray(np.concatenate([_MURMUR, _HUM], axis=1))
_LOW_SUMS = np.repeat(np.eye(2), [_MURMUR.shape[1], _HUM.shape[1]], axis=0)
