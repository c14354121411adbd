"""One UDP port for everybody: sockets shared by all connections, and whose datagram is whose.

A datagram's first byte tells what it is (RFC 7983); whose it is follows from

* the ``USERNAME`` of a STUN request, whose part before the colon is our ufrag;
* for all else the source address, once a STUN message from there, a request or a response to one of ours, has proven
  with its ``MESSAGE-INTEGRITY`` that it belongs to a connection.

Media goes to its connection at once, in the same call: no task, no queue. What belongs to nobody is dropped and
counted. Nothing that arrives can raise out of here.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from aioice.stun import Class
from numpy.typing import NDArray

from conference.webrtc.ice.stun import StunMessage, parse_stun
from conference.webrtc.receive.table import Inbox
from conference.webrtc.send.table import Outbox
from conference.webrtc.udp import datagrams
from conference.webrtc.udp.addresses import Binding, addresses_of
from conference.webrtc.udp.datagrams import Batch, pack_name, unpack_name
from conference.webrtc.udp.reader import Reader
from conference.webrtc.udp.sockets import Address, MuxStats, SharedSocket, open_all

logger = logging.getLogger(__name__)

MAX_ADDRESSES = 32
"""Source addresses that one connection may have: networks it moved through, and both IP versions."""

MAX_TRANSACTIONS = 16_384
"""STUN requests of ours whose responses may be outstanding; the oldest are forgotten."""

TAKEOVER_NS = 3_000_000_000
"""An address may go over to another connection when its own has been silent for so long."""

_MIN_DTLS_RECORD = 13


class Endpoint(Protocol):
    """One connection, as the mux sees it. Its methods must not block."""

    ufrag: str
    heard_ns: int
    """When something authentic last came."""

    def authenticates(self, request: StunMessage) -> bool:
        """Whether the request was made with our password."""
        ...

    def stun_request(self, request: StunMessage, address: Address, via: SharedSocket) -> None: ...

    def stun_response(self, response: StunMessage, address: Address, via: SharedSocket, now_ns: int) -> bool:
        """Take the response to a request of its own. Returns whether it was made with the peer's password."""
        ...

    @property
    def dtls(self) -> Callable[[bytes], object]: ...

    @property
    def media(self) -> Callable[[bytes, int], object]:
        """Takes SRTP and SRTCP."""
        ...


