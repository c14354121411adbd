"""How late ticks are, as a histogram: the one figure that tells whether a server has too much to do."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import partial

from conference.engine.clock import Tick

BOUNDS_NS = tuple(int(ms * 1_000_000) for ms in (0.5, 1, 2, 5, 10, 20, 50, 100, 200))
"""Upper bounds of the buckets in nanoseconds; one more takes the rest."""


class Lateness:
    """Counts how long after its deadline each tick began.

    Args:
        tick: what is called on each tick.
        later: says what else is called between two ticks; see `Clock`.
    """

    def __init__(self, tick: Tick, later: Callable[[], Iterable[tuple[int, Tick]]] = tuple) -> None:
        self._tick = tick
        self._later = later
        self.counts = [0] * (len(BOUNDS_NS) + 1)
        self.total_ns = 0

    def __call__(self, number: int, deadline_ns: int) -> None:
        """One tick."""
        self._count(self._tick, number, deadline_ns)

    def later(self) -> list[tuple[int, Tick]]:
        """What else is called before the next tick, counted, too."""
        return [(offset_ns, partial(self._count, tick)) for offset_ns, tick in self._later()]

    def _count(self, tick: Tick, number: int, deadline_ns: int) -> None:
        late_ns = max(0, time.monotonic_ns() - deadline_ns)
        self.counts[bisect_left(BOUNDS_NS, late_ns)] += 1
        self.total_ns += late_ns
        tick(number, deadline_ns)

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound in seconds, as Prometheus wants them."""
        labels = [f"{bound / 1e9:g}" for bound in BOUNDS_NS] + ["+Inf"]
        reached = 0
        answer = []
        for label, count in zip(labels, self.counts, strict=True):
            reached += count
            answer.append((label, float(reached)))
        return answer
