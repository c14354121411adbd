"""A streaming peak limiter: from the wide accumulator to int16, without wrap, clip or added delay.

It works on whole ticks, and looks ahead inside the tick that it sees, so that it delays nothing:

* While nothing exceeds the ceiling and the gain is 1, samples are only rounded: what is an integer stays as it is.
* A tick that needs less gain than there is gets it in one straight line from the gain so far, as steep as it takes to
  keep its samples in bounds and to be there by its end, and no steeper. A ramp is steep only if a peak stands at the
  very start.
* A tick that needs less reduction lets the gain rise in one straight line towards 1, by a twelfth of what is missing,
  never above what its own peak allows. A steady sound has a steady gain: nothing pumps.

The gain is therefore a continuous line of straight pieces. A look-ahead across ticks would make the steepest pieces
gentler, but would delay every sample of every mix, and put a tick of somebody else's mix in front of a listener
who moves to a mix of their own. The result depends on where ticks begin and on nothing else: input in any chunks
is cut to ticks here.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, Samples, Wide

CEILING = 32_000
"""The largest sample that leaves: -0.2 dBFS. A lone full-scale talker loses 0.2 dB at most, a limited sample can be
told from a clipped one, and the overshoot of a codec has somewhere to go."""

SUM_CEILING = 29_000
"""Where what is beyond full scale, and so the sum of several, is brought within a tick: -1.06 dBFS, about what
broadcasters leave for codecs (EBU R 128: -1 dB). Of two tones at 32 000, Opus makes some samples of full scale; at
29 000, none above 30 200."""

_FULL_SCALE = 32_768
_RELEASE = 1 / 12  # of what is missing, per tick: a time constant of about 230 ms
_ALMOST_ONE = 1 - 1e-3  # the last 0.01 dB are released at once, so that bit-exactness comes back
_STEPS = np.arange(1.0, FRAME_SAMPLES + 1)
_NOTHING: Samples = np.zeros(0, dtype=np.int16)


class Limiter:
    """Limits one mix. Stateful: one per distinct mix.

    Args:
        gain: the gain to begin with. A listener who moves to a mix of their own hears no step if its limiter begins
            with the :attr:`gain` of the one they come from.
    """

    __slots__ = ("_pending", "gain")

    gain: float
    """The gain after the last sample: 1 (nothing is limited) to above 0."""

    def __init__(self, gain: float = 1.0) -> None:
        if not 0 < gain <= 1:
            raise ValueError("a limiter's gain is above 0 and at most 1")
        self.gain = gain
        self._pending: Wide | None = None

    def process(self, mix: Wide | Samples) -> Samples:
        """Limit a stretch of the mix.

        Args:
            mix: shape ``(n,)``, float64 and finite, or int16 where that is what it is. Left as it is.

        Returns:
            int16, at most 32000 in magnitude; of int16 that needs no limiting, the same array. A tick (``n == 960``)
            gives a tick; other lengths give the whole ticks that are complete by now, and keep the rest for the next
            call.
        """
        if self._pending is None and len(mix) == FRAME_SAMPLES:
            return self._limit(mix)
        wide: Wide = mix.astype(np.float64)
        if self._pending is not None:
            wide = np.concatenate((self._pending, wide))
        ticks, rest = divmod(len(wide), FRAME_SAMPLES)
        self._pending = wide[-rest:].copy() if rest else None
        whole = wide[: ticks * FRAME_SAMPLES].reshape(ticks, FRAME_SAMPLES)
        return np.concatenate([self._limit(tick) for tick in whole]) if ticks else _NOTHING

    def _limit(self, tick: Wide | Samples) -> Samples:
        peak = max(float(tick[tick.argmax()]), -float(tick[tick.argmin()]))  # much faster than max() and min()
        if peak <= CEILING and self.gain == 1.0:
            return cast("Samples", tick) if tick.dtype == np.int16 else np.rint(tick).astype(np.int16)
        tick = tick.astype(np.float64, copy=False)
        ceiling = CEILING if peak <= _FULL_SCALE else SUM_CEILING
        allowed = min(1.0, ceiling / peak) if peak else 1.0
        curve = self._attack(tick, allowed) if allowed < self.gain else self._release(allowed)
        self.gain = float(curve[-1])
        limited = np.rint(tick * curve)
        # The product of a sample and the gain it allows may exceed the ceiling by a rounding error, never by half.
        return limited.astype(np.int16)

    def _attack(self, tick: Wide, allowed: float) -> Wide:
        """The gentlest line that keeps every sample in bounds, and is at what the peak allows by the tick's end."""
        each = CEILING / np.maximum(np.abs(tick), CEILING)
        slope = min(float(((each - self.gain) / _STEPS).min()), (allowed - self.gain) / FRAME_SAMPLES)
        return np.maximum(self.gain + slope * _STEPS, allowed)

    def _release(self, allowed: float) -> Wide:
        """A line up, for one tick."""
        end = self.gain + (1 - self.gain) * _RELEASE
        end = min(1.0 if end > _ALMOST_ONE else end, allowed)
        curve: Wide = self.gain + (end - self.gain) / FRAME_SAMPLES * _STEPS
        curve[-1] = end  # exactly, or the gain never comes back to 1
        return curve
