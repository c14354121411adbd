"""A call over a real WebSocket: drives a :class:`~conference.telephony.phone.Phone` in real time, to its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Literal

import aiohttp

from conference.audio.frame import TICK_NS
from conference.telephony.backpressure import ReadLimits, limit_reading
from conference.telephony.phone import Phone
from conference.telephony.settings import CallerSettings
from conference.telephony.twilio.messages import DIGITS, MAX_SERVER_CHARS
from conference.unreachable import reason

MAX_BEHIND_TICKS = 50
"""After a pause of this process longer than that, the call goes on from now instead of hurrying after."""

DEFAULT_SETTINGS = CallerSettings()


class CallError(Exception):
    """A call cannot be placed; the text is a sentence for people.

    Args:
        text: the sentence.
        status: of the HTTP response that refused it; 0 if there was none.
        retry_after: seconds after which the server wants to be asked again; 0 if it does not say.
    """

    def __init__(self, text: str, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same call may well be taken later."""
        return self.status in (0, 408, 429) or self.status >= 500


class HungUp(Exception):
    """Raised by a caller's ``speak`` to end the call."""


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended."""

    by_server: bool
    """The server closed the socket, or was lost."""
    code: int | None
    """The server's close code (RFC 6455 section 7.4); ``None`` if we ended the call."""
    reason: str


class _LimitedSocket(aiohttp.ClientWebSocketResponse[Literal[True]]):
    """Reads no more than :attr:`limits` of what the server sends, whatever it is."""

    limits: ReadLimits

    def __init__(
        self, reader: Any, writer: Any, protocol: str | None, response: aiohttp.ClientResponse, *args: Any, **more: Any
    ) -> None:
        super().__init__(reader, writer, protocol, response, *args, **more)
        transport = None if response.connection is None else response.connection.transport
        if transport is not None:
            limit_reading(transport, self.limits)


def _socket_with(settings: CallerSettings) -> type[_LimitedSocket]:
    """The class of a socket with these limits: aiohttp makes it, and begins to read at once."""
    limits = ReadLimits(settings.max_bytes_per_second, settings.max_frames_per_second)
    return type("_LimitedSocket", (_LimitedSocket,), {"limits": limits})


