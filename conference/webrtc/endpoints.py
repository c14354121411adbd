"""Who is reached through the shared port: each connection by its ufrag, its addresses, and the requests that it sent.

An address belongs to a connection once a STUN message from there, a request or a response to one of ours, has proven it
with its ``MESSAGE-INTEGRITY``. Nobody takes the address of a connection that is alive.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from aioice.stun import Class

from conference.webrtc.ice.stun import StunMessage
from conference.webrtc.udp.datagrams import pack_name
from conference.webrtc.udp.directory import Directory
from conference.webrtc.udp.sockets import Address, SharedSocket

MAX_ADDRESSES = 32
"""Source addresses that one connection may have: networks it moved through, and both IP versions."""

MAX_TRANSACTIONS = 16_384
"""STUN requests of ours whose responses may be outstanding; the oldest are forgotten."""

TAKEOVER_NS = 3_000_000_000
"""An address may go over to another connection when its own has been silent for so long."""


class Endpoint(Protocol):
    """One connection, as the mux sees it. Its methods must not block."""

    ufrag: str
    heard_ns: int
    """When something authentic last came."""

    def authenticates(self, message: StunMessage, address: Address) -> bool:
        """Whether a request was made with our password, a response with the peer's."""
        ...

    def stun_request(self, request: StunMessage, address: Address, via: SharedSocket) -> None:
        """Take a request that is authentic."""
        ...

    def stun_response(self, response: StunMessage, address: Address, via: SharedSocket, now_ns: int) -> None:
        """Take a response that is authentic."""
        ...

    @property
    def dtls(self) -> Callable[[bytes], object]: ...

    @property
    def media(self) -> Callable[[bytes, int], object]:
        """Takes SRTP and SRTCP."""
        ...


class Endpoints:
    """The connections of one port.

    Args:
        directory: of the receive table: is told which stream comes from which address.

    Attributes:
        by_name: each connection by each of its addresses, as the kernel has them (`datagrams.pack_name`).
    """

    def __init__(self, directory: Directory) -> None:
        self.by_name: dict[bytes, Endpoint] = {}
        self._directory = directory
        self._by_ufrag: dict[str, Endpoint] = {}
        self._by_address: dict[Address, Endpoint] = {}
        self._addresses: dict[Endpoint, list[Address]] = {}
        self._asked: dict[bytes, str] = {}  # ufrag by the transaction id of a request that we sent
        self._rows: dict[Endpoint, int] = {}  # of those whose stream is in the receive table

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._by_ufrag)

    def add(self, endpoint: Endpoint) -> None:
        """Find a connection from now on.

        Raises:
            ValueError: there is another one with its ufrag.
        """
        if endpoint.ufrag in self._by_ufrag:
            raise ValueError(f"ufrag '{endpoint.ufrag}' is taken")
        self._by_ufrag[endpoint.ufrag] = endpoint
        self._addresses[endpoint] = []

    def remove(self, endpoint: Endpoint) -> None:
        """Find a connection no more. Does nothing if it isn't there."""
        if self._by_ufrag.get(endpoint.ufrag) is endpoint:
            del self._by_ufrag[endpoint.ufrag]
        self.carry(endpoint, None)
        for address in self._addresses.pop(endpoint, ()):
            if self._by_address.get(address) is endpoint:
                del self._by_address[address]
                self.by_name.pop(name_of(address), None)

    def clear(self) -> None:
        """Find nobody any more."""
        self._by_ufrag.clear()
        self._by_address.clear()
        self.by_name.clear()
        self._rows.clear()
        self._directory.clear()
        self._addresses.clear()
        self._asked.clear()

    def carry(self, endpoint: Endpoint, index: int | None) -> None:
        """Have what comes from a connection's addresses counted in this row of the receive table; ``None``: in none."""
        if index is None:
            self._rows.pop(endpoint, None)
        else:
            self._rows[endpoint] = index
        for address in self._addresses.get(endpoint, ()):
            self._directory.aim(name_of(address), index)

    def expect(self, transaction_id: bytes, endpoint: Endpoint) -> None:
        """A connection sends a STUN request: the response, from wherever it comes, is for that connection."""
        if transaction_id not in self._asked and len(self._asked) >= MAX_TRANSACTIONS:
            del self._asked[next(iter(self._asked))]
        self._asked[transaction_id] = endpoint.ufrag

    def answered(self, transaction_id: bytes) -> None:
        """The response to a request has come, and is authentic: there is no other."""
        del self._asked[transaction_id]

    def meant_by(self, message: StunMessage) -> Endpoint | None:
        """Whom a STUN message is for: by the user name of a request, or the transaction of a response."""
        if message.message_class == Class.REQUEST:
            return self._by_ufrag.get(message.username.partition(":")[0])
        return self._by_ufrag.get(self._asked.get(message.transaction_id, ""))

    def learn(self, endpoint: Endpoint, address: Address, now_ns: int) -> bool:
        """Take an address for a connection's own. Returns whether it is.

        Args:
            endpoint: whose authentic STUN message came from there.
            address: where it came from.
            now_ns: when it came.
        """
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
        name = name_of(address)
        self._by_address[address] = self.by_name[name] = endpoint
        self._directory.aim(name, self._rows.get(endpoint))
        return True


def name_of(address: Address) -> bytes:
    """An address as the kernel has it."""
    return pack_name(address, socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
