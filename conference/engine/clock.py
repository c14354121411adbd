"""The one place that reads time: a deadline every 20 ms, and what happens when one is missed.

Deadlines are absolute, so that delays of the event loop do not add up. A tick that is late is run at once, and those
that it held up after it, each with the time at which it was due: sources and sinks see an even 20 ms. Only when the
process has been stopped for too long to catch up with (a suspended laptop, a debugger), ticks are skipped.

Not everything has to happen at the same instant: some of it may come *later* in each tick, so that the work, and the
packets that come of it, are spread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from conference.audio.frame import TICK_NS
from conference.engine.lateness import Lateness

MAX_CATCH_UP_TICKS = 10
"""Up to 200 ms late, every tick is still run; beyond that, they are skipped."""

IDLE_TICKS = 5
"""An idle clock looks ten times a second whether it still is."""

Tick: TypeAlias = Callable[[int, int], None]
"""What is called every 20 ms, with the number of the tick and its deadline in nanoseconds."""


@dataclass(slots=True)
class ClockStats:
    """How well the deadlines were met."""

    ticks: int = 0
    skipped: int = 0
    busy_ns: int = 0
    """Time spent inside ticks."""

    lateness: Lateness = field(default_factory=Lateness)
    """Of every tick, those that come later in the 20 ms included."""


class Clock:
    """Calls ``tick(n, deadline_ns)`` every 20 ms until :meth:`run` is cancelled.

    Args:
        tick: what is called.
        later: asked after each tick what else there is to call before the next: by how many nanoseconds later each is
            due, rising and less than a tick. These get the same number, and their own deadline.
        idle: asked after each tick whether there is nobody to tick for. Then ticks are rare, and their numbers jump.
        before: called right before every tick, those that come later included, with by how many nanoseconds later.
        after: called when all that is due in the 20 ms has been called: with the time, with the CPU time that this
            thread has taken so far, and with how late the latest of these began; all in nanoseconds.
    """

    def __init__(
        self,
        tick: Tick,
        later: Callable[[], Iterable[tuple[int, Tick]]] = tuple,
        idle: Callable[[], bool] = lambda: False,
        before: Callable[[int], None] = lambda _: None,
        after: Callable[[int, int, int], object] = lambda *_: None,
    ) -> None:
        self._tick = tick
        self._later = later
        self._idle = idle
        self._before = before
        self._after = after
        self._latest_ns = 0  # of the ticks of these 20 ms: how late it began
        self.stats = ClockStats()

    async def run(self) -> None:
        """Run for ever. An error of ``tick`` ends it: whoever awaits this gets to see it."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        steps = self._steps()
        waiting: asyncio.Handle | None = None

        def go_on() -> None:
            nonlocal waiting
            try:
                seconds = next(steps)
            except Exception as error:
                if not ended.done():
                    ended.set_exception(error)
                return
            waiting = loop.call_later(seconds, go_on) if seconds > 0 else loop.call_soon(go_on)

        # Not in a task that sleeps: each time it is woken, the event loop has to turn twice, and that costs as much as
        # the tick of a silent room.
        go_on()
        try:
            await ended
        finally:
            if waiting is not None:
                waiting.cancel()

    def _steps(self) -> Iterator[float]:
        """Tick for ever; in between, say how long to wait, in seconds. 0: let others have their turn."""
        start_ns = time.monotonic_ns()
        number = 0
        while True:
            deadline_ns = start_ns + number * TICK_NS
            ahead_ns = deadline_ns - time.monotonic_ns()
            if ahead_ns > 0:
                yield ahead_ns / 1e9
            elif number % 2:
                yield 0  # a clock that is catching up still lets packets in
            behind = (time.monotonic_ns() - deadline_ns) // TICK_NS
            if behind > MAX_CATCH_UP_TICKS:
                self.stats.skipped += behind
                number += behind
                deadline_ns = start_ns + number * TICK_NS
            self.stats.ticks += 1
            self._run(self._tick, number, deadline_ns, 0)
            for offset_ns, tick in self._later():
                ahead_ns = deadline_ns + offset_ns - time.monotonic_ns()
                yield max(0, ahead_ns) / 1e9
                self._run(tick, number, deadline_ns, offset_ns)
            self._after(time.monotonic_ns(), time.thread_time_ns(), self._latest_ns)
            self._latest_ns = 0
            number += IDLE_TICKS if self._idle() else 1

    def _run(self, tick: Tick, number: int, begin_ns: int, offset_ns: int) -> None:
        deadline_ns = begin_ns + offset_ns
        self._before(offset_ns)
        began_ns = time.monotonic_ns()
        self.stats.lateness.add(began_ns - deadline_ns)
        self._latest_ns = max(self._latest_ns, began_ns - deadline_ns)
        tick(number, deadline_ns)
        self.stats.busy_ns += time.monotonic_ns() - began_ns