class UdpMux:
    """The shared port.

    Args:
        bindings: the sockets to open; all get the same port.
        port: 0 for a free one.
        buffer_bytes: wanted size of their buffers.
        own_addresses: the machine's addresses at this moment, for bindings that announce those.
        now: the monotonic clock in nanoseconds.
    """

    def __init__(
        self,
        bindings: tuple[Binding, ...],
        *,
        port: int = 0,
        buffer_bytes: int = 4 * 1024 * 1024,
        own_addresses: Callable[[], Sequence[str]] = tuple,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.stats = MuxStats()
        self._now = now
        self._by_ufrag: dict[str, Endpoint] = {}
        self._by_address: dict[Address, Endpoint] = {}
        self._by_name: dict[bytes, Endpoint] = {}  # the same, by what the kernel calls the address
        self._addresses: dict[Endpoint, list[Address]] = {}
        self._asked: dict[bytes, str] = {}  # ufrag by the transaction id of a request that we sent
        self._own_addresses = own_addresses
        self.sockets = tuple(
            SharedSocket(sock, binding, self.stats)
            for sock, binding in zip(open_all(bindings, port, buffer_bytes), bindings, strict=True)
        )
        self._carried: dict[Endpoint, int] = {}  # the lanes of those whose stream is in the inbox
        self.inbox = Inbox(self.stats)
        """For the streams that come in; it stays empty where the system has nothing for it."""

        self.outboxes: dict[SharedSocket, Outbox] = {}
        """For what goes out on each tick; none where the system has nothing for it."""

        if datagrams.AVAILABLE:
            soon = asyncio.get_running_loop().call_soon
            self.outboxes = {one: Outbox(one, soon, now) for one in self.sockets}
        self._readers = tuple(Reader(one, self, now) for one in self.sockets)

    @property
    def port(self) -> int:
        """The UDP port."""
        return self.sockets[0].port

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._by_ufrag)

    def add(self, endpoint: Endpoint) -> None:
        """Route to a connection from now on.

        Raises:
            ValueError: there is another one with its ufrag.
        """
        if endpoint.ufrag in self._by_ufrag:
            raise ValueError(f"ufrag '{endpoint.ufrag}' is taken")
        self._by_ufrag[endpoint.ufrag] = endpoint
        self._addresses[endpoint] = []

    def remove(self, endpoint: Endpoint) -> None:
        """Route to a connection no more. Does nothing if it isn't there."""
        if self._by_ufrag.get(endpoint.ufrag) is endpoint:
            del self._by_ufrag[endpoint.ufrag]
        self.carry(endpoint, None)
        for address in self._addresses.pop(endpoint, ()):
            if self._by_address.get(address) is endpoint:
                del self._by_address[address]
                self._by_name.pop(_name(address), None)

    def carry(self, endpoint: Endpoint, lane: int | None) -> None:
        """What comes from a connection's addresses belongs to this lane of the inbox; ``None``: to none any more."""
        if lane is None:
            self._carried.pop(endpoint, None)
        else:
            self._carried[endpoint] = lane
        for address in self._addresses.get(endpoint, ()):
            self.inbox.directory.aim(_name(address), lane)

    def announced(self) -> list[tuple[SharedSocket, tuple[str, ...]]]:
        """Where we can be reached at this moment: each socket with its addresses, sockets without any left out."""
        own = tuple(self._own_addresses())
        found = ((one, addresses_of(one.binding, own)) for one in self.sockets)
        return [(one, addresses) for one, addresses in found if addresses]

    def expect(self, transaction_id: bytes, endpoint: Endpoint) -> None:
        """A connection sends a STUN request: the response, from wherever it comes, is for it."""
        if transaction_id not in self._asked and len(self._asked) >= MAX_TRANSACTIONS:
            del self._asked[next(iter(self._asked))]
        self._asked[transaction_id] = endpoint.ufrag

    def close(self) -> None:
        """Close the sockets. Connections that are still there hear and say nothing any more."""
        for reader in self._readers:
            reader.close()
        self._by_ufrag.clear()
        self._by_address.clear()
        self._by_name.clear()
        self._carried.clear()
        self.inbox.directory.clear()
        self._addresses.clear()
        self._asked.clear()

    def read(self) -> None:
        """Read what has come, unless it wakes the event loop by itself."""
        for reader in self._readers:
            reader.read()

    @property
    def behind_ns(self) -> int:
        """When there was last more to read than could be."""
        return max(reader.behind_ns for reader in self._readers)

    def take(self, batch: Batch, count: int, arrivals_ns: NDArray[np.int64], via: SharedSocket) -> None:
        """Take datagrams that were read. What belongs to a stream in the inbox goes there, all else one by one."""
        self.stats.received += count
        for place in self._take_streams(batch, count, arrivals_ns):
            name, data, arrival_ns = batch.sender(place), batch.datagram(place), int(arrivals_ns[place])
            try:
                endpoint = self._by_name.get(name)
                if endpoint is not None and data and 128 <= data[0] <= 191:
                    endpoint.media(data, arrival_ns)
                else:
                    self._dispatch(data, unpack_name(name), via, arrival_ns)
            except Exception:
                self._failed(unpack_name(name))

    def _take_streams(self, batch: Batch, count: int, arrivals_ns: NDArray[np.int64]) -> list[int] | range:
        try:
            return self.inbox.take(batch, count, arrivals_ns)
        except Exception:
            self.stats.errors += 1
            logger.exception("%d datagrams could not be handled", count)
            return []

    def take_one(self, data: bytes, address: Address, via: SharedSocket, now_ns: int) -> None:
        """Take a datagram that was read."""
        self.stats.received += 1
        try:
            self._dispatch(data, address, via, now_ns)
        except Exception:
            self._failed(address)

    def _failed(self, address: Address) -> None:
        self.stats.errors += 1
        logger.exception("a datagram from %s could not be handled", address)

    def _dispatch(self, data: bytes, address: Address, via: SharedSocket, now_ns: int) -> None:
        first = data[0] if data else -1
        if 128 <= first <= 191:
            endpoint = self._by_address.get(address)
            if endpoint is None:
                self.stats.stray += 1
            else:
                endpoint.media(data, now_ns)
        elif 0 <= first <= 3:
            self._stun(data, address, via, now_ns)
        elif first < 0:
            self.stats.empty += 1
        elif not _is_dtls(data):
            self.stats.garbage += 1
        elif (endpoint := self._by_address.get(address)) is None:
            self.stats.stray += 1
        else:
            for reader in self._readers:
                reader.hurry()
            endpoint.dtls(data)

    def _stun(self, data: bytes, address: Address, via: SharedSocket, now_ns: int) -> None:
        message = parse_stun(data)
        if message is None:
            self.stats.garbage += 1
        elif message.message_class == Class.REQUEST:
            self._stun_request(message, address, via, now_ns)
        else:
            ufrag = self._asked.pop(message.transaction_id, "")
            endpoint = self._by_ufrag.get(ufrag)
            if endpoint is None:
                self.stats.stray += 1
            elif endpoint.stun_response(message, address, via, now_ns):
                self._learn(endpoint, address, now_ns)  # an ICE-lite peer sends no request of its own

    def _stun_request(self, request: StunMessage, address: Address, via: SharedSocket, now_ns: int) -> None:
        endpoint = self._by_ufrag.get(request.username.partition(":")[0])
        if endpoint is None:
            self.stats.stray += 1
        elif not endpoint.authenticates(request):
            self.stats.unauthentic += 1
        elif self._learn(endpoint, address, now_ns):
            endpoint.heard_ns = now_ns
            endpoint.stun_request(request, address, via)
        else:
            self.stats.stray += 1

    def _learn(self, endpoint: Endpoint, address: Address, now_ns: int) -> bool:
        """Take an address for a connection's own. Returns whether it is."""
        owner = self._by_address.get(address)
        if owner is endpoint:
            return True
        if owner is not None and now_ns - owner.heard_ns < TAKEOVER_NS:
            return False  # nobody takes a living connection's address, not even with a password of their own
        known = self._addresses[endpoint]
        if len(known) >= MAX_ADDRESSES:
            return False
        if owner is not None:
            self._addresses[owner].remove(address)
        known.append(address)
        name = _name(address)
        self._by_address[address] = self._by_name[name] = endpoint
        self.inbox.directory.aim(name, self._carried.get(endpoint))
        return True


def _name(address: Address) -> bytes:
    return pack_name(address, socket.AF_INET6 if ":" in address[0] else socket.AF_INET)


def _is_dtls(data: bytes) -> bool:
    """Whether it starts with a DTLS record: a known content type and version, and as long as it says."""
    if 32 <= data[0] <= 63:  # DTLS 1.3's unified header (RFC 9147 section 4)
        return True
    if not 20 <= data[0] <= 26 or len(data) < _MIN_DTLS_RECORD or data[1] != 0xFE:
        return False
    return int.from_bytes(data[11:13], "big") + _MIN_DTLS_RECORD <= len(data)
