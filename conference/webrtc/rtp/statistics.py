"""What has arrived of a stream (RFC 3550 appendices A.1, A.3 and A.8), packet by packet or many streams at once.

The counters of a stream are one row of integers: by itself, or in a table with the rows of all other streams. In a
table, the packets that a read brings are counted as columns of numbers, and only those with unusual headers one by
one.
"""

from __future__ import annotations

from array import array
from collections.abc import MutableSequence
from math import gcd
from typing import Final, TypeAlias

import numpy as np
from aiortc.rtp import RtcpReceiverInfo
from numpy.typing import NDArray

from conference.playout.sequence import MAX_DROPOUT, is_restart, sequence_step, timestamp_step

Row: TypeAlias = "MutableSequence[int] | memoryview"
"""Integers of 64 bits."""

Column: TypeAlias = NDArray[np.int64]

BASE: Final = 0
"""Extended sequence number of the first packet; -1: there was none."""

HIGHEST: Final = 1
"""Extended sequence number."""

RECEIVED: Final = 2
TRANSIT: Final = 3
"""Arrival minus timestamp of the last packet, 32 bits; -1: there was none."""

JITTER_Q4: Final = 4
"""In sixteenths of a timestamp unit, as in appendix A.8."""

COLUMNS: Final = 5
"""What comes behind these in a row is somebody else's."""

_MAX_JUMP_SECONDS: Final = 10
"""A larger jump of the sender's clock is no jitter."""

_DLSR_UNITS: Final = 65_536
_LOST_RANGE: Final = (-(1 << 23), (1 << 23) - 1)


class ReceptionStatistics:
    """What has arrived of one SSRC.

    Args:
        clock_rate: of the RTP timestamps, in Hz.
        row: takes the counters; a new one if it is left out.

    Attributes:
        row: with the counters. May be replaced by one with the same numbers.
    """

    __slots__ = ("_expected_prior", "_lost_before", "_lsr", "_lsr_at_ns", "_received_prior", "clock_rate", "row")

    def __init__(self, clock_rate: int, row: Row | None = None) -> None:
        self.row: Row = array("q", bytes(8 * COLUMNS)) if row is None else row
        self.row[BASE] = -1
        self._lost_before = 0  # of other streams
        self.restart(clock_rate)

    def restart(self, clock_rate: int) -> None:
        """Forget the stream; another one begins."""
        row = self.row
        self._lost_before = self.lost_ever
        row[BASE] = row[TRANSIT] = -1
        row[HIGHEST] = row[RECEIVED] = row[JITTER_Q4] = 0
        self.clock_rate = clock_rate
        self._expected_prior = self._received_prior = 0
        self._lsr = self._lsr_at_ns = 0

    @property
    def received(self) -> int:
        """Packets."""
        return self.row[RECEIVED]

    @property
    def highest_sequence(self) -> int:
        """Extended highest sequence number received, 32 bits."""
        return self.row[HIGHEST] & 0xFFFFFFFF

    @property
    def lost(self) -> int:
        """Packets lost since the beginning; negative if some came twice."""
        low, high = _LOST_RANGE
        return max(low, min(high, self._expected - self.received))

    @property
    def lost_ever(self) -> int:
        """Packets lost, of this stream and of those that it has followed."""
        return self._lost_before + max(0, self.lost)

    @property
    def jitter(self) -> int:
        """Interarrival jitter in timestamp units."""
        return self.row[JITTER_Q4] >> 4

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter in milliseconds."""
        return self.row[JITTER_Q4] / 16 * 1000 / self.clock_rate

    @property
    def _expected(self) -> int:
        return 0 if self.row[BASE] < 0 else self.row[HIGHEST] - self.row[BASE] + 1

    def add(self, sequence: int, timestamp: int, arrival_ns: int) -> None:
        """Count a packet."""
        row = self.row
        if row[BASE] < 0:
            row[BASE] = row[HIGHEST] = sequence
        step = sequence_step(sequence, row[HIGHEST])
        if is_restart(step):
            self._lost_before = self.lost_ever
            row[BASE] = row[HIGHEST] = sequence
            row[RECEIVED] = self._expected_prior = self._received_prior = 0
            row[TRANSIT] = -1
        elif step > 0:
            row[HIGHEST] += step
        row[RECEIVED] += 1
        transit = (_at_rate(arrival_ns, self.clock_rate) - timestamp) & 0xFFFFFFFF
        if row[TRANSIT] >= 0:
            distance = abs(timestamp_step(transit, row[TRANSIT]))
            if distance < self.clock_rate * _MAX_JUMP_SECONDS:
                row[JITTER_Q4] += distance - ((row[JITTER_Q4] + 8) >> 4)
        row[TRANSIT] = transit

    def sender_report(self, ntp_timestamp: int, now_ns: int) -> None:
        """Note when the sender's last report came."""
        self._lsr = (ntp_timestamp >> 16) & 0xFFFFFFFF
        self._lsr_at_ns = now_ns

    def report(self, ssrc: int, now_ns: int) -> RtcpReceiverInfo:
        """The report block for this stream. Each covers the time since the one before."""
        expected = self._expected - self._expected_prior
        received = self.received - self._received_prior
        self._expected_prior, self._received_prior = self._expected, self.received
        lost = expected - received
        delay = (now_ns - self._lsr_at_ns) * _DLSR_UNITS // 1_000_000_000 if self._lsr else 0
        return RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0,
            packets_lost=self.lost,
            highest_sequence=self.highest_sequence,
            jitter=min(self.jitter, 0xFFFFFFFF),
            lsr=self._lsr,
            dlsr=min(delay, 0xFFFFFFFF),
        )


