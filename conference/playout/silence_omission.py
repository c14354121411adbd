"""Leaves the silence of a sender out of what is sent on, as the sender's own DTX would."""

from __future__ import annotations

from conference.playout.sequence import MAX_DROPOUT, sequence_step

MAX_WORD_LOSS = 8
"""If more of a word's beginning is missing, what came before it is of no use."""


class SilenceOmission:
    """Leaves a sender's silence out of what is forwarded, as DTX would: a gap in timestamps, none in sequence numbers.

    Sequence numbers are the sender's, of 16 bits, less the number of packets that were left out.

    Attributes:
        pausing: the last packet was left out, or said that there is a pause.
    """

    __slots__ = ("_end", "_last", "_left_out", "_omitted", "pausing")

    def __init__(self) -> None:
        self._omitted = 0  # packets left out so far
        self.forget()

    @property
    def omitted(self) -> int:
        """How many packets were left out before what is sent on now."""
        return self._omitted

    def forget(self) -> None:
        """Another stream begins, or others listen."""
        self.pausing = False
        self._last: int | None = None  # the highest sequence number that was sent on
        self._left_out: int | None = None  # the highest one left out, since something was last sent on
        self._end: int | None = None  # the highest one left out ever, as long as something before it may still come

    def leave_out(self, sequence: int) -> None:
        """A packet is not sent on."""
        self.pausing = True
        if self._last is not None and sequence_step(sequence, self._last) <= 0:
            return
        if self._left_out is None or sequence_step(sequence, self._left_out) > 0:
            self._left_out = sequence & 0xFFFF

    def pause(self, sequence: int) -> int | None:
        """In the place of a packet, one is sent on that says that there is a pause: see :meth:`number`."""
        if self.pausing:
            self.leave_out(sequence - 1)  # silence, too, even if some of it was lost
        number = self.number(sequence)
        self.pausing = True
        return number

    def note_bypassed(self, bypassed: int, sequence: int) -> None:
        """What went by unseen in this pause, up to there, is left out, too; before the packet that ends it."""
        if sequence_step(sequence, bypassed) > 0:
            self.leave_out(bypassed)

    def take_back(self, sequence: int, packets: int) -> list[tuple[int, int]]:
        """Have the last packets before a word sent on after all.

        Args:
            sequence: of the word's first packet.
            packets: so many at most.

        Returns:
            Of each, its place from the end (-1 is the last one that was left out), and how far it is before the word's
            packet.
        """
        left_out = self._left_out
        if left_out is None or not 0 < sequence_step(sequence, left_out) <= MAX_WORD_LOSS:
            return []
        known = packets if self._last is None else min(packets, sequence_step(left_out, self._last))
        self._left_out = (left_out - known) & 0xFFFF
        if self._left_out == self._last:
            self._left_out = None
        lost = sequence_step(sequence, left_out) - 1
        return [(-back, lost + back) for back in range(known, 0, -1)]

    def number(self, sequence: int) -> int | None:
        """The sequence number with which a packet is sent on; ``None`` if it is from before what was left out."""
        self.pausing = False
        if self._left_out is not None and not self._end_pause(sequence, self._left_out):
            return None
        if self._end is not None:
            step = sequence_step(sequence, self._end)
            if -MAX_DROPOUT < step <= 0:
                return None
            if step >= MAX_DROPOUT:
                self._end = None
        if self._last is None or sequence_step(sequence, self._last) > 0:
            self._last = sequence & 0xFFFF
        return (sequence - self._omitted) & 0xFFFF

    def _end_pause(self, sequence: int, left_out: int) -> bool:
        """Count what was left out before a packet. Returns whether the packet is behind all of that."""
        if sequence_step(sequence, left_out) <= 0:
            self.pausing = True
            return False
        if self._last is not None:
            self._omitted += sequence_step(left_out, self._last)
        self._last = self._end = left_out
        self._left_out = None
        return True
