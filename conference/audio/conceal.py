"""What to play when a packet is lost and the codec has no answer of its own.

In the spirit of G.711 Appendix I: the last pitch period goes on, for up to 60 ms, ever quieter; when good sound is
back, one fades into the other. Unlike the appendix it delays nothing: where the appendix smooths the first seam with
samples that it held back, here the jump at the seam is spread over a quarter of a period.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import Samples

_SHORTEST_PITCH = 0.005  # s: 200 Hz. Higher voices repeat several periods at once
_LONGEST_PITCH = 0.015  # s: 67 Hz
_TEMPLATE = 0.020  # s of the past that must recur
_FADE_FROM = 0.010  # s of concealment at full level
_FADE_TO = 0.060  # s after which there is silence
_OVERLAP = 0.005  # s in which good sound takes over


class Concealer:
    """Conceals the losses of one source. Fed with everything that is played.

    Args:
        rate: sample rate in Hz.
    """

    __slots__ = ("_fade_from", "_fade_to", "_lost", "_overlap", "_past", "_period", "_rate", "_seam")

    def __init__(self, rate: int = 8_000) -> None:
        self._rate = rate
        self._fade_from = round(_FADE_FROM * rate)
        self._fade_to = round(_FADE_TO * rate)
        self._overlap = round(_OVERLAP * rate)
        self.reset()

    def reset(self) -> None:
        """Forget all history: what comes next belongs to another stream."""
        self._past: Samples = np.zeros(round((_TEMPLATE + _LONGEST_PITCH) * self._rate) + 1, dtype=np.int16)
        self._lost = 0  # samples concealed since the last good one
        self._period = np.zeros(1)
        self._seam = np.zeros(0)

    def good(self, samples: Samples) -> Samples:
        """Sound that arrived.

        Args:
            samples: int16, shape ``(n,)``, any ``n``.

        Returns:
            What to play instead: the same array, but after a loss, a new one whose beginning fades in.
        """
        if not len(samples):
            return samples
        if self._lost:
            samples = self._fade_in(samples)
            self._lost = 0
        keep = len(self._past)
        self._past = samples[-keep:] if len(samples) >= keep else np.concatenate((self._past[len(samples) :], samples))
        return samples

    def lost(self, length: int) -> Samples:
        """Sound that did not arrive: int16, shape ``(length,)``, a new array. In any pieces it is the same."""
        if length <= 0:
            return np.zeros(0, dtype=np.int16)
        if not self._lost:
            self._analyse()
        concealed = np.rint(self._continue(length)).astype(np.int16)
        self._lost += length
        return concealed

    def _fade_in(self, samples: Samples) -> Samples:
        overlap = min(self._overlap, len(samples))
        rising = np.arange(1, overlap + 1) / (overlap + 1)
        result = samples.copy()
        result[:overlap] = np.rint(samples[:overlap] * rising + self._continue(overlap) * (1 - rising))
        return result

    def _analyse(self) -> None:
        """Find the period that is to go on, make it join its own beginning, and measure the first seam."""
        past = self._past.astype(np.float64)
        pitch = self._pitch(past)
        quarter = pitch // 4
        rising = np.arange(1, quarter + 1) / (quarter + 1)
        self._period = past[-pitch:].copy()
        before = past[-pitch - quarter : -pitch]  # what led into the period's first sample
        self._period[-quarter:] += (before - self._period[-quarter:]) * rising
        jump = past[-1] - past[-pitch - 1]
        self._seam = jump * (1 - rising)

    def _pitch(self, past: NDArray[np.float64]) -> int:
        """The lag, in samples, at which the end of the past resembles itself most."""
        shortest, longest = round(_SHORTEST_PITCH * self._rate), round(_LONGEST_PITCH * self._rate)
        length = round(_TEMPLATE * self._rate)
        template = past[-length:]
        candidates = past[len(past) - length - longest : len(past) - shortest]  # the longest lag first
        products = np.correlate(candidates, template, "valid")
        squares = np.concatenate(([0.0], np.cumsum(candidates**2)))
        energies = squares[length:] - squares[:-length]
        likeness = products / np.sqrt(np.maximum(energies, 1.0))
        return longest - int(likeness.argmax())

    def _continue(self, length: int) -> NDArray[np.float64]:
        """The next ``length`` samples of the concealment, from ``_lost`` on."""
        at = np.arange(self._lost, self._lost + length)
        if self._lost >= self._fade_to:
            return np.zeros(length)
        sound = self._period[at % len(self._period)]
        seam = self._seam[self._lost : self._lost + length]
        sound[: len(seam)] += seam
        level = np.clip((self._fade_to - at) / (self._fade_to - self._fade_from), 0.0, 1.0)
        return np.clip(sound * level, -32768, 32767)
