"""The sockets that all connections share, and what is counted of them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TypeAlias

from conference.webrtc.udp.bindings import Binding

Address: TypeAlias = tuple[str, int]
"""IP address and port."""


@dataclass(slots=True)
class MuxStats:
    """Datagrams, counted since the start."""

    received: int = 0
    sent: int = 0
    empty: int = 0
    garbage: int = 0
    """Neither STUN nor DTLS nor RTP."""

    stray: int = 0
    """From an address that belongs to no connection, or for a ufrag that nobody has."""

    unauthentic: int = 0
    """STUN messages with a wrong password, or none."""

    excess: int = 0
    """Not looked at: strangers had sent too much, or one connection had."""

    failed_sends: int = 0
    errors: int = 0
    """Raised while a datagram was handled: a defect, logged."""


class SharedSocket:
    """One socket of the mux."""

    def __init__(self, sock: socket.socket, binding: Binding, stats: MuxStats) -> None:
        self.binding = binding
        self.sock = sock
        self.port: int = sock.getsockname()[1]
        self._stats = stats

    def sendto(self, data: bytes, address: Address) -> bool:
        """Send a datagram, or drop it if that can't be done at once. Returns whether it was sent."""
        try:
            self.sock.sendto(data, address)
        except OSError:  # full buffer, unreachable network, closed socket: as good as lost on the way
            self._stats.failed_sends += 1
            return False
        self._stats.sent += 1
        return True

    def note_sent(self, sent: int, failed: int) -> None:
        """Count what was sent past :meth:`sendto`."""
        self._stats.sent += sent
        self._stats.failed_sends += failed


def open_all(bindings: tuple[Binding, ...], port: int, buffer_bytes: int) -> list[socket.socket]:
    """Open all sockets on one port. A free port of the first may be taken on another: then it is tried anew."""
    for attempt in range(20):
        opened: list[socket.socket] = []
        try:
            for binding in bindings:
                chosen = opened[0].getsockname()[1] if opened else port
                opened.append(_open(binding, chosen, buffer_bytes))
        except OSError:
            for one in opened:
                one.close()
            if port or not opened or attempt == 19:
                raise
        else:
            return opened
    raise AssertionError


def _open(binding: Binding, port: int, buffer_bytes: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET if binding.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if binding.version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, buffer_bytes)
        sock.bind((binding.bind, port))
    except BaseException:
        sock.close()
        raise
    return sock
