"""What came, by the sequence numbers of RTP packets (RFC 3550, section 6.4.1): how many, and how many are missing."""

from __future__ import annotations

_HALF = 0x8000
_MASK = 0xFFFF


class Arrivals:
    """Counts the packets of one stream."""

    __slots__ = ("_first", "_highest", "received")

    def __init__(self) -> None:
        self._first = self._highest = -1
        self.received = 0

    def add(self, sequence: int) -> None:
        """A packet came.

        Args:
            sequence: its number, 16 bits.
        """
        self.received += 1
        if self._highest < 0:
            self._first = self._highest = sequence
            return
        ahead = (sequence - self._highest) & _MASK
        if ahead < _HALF:
            self._highest += ahead

    @property
    def lost(self) -> int:
        """Numbers between the first and the highest that did not come. A duplicate makes up for one, as in RFC 3550."""
        return max(0, self._highest - self._first + 1 - self.received) if self.received else 0
