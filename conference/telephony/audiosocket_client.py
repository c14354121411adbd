"""The client's end of AudioSocket: one call over plain TCP, as Asterisk opens it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

from aiohttp import WSCloseCode

from conference.telephony.audiosocket_frames import HEADER_BYTES, audiosocket_frame_size
from conference.telephony.backpressure import LimitedReading, ReadLimits
from conference.telephony.connecting import CallError, host_and_port
from conference.telephony.dialect import Message
from conference.unreachable import reason


class AudioSocketStream:
    """An open connection. Satisfies `telephony.caller.CallConnection`.

    Args:
        reader: of it.
        writer: of it.
    """

    refusal: str | None = "the server hung up at once: it waits for no call with this UUID"
    """AudioSocket has no words for why a call is not taken."""

    closing_words = ""
    close_code: int | None = None
    """Of a lost connection, once it is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @property
    def closed(self) -> bool:
        """Nothing can be sent any more."""
        return self._writer.is_closing()

    async def receive_message(self) -> Message | None:
        """The next frame, with its header; ``None`` once the connection is over."""
        try:
            header = await self._reader.readexactly(HEADER_BYTES)
            size = audiosocket_frame_size(header, 0) or HEADER_BYTES
            return header + await self._reader.readexactly(size - HEADER_BYTES)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close_code = WSCloseCode.ABNORMAL_CLOSURE
            return None

    async def send(self, message: Message) -> None:
        """Send a frame, and wait until the other end takes it.

        Raises:
            ConnectionError: the connection is lost.
        """
        if isinstance(message, bytes):
            self._writer.write(message)
            await self._writer.drain()

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def open_audiosocket(url: str, limits: ReadLimits, seconds: float) -> AudioSocketStream:
    """Open a connection.

    Args:
        url: ``tcp://HOST:PORT``.
        limits: how much is read of it.
        seconds: how long that may take.

    Raises:
        CallError: there is no such server.
    """
    host, port = host_and_port(url)
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise CallError(f"{url} did not answer within {seconds:g} s.") from None
    except OSError as error:
        raise CallError(f"{url} cannot be reached: {reason(error)}.") from None
    transport = cast("asyncio.Transport", writer.transport)
    protocol = cast("asyncio.Protocol", transport.get_protocol())
    loop = asyncio.get_running_loop()
    transport.set_protocol(LimitedReading(protocol, limits, loop, transport, audiosocket_frame_size))
    return AudioSocketStream(reader, writer)
