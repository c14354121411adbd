"""The events that one receiver of webhooks has yet to be sent, and when to try again. No sockets, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

FIRST_DELAY = 1.0
"""Seconds after the first failure; each further one in a row doubles it."""

LONGEST_DELAY = 60.0


@dataclass(frozen=True, slots=True)
class Message:
    """One event, ready to be sent."""

    id: str
    body: bytes
    expires: float
    """The message is not tried again after this: monotonic time in seconds."""


@dataclass(slots=True)
class WebhookQueueStats:
    """What became of the messages, since the server began."""

    delivered: int = 0
    failed: int = 0
    """Attempts that were not answered with a 2xx."""

    dropped: int = 0
    """Messages that never arrived."""


class WebhookQueue:
    """Messages in order, the oldest first. When there are too many, the oldest are dropped.

    Args:
        limit: messages that may wait.
        jitter: gives another random number from 0 to 1 each time, so that servers do not try again all at once.
    """

    def __init__(self, limit: int, jitter: Callable[[], float]) -> None:
        self._limit = limit
        self._jitter = jitter
        self._waiting: deque[Message] = deque()
        self._in_hand: Message | None = None
        self._failures = 0  # in a row
        self.stats = WebhookQueueStats()

    def __len__(self) -> int:
        return len(self._waiting) + (self._in_hand is not None)

    def put(self, message: Message) -> bool:
        """Add a message. Returns whether there was room; if not, the oldest one that waits has been dropped."""
        self._waiting.append(message)
        if len(self._waiting) <= self._limit:
            return True
        self._waiting.popleft()
        self.stats.dropped += 1
        return False

    def take(self) -> Message | None:
        """The message to send now: the same one until it is delivered, refused or too old. ``None`` if none waits."""
        if self._in_hand is None and self._waiting:
            self._in_hand = self._waiting.popleft()
        return self._in_hand

    def delivered(self) -> None:
        """The message that :meth:`take` gave has arrived."""
        self._in_hand = None
        self._failures = 0
        self.stats.delivered += 1

    def refused(self) -> None:
        """The receiver does not want the message that :meth:`take` gave, now or later."""
        self._in_hand = None
        self.stats.failed += 1
        self.stats.dropped += 1

    def failed(self, now: float, at_least: float = 0.0) -> float:
        """The message that :meth:`take` gave has not arrived. It is dropped once it is too old.

        Args:
            now: monotonic time in seconds.
            at_least: how long the receiver asked to be left alone, in seconds; at most :data:`LONGEST_DELAY` counts.

        Returns:
            Seconds to wait before anything is sent again.
        """
        self.stats.failed += 1
        delay = min(FIRST_DELAY * 2.0 ** min(self._failures, 30), LONGEST_DELAY) * (1 + self._jitter()) / 2
        delay = max(delay, min(at_least, LONGEST_DELAY))
        self._failures += 1
        if self._in_hand is not None and now + delay > self._in_hand.expires:
            self._in_hand = None
            self.stats.dropped += 1
        return delay

    def give_up(self) -> int:
        """Drop all messages. Returns how many there were."""
        lost = len(self)
        self._waiting.clear()
        self._in_hand = None
        self.stats.dropped += lost
        return lost
