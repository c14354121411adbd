"""How often one address may do something: a token bucket each, all of them bounded."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice

from conference.telephony.backpressure import BURST_SECONDS
from conference.token_bucket import TokenBucket

MAX_ADDRESSES = 10_000
"""Addresses that are remembered. When there are more, the one is forgotten that asked for nothing for longest."""

_COMPARED = 16
"""When one bucket has to go: so many of them are compared, and the fullest goes."""


class RateLimit:
    """At most ``per_minute`` acts a minute for each key: all at once, or spread.

    A key is remembered once an act of it was counted. Asking with :meth:`wait` makes no bucket, so nobody is forgotten
    because of it.

    Args:
        per_minute: tokens that flow in per minute, and how many a bucket holds; 0 for no limit.
        max_keys: buckets kept. When there are more, those go that are full again, since they say nothing. If there are
            none, the fullest goes of those unused for longest. A forgotten key starts full again.
    """

    def __init__(self, per_minute: int, *, max_keys: int = 10_000) -> None:
        self._per_minute = per_minute
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

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
            bucket = self._buckets.setdefault(key, TokenBucket(self._per_minute / 60, self._per_minute))
            bucket.take(1, _ns(now))
            self._buckets.move_to_end(key)
            self._forget_one(now)
        return wait

    def wait(self, key: str, now: float) -> float:
        """The seconds until there is a token; none is taken. Arguments as for :meth:`take`."""
        if self._per_minute == 0:
            return 0.0
        bucket = self._buckets.get(key)
        return 0.0 if bucket is None else bucket.wait(1, _ns(now))

    def _forget_one(self, now: float) -> None:
        """Forget one bucket if there are too many. The others that were compared go to the end of the line."""
        if len(self._buckets) <= self._max_keys:
            return
        oldest = list(islice(self._buckets, min(_COMPARED, self._max_keys)))
        fullest = max(oldest, key=lambda key: self._buckets[key].level(_ns(now)))
        del self._buckets[fullest]
        for key in oldest:
            if key != fullest:
                self._buckets.move_to_end(key)


class AddressPacer:
    """Says how long the requests of one address have to wait, over all of its connections.

    Args:
        per_second: requests over time; 0 for no limit.
        max_addresses: most addresses that are remembered.
    """

    def __init__(self, per_second: float, max_addresses: int = MAX_ADDRESSES) -> None:
        self._per_second = per_second
        self._max_addresses = max_addresses
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def charge(self, address: str, now_ns: int) -> float:
        """Count a request that has come. Returns after how many seconds it may be answered."""
        if not self._per_second:
            return 0.0
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = TokenBucket(self._per_second, self._per_second * BURST_SECONDS)
            if len(self._buckets) > self._max_addresses:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(address)
        return bucket.charge(1, now_ns)


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
