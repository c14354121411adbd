"""How much of the event loop's time datagrams may take that nobody has vouched for.

Whoever has no password can still send as much as they like. Looking at it takes microseconds, but of enough
microseconds there are seconds, and then nobody's sound is in time. So strangers share a part of the time, and of that
no address takes all. What is over is dropped unseen: a newcomer's connectivity checks are repeated until one gets
through (RFC 8489 section 6.2.1).
"""

from __future__ import annotations

import secrets
import socket
from typing import Final

from conference.token_bucket import TokenBucket

SLOTS: Final = 4096
"""Addresses are counted in so many places, which several may share: what is sent from ever new ones takes no memory."""

WINDOW_NS: Final = 1_000_000_000
SAVED_NS: Final = 20_000_000
"""The share of so much time can be used at once: of one tick."""

MOST_NS: Final = 50_000
"""No datagram takes longer by itself: what does has been interrupted by other programs, for which nobody is to pay."""


class PerAddress:
    """Counts by address, in windows of a second.

    Args:
        most: so many in each, of one IPv4 address, or IPv6 network of 64 bits; 0 for no limit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._since_ns = -WINDOW_NS
        self._counts: list[int] = []
        self._salt = secrets.token_bytes(8)  # so that nobody can choose with whom they share a place

    def admits(self, name: bytes, now_ns: int) -> bool:
        """Whether there may be one more.

        Args:
            name: an address, as the kernel has it (see `datagrams.pack_name`).
            now_ns: the time.
        """
        if now_ns - self._since_ns >= WINDOW_NS:
            self._since_ns = now_ns
            self._counts = [0] * SLOTS
        return not self._most or self._counts[self._slot(name)] < self._most

    def count(self, name: bytes) -> None:
        """There is one more, after it was admitted."""
        self._counts[self._slot(name)] += 1

    def _slot(self, name: bytes) -> int:
        return hash(self._salt + _network(name)) % SLOTS


class Policer:
    """Says which datagrams of strangers are looked at.

    Args:
        per_address: so many a second of one IPv4 address, or IPv6 network of 64 bits; 0 for no limit.
        percent: part of the time that all of them together may take; 100 for no limit.
    """

    def __init__(self, per_address: int, percent: float) -> None:
        self._per_address = PerAddress(per_address)
        self._limited = percent < 100
        self._time = TokenBucket(rate=1e9 * percent / 100, capacity=SAVED_NS * percent / 100)  # in nanoseconds
        self._now_ns = 0

    def admits(self, name: bytes, now_ns: int) -> bool:
        """Whether to look at a datagram.

        Args:
            name: where it came from, as the kernel has it (see `datagrams.pack_name`).
            now_ns: the time.
        """
        self._now_ns = now_ns
        if self._limited and self._time.level(now_ns) <= 0:
            return False
        return self._per_address.admits(name, now_ns)

    def charge(self, name: bytes, spent_ns: int) -> None:
        """A datagram that was admitted, from there, has not proven anything, and took so long."""
        self._time.charge(min(spent_ns, MOST_NS), self._now_ns)
        self._per_address.count(name)


def _network(name: bytes) -> bytes:
    """What of an address its owner cannot easily change."""
    return name[4:8] if int.from_bytes(name[:2], "little") == socket.AF_INET else name[8:16]
