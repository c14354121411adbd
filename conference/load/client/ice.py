"""ICE (RFC 8445) of a client that has a socket for each of its addresses, and takes the first path that works.

It is the controlling side, and nominates whatever it checks. Once there is a path, its socket is connected to the
server, and the others are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import secrets
import socket
import time
from collections.abc import Sequence
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from conference.loopback import is_loopback
from conference.webrtc.ice.stun import (
    CHECK_PRIORITY,
    Class,
    build_request,
    build_response,
    new_transaction_id,
    parse_stun,
)

Address: TypeAlias = tuple[str, int]

FIRST_RETRY_SECONDS = 0.25
MAX_RETRY_SECONDS = 2.0
CONSENT_SECONDS = 5.0
"""Between two consent checks, on average: 0.8 to 1.2 times that (RFC 7675, section 5.1)."""

CONSENT_EXPIRES_NS = 30_000_000_000
_MAX_ASKED = 64


class Ice:
    """The paths of one client.

    Args:
        sockets: one for each address, bound and not blocking.
    """

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)
        self.sockets = list(sockets)
        """Those that are open."""
        self.socket: socket.socket | None = None
        """The one with the path, connected."""
        self._key = self.password.encode()
        self._their_key = b""
        self._username = ""
        self._tie_breaker = secrets.randbits(64)
        self._asked: dict[bytes, tuple[socket.socket, Address]] = {}
        self._pairs: list[tuple[socket.socket, Address]] = []
        self._remote: Address = ("", 0)
        self._found: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._consent_ns = 0

    @property
    def addresses(self) -> list[Address]:
        """Ours."""
        return [one.getsockname()[:2] for one in self.sockets]

    async def find(self, ufrag: str, password: str, candidates: Sequence[Address]) -> None:
        """Look for a path until there is one.

        Args:
            ufrag: the server's.
            password: the server's.
            candidates: where it can be reached.

        Raises:
            ConnectionAbortedError: it was closed before there was one.
        """
        self._their_key, self._username = password.encode(), f"{ufrag}:{self.ufrag}"
        self._pairs += [(one, address) for one in self.sockets for address in candidates if _fits(one, address)]
        wait = FIRST_RETRY_SECONDS
        while not self._found.done():
            for one, address in tuple(self._pairs):
                self._ask(one, address)
            await asyncio.wait([self._found], timeout=wait)
            wait = min(2 * wait, MAX_RETRY_SECONDS)
        if self._found.cancelled():
            raise ConnectionAbortedError("closed before there was a path")
        self._consent_ns = time.monotonic_ns()
        self._ask_later()

    def consented(self, now_ns: int) -> bool:
        """Whether the server has lately agreed to hear from us."""
        return now_ns - self._consent_ns < CONSENT_EXPIRES_NS

    def receive(self, datagram: bytes, via: socket.socket, address: Address | None) -> None:
        """Take a STUN message.

        Args:
            datagram: as it came.
            via: through which socket.
            address: where from; ``None``: from where that socket is connected to.
        """
        message = parse_stun(datagram)
        if message is None:
            return
        if message.message_class == Class.REQUEST:
            if message.check_message_integrity(self._key):
                answer = build_response(message.transaction_id, address or self._remote, self._key)
                self._send(via, answer, address)
                if address is not None and self.socket is None:
                    self._check_in_turn(via, address)
        elif (
            message.message_class == Class.RESPONSE
            and message.transaction_id in self._asked
            and message.check_message_integrity(self._their_key)
        ):
            one, remote = self._asked.pop(message.transaction_id)
            self._consent_ns = time.monotonic_ns()
            # RFC 8445, section 7.2.5.2.1: the answer must come from where the request went.
            if self.socket is None and (one, remote) == (via, address):
                self._take(one, remote)

    def _check_in_turn(self, via: socket.socket, address: Address) -> None:
        """The server reaches us from there, whatever its candidates say (RFC 8445, section 7.3.1.4)."""
        if (via, address) not in self._pairs and len(self._pairs) < _MAX_ASKED:
            self._pairs.append((via, address))
            if self._their_key:
                self._ask(via, address)

    def send(self, datagram: bytes) -> bool:
        """Send to the server. Returns whether it went out."""
        return self.socket is not None and self._send(self.socket, datagram, None)

    def ask_no_more(self) -> None:
        """Leave it at the consent that there is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Ask no more, and close the sockets."""
        self.ask_no_more()
        self._found.cancel()
        self.socket = None
        for one in self.sockets:
            one.close()
        self.sockets.clear()

    def _take(self, one: socket.socket, remote: Address) -> None:
        try:
            one.connect(remote)
        except OSError:
            return  # the next answer may come by another way
        self.socket, self._remote = one, remote
        if not self._found.done():
            self._found.set_result(None)

    def _ask_later(self) -> None:
        wait = CONSENT_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
        self._timer = asyncio.get_running_loop().call_later(wait, self._ask_again)

    def _ask_again(self) -> None:
        if self.socket is not None:
            self._ask(self.socket, None)
            self._ask_later()

    def _ask(self, via: socket.socket, address: Address | None) -> None:
        transaction = new_transaction_id()
        while len(self._asked) >= _MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        self._asked[transaction] = via, address or self._remote
        request = build_request(
            transaction,
            self._username,
            CHECK_PRIORITY,
            self._tie_breaker,
            self._their_key,
            controlling=True,
            nominate=True,
        )
        self._send(via, request, address)

    def _send(self, via: socket.socket, datagram: bytes, address: Address | None) -> bool:
        try:
            if address is None or via is self.socket:  # which is connected
                via.send(datagram)
            else:
                via.sendto(datagram, address)
        except OSError:  # no route, nobody there, a full queue, or closed: as good as lost
            return False
        return True


async def open_sockets(url: str) -> list[socket.socket]:
    """A UDP socket on each address that this machine would reach a server from; at most one of a family.

    Args:
        url: of the server.

    Raises:
        OSError: there is no way to it.
    """
    found: list[socket.socket] = []
    try:
        for family, address in await _server_addresses(urlsplit(url).hostname or ""):
            with contextlib.suppress(OSError):
                one = _open(family, address)
                one.setblocking(False)
                found.append(one)
    except BaseException:
        for one in found:
            one.close()
        raise
    if not found:
        raise OSError("no address of this machine leads to it")
    return found


def _open(family: int, server: str) -> socket.socket:
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((server, 9))  # sends nothing, and tells the address
        own = probe.getsockname()[0]
    one = socket.socket(family, socket.SOCK_DGRAM)
    try:
        one.bind((own, 0))
    except OSError:
        one.close()
        raise
    return one


async def _server_addresses(host: str) -> list[tuple[int, str]]:
    if is_loopback(host):  # a name may stand for both; a server on loopback has this one
        own = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        found = {int(socket.AF_INET): "127.0.0.1"} | ({int(socket.AF_INET6): str(own)} if own.version == 6 else {})
        return sorted(found.items())
    found = {}
    answers: list[Any] = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    for family, _, _, _, address in answers:
        if family in (socket.AF_INET, socket.AF_INET6):
            found.setdefault(family, address[0])
    return sorted(found.items())


def _fits(one: socket.socket, address: Address) -> bool:
    return (one.family == socket.AF_INET6) == (":" in address[0])
