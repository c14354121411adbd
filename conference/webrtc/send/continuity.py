"""One line of sequence numbers and timestamps for a listener, whoever's packets are on it (RFC 3550 section 5.1).

Forwarded packets keep the distances that they had: what was lost on the way here is a gap that the listener's decoder
makes up, and what came late goes out late. Between two talkers, or a talker and a mix, the line goes on without a gap
in sequence numbers, and in timestamps by the time that has passed since the line began: so a change may make a pause a
little longer or shorter, and no delay adds up over many changes. The line follows the clock of a talker who is
forwarded for long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from conference.playout.sequence import MAX_DROPOUT, sequence_step, timestamp_step

MAX_DRIFT_SECONDS: Final = 2
"""A timestamp further off than that from the time that has passed is that of another clock."""

FOLLOWED: Final = 512
"""The line takes over the difference between its own clock and a talker's in so many packets, some 10 s: that of two
quartz clocks is 1 ms by then, and jitter is evened out."""

MAX_PAUSE_TICKS: Final = 3
"""A mix that comes so soon after the last packet follows it directly: else it would sound like a loss."""

_SEQUENCES: Final = 1 << 16
_TIMESTAMPS: Final = 1 << 32


class HeaderFields(NamedTuple):
    """Where a packet stands on the listener's line."""

    sequence: int
    timestamp: int
    marker: bool
    """It comes after a pause (RFC 3551 section 4.1)."""


class LineState(NamedTuple):
    """Where our own packets have left the line."""

    sequence: int
    """Of the next packet."""

    timestamp: int
    """What their clock shows now; or what it shall begin with, if there was none."""

    end: int
    """The timestamp behind the last packet."""


class Continuity:
    """The line of one listener, while packets are forwarded to it.

    Args:
        clock_rate: of the timestamps, in Hz.
    """

    __slots__ = (
        "_ahead",
        "_clock_rate",
        "_drift",
        "_end",
        "_first",
        "_highest",
        "_input_end",
        "_line",
        "_line_ns",
        "_pauses",
        "_sent_ns",
        "_shift",
        "_start",
        "_step",
        "forwarded_last",
    )

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._first: int | None = None  # sequence number of the talker's first packet; None: it is yet to come
        self._highest = 0  # of the talker's packets
        self._step = 0  # from the talker's sequence numbers to ours
        self._shift = 0  # and from their timestamps to ours
        self._input_end = 0  # the talker's timestamp behind the last packet
        self._start = self._end = 0  # ours, of that packet and behind it
        self._line: int | None = None  # what the clock of the line showed at some time; None: it has not begun
        self._line_ns = 0  # when that was
        self._pauses = False  # the last packet says that there is a pause
        self._ahead = 0  # by so much the talker's first packet was put ahead of the line's clock, behind what was there
        self._drift = 0.0  # by how much more the line has gone on since, as it followed talkers
        self._sent_ns = 0  # when that packet came
        self.forwarded_last = False
        """The last packet on the line is a forwarded one."""

    @property
    def forwarding(self) -> bool:
        """Whether a talker's packets are on the line."""
        return self._first is not None

    def restart(self) -> None:
        """What comes next is another stream."""
        self._first = None

    def take_over(self, now_ns: int, samples: int) -> int:
        """Have our own packets on the line again. Returns the timestamp of the first.

        It is directly behind the last packet, if that is not long ago and did not say that there is a pause.

        Args:
            now_ns: when it is sent.
            samples: in a tick.
        """
        self._first = None
        self.forwarded_last = False
        now = self._clock(now_ns)
        at_once = 0 if self._pauses else MAX_PAUSE_TICKS * samples
        return self._end if timestamp_step(now, self._end) <= at_once else now

    def _clock(self, now_ns: int) -> int:
        """What the line's clock shows at a moment."""
        elapsed = (now_ns - self._line_ns) * self._clock_rate // 1_000_000_000
        return ((self._line or 0) + elapsed + round(self._drift)) % _TIMESTAMPS

    def place(
        self,
        sequence: int,
        timestamp: int,
        duration: int,
        now_ns: int,
        begin: Callable[[int], LineState],
        *,
        pauses: bool = False,
    ) -> HeaderFields | None:
        """Give a talker's packet its place on the line.

        Args:
            sequence: the talker's, 16 bits.
            timestamp: the talker's, 32 bits.
            duration: in timestamp units.
            now_ns: when it came.
            begin: is asked where the line is at that time, if this is the first packet of a stream.
            pauses: the packet says that there is a pause (DTX).

        Returns:
            ``None`` if it is there already, or from before the first one, whose place was taken by something else.
        """
        step = ((sequence - self._highest + 0x8000) & 0xFFFF) - 0x8000  # `sequence_step`, without a call
        passed = (now_ns - self._sent_ns) * self._clock_rate // 1_000_000_000
        if self._first is None or abs(step) >= MAX_DROPOUT or self._drifts(timestamp, passed):
            state = begin(now_ns)
            self._first = self._highest = sequence
            if self._line is None:
                self._line, self._line_ns = state.timestamp, now_ns
            end = self._end if self.forwarded_last else state.end
            self._step = state.sequence - sequence
            clock = self._clock(now_ns)
            begin_at = later(clock, end)
            self._shift = begin_at - timestamp
            self._ahead = timestamp_step(begin_at, clock)
            marker = True
        elif step == 0:
            return None
        elif step < 0:  # late
            if sequence_step(sequence, self._first) < 0:
                return None
            return HeaderFields(
                (sequence + self._step) % _SEQUENCES, (timestamp + self._shift) % _TIMESTAMPS, marker=False
            )
        else:
            marker = step == 1 and timestamp != self._input_end
            self._highest = sequence
            if sequence_step(self._highest, self._first) >= MAX_DROPOUT:
                self._first = (self._highest - MAX_DROPOUT + 1) % _SEQUENCES
        self._input_end = (timestamp + duration) % _TIMESTAMPS
        self._start = start = (timestamp + self._shift) % _TIMESTAMPS
        self._end = (start + duration) % _TIMESTAMPS
        self._sent_ns = now_ns
        self._pauses = pauses
        elapsed = (now_ns - self._line_ns) * self._clock_rate // 1_000_000_000
        ahead = start - (self._line or 0) - elapsed - round(self._drift)  # of `_clock`, without a call
        self._drift += (((ahead - self._ahead + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000) / FOLLOWED
        self.forwarded_last = True
        return HeaderFields((sequence + self._step) % _SEQUENCES, start, marker)

    def _drifts(self, timestamp: int, passed: int) -> bool:
        """Whether the talker's clock has jumped: so much of its time has passed since the last packet."""
        ahead = ((timestamp - self._input_end - passed + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
        return abs(ahead) > MAX_DRIFT_SECONDS * self._clock_rate

    @property
    def next_sequence(self) -> int:
        """Behind the last packet, on the listener's line."""
        return (self._highest + self._step + 1) % _SEQUENCES

    def timestamp(self, now_ns: int) -> int:
        """What the clock of the packets on the line shows at a moment, while they are a talker's."""
        return (self._start + (now_ns - self._sent_ns) * self._clock_rate // 1_000_000_000) % _TIMESTAMPS


def later(timestamp: int, other: int) -> int:
    """The later of two timestamps, as they wrap."""
    return timestamp if timestamp_step(timestamp, other) > 0 else other
