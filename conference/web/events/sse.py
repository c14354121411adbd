"""Server-sent events as bytes, and those that wait for one reader."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any


def encode_event(name: str, data: dict[str, Any], *, event_id: str | None = None) -> bytes:
    """One event of a ``text/event-stream``.

    Args:
        name: its type.
        data: becomes one line of JSON.
        event_id: what a reader who comes back names as the last event that they have got; ``None`` for one that they
            need not know of.
    """
    first = "" if event_id is None else f"id: {event_id}\n"
    return f"{first}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


class Subscription:
    """The events that wait for one reader, at most ``limit``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._last = False
        self.closed = False
        """No more will come, and what waited is dropped: the reader was too slow, or is gone."""
        self.on_overflow: Callable[[], None] | None = None
        """Called when the reader is cut off; it may be stuck in a write."""

    @property
    def over(self) -> bool:
        """There is nothing left to read, and nothing will come."""
        return self.closed or (self._last and not self._waiting)

    def push(self, data: bytes) -> None:
        """Queue one event, or cut the reader off."""
        if self.closed or self._last:
            return
        if len(self._waiting) >= self._limit:
            self.close()
            if self.on_overflow is not None:
                self.on_overflow()
            return
        self._waiting.append(data)
        self._wake.set()

    def finish(self) -> None:
        """End it with what waits."""
        self._last = True
        self._wake.set()

    def close(self) -> None:
        """End it; what waited is dropped."""
        self.closed = True
        self._waiting.clear()
        self._wake.set()

    async def next(self, patience: float) -> bytes:
        """All that waits, as soon as anything does; empty after ``patience`` seconds or at the end."""
        if not self._waiting and not self.over:
            try:
                async with asyncio.timeout(patience):
                    await self._wake.wait()
            except TimeoutError:
                return b""
        return self.take()

    def take(self) -> bytes:
        """All that waits."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        if not self.over:
            self._wake.clear()
        return data
