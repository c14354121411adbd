"""One line of sequence numbers and timestamps for a listener, whoever's packets are on it (RFC 3550 section 5.1).

Forwarded packets keep the distances that they had: what was lost on the way here is a gap that the listener's decoder
makes up, and what came late goes out late. Between two talkers, or a talker and a mix, the line goes on without a gap
in sequence numbers. Its timestamps go on behind what was sent before, in mid-word; after a pause they are where they
would be had they run from the first packet on. So what a change in mid-word puts them ahead is made up for in the next
pause, and a listener's delay does not grow with every change.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from conference.webrtc.rtp.red import REMEMBERED, Arrivals

MAX_DROPOUT: Final = 3000
"""A sequence number further ahead than that is that of another stream (RFC 3550 appendix A.1)."""

MAX_DRIFT_SECONDS: Final = 2
"""A timestamp further off than that from the time that has passed is that of another clock."""

MAX_PAUSE_TICKS: Final = 3
"""A mix that comes so soon after the last packet follows it directly: else it would sound like a loss."""

_SEQUENCES: Final = 1 << 16
_TIMESTAMPS: Final = 1 << 32


class Place(NamedTuple):
    """Where a packet stands on the listener's line."""

    sequence: int
    timestamp: int
    marker: bool
    """It comes after a pause (RFC 3551 section 4.1)."""


class Continuity:
    """The line of one listener, while packets are forwarded to it.

    Args:
        clock_rate: of the timestamps, in Hz.
    """

    __slots__ = (
        "_arrivals", "_began", "_began_ns", "_clock_rate", "_highest", "_input_end", "_last", "_sent_ns", "_shift",
        "_step", "missing",
    )  # fmt: skip

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._began: int | None = None  # the timestamp with which the line began; None: it has not yet
        self._began_ns = 0  # and when
        self._arrivals: Arrivals | None = None  # which of the talker's packets are on it; None: theirs are yet to come
        self._highest = 0  # sequence number of the talker's packets
        self._step = 0  # from the talker's sequence numbers to ours
        self._shift = 0  # and from their timestamps to ours
        self._input_end = 0  # the talker's timestamp behind the last packet
        self._last = 0  # the talker's timestamp of that packet
        self._sent_ns = 0  # when it came
        self.missing = 0
        """Sequence numbers of ours under which nothing was sent: what was lost on its way here."""

    @property
    def forwarding(self) -> bool:
        """Whether a talker's packets are on the line."""
        return self._arrivals is not None

    def begin(self, timestamp: int, at_ns: int) -> None:
        """Take note of any packet but a talker's, with its timestamp, and when it was sent; the first counts."""
        if self._began is None:
            self._began, self._began_ns = timestamp, at_ns

    def restart(self) -> None:
        """What comes next is another stream."""
        self._arrivals = None

    def place(
        self, sequence: int, timestamp: int, duration: int, now_ns: int, *, next_sequence: int, next_timestamp: int
    ) -> Place | None:
        """Give a talker's packet its place on the line.

        Args:
            sequence: the talker's, 16 bits.
            timestamp: the talker's, 32 bits.
            duration: in timestamp units.
            now_ns: when it came.
            next_sequence: where the line goes on, should this be the first packet of a stream.
            next_timestamp: the same.

        Returns:
            ``None`` if it is there already, much too late, or from before the first one, whose place was taken by
            something else.
        """
        arrivals = self._arrivals
        ahead = (sequence - self._highest) % _SEQUENCES
        if arrivals is None or MAX_DROPOUT <= ahead <= _SEQUENCES - MAX_DROPOUT or self._drifts(timestamp, now_ns):
            self._arrivals = Arrivals(sequence)
            self._step, self._shift = next_sequence - sequence, next_timestamp - timestamp
            self.begin(next_timestamp, now_ns)
            marker = True
        elif ahead >= MAX_DROPOUT or not ahead:  # late, or twice
            if _SEQUENCES - ahead >= REMEMBERED or not arrivals.add(sequence):
                return None
            self.missing -= 1
            return self._at(sequence, timestamp, marker=False)
        else:
            arrivals.add(sequence)
            self.missing += ahead - 1
            marker = ahead == 1 and timestamp != self._input_end
        self._highest, self._last = sequence, timestamp
        self._input_end = (timestamp + duration) % _TIMESTAMPS
        self._sent_ns = now_ns
        return self._at(sequence, timestamp, marker=marker)

    def _at(self, sequence: int, timestamp: int, *, marker: bool) -> Place:
        return Place((sequence + self._step) % _SEQUENCES, (timestamp + self._shift) % _TIMESTAMPS, marker)

    def _drifts(self, timestamp: int, now_ns: int) -> bool:
        """Whether the talker's clock has jumped."""
        passed = self._units(now_ns - self._sent_ns)
        return abs(behind(timestamp, self._input_end + passed)) > MAX_DRIFT_SECONDS * self._clock_rate

    def _units(self, elapsed_ns: int) -> int:
        return elapsed_ns * self._clock_rate // 1_000_000_000

    @property
    def next_sequence(self) -> int:
        """Behind the last packet, on the listener's line."""
        return (self._highest + self._step + 1) % _SEQUENCES

    def timestamp(self, now_ns: int) -> int:
        """What the line's clock shows at a moment: each packet's timestamp when that was sent."""
        return (self._last + self._shift + self._units(now_ns - self._sent_ns)) % _TIMESTAMPS

    def next_timestamp(self, now_ns: int, samples: int) -> int:
        """Where something else may go on: directly behind the last packet if that is not long ago.

        Args:
            now_ns: when it is sent.
            samples: in a tick.
        """
        end = (self._input_end + self._shift) % _TIMESTAMPS
        pause = behind(self.timestamp(now_ns), end)
        return end if pause <= (MAX_PAUSE_TICKS - 1) * samples else self.after_pause(end, now_ns)

    def after_pause(self, end: int, now_ns: int) -> int:
        """Where the line goes on after a pause: where its timestamps would be by now had they never stopped.

        Args:
            end: behind what was sent before; never before that.
            now_ns: when the next packet is sent.
        """
        if self._began is None:
            return end
        now = (self._began + self._units(now_ns - self._began_ns)) % _TIMESTAMPS
        return now if behind(now, end) > 0 else end


def behind(timestamp: int, other: int) -> int:
    """By how much a timestamp is behind another, in timestamp units; negative if it is before it."""
    return (timestamp - other + _TIMESTAMPS // 2) % _TIMESTAMPS - _TIMESTAMPS // 2
