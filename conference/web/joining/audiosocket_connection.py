"""The TCP connection of one call on AudioSocket."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import cast

from aiohttp import WSCloseCode

from conference.room.participant import Departure
from conference.telephony.audiosocket_frames import (
    HANG_UP,
    AudioSocketMessages,
    audiosocket_frame,
    audiosocket_frame_size,
)
from conference.telephony.backpressure import LimitedReading, ReadLimits
from conference.telephony.dialect import Message
from conference.web.joining.stream_connection import Take

LOST_AFTER_SECONDS = 30
"""A client that acknowledges nothing for so long is lost: AudioSocket has no ping, and TCP alone waits a quarter of an
hour."""

_PROBES = 3

_log = logging.getLogger(__name__)


class AudioSocketConnection(asyncio.Protocol):
    """Carries the frames of one call. Satisfies `StreamConnection`.

    Args:
        on_open: called when it is open.
        on_closed: called when it is not any more.
    """

    answers_pings = False

    def __init__(
        self, on_open: Callable[[AudioSocketConnection], None], on_closed: Callable[[AudioSocketConnection], None]
    ) -> None:
        self._on_open, self._on_closed = on_open, on_closed
        self._transport: asyncio.Transport | None = None
        self._ended: asyncio.Future[Departure] = asyncio.get_running_loop().create_future()
        self._drained = asyncio.Event()
        self._drained.set()
        self.reading: LimitedReading | None = None
        """What is read of it; frames go to whoever takes its messages."""

    @classmethod
    def make_protocol(
        cls,
        limits: ReadLimits,
        on_open: Callable[[AudioSocketConnection], None],
        on_closed: Callable[[AudioSocketConnection], None],
    ) -> LimitedReading:
        """Make what a new connection is read with, no faster than the limits allow."""
        connection = cls(on_open, on_closed)
        loop = asyncio.get_running_loop()
        reading = connection.reading = LimitedReading(connection, limits, loop, frame_size=audiosocket_frame_size)
        reading.keep_messages(AudioSocketMessages())
        return reading

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # what waits is kept where the oldest of it can be dropped
        _notice_loss(self._transport.get_extra_info("socket"))
        self._on_open(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        if not self._ended.done():
            self._ended.set_result("left" if exc is None else "lost")
        self._drained.set()
        self._on_closed(self)

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._drained.clear()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._drained.set()

    @property
    def peer_address(self) -> str:
        """The address that it comes from, as text."""
        peer = None if self._transport is None else self._transport.get_extra_info("peername")
        return str(peer[0]) if peer else "unknown"

    @property
    def is_open(self) -> bool:
        """See `StreamConnection.is_open`."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def takes_all(self) -> bool:
        """See `Line.takes_all`."""
        return self.is_open and self._drained.is_set()

    async def read(self, take: Take) -> Departure:
        """Wait until the connection is lost: frames go to whoever takes the messages of its reading."""
        del take
        return await asyncio.shield(self._ended)

    def write(self, messages: Sequence[Message]) -> None:
        """See `Line.write`."""
        if self._transport is not None:
            self._transport.write(b"".join(message for message in messages if isinstance(message, bytes)))

    async def send(self, message: Message) -> None:
        """See `Line.send`."""
        if not self.is_open:
            raise ConnectionResetError("The connection is closed.")
        self.write([message])
        await self._drained.wait()

    def ping(self) -> None:
        """Nothing: AudioSocket has no ping."""

    async def close(self, code: int, reason: bytes) -> None:
        """Hang up, and wait until the client is gone. AudioSocket has no words for why, so the log has."""
        if self._transport is None:
            return
        if code not in (WSCloseCode.OK, WSCloseCode.GOING_AWAY):
            _log.warning("a call on AudioSocket from %s is ended: %s", self.peer_address, reason.decode())
        if self.is_open:
            self._transport.write(audiosocket_frame(HANG_UP))
            self._transport.close()
        await asyncio.shield(self._ended)

    def abort(self) -> None:
        """Drop the connection, with what was not sent yet."""
        if self._transport is not None:
            self._transport.abort()


def _notice_loss(connection: socket.socket | None) -> None:
    """Have the system find out, where it can, that a client is gone without a word."""
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wanted = {
        "TCP_USER_TIMEOUT": LOST_AFTER_SECONDS * 1000,
        "TCP_KEEPIDLE": LOST_AFTER_SECONDS // 2,
        "TCP_KEEPINTVL": LOST_AFTER_SECONDS // 2 // _PROBES,
        "TCP_KEEPCNT": _PROBES,
    }
    for name, value in wanted.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
