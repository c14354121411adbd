"""How often one address may do something: a token bucket each, all of them bounded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class RateLimit:
    """At most ``per_minute`` acts a minute for each key: all at once, or spread.

    Args:
        per_minute: tokens that flow in per minute, and how many a bucket holds; 0 for no limit.
        max_keys: buckets kept; the one unused for longest goes first, and a forgotten key starts full again.
    """

    def __init__(self, per_minute: int, *, max_keys: int = 10_000) -> None:
        self._per_minute = per_minute
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Take one token.

        Args:
            key: whose.
            now: monotonic time in seconds.

        Returns:
            0 if there was one, else the seconds until there is.
        """
        wait = self.wait(key, now)
        if wait == 0 and self._per_minute != 0:
            self._buckets[key].tokens -= 1
        return wait

    def wait(self, key: str, now: float) -> float:
        """The seconds until there is a token, which is left where it is; arguments as for :meth:`take`."""
        if self._per_minute == 0:
            return 0.0
        bucket = self._buckets.setdefault(key, _Bucket(self._per_minute, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        rate = self._per_minute / 60
        bucket.tokens = min(self._per_minute, bucket.tokens + (now - bucket.filled_at) * rate)
        bucket.filled_at = now
        return 0.0 if bucket.tokens >= 1 else (1 - bucket.tokens) / rate
