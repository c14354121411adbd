"""Makes up sound for lost packets where the codec itself has no concealment, or none for so long.

The method is that of G.711 Appendix I: the last pitch period is repeated, ever quieter, and fades into the good sound
that comes next. The appendix delays all sound, to smooth the first seam with samples that it held back. Here nothing is
delayed: the jump at the seam is spread over a quarter of a period.

One period over and over sounds like a buzz, not like a voice. So the repeated period turns, within 140 ms, into noise
of the voice's own colour (the spectrum of its last 40 ms, with other phases), as in NetEQ; where the sound has no clear
period, it is noise from the beginning. The appendix is silent after 60 ms. Here the level sinks by 9 dB in 100 ms, so
that a burst of losses is a blur and not a hole, and after 300 ms there is silence.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.fft import irfft, rfft
from numpy.random import default_rng  # NumPy would load it when it is first used: 30 ms, in the middle of a tick
from numpy.typing import NDArray

from conference.audio.frame import Samples, Wide

SECONDS = 0.3
"""Of a longer loss, the rest is silence."""

_SHORTEST_PITCH = 0.005  # s: 200 Hz. Higher voices repeat several periods at once
_LONGEST_PITCH = 0.015  # s: 67 Hz
_TEMPLATE = 0.020  # s of the past that must recur
_COLOUR = 0.040  # s of the past whose spectrum the noise has; all of the past that is needed
_OVERLAP = 0.005  # s in which good sound takes over
_FADE_FROM = 0.020  # s after which it becomes quieter
_FADE_DB = 90.0  # by so much in a second
_END = 0.060  # s of straight fade at the end of all
_VOICE_UNTIL, _NOISE_FROM = 0.040, 0.140  # s until which, and from which, it is but the one or the other
_NOISE = 0.100  # s of noise, which then come round again: to make it is most of the work
_LEAST_LIKENESS = 0.3  # sound that resembles itself no more than this is noise already
_STEPS = 12_000  # at most so many in a second are worth looking at in the search for a period

_ZERO: Wide = np.zeros(1)
_NOTHING: Samples = np.zeros(0, dtype=np.int16)


class Concealer:
    """Conceals the losses of one source. It is given everything that is played.

    Args:
        rate: sample rate in Hz.
        begun: so many samples at the start of every loss something else conceals, and gives to :meth:`good`.
    """

    __slots__ = ("_begun", "_breaks_off", "_end", "_kept", "_lost", "_noise", "_overlap", "_past", "_period", "_rate",
                 "_seam", "_size", "_voiced")  # fmt: skip

    def __init__(self, rate: int = 8_000, *, begun: int = 0) -> None:
        self._rate = rate
        self._begun = begun
        self._end = max(0, round(SECONDS * rate) - begun)
        self._overlap = round(_OVERLAP * rate)
        self._size = round(_COLOUR * rate)
        self.reset()

    def reset(self) -> None:
        """Forget all history: what comes next belongs to another stream."""
        self._past: list[Samples] = []
        self._kept = 0  # samples in it
        self._lost = 0  # samples concealed since the last good one
        self._breaks_off = False  # what comes next does not follow what was there
        self._voiced = 0.0  # share of what is made up that is the period
        self._forget_loss()

    def _forget_loss(self) -> None:
        """Free the memory that a loss is made up from: 45 KB at 48 kHz."""
        self._period = self._seam = self._noise = _ZERO

    def good(self, samples: Samples) -> Samples:
        """Take sound that arrived.

        Args:
            samples: int16, shape ``(n,)``, any ``n``. Kept for a while, and not to be changed.

        Returns:
            What to play: the same array; after a loss, a new one whose beginning fades in.
        """
        length = len(samples)
        if not length:
            return samples
        if self._lost or self._breaks_off:
            samples = self._fade_in(samples)
            self._lost, self._breaks_off = 0, False
            self._forget_loss()
        self._past.append(samples)
        self._kept += length
        while self._kept - len(self._past[0]) >= self._size:
            self._kept -= len(self._past.pop(0))
        return samples

    def lost(self, length: int) -> Samples:
        """Make up sound that did not arrive: int16, shape ``(length,)``, a new array. In any pieces it is the same."""
        if length <= 0:
            return _NOTHING
        if not self._lost:
            self._analyse()
        concealed = np.rint(self._continue(length)).astype(np.int16)
        self._lost += length
        return concealed

    def break_off(self) -> None:
        """What arrives next goes on somewhere else: it fades in over what would have come instead."""
        if not self._lost:
            self._analyse()
            self._breaks_off = True

    def _fade_in(self, samples: Samples) -> Samples:
        overlap = min(self._overlap, len(samples))
        rising = np.arange(1, overlap + 1) / (overlap + 1)
        result = samples.copy()
        result[:overlap] = np.rint(samples[:overlap] * rising + self._continue(overlap) * (1 - rising))
        return result

    def _analyse(self) -> None:
        """Find the period that is to be repeated, make its end join its beginning, and measure the first seam."""
        past = np.concatenate([np.zeros(max(0, self._size - self._kept)), *self._past])[-self._size :]
        pitch, likeness = self._pitch(past)
        quarter = pitch // 4
        rising = np.arange(1, quarter + 1) / (quarter + 1)
        self._period = past[-pitch:].copy()
        before = past[-pitch - quarter : -pitch]  # what led into the period's first sample
        self._period[-quarter:] += (before - self._period[-quarter:]) * rising
        self._voiced = likeness if likeness > _LEAST_LIKENESS else 0.0
        self._noise = _noise_like(past, round(_TEMPLATE * self._rate))
        self._seam = np.zeros(0)
        goes_on = past[-pitch] + past[-1] - past[-pitch - 1]
        self._seam = (goes_on - self._continue(1)[0]) * (1 - rising)

    def _pitch(self, past: Wide) -> tuple[int, float]:
        """The lag, in samples, at which the end of the past resembles itself most, and how much (up to 1)."""
        fold = max(1, self._rate // _STEPS)
        coarse = past[len(past) % fold :].reshape(-1, fold).mean(axis=1)
        rate = self._rate // fold
        shortest, longest = round(_SHORTEST_PITCH * rate), round(_LONGEST_PITCH * rate)
        lag, likeness = _best_lag(coarse, round(_TEMPLATE * rate), shortest, longest)
        if fold == 1:
            return lag, likeness
        return _best_lag(past, round(_TEMPLATE * self._rate), (lag - 1) * fold, (lag + 1) * fold)

    def _continue(self, length: int) -> Wide:
        """The next ``length`` samples of the concealment, from ``_lost`` on."""
        sound = np.zeros(length)
        at = np.arange(self._lost, min(self._lost + length, self._end))
        if not len(at):
            return sound
        second = (at + self._begun) / self._rate
        voiced = np.clip((_NOISE_FROM - second) / (_NOISE_FROM - _VOICE_UNTIL), 0.0, 1.0)
        voiced *= self._voiced
        level = 10 ** (np.minimum(0.0, _FADE_FROM - second) * _FADE_DB / 20)
        level *= np.minimum(1.0, (SECONDS - second) / _END)
        made = self._period[at % len(self._period)] * voiced
        made += self._noise[at % len(self._noise)] * np.sqrt(1 - voiced**2)
        seam = self._seam[self._lost : self._lost + len(at)]
        made[: len(seam)] += seam
        sound[: len(at)] = np.clip(made * level, -32768, 32767)
        return sound


def _best_lag(past: Wide, length: int, shortest: int, longest: int) -> tuple[int, float]:
    template = past[-length:]
    candidates = past[len(past) - length - longest : len(past) - shortest]  # the longest lag first
    products = np.correlate(candidates, template, "valid")
    squares = np.concatenate(([0.0], np.cumsum(candidates**2)))
    energies = squares[length:] - squares[:-length]
    likeness = products / np.sqrt(np.maximum(energies * float(template @ template), 1.0))
    best = int(likeness.argmax())
    return longest - best, float(likeness[best])


def _noise_like(past: Wide, recent: int) -> Wide:
    """Noise with the spectrum of the past and the level of its recent part, whose end leads into its beginning."""
    size = len(past)
    spectrum = np.abs(rfft(past * np.hanning(size)))
    pieces = irfft(spectrum * _phases(size), size) * np.sin(np.pi * (np.arange(size) + 0.5) / size)
    half = size // 2
    noise: Wide = (pieces[:, :half] + np.roll(pieces, 1, axis=0)[:, half:]).reshape(-1)
    noise *= np.sqrt((past[-recent:] ** 2).mean() / max(float((noise**2).mean()), 1e-9))
    return noise


@cache
def _phases(size: int) -> NDArray[np.complex128]:
    """Random phases, but the same ones each time, so that a loss always sounds the same."""
    pieces = round(_NOISE / _COLOUR * 2)
    angles = default_rng(1).uniform(-np.pi, np.pi, (pieces, size // 2 + 1))
    phases: NDArray[np.complex128] = np.exp(1j * angles)
    return phases
