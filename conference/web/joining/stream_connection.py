"""What carries the messages of one media stream: a WebSocket, or whatever else a provider of calls uses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Protocol

from aiohttp import WSMsgType, web

from conference.room.participant import Departure
from conference.telephony.backpressure import FRAMES_AT_ONCE
from conference.telephony.connecting import send_message
from conference.telephony.dialect import Message
from conference.telephony.websocket_frames import PING, kind_and_payload, server_frame
from conference.web.joining.outgoing import Line

Take = Callable[[Message, int], None]
"""Takes a message, and the monotonic time at which it came, in nanoseconds."""

_ENDED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
"""The last message of a socket: a close frame of the client or of ours, or none because the connection is gone."""


class StreamConnection(Line, Protocol):
    """Carries messages both ways until it is closed."""

    @property
    def is_open(self) -> bool:
        """It has not begun to close."""
        ...

    @property
    def answers_pings(self) -> bool:
        """The client can be asked whether it is still there: whoever says nothing to that is lost."""
        ...

    async def read(self, take: Take) -> Departure:
        """Hand on messages until the last one. Returns why there are no more."""
        ...

    def ping(self) -> None:
        """Ask the client for a sign of life."""
        ...

    async def close(self, code: int, reason: bytes) -> None:
        """Say goodbye, and wait until the client is gone.

        Args:
            code: of RFC 6455, section 7.4.1.
            reason: a sentence, in UTF-8.
        """
        ...


class WebSocketConnection:
    """A WebSocket.

    Args:
        socket: prepared.
        transport: of it; ``None`` if it is lost already.
    """

    answers_pings = True

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._socket = socket
        self._transport = transport

    @property
    def is_open(self) -> bool:
        """See `StreamConnection.is_open`."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def takes_all(self) -> bool:
        """See `Line.takes_all`."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and not transport.get_write_buffer_size()

    async def read(self, take: Take) -> Departure:
        """See `StreamConnection.read`."""
        for number in count(1):
            message = await self._socket.receive()
            if message.type in _ENDED:
                break
            now_ns = time.monotonic_ns()
            if message.type is WSMsgType.PING:
                try:
                    await self._socket.pong(message.data)
                except ConnectionError:  # it breaks just now, or is being closed
                    return "lost"
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                take(message.data, now_ns)
            if number % FRAMES_AT_ONCE == 0:
                await asyncio.sleep(0)  # receive() gives what has come already without letting anybody have a turn
        return "left" if message.type is WSMsgType.CLOSE else "lost"

    def write(self, messages: Sequence[Message]) -> None:
        """See `Line.write`."""
        if self._transport is not None:
            frames = [server_frame(*kind_and_payload(message)) for message in messages]
            self._transport.write(b"".join(frames))  # at once: each write is a system call

    async def send(self, message: Message) -> None:
        """See `Line.send`."""
        await send_message(self._socket, message)

    def ping(self) -> None:
        """See `StreamConnection.ping`."""
        if self._transport is not None:
            self._transport.write(server_frame(PING))

    async def close(self, code: int, reason: bytes) -> None:
        """See `StreamConnection.close`."""
        await self._socket.close(code=code, message=reason)
