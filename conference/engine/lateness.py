"""How late ticks are, as a histogram: the one figure that tells whether a server has too much to do."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_NS = tuple(int(ms * 1_000_000) for ms in (0.5, 1, 2, 5, 10, 20, 50, 100, 200))
"""Upper bounds of the buckets in nanoseconds; one more takes the rest."""

LATE_NS = 5_000_000
"""A tick that starts this long after its deadline counts as late: one of the bounds."""

_FIRST_LATE = BOUNDS_NS.index(LATE_NS) + 1


class Lateness:
    """Counts how long after its deadline each tick began.

    Attributes:
        counts: of ticks, by bucket.
        total_ns: of all ticks together.
        worst_ns: of the latest one.
    """

    __slots__ = ("counts", "total_ns", "worst_ns")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_NS) + 1)
        self.total_ns = 0
        self.worst_ns = 0

    def add(self, late_ns: int) -> None:
        """Count a tick that began so long after its deadline."""
        late_ns = max(0, late_ns)
        self.counts[bisect_left(BOUNDS_NS, late_ns)] += 1
        self.total_ns += late_ns
        self.worst_ns = max(self.worst_ns, late_ns)

    @property
    def late(self) -> int:
        """How many ticks began more than :data:`LATE_NS` after their deadline."""
        return sum(self.counts[_FIRST_LATE:])

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound in seconds, as Prometheus wants them."""
        labels = [f"{bound / 1e9:g}" for bound in BOUNDS_NS] + ["+Inf"]
        reached = 0
        answer = []
        for label, count in zip(labels, self.counts, strict=True):
            reached += count
            answer.append((label, float(reached)))
        return answer
