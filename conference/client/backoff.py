"""When it is tried to come back after a lost connection."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.25
STEP_S: Final = 0.5
LONGEST_S: Final = 8.0
STEADY_S: Final = 10.0
"""A connection that held for less did not bring the server back: waiting goes on where it was."""


class Backoff:
    """Fast first, since most losses are short; then slower, and never all at the same moment.

    Args:
        patience: seconds after which it is given up.
        chance: 0 to 1, spreads the attempts of all who lost the same server.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        patience: float,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience = patience
        self._chance = chance
        self._clock = clock
        self._attempts = 0
        self._lost_at: float | None = None
        self._back_at = clock()

    def lost(self) -> None:
        """The connection was lost."""
        now = self._clock()
        if self._lost_at is None or now - self._back_at >= STEADY_S:
            self._lost_at, self._attempts = now, 0

    def back(self) -> None:
        """There is a connection again."""
        self._back_at = self._clock()

    def next(self, asked: float = 0.0) -> float | None:
        """Seconds to wait before the next attempt; ``None`` if it is given up.

        Args:
            asked: for how long the server wants to be left alone, at least.
        """
        now = self._clock()
        since = now if self._lost_at is None else self._lost_at
        if self._attempts == 0:
            wait = FIRST_S * self._chance()
        else:
            step: float = min(LONGEST_S, STEP_S * 2 ** (self._attempts - 1))
            wait = step * (0.75 + 0.5 * self._chance())
        self._attempts = min(self._attempts + 1, 16)
        wait = max(wait, asked)
        return None if now + wait - since > self.patience else wait