class Caller:
    """Places one call.

    Args:
        url: the stream's address, ``ws://`` or ``wss://``.
        phone: who calls, and what they hear.
        speak: asked every 20 ms for 160 bytes of mu-law; ``None`` is silence; raises :class:`HungUp` to end.
        hear: told every 20 ms what the phone played, 160 bytes of mu-law.
        handshake_seconds: bots answer the handshake only once their model is up, so this is generous.
        headers: of the handshake.
        ssl: how to verify a ``wss`` server; ``False`` for not at all.
        settings: how much is read of the server.
        clock: monotonic nanoseconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        url: str,
        phone: Phone,
        *,
        speak: Callable[[], bytes | None] = lambda: None,
        hear: Callable[[bytes], None] = lambda _: None,
        handshake_seconds: float = 20.0,
        headers: Mapping[str, str] | None = None,
        ssl: SSLContext | bool = True,
        settings: CallerSettings = DEFAULT_SETTINGS,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = url
        self.phone = phone
        self._speak = speak
        self._hear = hear
        self._handshake_seconds = handshake_seconds
        self._headers = dict(headers or {})
        self._ssl = ssl
        self._socket_class = _socket_with(settings)
        self._clock = clock
        self._sleep = sleep
        self._digits: list[str] = []
        self._farewell = ""

    def press(self, digits: str) -> None:
        """Press keys; they are sent with the next ticks, one each.

        Raises:
            ValueError: not one of ``0-9 * # A-D``.
        """
        for digit in digits:
            if digit not in DIGITS:  # refused here rather than in the middle of the call
                raise ValueError(f"{digit!r} is not a key: only 0-9, *, #, A-D are.")
        self._digits += digits

    async def run(self) -> CallEnd:
        """The whole call: connect, talk, hang up. Cancelling it hangs up too.

        Raises:
            CallError: there is no such server, or it does not take the call.
        """
        async with aiohttp.ClientSession(ws_response_class=self._socket_class) as session:
            socket = await self._connect(session)
            try:
                return await self._talk(socket)
            finally:
                await self._hang_up(socket)

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(self._handshake_seconds):
                return await session.ws_connect(
                    self.url, headers=self._headers, ssl=self._ssl, max_msg_size=MAX_SERVER_CHARS, compress=0
                )
        except TimeoutError:
            raise CallError(f"{self.url} did not answer within {self._handshake_seconds:g} s.") from None
        except aiohttp.WSServerHandshakeError as error:
            after = error.headers.get("Retry-After", "") if error.headers else ""
            seconds = float(after) if after.isascii() and after.isdigit() and len(after) < 6 else 0.0
            raise CallError(_handshake_sentence(self.url, error), error.status, seconds) from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise CallError(f"{self.url!r} is not a WebSocket address like ws://host:8080/twilio/stream.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise CallError(f"{self.url} cannot be reached: {reason(error)}.") from None

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> CallEnd:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # then its close is read below
            for text in self.phone.opening():
                await socket.send_str(text)
        receiving = asyncio.ensure_future(self._receive(socket))
        sending = asyncio.ensure_future(self._send(socket))
        try:
            done, _ = await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
            if receiving not in done and sending.result():
                return CallEnd(by_server=False, code=None, reason="hung up")
            with contextlib.suppress(TimeoutError):  # a lost socket: its close is about to be read
                async with asyncio.timeout(1.0):
                    await receiving
            return CallEnd(
                by_server=True, code=socket.close_code, reason=self._farewell or _close_sentence(socket.close_code)
            )
        finally:
            for task in (receiving, sending):
                task.cancel()
            await asyncio.gather(receiving, sending, return_exceptions=True)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while True:
                message = await socket.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    for echo in self.phone.receive_text(message.data):
                        await socket.send_str(echo)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    self.phone.receive_binary()
                else:
                    break
            self._farewell = _printable(message.extra) if message.type is aiohttp.WSMsgType.CLOSE else ""

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        """Say something every 20 ms; whether it was this side that ended the call."""
        deadline = self._clock()
        while True:
            try:
                frame = self._speak()
            except HungUp:
                return True
            tick = self.phone.tick(frame)
            self._hear(tick.heard)
            try:
                for text in tick.messages:
                    await socket.send_str(text)
                if self._digits:
                    await socket.send_str(self.phone.press(self._digits.pop(0)))
            except (ConnectionError, aiohttp.ClientError):
                return False
            deadline += TICK_NS
            late = self._clock() - deadline
            if late > MAX_BEHIND_TICKS * TICK_NS:
                deadline += late
            await self._sleep(max(0, -late) / 1e9)

    async def _hang_up(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError, aiohttp.ClientError):
            async with asyncio.timeout(2.0):
                if not socket.closed:
                    for text in self.phone.closing():
                        await socket.send_str(text)
                await socket.close()


def _handshake_sentence(url: str, error: aiohttp.WSServerHandshakeError) -> str:
    if error.status == 101 or error.status == 200:
        return f"{url} is there, but no WebSocket."
    reason = f" ({error.headers['Retry-After']} s)" if error.headers and "Retry-After" in error.headers else ""
    known = {401: "asks for a login", 403: "forbids this call", 404: "has no such stream", 429: "is called too often"}
    known |= {503: "takes no calls at the moment"}
    return f"{url} {known.get(error.status, 'does not take the call')}: HTTP status {error.status}{reason}."


def _printable(text: object) -> str:
    """What a server said, as it can be shown on a terminal."""
    return "".join(one for one in text if one.isprintable()) if isinstance(text, str) else ""


def _close_sentence(code: int | None) -> str:
    known = {
        1000: "the server ended the call",
        1001: "the server is going away",
        1003: "the server does not take this kind of stream",
        1006: "the connection was lost",
        1008: "the server does not allow this",
        1009: "a message was too big",
        1011: "the server had an error",
    }
    return known.get(code or 1006, f"the server closed the connection with code {code}")
