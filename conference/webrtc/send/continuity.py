"""One line of sequence numbers and timestamps for a listener, whoever's packets are on it (RFC 3550 section 5.1).

Forwarded packets keep the distances that they had: what was lost on the way here is a gap that the listener's decoder
makes up, and what came late goes out late. Between two talkers, or a talker and a mix, the line goes on without a gap
in sequence numbers, and in timestamps by the time that has passed since the line began: so a change may make a pause a
little longer or shorter, and no delay adds up over many changes. The line follows the clock of a talker who is
forwarded for long.

What is known of a line is one row of integers: by itself, or in a table with the rows of all other lines. In a table,
packets of many talkers are placed as columns of numbers, if each simply follows the one before it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from conference.playout.sequence import MAX_DROPOUT, sequence_step, timestamp_step
from conference.webrtc.rtp.statistics import Column, Row, units, within

MAX_DRIFT_SECONDS: Final = 2
"""A timestamp further off than that from the time that has passed is that of another clock."""

FOLLOWED: Final = 512
"""The line takes over the difference between its own clock and a talker's in so many packets, some 10 s: that of two
quartz clocks is 1 ms by then, and jitter is evened out."""

MAX_PAUSE_TICKS: Final = 3
"""A mix that comes so soon after the last packet follows it directly: else it would sound like a loss."""

_SEQUENCES: Final = 1 << 16
_TIMESTAMPS: Final = 1 << 32
_WHOLE: Final = 1 << 16
"""In whose parts the drift is counted."""

FIRST: Final = 0
"""Sequence number of the talker's first packet; -1: it is yet to come."""

HIGHEST: Final = 1
"""Of the talker's packets."""

STEP: Final = 2
"""From the talker's sequence numbers to ours."""

SHIFT: Final = 3
"""From their timestamps to ours."""

INPUT_END: Final = 4
"""The talker's timestamp behind the last packet."""

START: Final = 5
"""Our timestamp of that packet."""

END: Final = 6
"""Our timestamp behind it."""

BEGUN: Final = 7
"""1: the line has begun, by something that was sent on; else 0."""

LINE: Final = 8
"""What the clock of the line showed at some time."""

LINE_NS: Final = 9
"""When that was."""

AHEAD: Final = 10
"""By so much the talker's first packet was put ahead of the line's clock, behind what was there."""

DRIFT: Final = 11
"""By how much more the line has gone on since, as it followed talkers, in parts of a timestamp unit."""

SENT_NS: Final = 12
"""When the last packet came."""

PAUSES: Final = 13
"""1: it says that there is a pause; else 0."""

FORWARDED_LAST: Final = 14
"""1: the last packet on the line is a forwarded one; else 0."""

LINE_COLUMNS: Final = 16
"""Two cache lines."""

