"""Server-sent events as bytes, and those that wait for one viewer."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping

AT_ONCE = 8
"""Readers who are woken in one turn of the event loop: what they write takes half a millisecond."""


def encode_event(name: str, data: Mapping[str, object], *, event_id: str | None = None) -> bytes:
    """One event of a ``text/event-stream``.

    Args:
        name: its type.
        data: becomes one line of JSON.
        event_id: what a viewer who comes back names as the last event that they have got; ``None`` for one that they
            need not know of.
    """
    first = "" if event_id is None else f"id: {event_id}\n"
    return f"{first}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


class Wakeups:
    """Wakes readers a few at a time, so that an event for hundreds of them leaves the event loop time for the sound."""

    def __init__(self) -> None:
        self._due: deque[asyncio.Event] = deque()

    def add(self, viewer: asyncio.Event) -> None:
        """Wake one of them in their turn."""
        self._due.append(viewer)
        if len(self._due) == 1:
            asyncio.get_running_loop().call_soon(self._wake_some)

    def _wake_some(self) -> None:
        for _ in range(min(AT_ONCE, len(self._due))):
            self._due.popleft().set()
        if self._due:
            asyncio.get_running_loop().call_soon(self._wake_some)


class Subscription:
    """The events that wait for one viewer.

    Args:
        limit: how many may wait, those aside that came while the viewer had not yet had their turn.
        wakeups: wakes the viewer, in turn with others.
    """

    def __init__(self, limit: int, wakeups: Wakeups | None = None) -> None:
        self._limit = limit
        self._wakeups = Wakeups() if wakeups is None else wakeups
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._reads = False  # all that came before has been taken, and they wait for more
        self._called = False  # they will have their turn
        self._last = False
        self.closed = False
        """No more will come, and what waited is dropped: the viewer was too slow, or is gone."""
        self.on_overflow: Callable[[], None] | None = None
        """Called when the viewer is cut off; it may be stuck in a write."""

    @property
    def over(self) -> bool:
        """There is nothing left to read, and nothing will come."""
        return self.closed or (self._last and not self._waiting)

    def push(self, data: bytes) -> None:
        """Queue what is to be read as one, or cut the viewer off who has not read what came before."""
        if self.closed or self._last:
            return
        if len(self._waiting) >= self._limit and not self._reads:
            self.close()
            if self.on_overflow is not None:
                self.on_overflow()
            return
        self._waiting.append(data)
        self._call()

    def finish(self) -> None:
        """End it with what waits."""
        self._last = True
        self._call()

    def close(self) -> None:
        """End it; what waited is dropped."""
        self.closed = True
        self._waiting.clear()
        self._call()

    async def next(self, patience: float) -> bytes:
        """All that waits, as soon as anything does; empty after ``patience`` seconds or at the end."""
        if not self._waiting and not self.over:
            self._news.clear()
            self._reads, self._called = True, False
            try:
                async with asyncio.timeout(patience):
                    await self._news.wait()
            except TimeoutError:
                pass
            finally:
                self._reads = False
        return self.take()

    def take(self) -> bytes:
        """All that waits."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        return data

    def _call(self) -> None:
        if self._reads and not self._called:
            self._called = True
            self._wakeups.add(self._news)
