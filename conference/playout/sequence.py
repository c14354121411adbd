"""RTP's wrapping counters, placed on endless ones, and streams that start anew told apart from strays.

RFC 3550, appendix A.1, says when a jump in sequence numbers is a restart: when two packets in a row bear it out.
"""

from __future__ import annotations

from typing import TypeAlias

MAX_DROPOUT = 3000
"""A jump forward in sequence numbers by this many or more is a restart (RFC 3550, appendix A.1)."""

MAX_MISORDER = 100
"""A jump backward by this many or more is a restart (RFC 3550, appendix A.1)."""


StreamPlace: TypeAlias = tuple[int, int, bool]
"""Where a packet belongs in its stream: its number and its media time, both endless, and whether it begins another
stream, so that what was before it has nothing to do with it."""


def sequence_step(sequence: int, reference: int) -> int:
    """By how many a sequence number is ahead of another, the shorter way round; negative if it is behind.

    Args:
        sequence: at least its lower 16 bits count.
        reference: the same.
    """
    return ((sequence - reference + 0x8000) & 0xFFFF) - 0x8000


def timestamp_step(timestamp: int, reference: int) -> int:
    """By how much a timestamp of 32 bits is ahead of another, the shorter way round; negative if it is behind."""
    return ((timestamp - reference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def is_restart(step: int) -> bool:
    """Whether a sender has started anew whose sequence numbers have made such a step."""
    return not -MAX_MISORDER < step < MAX_DROPOUT


class Unwrapper:
    """Places the packets of one stream."""

    __slots__ = ("_sequence", "_started", "_suspect", "_timestamp")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream: the next packet begins one."""
        self._started = False
        self._sequence = 0  # of the packet with the highest number: the reference
        self._timestamp = 0
        self._suspect = -1  # the raw number that would confirm a jump

    def place(self, sequence: int, timestamp: int) -> StreamPlace | None:
        """Place a packet by its raw counters; ``None`` while a jump is unconfirmed.

        Args:
            sequence: RTP sequence number, 16 bits.
            timestamp: RTP timestamp, 32 bits.
        """
        if not self._started:
            return self._start(sequence, timestamp, restarted=False)
        step = sequence_step(sequence, self._sequence)
        if is_restart(step):
            if self._suspect != sequence:
                self._suspect = (sequence + 1) & 0xFFFF
                return None
            return self._start(sequence, timestamp, restarted=True)
        self._suspect = -1
        ahead = timestamp_step(timestamp, self._timestamp)
        if ahead * step < 0:  # time ran backwards
            return self._start(sequence, timestamp, restarted=True)
        sequence = self._sequence + step
        timestamp = self._timestamp + ahead
        if step > 0:
            self._sequence, self._timestamp = sequence, timestamp
        return sequence, timestamp, False

    def _start(self, sequence: int, timestamp: int, *, restarted: bool) -> StreamPlace:
        self._started = True
        self._suspect = -1
        self._sequence, self._timestamp = sequence, timestamp
        return sequence, timestamp, restarted