_Number = TypeVar("_Number", int, Column)


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

    Attributes:
        row: what is known of the line, :data:`LINE_COLUMNS` integers. May be replaced by one with the same numbers.
    """

    __slots__ = ("_clock_rate", "row")

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self.row: Row = array("q", bytes(8 * LINE_COLUMNS))
        self.row[FIRST] = -1

    @property
    def forwarding(self) -> bool:
        """Whether a talker's packets are on the line."""
        return self.row[FIRST] >= 0

    @property
    def forwarded_last(self) -> bool:
        """The last packet on the line is a forwarded one."""
        return self.row[FORWARDED_LAST] > 0

    def restart(self) -> None:
        """What comes next is another stream."""
        self.row[FIRST] = -1

    def take_over(self, now_ns: int, samples: int) -> int:
        """Have our own packets on the line again. Returns the timestamp of the first.

        It is directly behind the last packet, if that is not long ago and did not say that there is a pause.

        Args:
            now_ns: when it is sent.
            samples: in a tick.
        """
        row = self.row
        row[FIRST] = -1
        row[FORWARDED_LAST] = 0
        now = self._clock(now_ns)
        at_once = 0 if row[PAUSES] else MAX_PAUSE_TICKS * samples
        return row[END] if timestamp_step(now, row[END]) <= at_once else now

    def _clock(self, now_ns: int) -> int:
        """What the line's clock shows at a moment."""
        row = self.row
        elapsed = (now_ns - row[LINE_NS]) * self._clock_rate // 1_000_000_000
        return (row[LINE] + elapsed + _rounded(row[DRIFT])) % _TIMESTAMPS

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
        row = self.row
        first, number = row[FIRST], row[STEP]
        step = ((sequence - row[HIGHEST] + 0x8000) & 0xFFFF) - 0x8000  # `sequence_step`, without a call
        passed = (now_ns - row[SENT_NS]) * self._clock_rate // 1_000_000_000
        if first < 0 or abs(step) >= MAX_DROPOUT or self._drifts(timestamp, passed):
            self._begin(sequence, timestamp, now_ns, begin(now_ns))
            marker, number = True, row[STEP]
        elif step == 0:
            return None
        elif step < 0:  # late
            if sequence_step(sequence, first) < 0:
                return None
            return HeaderFields((sequence + number) % _SEQUENCES, (timestamp + row[SHIFT]) % _TIMESTAMPS, marker=False)
        else:
            marker = step == 1 and timestamp != row[INPUT_END]
            row[HIGHEST] = sequence
            if sequence_step(sequence, first) >= MAX_DROPOUT:
                row[FIRST] = (sequence - MAX_DROPOUT + 1) % _SEQUENCES
        row[INPUT_END] = (timestamp + duration) % _TIMESTAMPS
        row[START] = start = (timestamp + row[SHIFT]) % _TIMESTAMPS
        row[END] = (start + duration) % _TIMESTAMPS
        row[SENT_NS] = now_ns
        row[PAUSES] = pauses
        elapsed = (now_ns - row[LINE_NS]) * self._clock_rate // 1_000_000_000
        ahead = start - row[LINE] - elapsed - _rounded(row[DRIFT]) - row[AHEAD]  # of `_clock`, without a call
        row[DRIFT] += (((ahead + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000) * _WHOLE // FOLLOWED
        row[FORWARDED_LAST] = 1
        return HeaderFields((sequence + number) % _SEQUENCES, start, marker)

    def _begin(self, sequence: int, timestamp: int, now_ns: int, state: LineState) -> None:
        """Have another stream on the line, after what is on it."""
        row = self.row
        row[FIRST] = row[HIGHEST] = sequence
        if not row[BEGUN]:
            row[BEGUN], row[LINE], row[LINE_NS] = 1, state.timestamp, now_ns
        end = row[END] if row[FORWARDED_LAST] else state.end
        row[STEP] = state.sequence - sequence
        clock = self._clock(now_ns)
        begin_at = later(clock, end)
        row[SHIFT] = begin_at - timestamp
        row[AHEAD] = timestamp_step(begin_at, clock)

    def _drifts(self, timestamp: int, passed: int) -> bool:
        """Whether the talker's clock has jumped: so much of its time has passed since the last packet."""
        ahead = ((timestamp - self.row[INPUT_END] - passed + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
        return abs(ahead) > MAX_DRIFT_SECONDS * self._clock_rate

    @property
    def next_sequence(self) -> int:
        """Behind the last packet, on the listener's line."""
        return (self.row[HIGHEST] + self.row[STEP] + 1) % _SEQUENCES

    def timestamp(self, now_ns: int) -> int:
        """What the clock of the packets on the line shows at a moment, while they are a talker's."""
        row = self.row
        return (row[START] + (now_ns - row[SENT_NS]) * self._clock_rate // 1_000_000_000) % _TIMESTAMPS


def follow(
    rows: Column, sequences: Column, timestamps: Column, arrivals_ns: Column, clock_rate: int
) -> NDArray[np.bool_]:
    """Which packets :func:`place_all` may place: those that come after those before them on their line.

    Args:
        rows: of the lines, shape ``(packets, columns)``.
        sequences: the talkers', 16 bits, shape ``(packets,)``.
        timestamps: the talkers', 32 bits, shape ``(packets,)``.
        arrivals_ns: when they came, shape ``(packets,)``.
        clock_rate: of all lines.
    """
    passed = units(arrivals_ns - rows[:, SENT_NS], clock_rate)
    ahead = (timestamps - rows[:, INPUT_END] - passed).astype(np.int32)
    in_order = within((sequences - rows[:, HIGHEST]) & 0xFFFF, MAX_DROPOUT - 1)
    in_order &= rows[:, FIRST] >= 0
    in_order &= np.abs(ahead, dtype=np.int64) <= MAX_DRIFT_SECONDS * clock_rate
    return in_order


def place_all(
    rows: Column, sequences: Column, timestamps: Column, durations: Column, arrivals_ns: Column, clock_rate: int
) -> tuple[Column, Column, NDArray[np.bool_]]:
    """Give packets that :func:`follow` their places, one on each line, as :meth:`Continuity.place` does.

    Args:
        rows: of the lines; they are changed. All else is as for :func:`follow`.
        sequences: the talkers'.
        timestamps: the talkers'.
        durations: in timestamp units.
        arrivals_ns: when they came.
        clock_rate: of all lines.

    Returns:
        The sequence numbers, timestamps and markers.
    """
    highest, first = rows[:, HIGHEST], rows[:, FIRST]
    markers: NDArray[np.bool_] = ((sequences - highest) & 0xFFFF) == 1
    markers &= timestamps != rows[:, INPUT_END]
    highest[:] = sequences
    long_ago = ((sequences - first + 0x8000) & 0xFFFF) >= 0x8000 + MAX_DROPOUT
    if long_ago.any():
        first[long_ago] = (sequences[long_ago] - MAX_DROPOUT + 1) % _SEQUENCES
    rows[:, INPUT_END] = (timestamps + durations) & 0xFFFFFFFF
    rows[:, START] = starts = (timestamps + rows[:, SHIFT]) & 0xFFFFFFFF
    rows[:, END] = (starts + durations) & 0xFFFFFFFF
    rows[:, SENT_NS] = arrivals_ns
    rows[:, PAUSES] = 0
    elapsed = units(arrivals_ns - rows[:, LINE_NS], clock_rate)
    ahead = starts - rows[:, LINE] - elapsed - _rounded(rows[:, DRIFT]) - rows[:, AHEAD]
    rows[:, DRIFT] += np.multiply(ahead.astype(np.int32), _WHOLE // FOLLOWED, dtype=np.int64)
    rows[:, FORWARDED_LAST] = 1
    return (sequences + rows[:, STEP]) & 0xFFFF, starts, markers


def _rounded(parts: _Number) -> _Number:
    """A drift in whole timestamp units."""
    return (parts + _WHOLE // 2) // _WHOLE


def later(timestamp: int, other: int) -> int:
    """The later of two timestamps, as they wrap."""
    return timestamp if timestamp_step(timestamp, other) > 0 else other
