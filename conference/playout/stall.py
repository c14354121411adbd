"""A stall that came once: which packets it held up, so that what it cost in delay is not kept in store for seconds.

For a moment nothing arrives, and then all of it at once: a radio that scans, a processor that was elsewhere. Its
packets are a whole percent of a delay estimator's window, and so look like jitter, for which play should wait. But a
stall that was the only one for a while says little about the next seconds. What is late in one run, after seconds
without anything late and before another second without, was a single stall. If there are more, they are jitter, and
are waited for.
"""

from __future__ import annotations

LATE_MS = 20
"""What is late by more than that is late by more than chance."""

RUN_MS = 400
"""From its first packet to its last, what is held up by one stall comes within so long."""

ALONE_SECONDS = 10
"""There was nothing late for so long before it: it is a single one."""

OVER_SECONDS = 1
"""There was nothing late for so long after it: it is over."""

_NEVER = 1 << 62


class SingleStall:
    """Looks for the last single stall of one stream. Times are in samples of the stream's clock.

    Args:
        clock_rate: samples per second.
    """

    __slots__ = ("_alone", "_began_with", "_begun", "_first", "_last", "_late", "_late_at", "_over", "_run", "over_at")

    over_at: int
    """When a stall that there was is over, unless something is late before that; never, if there was none."""

    def __init__(self, clock_rate: int) -> None:
        self._late = LATE_MS * clock_rate // 1000
        self._run = RUN_MS * clock_rate // 1000
        self._alone = ALONE_SECONDS * clock_rate
        self._over = OVER_SECONDS * clock_rate
        self.begin(0, 0)

    def begin(self, transit: int, arrival: int) -> None:
        """A stream begins with a packet that arrived then: it may be late itself."""
        self._began_with = transit
        self._first, self._last = 0, -1  # numbers of the packets that were held up
        self._begun = arrival
        self._late_at: int | None = None  # when something late has come last
        self.over_at = _NEVER

    def late(self, number: int, arrival: int) -> None:
        """A packet of that number has come late."""
        before, self._late_at = self._late_at, arrival
        if self._last >= 0 and arrival - self._begun <= self._run:
            self._last = number
        elif before is None or arrival - before > self._alone:
            self._first = self._last = number
            self._begun = arrival
        else:
            self._last = -1
        self.over_at = arrival + self._over if self._last >= 0 else _NEVER

    def earliest(self, number: int, transit: int, arrival: int) -> None:
        """A packet of that number was faster than all before it. At the beginning that shows that those were late."""
        if self._first == 0 and self._began_with - transit > self._late and arrival - self._begun <= self._run:
            self._last, self._late_at = number - 1, arrival
            self.over_at = arrival + self._over

    def take(self) -> range:
        """It is over. Returns the numbers of the packets that it held up."""
        held_up = range(self._first, self._last + 1)
        self._last, self.over_at = -1, _NEVER
        return held_up
