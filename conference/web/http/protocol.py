"""One TCP connection that speaks HTTP: aiohttp's, with deadlines, and counted by whether it waits, works or stays."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from conference.log import concerning
from conference.settings import Settings
from conference.telephony.backpressure import BURST_SECONDS
from conference.token_bucket import TokenBucket
from conference.web.http.limits.tcp_connections import TcpConnection, TcpConnections
from conference.web.http.limits.turn_budget import TurnBudget
from conference.web.http.problems import Handler, Problem

_THEIR_FAULT = (ConnectionError, web.RequestPayloadError, HttpProcessingError)
"""The client went, or sent what is not HTTP."""

LINGERING_S = 2.0
"""How long the rest of a body that nobody wants is read, so that the client gets the answer and not a broken pipe."""

_log = logging.getLogger(__name__)


class HttpProtocol(web.RequestHandler):
    """A connection from its first byte to its last.

    In each turn of the event loop, parsing what was read of all connections may take a limited time: chunks of one byte
    take 1 ms for 16 KB.

    Args:
        manager: the application's server, which makes the answers.
        connections: all that are open.
        connection: this one among them.
        budget: of time, for what is read of all connections in one turn of the event loop.
        settings: say how long each step may take.
    """

    __slots__ = (
        "_budget",
        "_connection",
        "_connections",
        "_deadline",
        "_held",
        "_is_websocket",
        "_received",
        "_settings",
        "requests",
    )

    def __init__(
        self,
        manager: web.Server,
        connections: TcpConnections,
        connection: TcpConnection,
        budget: TurnBudget,
        settings: Settings,
    ) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # no log, as `AppRunner` takes it, too
            lingering_time=LINGERING_S,
        )
        self._connections = connections
        self._connection = connection
        self._budget = budget
        self._settings = settings
        self._received = bytearray()  # and not yet parsed, for want of time
        self._held = False  # we have asked for no more until it is
        self._is_websocket = False
        self._deadline: asyncio.TimerHandle | None = None
        rate = 0 if settings.behind_proxy else settings.max_requests_per_second
        self.requests = TokenBucket(rate, rate * BURST_SECONDS) if rate else None
        """How many requests may be answered now; ``None`` for any number."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open, and secured if it is to be."""
        super().connection_made(transport)
        self._connection.drop = self._drop
        self._by(self._settings.header_timeout)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone."""
        self._received.clear()
        self._by(None)
        self._connections.closed(self._connection)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has been read, if there is time. Messages on a WebSocket have limits of their own."""
        if not data or self._is_websocket:
            super().data_received(data)
            return
        waits = bool(self._received)
        self._received += data
        if waits or not self._budget.do(self._parse):
            transport = self.transport
            if transport is not None and transport.is_reading():
                transport.pause_reading()
                self._held = True

    @property
    def has_more(self) -> bool:
        """Whether something came that is not parsed yet."""
        return bool(self._received)

    def eof_received(self) -> None:
        """The client sends nothing more."""
        self._parse()
        super().eof_received()

    def works(self) -> None:
        """The header of a request has come; its body may be on the way."""
        self._connections.works(self._connection)
        self._by(self._settings.response_timeout)

    def stays(self) -> None:
        """Whoever asked has been let in, and is answered for as long as they like."""
        self._connections.stays(self._connection)
        self._by(None)

    def awaits_messages(self) -> None:
        """Note that the connection is a WebSocket now, whose client has not been let in yet: others read from it."""
        self._parse()
        self._is_websocket = True
        self._connections.waits(self._connection, time.monotonic())
        self._by(None)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """A context in which the connection counts as waiting: while a body comes, or a request has to wait."""
        self._connections.waits(self._connection, time.monotonic())
        try:
            yield
        finally:
            self._connections.works(self._connection)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the rest of an answer. Then the next request may come."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._connections.waits(self._connection, time.monotonic())
            self._by(self._settings.keep_alive_timeout)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP, or came from a client that is gone: no errors of ours, which are not logged."""
        if status >= 500 and not isinstance(exc, _THEIR_FAULT):
            return super().handle_error(request, status, exc, message)
        _log.debug("a request from %s was refused: %r", request.remote, exc)
        if request.writer.output_size > 0:
            raise ConnectionError("part of the answer has been sent already")
        title = "This request is not HTTP as RFC 9112 has it."
        if isinstance(exc, LineTooLong):
            status, title = 431, "The request's line, or one of its header fields, is too long."
        response = Problem(status, title).response()
        response.headers["Server"] = "conference"  # as on every answer
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what went wrong in this server. What a client got wrong is not logged: the client is told."""
        if isinstance(kw.get("exc_info"), _THEIR_FAULT):
            _log.debug(*args, **kw)
        else:
            super().log_exception(*args, **kw)

    def _parse(self) -> None:
        data = bytes(self._received)
        self._received.clear()
        if self._held:  # before it is parsed, since the parser may ask for no more on its own account
            self._held = False
            if self.transport is not None:
                self.transport.resume_reading()
        if data:
            super().data_received(data)

    def _by(self, seconds: float | None) -> None:
        """Drop the connection after a while, unless another deadline is set before."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if seconds is not None and self.transport is not None:
            self._deadline = asyncio.get_running_loop().call_later(seconds, self._drop)

    def _drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def protocol_of(request: web.BaseRequest) -> HttpProtocol | None:
    """The connection that a request came by; ``None`` if it was not opened by our listener."""
    return request.protocol if isinstance(request.protocol, HttpProtocol) else None


def check_has_waited(request: web.BaseRequest) -> None:
    """Make sure that nothing came behind a request for a WebSocket yet: where its frames begin would not be known.

    Raises:
        Problem: something has come (400).
    """
    protocol = protocol_of(request)
    if request.protocol._message_tail or (protocol is not None and protocol.has_more):
        raise Problem(400, "A WebSocket's client waits for the answer to its handshake (RFC 6455, section 4.1).")


@web.middleware
async def note_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the connection that a request came by as working, and have lines of the log tell what it is about."""
    protocol = protocol_of(request)
    if protocol is not None:
        protocol.works()
    told = request.match_info
    with concerning(room=told.get("room"), participant=told.get("id")):
        return await handler(request)
