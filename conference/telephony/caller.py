"""A call over a real WebSocket: drives a :class:`~conference.telephony.phone.Phone` in real time, to its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ssl import SSLContext
from typing import Protocol

import aiohttp

from conference.audio.frame import TICK_NS
from conference.telephony.audiosocket_client import open_audiosocket
from conference.telephony.backpressure import ReadLimits
from conference.telephony.connecting import Connecting
from conference.telephony.dialect import Message
from conference.telephony.fields import DIGITS
from conference.telephony.phone import Phone
from conference.telephony.settings import CallerSettings

MAX_BEHIND_TICKS = 50
"""After a pause of this process longer than that, the call goes on from now instead of hurrying after."""

DEFAULT_SETTINGS = CallerSettings()


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


class CallConnection(Protocol):
    """What a call goes over: a WebSocket, or whatever else the provider that is played uses."""

    refusal: str | None
    """Why a call was hung up on at once, where the protocol has no words for that."""

    closing_words: str
    """What the server has said as it closed."""

    @property
    def closed(self) -> bool:
        """Nothing can be sent any more."""
        ...

    @property
    def close_code(self) -> int | None:
        """How the server has closed it (RFC 6455, section 7.4)."""
        ...

    async def receive_message(self) -> Message | None:
        """The next message; ``None`` once there are no more.

        Raises:
            ConnectionError, aiohttp.ClientError: the connection breaks just now.
        """
        ...

    async def send(self, message: Message) -> None:
        """Send a message, and wait until the server takes it.

        Raises:
            ConnectionError, aiohttp.ClientError: the connection is lost.
        """
        ...

    async def close(self) -> object:
        """Say goodbye."""
        ...


class Caller:
    """Places one call.

    Args:
        url: the stream's address, ``ws://`` or ``wss://``; for AudioSocket, ``tcp://``.
        phone: who calls, and what they hear.
        speak: asked every 20 ms for a frame in the phone's codec; ``None`` is silence; raises :class:`HungUp` to end.
        hear: told every 20 ms what the phone played, a frame in its codec.
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
        self._connecting = Connecting(
            ReadLimits(settings.max_bytes_per_second, settings.max_frames_per_second),
            settings.max_message_bytes,
            handshake_seconds,
            ssl,
            headers=dict(headers or {}),
            protocols=phone.dialect.subprotocols,
        )
        self._clock = clock
        self._sleep = sleep
        self._digits: list[str] = []

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
        if self.url.startswith("tcp://"):
            connecting = self._connecting
            return await self._hold(await open_audiosocket(self.url, connecting.limits, connecting.handshake_seconds))
        async with self._connecting.session(self.url) as session:
            return await self._hold(await self._connecting.open(session, self.url))

    async def _hold(self, socket: CallConnection) -> CallEnd:
        try:
            return await self._talk(socket)
        finally:
            await self._hang_up(socket)

    async def _talk(self, socket: CallConnection) -> CallEnd:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # then its close is read below
            for message in self.phone.opening():
                await socket.send(message)
        receiving = asyncio.ensure_future(self._receive(socket))
        sending = asyncio.ensure_future(self._send(socket))
        try:
            done, _ = await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
            if receiving not in done and sending.result():
                return CallEnd(by_server=False, code=None, reason="hung up")
            if self.phone.hung_up and socket.refusal is not None and not self.phone.media_received:
                return CallEnd(by_server=True, code=aiohttp.WSCloseCode.POLICY_VIOLATION, reason=socket.refusal)
            if self.phone.hung_up:
                return CallEnd(by_server=True, code=aiohttp.WSCloseCode.OK, reason="the server ended the call")
            with contextlib.suppress(TimeoutError):  # a lost socket: its close is about to be read
                async with asyncio.timeout(1.0):
                    await receiving
            return CallEnd(
                by_server=True,
                code=socket.close_code,
                reason=_printable(socket.closing_words) or _close_sentence(socket.close_code),
            )
        finally:
            for task in (receiving, sending):
                task.cancel()
            await asyncio.gather(receiving, sending, return_exceptions=True)

    async def _receive(self, socket: CallConnection) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while (message := await socket.receive_message()) is not None:
                for echo in self.phone.receive(message):
                    await socket.send(echo)
                if self.phone.hung_up:
                    return

    async def _send(self, socket: CallConnection) -> bool:
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
                for message in tick.messages:
                    await socket.send(message)
                if self._digits and (key := self.phone.press(self._digits.pop(0))) is not None:
                    await socket.send(key)
            except (ConnectionError, aiohttp.ClientError):
                return False
            deadline += TICK_NS
            late = self._clock() - deadline
            if late > MAX_BEHIND_TICKS * TICK_NS:
                deadline += late
            await self._sleep(max(0, -late) / 1e9)

    async def _hang_up(self, socket: CallConnection) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError, aiohttp.ClientError):
            async with asyncio.timeout(2.0):
                if not socket.closed:
                    for message in self.phone.closing():
                        await socket.send(message)
                await socket.close()


def _printable(text: str) -> str:
    """What a server said, as it can be shown on a terminal."""
    return "".join(one for one in text if one.isprintable())


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
