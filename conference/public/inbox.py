"""What waits until a program has time for it: bounded, the oldest goes first, and it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, Self, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class Inbox(Generic[T]):
    """An async iterator over what comes, for one reader; of several tasks that share it, each item goes to one.

    Attributes:
        dropped: how many went unread, because more than the limit were waiting.
    """

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        self._waiting: deque[T] = deque()
        self._limit = limit
        self._ended = False
        self._error: Exception | None = None
        self._came = asyncio.Event()  # something that is not read yet, or the end

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._came.clear()
            await self._came.wait()
        return self._waiting.popleft()

    def put(self, item: T) -> None:
        """Something has come."""
        if self._ended:
            return
        self._waiting.append(item)
        if len(self._waiting) > self._limit:
            self._waiting.popleft()
            self.dropped += 1
        self._came.set()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes: the reader reads what there is, and is then told of the error, if it is one."""
        self._ended, self._error = True, error
        self._came.set()


class Fan(Generic[T]):
    """Gives what comes to every reader that there is. Whoever reads no more is forgotten with their `Inbox`.

    Args:
        limit: how much may wait for each reader.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._readers: WeakSet[Inbox[T]] = WeakSet()
        self._over: tuple[Exception | None] | None = None

    def __bool__(self) -> bool:
        """Whether anybody reads."""
        return bool(self._readers)

    def subscribe(self) -> Inbox[T]:
        """A reader's inbox, for what comes from now on."""
        inbox: Inbox[T] = Inbox(self._limit)
        if self._over is not None:
            inbox.end(*self._over)
        else:
            self._readers.add(inbox)
        return inbox

    def put(self, item: T) -> None:
        """Something has come."""
        for one in self._readers:
            one.put(item)

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes, for those who read now and those who would later. Doing it twice does no harm."""
        if self._over is None:
            self._over = (error,)
            for one in list(self._readers):
                one.end(error)
