"""Who is due when, so that one timer serves all and looks only at those who are due."""

from __future__ import annotations

import heapq
import itertools
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Things, each with a time at which something is to be done about it. No I/O and no timer: whoever has one asks."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T]] = []
        self._count = itertools.count()  # things need not be comparable

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, thing: T, due_ns: int) -> None:
        """Something is to be done about a thing then, or as soon after that as somebody asks."""
        heapq.heappush(self._heap, (due_ns, next(self._count), thing))

    def take_due(self, now_ns: int) -> list[T]:
        """What is due by now, the longest due first. Nothing more is to be done about that."""
        due: list[T] = []
        while self._heap and self._heap[0][0] <= now_ns:
            due.append(heapq.heappop(self._heap)[2])
        return due

    def discard(self, thing: T) -> None:
        """Nothing is to be done about a thing any more. For when that is rare: it goes through all."""
        self._heap = [entry for entry in self._heap if entry[2] is not thing]
        heapq.heapify(self._heap)
