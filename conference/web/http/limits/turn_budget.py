"""How much time the handling of what clients send may take in one turn of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable


class TurnBudget:
    """Does work as it comes while there is time in this turn of the event loop, and the rest, in order, in the next.

    So everything else, sound above all, has its turn in between, however much clients send.

    Args:
        seconds: for work in each turn. The piece of work that oversteps them is the last of its turn.
        clock: gives the time in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._seconds = seconds
        self._clock = clock
        self._left = seconds
        self._waiting: deque[Callable[[], None]] = deque()
        self._scheduled = False

    def do(self, work: Callable[[], None]) -> bool:
        """Do something now, or in a later turn. Returns whether it was done now."""
        if self._waiting or self._left <= 0:
            self._waiting.append(work)
            return False
        self._do(work)
        return True

    def _do(self, work: Callable[[], None]) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._next_turn)
        begun = self._clock()
        try:
            work()
        finally:
            self._left -= self._clock() - begun

    def _next_turn(self) -> None:
        self._scheduled = False
        self._left = self._seconds
        while self._waiting and self._left > 0:
            self._do(self._waiting.popleft())
