"""One UDP port for everybody: sockets shared by all connections, and what becomes of each datagram that comes.

A datagram's first byte tells what it is (RFC 7983); whose it is, `endpoints` knows: STUN by the user name of a request
or the transaction of a response, all else by the source address.

Media goes to its connection at once, in the same call: no task, no queue. What belongs to nobody is dropped and
counted. Nothing that arrives can raise out of here.

Connections come first: of what was read together, what strangers sent is looked at last, and only as much of it as
`policer` lets through. Of what a stranger sends, all but STUN is dropped for its first byte, and a STUN request has to
show the password of the connection that it names before anything in it is read.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np
from aioice.stun import Class
from numpy.typing import NDArray

from conference.webrtc.endpoints import Endpoint, Endpoints, name_of
from conference.webrtc.ice.check_pacing import CheckPacer
from conference.webrtc.ice.stun import parse_stun
from conference.webrtc.receive.table import ReceiveTable
from conference.webrtc.send.table import SendTable
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.udp import datagrams
from conference.webrtc.udp.bindings import Binding, addresses_of
from conference.webrtc.udp.datagrams import DatagramBatch, unpack_name
from conference.webrtc.udp.policer import Policer
from conference.webrtc.udp.reader import Reader
from conference.webrtc.udp.sockets import Address, MuxStats, SharedSocket, open_all

logger = logging.getLogger(__name__)

WINDOW_NS = 250_000_000
"""So often a connection's datagrams are counted anew."""

FORWARDED_NS = 1_000_000_000
"""For so long after a packet was sent on, others are expected to be."""

DatagramKind: TypeAlias = Literal["media", "stun", "check", "other"]
"""What a datagram is: by its first byte (RFC 7983), media or STUN, and of that a check that is authentic; DTLS, or
nothing, is all the others."""

WEIGHTS: dict[DatagramKind, int] = {"media": 1, "stun": 1, "check": 20, "other": 10}
"""A connection may send so much less of what costs more: a check has every attribute read, and may open a path."""

_MIN_DTLS_RECORD = 13


