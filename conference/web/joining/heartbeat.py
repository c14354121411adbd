"""Whether somebody from whom nothing comes is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Heartbeat:
    """Asks the other end of a connection for a sign of life when none has come for a while.

    Args:
        seconds: how long that is; half as long it has to answer.
        received: how much has come so far: any change of that is a sign of life.
        ask: asks for one.
        lost: called when none comes; then it is over.
    """

    def __init__(
        self, seconds: float, received: Callable[[], int], ask: Callable[[], None], lost: Callable[[], None]
    ) -> None:
        self._seconds = seconds
        self._received = received
        self._ask = ask
        self._lost = lost
        self._seen = received()
        self._asked = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def stop(self) -> None:
        """The connection is over."""
        self._timer.cancel()

    def _look(self) -> None:
        before, self._seen = self._seen, self._received()
        if before != self._seen:
            self._asked = False
        elif self._asked:
            self._lost()
            return
        else:
            self._asked = True
            self._ask()
        self._timer = asyncio.get_running_loop().call_later(self._seconds / (1 + self._asked), self._look)
