"""What waits to be sent to somebody: all of it in order; of that, sound may be dropped, the oldest first."""

from __future__ import annotations

from collections import deque
from heapq import merge
from itertools import count
from typing import Generic, TypeVar

from conference.telephony.dialect import Message

About = TypeVar("About")


class OutgoingQueue(Generic[About]):
    """Sound, and all else. To drop the oldest sound takes as long, however much else waits before it."""

    def __init__(self) -> None:
        self._order = count()
        self._sounds: deque[tuple[int, Message, About]] = deque()
        self._others: deque[tuple[int, Message]] = deque()

    @property
    def sounds(self) -> int:
        """How many messages of sound there are."""
        return len(self._sounds)

    @property
    def others(self) -> int:
        """How many others."""
        return len(self._others)

    @property
    def oldest(self) -> About:
        """What was said of the oldest sound when it was put here."""
        return self._sounds[0][2]

    def put(self, message: Message) -> None:
        """Send this behind all that waits."""
        self._others.append((next(self._order), message))

    def put_sound(self, message: Message, about: About) -> None:
        """Send sound behind all that waits, unless it is dropped."""
        self._sounds.append((next(self._order), message, about))

    def drop_oldest(self) -> About:
        """Drop the oldest sound. Returns what was said of it."""
        return self._sounds.popleft()[2]

    def take(self) -> list[Message]:
        """All that waits, in order."""
        if not self._others:
            messages = [message for _, message, _ in self._sounds]
        else:
            sounds = ((number, message) for number, message, _ in self._sounds)
            messages = [message for _, message in merge(sounds, self._others, key=lambda one: one[0])]
        self.clear()
        return messages

    def clear(self) -> None:
        """Drop everything."""
        self._sounds.clear()
        self._others.clear()