def ordinary(rows: Column, sequences: Column) -> NDArray[np.bool_]:
    """Which packets :func:`add_all` may count: those in order, of streams that have begun.

    Args:
        rows: shape ``(packets, columns)``.
        sequences: RTP sequence numbers, 16 bits, shape ``(packets,)``.
    """
    ahead = (sequences - rows[:, HIGHEST]) & 0xFFFF
    in_order: NDArray[np.bool_] = ahead < MAX_DROPOUT
    return in_order & (rows[:, TRANSIT] >= 0)


def add_all(rows: Column, sequences: Column, timestamps: Column, arrivals_ns: Column, clock_rate: int) -> None:
    """Count :func:`ordinary` packets, one of each stream, as :meth:`ReceptionStatistics.add` does.

    Args:
        rows: the counters, shape ``(packets, columns)``; they are changed.
        sequences: 16 bits, shape ``(packets,)``.
        timestamps: 32 bits, shape ``(packets,)``.
        arrivals_ns: when they came, shape ``(packets,)``.
        clock_rate: of all these streams.
    """
    rows[:, HIGHEST] += (sequences - rows[:, HIGHEST]) & 0xFFFF
    rows[:, RECEIVED] += 1
    transit = units(arrivals_ns, clock_rate) - timestamps & 0xFFFFFFFF
    distance = np.abs((transit - rows[:, TRANSIT]).astype(np.int32), dtype=np.int64)  # the shorter way round
    jitter = rows[:, JITTER_Q4]
    jitter += np.where(distance < clock_rate * _MAX_JUMP_SECONDS, distance - (jitter + 8 >> 4), 0)
    rows[:, TRANSIT] = transit


def units(spans_ns: Column, clock_rate: int) -> Column:
    """Spans of time in units of a clock, whole ones. At 48 kHz they may be as long as 48 years."""
    divisor = gcd(clock_rate, 1_000_000_000)
    return spans_ns * (clock_rate // divisor) // (1_000_000_000 // divisor)


def within(numbers: Column, most: int) -> NDArray[np.bool_]:
    """Which of them are more than 0 and no more than that."""
    return (numbers - 1).view(np.uint64) < most


def _at_rate(moment_ns: int, clock_rate: int) -> int:
    """A moment in units of a clock, modulo 2**32, without numbers of more than 64 bits."""
    seconds = moment_ns // 1_000_000_000
    return seconds % (1 << 32) * clock_rate + (moment_ns - seconds * 1_000_000_000) * clock_rate // 1_000_000_000
