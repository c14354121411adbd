"""An estimate of the background noise of somebody who is squelched, from which follows what is louder than noise."""

from __future__ import annotations

from conference.audio.noise_gate import OPEN_DB

NOISE_LOOKS = 5
"""The noise is now as loud as the quietest of so many samples, which take a second or two to come."""

NOISE_VARIES_DB = 3
"""The quietest of those and of many more differ by as much, though nothing has changed."""


class SquelchedNoise:
    """An estimate of the noise of one who is squelched, from the levels of the packets that are sampled of it.

    Args:
        silent_dbov: what counted as silent when they were squelched, by what their sender says.
        correction: how much louder they are than their sender says, in dB.
    """

    __slots__ = ("_correction", "_quietest", "_samples", "_silent_dbov")

    def __init__(self, silent_dbov: int, correction: float) -> None:
        self._silent_dbov = silent_dbov
        self._correction = correction
        self._samples: tuple[int, ...] = ()  # how loud the packets were said to be that were sampled last
        self._quietest = 0  # and the quietest of all

    def sample(self, level: int) -> int:
        """Take in a packet that was said to be as loud as that. Returns what counts as silent from here on, in dBov."""
        self._samples = (*self._samples[1 - NOISE_LOOKS :], level)
        self._quietest = min(self._quietest, level)
        return min(self._silent_dbov, self._quietest + int(OPEN_DB)) + self.rise

    @property
    def quietest(self) -> float | None:
        """The noise was as quiet as that, in dBov; ``None``: it was not sampled."""
        return self._quietest + self._correction if self._samples else None

    @property
    def rise(self) -> int:
        """How much louder it is by now, in dB: not counting what noise varies by."""
        if len(self._samples) < NOISE_LOOKS:
            return 0
        return max(0, min(self._samples) - self._quietest - NOISE_VARIES_DB)
