"""One client's connection while it is served: what is sent over it, whether the client is still there, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from conference.telephony.backpressure import LimitedReading
from conference.telephony.dialect import Message
from conference.web.joining.heartbeat import Heartbeat
from conference.web.joining.outgoing import Outgoing
from conference.web.joining.stream_connection import StreamConnection

HEARTBEAT_SECONDS = 20.0
"""A client that has sent nothing for so long is asked whether it is still there, and given half as long to say so."""

_MAX_REASON_BYTES = 123
"""What a close frame has room for (RFC 6455, section 5.5)."""


class ClientLine:
    """Serves one connection.

    Args:
        connection: of the client.
        take: takes what there is to be sent.
        close_timeout: seconds that the client may take to say goodbye.
        abort: drops the connection; what was not sent yet is lost.
    """

    def __init__(
        self,
        connection: StreamConnection,
        take: Callable[[], Sequence[Message]],
        *,
        close_timeout: float,
        abort: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._outgoing = Outgoing(connection, take)
        self._close_timeout = close_timeout
        self._abort = abort
        self._reading: LimitedReading | None = None
        self._heartbeat: Heartbeat | None = None
        self._sending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def ends(self) -> bool:
        """Whether its end has begun."""
        return self._closing is not None

    @property
    def held_back_ms(self) -> float:
        """For how long nothing was read of the connection, because more came than its limits allow."""
        return 0.0 if self._reading is None else round(self._reading.held_back_seconds * 1000, 1)

    def start(self, reading: LimitedReading | None, on_flood: Callable[[], None]) -> None:
        """Send what is to be sent from now on, and ask the client now and then whether it is still there.

        Args:
            reading: what is read of the connection; ``None`` if it is lost already.
            on_flood: called when the client goes on sending more than the limits allow.
        """
        self._reading = reading
        if reading is not None:
            reading.on_flood = on_flood
        if self._connection.answers_pings:
            self._heartbeat = Heartbeat(HEARTBEAT_SECONDS, self._received, self._ping, self._abort)
        self._sending = asyncio.create_task(self._outgoing.run(), name="client send")

    async def stop(self) -> None:
        """Nothing is read any more: send no more either, and wait until the end that has begun is over, if any has."""
        if self._heartbeat is not None:
            self._heartbeat.stop()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        await self.closed()

    def write(self) -> None:
        """There is something to send."""
        if self._closing is None and self._connection.is_open:
            self._outgoing.write()

    def end(self, code: int, reason: str) -> None:
        """Close the connection, in the background."""
        if self._closing is None:
            message = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore").encode()
            self._closing = asyncio.create_task(self._close(code, message), name="client close")

    async def closed(self) -> None:
        """Wait, after :meth:`end`, until the connection is closed, or until a timeout has passed."""
        if self._closing is not None:
            await asyncio.wait([self._closing])

    async def _close(self, code: int, message: bytes) -> None:
        try:
            async with asyncio.timeout(self._close_timeout):
                await self._connection.close(code, message)
        except (TimeoutError, asyncio.CancelledError):
            # The client reads nothing any more, so our close frame would wait for ever. All who wait to write wait for
            # one future of aiohttp's: when aiohttp cancels its ping meanwhile, that future is cancelled, and this.
            self._abort()

    def _received(self) -> int:
        return 0 if self._reading is None else self._reading.received

    def _ping(self) -> None:
        if self._closing is None and self._connection.is_open:
            self._connection.ping()
