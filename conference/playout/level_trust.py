"""What a sender says of its own loudness (RFC 6464), and how far it is believed.

The level in a packet's header decides whether the packet is decoded at all, so it has to be checked:

* Packets that are said to be silent are decoded now and then, more often if they are larger than silence need be.
* What is decoded is compared with what was said. A small difference is how that sender measures, and is corrected; a
  large one is found out.

A sender whose levels turn out to be wrong is no longer believed: from then on all of its packets are decoded.
"""

from __future__ import annotations

from conference.playout.silence import SILENT_DBOV

FIRST_CHECK = 5
LAST_CHECK = 200
"""One in so many packets that are said to be silent is decoded: many at first, one in 4 s when that has proved true."""

LARGE_BYTES = 50
LARGE_COUNTS = 4
"""A silent packet larger than `LARGE_BYTES` (20 kbit/s) counts as so many packets towards the next check, until checks
have shown that this sender's silence takes that much."""

CAUGHT = 3
"""Checks in a row that find sound where silence was said."""

FAR_OFF_DB = 15.0
"""A larger difference cannot come from how somebody measures: their levels are wrong."""

_SETTLED = 50  # packets that a correction is a mean of: the last second
_KNOWN = 25  # packets before anything is said against a sender
_MOST_DB = 40.0  # that one packet counts for


class LevelTrust:
    """How far one sender is trusted to say how loud they are."""

    __slots__ = ("_caught", "_compared", "_countdown", "_interval", "correction", "trusted")

    trusted: bool
    """It was not found out."""

    correction: float
    """How much louder its sound is than it says, in dB."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Another sender begins."""
        self.trusted = True
        self.correction = 0.0
        self._caught = self._compared = 0
        self._interval = self._countdown = FIRST_CHECK

    @property
    def proven(self) -> bool:
        """Check after check found silence where this sender said silence."""
        return self._interval >= LAST_CHECK

    def corrected(self, said: float) -> float:
        """How loud something is that was said to be so loud, both in dBov."""
        return min(said + self.correction, 0.0)

    def is_due(self, size: int, packets: int = 1) -> bool:
        """Whether a packet that is said to be silent should be decoded, to see.

        Args:
            size: of its payload, in bytes.
            packets: how many such packets it stands for.
        """
        self._countdown -= packets * (LARGE_COUNTS if size > LARGE_BYTES and self._interval < LAST_CHECK else 1)
        return self._countdown <= 0

    def check_silence(self, said: float, level: float) -> None:
        """Take in how loud a packet was said to be that counts as silent, and how loud it is, in dBov."""
        if level > max(said, SILENT_DBOV) + FAR_OFF_DB:
            self._interval = FIRST_CHECK
            self._caught += 1
            self.trusted = self.trusted and self._caught < CAUGHT
        else:
            self._interval = min(2 * self._interval, LAST_CHECK)
            self._caught = 0
        self._countdown = self._interval

    def compare(self, said: float, level: float) -> None:
        """Take in what was said of a sound, and how loud it is, both in dBov."""
        difference = min(max(level - said, -_MOST_DB), _MOST_DB)
        self._compared = min(self._compared + 1, _SETTLED)
        self.correction += (difference - self.correction) / self._compared
        self.trusted = self.trusted and (self._compared < _KNOWN or abs(self.correction) <= FAR_OFF_DB)
