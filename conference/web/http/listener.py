"""Listens for TCP connections, and accepts as many of them as there may be, a few at a time.

asyncio's own server accepts every connection, up to a hundred at once. When the process has no file descriptor left, it
logs that a hundred times in every turn of the event loop. This listener makes no objects for a connection that there is
no place for, and accepts only a few in one turn, so that those who are in a call come first.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import time
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from conference.settings import Settings
from conference.telephony.backpressure import LimitedReading, ReadLimits
from conference.web.http.keys import CONNECTIONS
from conference.web.http.limits.tcp_connections import TcpConnection
from conference.web.http.limits.turn_budget import TurnBudget
from conference.web.http.origin import rate_key
from conference.web.http.protocol import HttpProtocol

BACKLOG = 1024
"""Connections that the system keeps until they are accepted here; the system may have a lower limit of its own."""

_AT_ONCE = 8
"""Connections that are accepted in one turn of the event loop."""

_PAUSE_S = 0.5
"""How long to wait, when no file descriptor is free, before a connection is accepted again."""

_LOG_EVERY_S = 60.0

_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""An address cannot be used on this machine, such as one of IPv6; the same name may have others."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_log = logging.getLogger(__name__)


class Listener:
    """Accepts connections for an application.

    Args:
        runner: of the application, set up.
        settings: of the server.
        context: for HTTPS; ``None`` for HTTP.
    """

    def __init__(self, runner: web.AppRunner, settings: Settings, context: ssl.SSLContext | None = None) -> None:
        assert runner.server is not None  # noqa: S101 - it is set up
        self._manager = runner.server
        self._connections = runner.app[CONNECTIONS]
        self._settings = settings
        self._context = context
        self._budget = TurnBudget(settings.max_read_time)
        self._sockets: list[socket.socket] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._paused: dict[socket.socket, asyncio.TimerHandle] = {}
        self._logged_at = -_LOG_EVERY_S
        self._told = 0

    @property
    def addresses(self) -> list[Any]:
        """The addresses it listens on, as ``getsockname`` gives them."""
        return [one.getsockname() for one in self._sockets]

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: none of the addresses can be listened on.
        """
        loop = asyncio.get_running_loop()
        host, port = self._settings.host, self._settings.port
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        trouble: OSError | None = None
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                self._sockets.append(_listening(family, kind, protocol, address))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    self.close()
                    raise
                trouble = error
        if not self._sockets:
            raise trouble or OSError(errno.EADDRNOTAVAIL, "no address")
        for one in self._sockets:
            loop.add_reader(one, self._accept, one)

    def close(self) -> None:
        """Accept nobody more."""
        loop = asyncio.get_running_loop()
        for one in self._sockets:
            loop.remove_reader(one)
            if one in self._paused:
                self._paused.pop(one).cancel()
            one.close()
        self._sockets.clear()
        for task in self._opening:
            task.cancel()

    async def closed(self) -> None:
        """Wait, after :meth:`close`, until the connections that were being set up are gone, too."""
        if self._opening:
            await asyncio.wait(self._opening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                taken, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._wait_for_descriptors(listening, error)
                return
            taken.setblocking(False)
            self._take(taken, peer)

    def _take(self, taken: socket.socket, peer: Any) -> None:
        address = rate_key(peer[0]) if isinstance(peer, tuple) else "unknown"
        drop = partial(_shut, taken)
        connection = self._connections.open(address, drop, time.monotonic())
        if connection is None:
            taken.close()
            self._tell()
            return
        task = asyncio.create_task(self._open(taken, connection), name="open a connection")
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, taken: socket.socket, connection: TcpConnection) -> None:
        timeout = self._settings.header_timeout if self._context is not None else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                partial(self._make_protocol, connection),
                taken,
                ssl=self._context,
                ssl_handshake_timeout=timeout,
                ssl_shutdown_timeout=timeout,
            )
        except (OSError, asyncio.CancelledError):  # the handshake failed, or takes too long; or the server stops
            self._connections.closed(connection)
            taken.close()

    def _make_protocol(self, connection: TcpConnection) -> LimitedReading:
        protocol = HttpProtocol(self._manager, self._connections, connection, self._budget, self._settings)
        limits = ReadLimits(self._settings.max_request_bytes_per_second)
        return LimitedReading(protocol, limits, asyncio.get_running_loop())

    def _wait_for_descriptors(self, listening: socket.socket, error: OSError) -> None:
        """Pause: nothing can be accepted, and the system would report at once, again and again, that somebody waits."""
        self._connections.drop_one()
        self._tell(error)
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        self._paused[listening] = loop.call_later(_PAUSE_S, self._resume, listening)

    def _resume(self, listening: socket.socket) -> None:
        del self._paused[listening]
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _tell(self, error: OSError | None = None) -> None:
        """Log, but not too often, that somebody found no place."""
        now = time.monotonic()
        if now - self._logged_at < _LOG_EVERY_S:
            return
        refused = self._connections.refused - self._told
        self._logged_at, self._told = now, self._connections.refused
        if error is not None:
            _log.error("no connection can be taken: %s; see the start of this log for the limit", error.strerror)
        else:
            _log.warning(
                "%d connections found no place: %d are open (--max-connections, --max-connections-per-address)",
                refused,
                len(self._connections),
            )


def _listening(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _shut(taken: socket.socket) -> None:
    """End a connection of which asyncio has no transport yet; its client reads the end of the stream."""
    with suppress(OSError):
        taken.shutdown(socket.SHUT_RDWR)
