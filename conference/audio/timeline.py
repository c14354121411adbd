"""Which frames belong to a tick, by the time at which they were captured."""

from __future__ import annotations

from collections import deque

from conference.audio.frame import Samples

WINDOW_NS = 30_000_000
"""Frames of one tick were captured within this of each other, in nanoseconds."""


class TimedFrames:
    """The frames of one source that wait for their tick. No frame comes out twice, and all come out in order.

    A frame is due from the first tick at or after its capture until ``window_ns`` after it. So all frames that are
    due at one tick were captured within ``window_ns`` of each other, whoever sent them, and no frame is due in the
    future.

    Args:
        limit: frames that may wait, 50 a second; when there are more, the oldest are dropped.
        window_ns: width of the window; at least a tick, so that no frame falls between two ticks.
    """

    __slots__ = ("_limit", "_waiting", "_window_ns", "late")

    late: int
    """Frames dropped so far, because they were too old or too many."""

    def __init__(self, limit: int = 50, window_ns: int = WINDOW_NS) -> None:
        if limit < 1:
            raise ValueError("at least one frame must be allowed to wait")
        self._waiting: deque[tuple[int, Samples]] = deque()
        self._limit = limit
        self._window_ns = window_ns
        self.late = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, time_ns: int, frame: Samples) -> None:
        """Add a frame, shape ``(960,)``, captured at ``time_ns`` on the room's timeline.

        Times go upwards: a frame that is not newer than the one before it is dropped and counted in :attr:`late`.
        """
        if self._waiting and time_ns <= self._waiting[-1][0]:
            self.late += 1
            return
        self._waiting.append((time_ns, frame))
        if len(self._waiting) > self._limit:
            self._waiting.popleft()
            self.late += 1

    def clear(self) -> None:
        """Throw away all that waits."""
        self._waiting.clear()

    def pull(self, tick_time_ns: int) -> Samples | None:
        """The frame that is due at this tick; ``None`` if all that wait are early. Frames that are late are dropped."""
        while self._waiting and self._waiting[0][0] < tick_time_ns - self._window_ns:
            self._waiting.popleft()
            self.late += 1
        if self._waiting and self._waiting[0][0] <= tick_time_ns:
            return self._waiting.popleft()[1]
        return None
