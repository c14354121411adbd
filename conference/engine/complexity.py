"""How much work encoders may take: as much as there is time for.

A mix sounds better the more work is put into its packets, and an idle processor is of no use to anybody. So the engine
begins with the most, and takes less when the processor is full: step by step while there is more to do than
``opus_full_load``; all the way down, at once, when ticks are late because of it. It goes up again, step by step, when
there has been time for a while, counting what the next step will cost. Where a step up proves to be too much, the next
try comes later.

Nothing here reads a clock: the clock tells what it has seen, once a round of ticks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from conference.engine.lateness import LATE_NS
from conference.engine.settings import EngineSettings

STEPS = (5, 7, 10)
"""Complexities at which it is worth to stop, between the least and the most that are allowed: Opus below 7 does without
an analysis, and 10 is the best there is. What lies between them hardly differs, in sound or in cost."""

COST_NS = {5: 110_000, 7: 280_000, 10: 310_000}
"""What a packet takes from each complexity on, on a slow machine: only to tell whether there is time for more."""

WINDOW_NS = 1_000_000_000
"""How often the load is judged."""

BURST_ROUNDS = 3
"""Ticks are late for want of time, if the processor was full in as many rounds before: and not for a single event."""

MOST_PATIENCE = 12
"""A step up that was too much is tried again after twice the time, four times, and so on up to so many times."""


def steps_of(settings: EngineSettings) -> tuple[int, ...]:
    """The complexities that the settings allow, rising."""
    if settings.opus_complexity != "auto":
        return (settings.opus_complexity,)
    least, most = settings.opus_min_complexity, settings.opus_max_complexity
    return tuple(sorted({least, most}.union(step for step in STEPS if least < step < most)))


def cost_ns(complexity: int) -> int:
    """What a packet takes, about."""
    return max((cost for begin, cost in COST_NS.items() if begin <= complexity), default=COST_NS[5])


class ComplexityControl:
    """Decides on the complexity, once a round of ticks.

    Args:
        settings: what is allowed, and when to change.
        encoded_packets: how many packets have been encoded so far.
    """

    def __init__(self, settings: EngineSettings, encoded_packets: Callable[[], int]) -> None:
        self._settings = settings
        self._steps = steps_of(settings)
        self._encoded_packets = encoded_packets
        self._at = len(self._steps) - 1
        self._rounds: deque[tuple[int, int]] = deque(maxlen=BURST_ROUNDS + 1)  # when, and CPU time until then
        self._begin: tuple[int, int, int] | None = None  # of the window: when, CPU time, packets
        self._seen = self._late = 0  # rounds of the window, and those of them that were late
        self._time_since_ns: int | None = None  # since when there has been time for more
        self._raised_ns: int | None = None
        self._patience = 1
        self.load = 0.0
        """How much of a processor's time was taken in the last second or so: 0 to 1."""

        self.lowered = 0
        """How often less work was taken from then on."""

        self.raised = 0
        """How often more was."""

    @property
    def complexity(self) -> int:
        """The most work for a packet: 0 to 10."""
        return self._steps[self._at]

    def note(self, now_ns: int, cpu_ns: int, late_ns: int) -> int:
        """Take in what the clock has seen.

        Args:
            now_ns: monotonic time.
            cpu_ns: CPU time of the thread that does all the work, so far.
            late_ns: how late the latest tick of the round began.

        Returns:
            The complexity from now on.
        """
        self._rounds.append((now_ns, cpu_ns))
        if self._begin is None:
            self._begin_window(now_ns, cpu_ns)
            return self.complexity
        late = late_ns >= LATE_NS
        self._seen += 1
        self._late += late
        if late and self._at and self._burst() and self._coded():
            self._lower(now_ns, cpu_ns, to=0)
        elif now_ns - self._begin[0] >= WINDOW_NS:
            self._review(now_ns, cpu_ns)
        return self.complexity

    def _burst(self) -> bool:
        """Whether the processor was full in the last few rounds."""
        (began_ns, before_ns), (now_ns, cpu_ns) = self._rounds[0], self._rounds[-1]
        return (cpu_ns - before_ns) * 100 >= (now_ns - began_ns) * self._settings.opus_full_load

    def _coded(self) -> int:
        """Packets of the window. None, if more were encoded in rooms that are gone."""
        return max(0, self._encoded_packets() - self._begin[2]) if self._begin is not None else 0

    def _review(self, now_ns: int, cpu_ns: int) -> None:
        """A window is over."""
        assert self._begin is not None  # noqa: S101 - for the type checker
        seconds = (now_ns - self._begin[0]) / 1e9
        coded = self._coded()
        self.load = (cpu_ns - self._begin[1]) / (now_ns - self._begin[0])
        late = self._late * 100 > self._seen * self._settings.opus_late_ticks
        full = late or self.load * 100 > self._settings.opus_full_load
        if full and self._at and coded:
            self._lower(now_ns, cpu_ns, to=self._at - 1)
            return
        if late or not self._time_for_more(coded / seconds):
            self._time_since_ns = None
        elif self._time_since_ns is None:
            self._time_since_ns = self._begin[0]
        if self._time_since_ns is not None and now_ns - self._time_since_ns >= self._wait_ns:
            self._raise(now_ns)
        elif self._raised_ns is not None and now_ns - self._raised_ns > self._wait_ns:
            self._patience = 1  # it has proved to be right
        self._begin_window(now_ns, cpu_ns)

    @property
    def _wait_ns(self) -> float:
        return self._settings.opus_raise_after * self._patience * 1e9

    def _time_for_more(self, packets_per_second: float) -> bool:
        """Whether the next step would leave time to spare."""
        if self._at == len(self._steps) - 1:
            return False
        dearer_ns = cost_ns(self._steps[self._at + 1]) - cost_ns(self.complexity)
        return (self.load + packets_per_second * dearer_ns / 1e9) * 100 <= self._settings.opus_spare_load

    def _lower(self, now_ns: int, cpu_ns: int, *, to: int) -> None:
        if self._raised_ns is not None and now_ns - self._raised_ns <= self._wait_ns:
            self._patience = min(2 * self._patience, MOST_PATIENCE)
        self._at, self._raised_ns, self._time_since_ns = to, None, None
        self.lowered += 1
        self._begin_window(now_ns, cpu_ns)

    def _raise(self, now_ns: int) -> None:
        self._at += 1
        self._raised_ns, self._time_since_ns = now_ns, None
        self.raised += 1

    def _begin_window(self, now_ns: int, cpu_ns: int) -> None:
        self._begin = (now_ns, cpu_ns, self._encoded_packets())
        self._seen = self._late = 0
