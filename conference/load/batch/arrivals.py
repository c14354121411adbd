"""What came, by the sequence numbers of RTP packets (RFC 3550, section 6.4.1): how many, and how many are missing."""

from __future__ import annotations

from dataclasses import dataclass

from conference.load.batch.reports import Reception
from conference.playout.sequence import sequence_step


@dataclass(slots=True)
class SequenceCounts:
    """Counts the packets of one stream."""

    received: int = 0
    first: int = -1
    """Sequence number of the first packet; -1: none came."""
    highest: int = -1
    """The highest one, with the wraps counted."""

    def add(self, sequence: int) -> None:
        """A packet came.

        Args:
            sequence: its number, 16 bits.
        """
        self.received += 1
        if self.highest < 0:
            self.first = self.highest = sequence
            return
        self.highest += max(0, sequence_step(sequence, self.highest))

    @property
    def reception(self) -> Reception:
        """For a report."""
        return Reception(self.received, self.highest - self.first + 1 if self.received else 0, max(0, self.highest))

    @property
    def lost(self) -> int:
        """Numbers between the first and the highest that did not come. A duplicate makes up for one, as in RFC 3550."""
        return self.reception.lost
