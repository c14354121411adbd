"""What happens in a room as server-sent events, made once for everybody who listens.

A :class:`Feed` per room with subscribers turns each event into bytes once; each :class:`Subscription` queues them for
one reader. A reader who falls behind is cut off, so that a slow one costs bounded memory: it reconnects by itself and
begins with a fresh snapshot.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from conference.room.conference import Conference
from conference.room.events import RoomEvent
from conference.web.problems import Problem
from conference.web.shapes import event_json


def encode_event(name: str, data: dict[str, Any]) -> bytes:
    """One event of a ``text/event-stream``."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


class Subscription:
    """The events that wait for one reader, at most ``limit``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self.closed = False
        """No more will come: the server stops, or the reader was too slow."""
        self.on_overflow: Callable[[], None] | None = None
        """Called when the reader is cut off; it may be stuck in a write."""

    def push(self, data: bytes) -> None:
        """Queue one event, or cut the reader off."""
        if self.closed:
            return
        if len(self._waiting) >= self._limit:
            self.close()
            if self.on_overflow is not None:
                self.on_overflow()
            return
        self._waiting.append(data)
        self._wake.set()

    def close(self) -> None:
        """End it; what waited is dropped."""
        self.closed = True
        self._waiting.clear()
        self._wake.set()

    async def next(self, patience: float) -> bytes:
        """All that waits, as soon as anything does; empty after ``patience`` seconds or at the end."""
        if not self._waiting and not self.closed:
            try:
                async with asyncio.timeout(patience):
                    await self._wake.wait()
            except TimeoutError:
                return b""
        data = b"".join(self._waiting)
        self._waiting.clear()
        if not self.closed:
            self._wake.clear()
        return data


class Feeds:
    """All rooms that somebody listens to, and who does.

    Args:
        conference: where the events come from.
        max_streams: subscriptions at one time.
        max_backlog: events that may wait for one of them.
    """

    def __init__(self, conference: Conference, *, max_streams: int, max_backlog: int) -> None:
        self._conference = conference
        self._max_streams = max_streams
        self._max_backlog = max_backlog
        self._rooms: dict[str, set[Subscription]] = {}
        self._unsubscribe: dict[str, Callable[[], None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    def subscribe(self, room: str) -> Subscription:
        """Listen to a room.

        Raises:
            Problem: too many do already (503).
        """
        if len(self) >= self._max_streams:
            raise Problem(503, "Too many event streams are open. Try again later.", headers={"Retry-After": "30"})
        subscription = Subscription(self._max_backlog)
        if room not in self._rooms:
            self._rooms[room] = set()
            self._unsubscribe[room] = self._conference.subscribe(room, self._publish)
        self._rooms[room].add(subscription)
        return subscription

    def unsubscribe(self, room: str, subscription: Subscription) -> None:
        """Listen no more."""
        subscription.close()
        listeners = self._rooms.get(room, set())
        listeners.discard(subscription)
        if not listeners and self._rooms.pop(room, None) is not None:
            self._unsubscribe.pop(room)()

    def close(self) -> None:
        """End every stream."""
        for listeners in self._rooms.values():
            for subscription in listeners:
                subscription.close()

    def _publish(self, event: RoomEvent) -> None:
        data = encode_event(*event_json(event))
        for subscription in list(self._rooms.get(event.room, ())):
            subscription.push(data)
