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


class BandMeter:
    """Measures whole frames in all of these bands at once. One per source, since it works in place.

    What is to be squared stands in one row, so that all squares are taken, and added up, together.
    """

    __slots__ = ("_low", "_pieces", "_row", "_slopes")

    def __init__(self) -> None:
        self._row = np.zeros(_SUMS.shape[1])
        self._slopes = self._row[:_SLOPES]
        self._low = self._row[_SLOPES : -_PIECES.size]
        self._pieces = self._row[-_PIECES.size :].reshape(_PIECES.shape)

    def measure(self, frame: Wide) -> tuple[Wide, list[float]]:
        """Measure a frame.

        Args:
            frame: shape ``(960,)``, float64, in int16 steps.

        Returns:
            The frame, :func:`folded`, and ten mean squares in squared int16 steps: of its four quarters by
            :func:`voice_squares`; of its four quarters where an s, an f or a breath is all there is of a voice, 3.3 to
            10.5 kHz; of all of it where an h or a v begins, 250 to 900 Hz; and where an m or a b does, 90 to 320 Hz. In
            the latter three bands a tone counts the more, the higher it is within the band, so that brown noise fills
            it as evenly as white noise.
        """
        frame.reshape(_SPLIT_SHAPE).dot(_SPLIT, self._pieces)
        low: Wide = self._pieces[:, : _PIECE // FOLD].reshape(FRAME_SAMPLES // FOLD)
        np.subtract(low[1:], low[:-1], self._slopes)
        _LOW.dot(low, self._low)
        row = self._row
        np.multiply(row, row, row)
        squares: list[float] = _SUMS.dot(row).tolist()
        return low, squares


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
_SPLIT_SHAPE = (FRAME_SAMPLES // _PIECE, _PIECE)
_PIECES = np.zeros((FRAME_SAMPLES // _PIECE, _SPLIT.shape[1]))

_MURMUR = _directions(250, 900, FRAME_SAMPLES // FOLD, SAMPLE_RATE / FOLD, 26)
_HUM = _directions(90, 320, FRAME_SAMPLES // FOLD, SAMPLE_RATE / FOLD, 11)
_LOW = np.ascontiguousarray(np.concatenate([_MURMUR, _HUM], axis=1).T)
_SLOPES = FRAME_SAMPLES // FOLD - 1


def _sums() -> NDArray[np.float64]:
    """What takes the squares of a meter's row to the mean squares of all bands."""
    hiss = np.zeros((*_PIECES.shape, QUARTERS))
    for piece in range(len(hiss)):
        hiss[piece, _PIECE // FOLD :, piece * QUARTERS // len(hiss)] = QUARTERS * _PIECE / FRAME_SAMPLES
    low = np.repeat(np.eye(2), [_MURMUR.shape[1], _HUM.shape[1]], axis=0)
    sums = np.zeros((_SLOPES + len(low) + _PIECES.size, 2 * QUARTERS + 2))
    sums[:_SLOPES, :QUARTERS] = _means(_SLOPES + 1).T
    sums[_SLOPES : -_PIECES.size, 2 * QUARTERS :] = low
    sums[-_PIECES.size :, QUARTERS : 2 * QUARTERS] = hiss.reshape(-1, QUARTERS)
    return sums


_SUMS = np.ascontiguousarray(_sums().T)
