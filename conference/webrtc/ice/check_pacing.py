"""Connectivity checks to addresses that somebody named: few, paced, and no more where nobody answers.

An offer can name anybody's address, and whoever made it need not be there. "An attacker can attempt to use ICE as an
amplifier" (RFC 8445 section 19.5.1): so what we send unasked is bounded for each candidate, for each connection, for
each target's address and in total. Hardly anybody notices. The server's own address is known, so peers reach it by
their checks, and each of these may be answered by one of ours (section 7.3.1.4). Only an ICE-lite peer, which sends
none, depends on ours.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Final

from conference.token_bucket import TokenBucket
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.udp.datagrams import pack_name
from conference.webrtc.udp.policer import PerAddress
from conference.webrtc.udp.sockets import Address

BURST_SECONDS: Final = 0.1
"""What may be sent in so long can be sent at once, and one more."""


class CheckPacer:
    """Paces the checks of all connections that nobody has asked for.

    Args:
        limits: how many there may be.
        now: the monotonic clock in nanoseconds.
    """

    def __init__(self, limits: WebRtcSettings, now: Callable[[], int] = time.monotonic_ns) -> None:
        self._limits = limits
        self._now = now
        self._per_address = PerAddress(limits.max_checks_per_address)
        rate = limits.max_checks_per_second
        self._checks = TokenBucket(rate, 1 + rate * BURST_SECONDS)

    def budget(self, *, ice_lite: bool) -> CheckBudget:
        """For one connection.

        Args:
            ice_lite: whether the peer sends no checks of its own, so that ours have to be repeated until it answers.
        """
        each = self._limits.max_checks_per_connection if ice_lite else self._limits.max_checks_per_candidate
        return CheckBudget(self, self._limits.max_checks_per_connection, each)

    def admits(self, address: Address) -> bool:
        """Whether a check may go there now; then it is counted."""
        now_ns = self._now()
        if self._checks.level(now_ns) < 1:
            return False
        name = pack_name(address, socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if not self._per_address.admits(name, now_ns):
            return False
        self._per_address.count(name)
        return self._checks.take(1, now_ns)


class CheckBudget:
    """Says which of one connection's checks go out. Those that do not are as good as lost, and repeated later.

    Args:
        pacer: of all connections.
        most: so many may go out unasked.
        each: so many of them to one address.
    """

    def __init__(self, pacer: CheckPacer, most: int, each: int) -> None:
        self._pacer = pacer
        self._most, self._each = most, each
        self._sent: dict[Address, int] = {}
        self._asked: set[Address] = set()
        self._answered: set[Address] = set()

    def admits(self, address: Address) -> bool:
        """Whether a check may go there now; then it is counted."""
        if address in self._answered:
            return True
        if address in self._asked:
            self._asked.discard(address)
            return True
        if sum(self._sent.values()) >= self._most or self._sent.get(address, 0) >= self._each:
            return False
        if not self._pacer.admits(address):
            return False
        self._sent[address] = self._sent.get(address, 0) + 1
        return True

    def note_request(self, address: Address) -> None:
        """The peer has sent a check from there: one may go back."""
        self._asked.add(address)

    def note_response(self, address: Address) -> None:
        """The peer has answered from there: it wants to hear from us."""
        self._answered.add(address)
