"""How often, or how much, somebody may: a token bucket, with the time handed in."""

from __future__ import annotations


class TokenBucket:
    """Lets ``rate`` per second through over time, and up to ``capacity`` at once.

    Args:
        rate: tokens that come back per second.
        capacity: tokens it holds; it starts full.
    """

    __slots__ = ("_capacity", "_rate", "_seen_ns", "_tokens")

    def __init__(self, rate: float, capacity: float) -> None:
        self._rate = rate
        self._capacity = capacity
        self._tokens = capacity
        self._seen_ns: int | None = None

    def take(self, cost: float, now_ns: int) -> bool:
        """Whether ``cost`` tokens are there; if so they are gone, if not none are."""
        if cost > self.level(now_ns):
            return False
        self._tokens -= cost
        return True

    def charge(self, cost: float, now_ns: int) -> float:
        """Take ``cost`` tokens, there or not: they were spent already.

        Returns:
            After how many seconds none will be owed any more; 0 if none are.
        """
        self._tokens = tokens = self.level(now_ns) - cost
        return 0.0 if tokens >= 0 else -tokens / self._rate

    def wait(self, cost: float, now_ns: int) -> float:
        """After how many seconds ``cost`` tokens are there; 0 if they are."""
        return max(0.0, (cost - self.level(now_ns)) / self._rate)

    def level(self, now_ns: int) -> float:
        """How many tokens there are; less than none as long as some are owed."""
        seen_ns, self._seen_ns = self._seen_ns, now_ns
        if seen_ns is not None and now_ns > seen_ns:
            tokens = self._tokens + (now_ns - seen_ns) / 1e9 * self._rate
            self._tokens = tokens if tokens < self._capacity else self._capacity
        return self._tokens
