"""The one place that reads time: a deadline every 20 ms, and what happens when one is missed.

Deadlines are absolute, so that delays of the event loop do not add up. A tick that is late is run at once, and those
that it held up after it, each with the time at which it was due: sources and sinks see an even 20 ms. Only when the
process has been stopped for too long to catch up with (a suspended laptop, a debugger), ticks are skipped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from conference.audio.frame import TICK_NS

MAX_CATCH_UP_TICKS = 10
"""Up to 200 ms late, every tick is still run; beyond that, they are skipped."""

LATE_NS = 5_000_000
"""A tick that starts this long after its deadline counts as late."""


@dataclass(slots=True)
class ClockStats:
    """How well the deadlines were met."""

    ticks: int = 0
    late: int = 0
    skipped: int = 0
    worst_late_ns: int = 0
    busy_ns: int = 0
    """Time spent inside ticks."""


class Clock:
    """Calls ``tick(n, deadline_ns)`` every 20 ms until :meth:`run` is cancelled."""

    def __init__(self, tick: Callable[[int, int], None]) -> None:
        self._tick = tick
        self.stats = ClockStats()

    async def run(self) -> None:
        """Run for ever. An error of ``tick`` ends it: whoever awaits this gets to see it."""
        start_ns = time.monotonic_ns()
        number = 0
        while True:
            deadline_ns = start_ns + number * TICK_NS
            ahead_ns = deadline_ns - time.monotonic_ns()
            if ahead_ns > 0:
                await asyncio.sleep(ahead_ns / 1e9)
            elif number % 2:
                await asyncio.sleep(0)  # a clock that is catching up still lets packets in
            began_ns = time.monotonic_ns()
            self._note(began_ns - deadline_ns)
            behind = (began_ns - deadline_ns) // TICK_NS
            if behind > MAX_CATCH_UP_TICKS:
                self.stats.skipped += behind
                number += behind
                deadline_ns = start_ns + number * TICK_NS
            self._tick(number, deadline_ns)
            self.stats.busy_ns += time.monotonic_ns() - began_ns
            number += 1

    def _note(self, late_ns: int) -> None:
        self.stats.ticks += 1
        self.stats.late += late_ns > LATE_NS
        self.stats.worst_late_ns = max(self.stats.worst_late_ns, late_ns)
