"""Shortens or lengthens sound without a change of pitch: how delay is taken out, or put in, while somebody talks.

WSOLA (Verhelst and Roelands, 1993), reduced to what a jitter buffer needs: now and then one pitch period is left out,
or repeated. The period is the shift by which the sound resembles itself most, and one copy of it fades into the other.
Where sound hardly repeats itself, a seam could be heard: such a place is refused, and the next one is tried, at first
with high demands and then with ever lower ones. Where there is next to no sound, any length goes.

The fade keeps the level, however alike the two copies are: two equal copies add up to twice the amplitude, two that
have nothing in common only to twice the power, and the weights of the fade take that into account.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples

SHORTEST = 120
"""Samples at 48 kHz: 2.5 ms, a voice of 400 Hz. Less is not worth a seam."""

LONGEST = 720
"""Samples at 48 kHz: 15 ms, a voice of 67 Hz."""

QUIET_SQUARE = 10_000.0
"""Mean square up to which nobody misses or minds a piece: -50 dBov, the noise of a quiet room."""

REST = 4
"""A change of so many samples is followed by so many times as many without one: at most 25 % faster or slower."""

BEST_LIKENESS = 0.9
LEAST_LIKENESS = 0.1
LIKENESS_STEP = 0.01
"""Demands on the correlation of the two copies: at first, at last, and how much less with each refusal."""

PATIENCE = 10
"""Delay may stay for so many tries, in hope of silence, before it is taken out of sound."""

PAUSE_TRIES = 5
"""So many quiet places in a row are a pause. The silence inside a word, before a t or a k, is shorter than that, and
its length is part of the word."""

_GENEROUS = 0.7  # a demand below which any period is welcome
_TEMPLATE = 480  # 10 ms have to resemble each other
_OVERLAP = 240  # 5 ms at least, one period otherwise
_COARSE_RATE = 6000  # at which the search begins


class Stretcher:
    """Changes the length of one source's sound, a piece at a time, and not too often.

    Args:
        rate: of the sound, in Hz.
    """

    __slots__ = ("_coarse", "_demand", "_frame", "_longest", "_overlap", "_quiet", "_rest", "_shortest", "_template",
                 "_tries")  # fmt: skip

    def __init__(self, rate: int = SAMPLE_RATE) -> None:
        self._shortest, self._longest, self._template, self._overlap, self._frame = (
            length * rate // SAMPLE_RATE for length in (SHORTEST, LONGEST, _TEMPLATE, _OVERLAP, FRAME_SAMPLES)
        )
        self._coarse = max(1, rate // _COARSE_RATE)
        self._rest = 0  # samples to be played before the next change
        self.calm()

    def calm(self) -> None:
        """Nothing has to be changed now: begin with high demands the next time."""
        self._demand = BEST_LIKENESS
        self._tries = 0
        self._quiet = 0  # quiet places in a row

    def rests(self) -> bool:
        """Let a tick pass; whether the last change was so recent that another one would be too much."""
        self._rest = max(0, self._rest - self._frame)
        return self._rest > 0

    @property
    def pausing(self) -> bool:
        """Whether it was quiet where :meth:`lengthen` was last tried."""
        return self._quiet > 0

    def shorten(self, block: Samples, most: int) -> Samples:
        """Leave out up to ``most`` samples.

        Args:
            block: what plays next, int16, shape ``(n,)``.
            most: at least 1; the result has a frame or more in any case.

        Returns:
            The same array if this is no place for it, else a shorter new one that begins as ``block`` does, so that it
            continues what was played, and ends as it does.
        """
        most = min(most, len(block) - self._frame)
        if most < self._shortest:
            return block
        if is_quiet(block):
            most = min(most, len(block) - self._overlap)
            return join(block, block[most:], self._overlap, 0.0)
        self._tries += 1
        longest = min(most, self._longest, len(block) // 2)
        if self._tries <= PATIENCE or longest < self._shortest:
            return block
        template = block[: min(self._template, len(block) - longest)]
        shift, likeness = find(template, block[self._shortest : longest + len(template)], self._coarse)
        if self._refuses(likeness):
            return block
        period = self._shortest + shift
        self._rest = REST * period
        return join(block, block[period:], max(period, self._overlap), likeness)

    def lengthen(self, past: Samples, block: Samples, least: int, *, urgent: bool = True) -> Samples:
        """Put in samples: ``least`` of them where it is quiet, else a pitch period, be it more or less than that.

        Args:
            past: the frame that was played last.
            block: what plays next, int16, shape ``(n,)``, a frame at least.
            least: how many are missing, at least 1.
            urgent: whether it cannot wait for a pause, however long that takes.

        Returns:
            The same array if this is no place for it, else a longer new one that begins as ``block`` does, so that it
            continues what was played, and ends as it does.
        """
        quiet = is_quiet(block) and is_quiet(past)
        self._quiet = self._quiet + 1 if quiet else 0
        if not urgent and self._quiet < PAUSE_TRIES:
            return block
        if quiet:
            period = min(max(least, self._shortest), len(past))
            return join(block, np.concatenate((past[len(past) - period :], block)), self._overlap, 0.0)
        # What is put in beyond what is missing would be delay for nothing: at first only a little of it is allowed.
        longest = self._longest if self._demand < _GENEROUS else min(self._longest, max(least, self._template))
        template = block[: self._template]
        whole = np.concatenate((past[len(past) - longest :], block))
        shift, likeness = find(template, whole[: longest - self._shortest + len(template)], self._coarse)
        if self._refuses(likeness):
            return block
        period = longest - shift
        self._rest = REST * period
        return join(block, whole[shift:], max(period, self._overlap), likeness)

    def _refuses(self, likeness: float) -> bool:
        if likeness >= self._demand:
            return False
        self._demand = max(LEAST_LIKENESS, self._demand - LIKENESS_STEP)
        return True


def is_quiet(samples: Samples) -> bool:
    """Whether nobody would miss this: silence, or the noise of a quiet room."""
    wide = samples.astype(np.float32)
    return float(wide @ wide) <= QUIET_SQUARE * len(samples)


def join(first: Samples, second: Samples, overlap: int, likeness: float) -> Samples:
    """``second``, but its first ``overlap`` samples fade in from those of ``first``.

    Args:
        first: int16, ``overlap`` samples at least.
        second: likewise.
        overlap: length of the fade.
        likeness: the correlation of the two there, by which the level is kept.
    """
    rising = np.arange(1, overlap + 1, dtype=np.float32) / np.float32(overlap + 1)
    falling = 1 - rising
    level = np.sqrt(rising * rising + falling * falling + np.float32(2 * max(0.0, likeness)) * rising * falling)
    faded = (first[:overlap] * falling + second[:overlap] * rising) / level
    result = second.copy()
    result[:overlap] = np.clip(np.rint(faded), -32768, 32767)
    return result


def find(template: Samples, candidates: Samples, coarse: int = SAMPLE_RATE // _COARSE_RATE) -> tuple[int, float]:
    """Where in ``candidates`` the template recurs best, and its normalised correlation there (-1 to 1).

    The search begins with the means of so many samples each.
    """
    wanted, offered = template.astype(np.float32), candidates.astype(np.float32)
    if coarse == 1:
        return _best(wanted, offered)
    place, likeness = _best(_decimate(wanted, coarse), _decimate(offered, coarse))
    first = max(0, (place - 1) * coarse)
    last = min(len(offered) - len(wanted), (place + 1) * coarse)
    if last < first:
        return max(0, last), likeness
    place, likeness = _best(wanted, offered[first : last + len(wanted)])
    return first + place, likeness


def _decimate(samples: NDArray[np.float32], coarse: int) -> NDArray[np.float32]:
    whole = len(samples) // coarse * coarse
    means: NDArray[np.float32] = samples[:whole].reshape(-1, coarse).dot(_mean(coarse))
    return means


@cache
def _mean(coarse: int) -> NDArray[np.float32]:
    return np.full(coarse, 1 / coarse, np.float32)


def _best(template: NDArray[np.float32], candidates: NDArray[np.float32]) -> tuple[int, float]:
    products = np.correlate(candidates, template, "valid")
    squares = np.concatenate(([0.0], np.cumsum(candidates.astype(np.float64) ** 2)))
    energies = squares[len(template) :] - squares[: -len(template)]
    likeness = products / np.sqrt(np.maximum(energies * float(template @ template), 1.0))
    place = int(likeness.argmax())
    return place, float(likeness[place])