class UdpMux:
    """The shared port.

    Args:
        bindings: the sockets to open; all get the same port.
        port: 0 for a free one.
        buffer_bytes: wanted size of their buffers.
        own_addresses: the machine's addresses at this moment, for bindings that announce those.
        limits: how much of what is looked at.
        now: the monotonic clock in nanoseconds.
    """

    def __init__(
        self,
        bindings: tuple[Binding, ...],
        *,
        port: int = 0,
        buffer_bytes: int = 4 * 1024 * 1024,
        own_addresses: Callable[[], Sequence[str]] = tuple,
        limits: WebRtcSettings | None = None,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        limits = limits or WebRtcSettings()
        self.stats = MuxStats()
        self._now = now
        self._policer = Policer(limits.max_unproven_datagrams, limits.max_unproven_percent)
        self.checks = CheckPacer(limits)
        """Paces the connectivity checks of all connections."""

        self._each = math.ceil(limits.max_datagrams * WINDOW_NS / 1e9)
        self._came: dict[tuple[Endpoint, DatagramKind], int] = {}  # in this window, but for ordinary media
        self._window_ns = 0
        self._own_addresses = own_addresses
        self.sockets = tuple(
            SharedSocket(sock, binding, self.stats)
            for sock, binding in zip(open_all(bindings, port, buffer_bytes), bindings, strict=True)
        )
        self.receive_table = ReceiveTable(self.stats)
        """For the streams that come in; it stays empty where the system has nothing for it."""

        self._endpoints = Endpoints(self.receive_table.directory)
        self.send_tables: dict[SharedSocket, SendTable] = {}
        """For what goes out on each tick; none where the system has nothing for it."""

        if datagrams.AVAILABLE:
            soon = asyncio.get_running_loop().call_soon
            self.send_tables = {one: SendTable(one, soon, now) for one in self.sockets}
        read_ns = int(limits.max_read_time * 1e9)
        self._readers = tuple(Reader(one, self, now, read_ns, self._forwards) for one in self.sockets)

    def _forwards(self) -> bool:
        """Whether packets are sent on as they come, or were just now."""
        return any(self._now() - one.forwarded_ns < FORWARDED_NS for one in self.send_tables.values())

    @property
    def port(self) -> int:
        """The UDP port."""
        return self.sockets[0].port

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._endpoints)

    def add(self, endpoint: Endpoint) -> None:
        """Route to a connection from now on.

        Raises:
            ValueError: there is another one with its ufrag.
        """
        self._endpoints.add(endpoint)

    def remove(self, endpoint: Endpoint) -> None:
        """Route to a connection no more. Does nothing if it isn't there."""
        self._endpoints.remove(endpoint)
        for kind in WEIGHTS:
            self._came.pop((endpoint, kind), None)

    def carry(self, endpoint: Endpoint, index: int | None) -> None:
        """Have what comes from a connection's addresses counted in this row of the receive table; ``None``: in none."""
        self._endpoints.carry(endpoint, index)

    def announced(self) -> list[tuple[SharedSocket, tuple[str, ...]]]:
        """Where we can be reached at this moment: each socket with its addresses, sockets without any left out."""
        own = tuple(self._own_addresses())
        found = ((one, addresses_of(one.binding, own)) for one in self.sockets)
        return [(one, addresses) for one, addresses in found if addresses]

    def expect(self, transaction_id: bytes, endpoint: Endpoint) -> None:
        """A connection sends a STUN request: the response, from wherever it comes, is for it."""
        self._endpoints.expect(transaction_id, endpoint)

    def close(self) -> None:
        """Close the sockets. Connections that are still there hear and say nothing any more."""
        for reader in self._readers:
            reader.close()
        self._endpoints.clear()

    def read(self) -> None:
        """Read what has come, unless it wakes the event loop by itself."""
        for reader in self._readers:
            reader.read()

    @property
    def behind_ns(self) -> int:
        """When there was last more to read than could be."""
        return max(reader.behind_ns for reader in self._readers)

    def take(self, batch: DatagramBatch, count: int, arrivals_ns: NDArray[np.int64], via: SharedSocket) -> None:
        """Take datagrams that were read: those of streams in the receive table together, all others one by one."""
        self.stats.received += count
        strangers: list[tuple[bytes, int]] = []
        by_name, now_ns = self._endpoints.by_name, self._now()
        for place in self._take_streams(batch, count, arrivals_ns):
            name = batch.sender(place)
            endpoint = by_name.get(name)
            if endpoint is None:
                strangers.append((name, place))
            else:
                self._take_known(endpoint, batch.datagram(place), name, via, int(arrivals_ns[place]), now_ns)
        for name, place in strangers:
            self._take_strange(batch.datagram(place), name, via, int(arrivals_ns[place]))

    def _take_streams(self, batch: DatagramBatch, count: int, arrivals_ns: NDArray[np.int64]) -> list[int] | range:
        try:
            return self.receive_table.take(batch, count, arrivals_ns)
        except Exception:
            self.stats.errors += 1
            logger.exception("%d datagrams could not be handled", count)
            return []

    def take_one(self, data: bytes, address: Address, via: SharedSocket, now_ns: int) -> None:
        """Take a datagram that was read."""
        self.stats.received += 1
        name = name_of(address)
        endpoint = self._endpoints.by_name.get(name)
        if endpoint is None:
            self._take_strange(data, name, via, now_ns)
        else:
            self._take_known(endpoint, data, name, via, now_ns, self._now())

    def _take_known(
        self, endpoint: Endpoint, data: bytes, name: bytes, via: SharedSocket, arrival_ns: int, now_ns: int
    ) -> None:
        """Take what came from a connection's address."""
        kind = _kind(data)
        if self._is_too_much(endpoint, kind, now_ns):
            self.stats.excess += 1
            return
        try:
            if kind == "media":
                endpoint.media(data, arrival_ns)
            elif kind == "stun":
                self._stun(data, unpack_name(name), via, arrival_ns)
            elif self._is_dtls(data):
                for reader in self._readers:
                    reader.hurry()
                endpoint.dtls(data)
        except Exception:
            self._failed(unpack_name(name))

    def _is_too_much(self, endpoint: Endpoint, kind: DatagramKind, now_ns: int) -> bool:
        """Count one more datagram of a connection. Returns whether there are more than it can have to say.

        Each kind counts for itself: whoever forges one from somebody's address does not keep the others from coming
        through.
        """
        if now_ns - self._window_ns >= WINDOW_NS:
            self._window_ns = now_ns
            self._came.clear()
        came = self._came[endpoint, kind] = self._came.get((endpoint, kind), 0) + 1
        return 0 < self._each < came * WEIGHTS[kind]

    def _take_strange(self, data: bytes, name: bytes, via: SharedSocket, now_ns: int) -> None:
        """Take what came from an address that was nobody's, and may have become somebody's meanwhile."""
        endpoint = self._endpoints.by_name.get(name)
        began_ns, kind = self._now(), _kind(data)
        if endpoint is not None:
            self._take_known(endpoint, data, name, via, now_ns, began_ns)
        elif kind == "stun":
            if not self._policer.admits(name, began_ns):
                self.stats.excess += 1
                return
            try:
                authentic = self._stun(data, unpack_name(name), via, now_ns)
            except Exception:
                self._failed(unpack_name(name))
                authentic = False
            if not authentic:
                self._policer.charge(name, self._now() - began_ns)
        elif kind == "media" or self._is_dtls(data):
            self.stats.stray += 1

    def _failed(self, address: Address) -> None:
        self.stats.errors += 1
        logger.exception("a datagram from %s could not be handled", address)

    def _is_dtls(self, data: bytes) -> bool:
        """Whether it is DTLS; what is nothing at all is counted."""
        if not data:
            self.stats.empty += 1
        elif _is_dtls(data):
            return True
        else:
            self.stats.garbage += 1
        return False

    def _stun(self, data: bytes, address: Address, via: SharedSocket, now_ns: int) -> bool:
        """Take a STUN message. Returns whether it was authentic."""
        message = parse_stun(data)
        if message is None:
            self.stats.garbage += 1
            return False
        asks = message.message_class == Class.REQUEST
        endpoint = self._endpoints.meant_by(message)
        if endpoint is None:
            self.stats.stray += 1
        elif not endpoint.authenticates(message, address):
            self.stats.unauthentic += 1
        elif not asks:
            self._endpoints.answered(message.transaction_id)
            endpoint.stun_response(message, address, via, now_ns)
            self._endpoints.learn(endpoint, address, now_ns)  # an ICE-lite peer sends no request of its own
            return True
        elif self._is_too_much(endpoint, "check", self._now()):
            self.stats.excess += 1
            return True
        elif self._endpoints.learn(endpoint, address, now_ns):
            endpoint.heard_ns = now_ns
            endpoint.stun_request(message, address, via)
            return True
        else:
            self.stats.stray += 1
        return False


def _kind(data: bytes) -> DatagramKind:
    first = data[0] if data else -1
    if 128 <= first <= 191:
        return "media"
    return "stun" if 0 <= first <= 3 else "other"


def _is_dtls(data: bytes) -> bool:
    """Whether it starts with a DTLS record: a known content type and version, and as long as it says."""
    if 32 <= data[0] <= 63:  # DTLS 1.3's unified header (RFC 9147 section 4)
        return True
    if not 20 <= data[0] <= 26 or len(data) < _MIN_DTLS_RECORD or data[1] != 0xFE:
        return False
    return int.from_bytes(data[11:13], "big") + _MIN_DTLS_RECORD <= len(data)
