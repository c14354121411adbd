"""A caller on a media WebSocket: Twilio's side of a media stream, played by a program."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Self

from conference.client.call_endings import ending_of
from conference.client.endings import DONE
from conference.public.errors import ConnectionLost
from conference.public.events import MAX_EVENTS, Event
from conference.public.given import check_text
from conference.public.inbox import Fan
from conference.public.line import MAX_HEARD_SECONDS, MAX_SAID_SECONDS, Line
from conference.telephony.caller import CallEnd, Caller, HungUp
from conference.telephony.connecting import CallError
from conference.telephony.dialect import Asked, ClearBuffer, Ignored
from conference.telephony.phone import Phone

HANG_UP_SECONDS = 3.0
"""A call that does not end within that when it is hung up is cut off."""


class PhoneCall(Line):
    """A call: hears what the server says through :meth:`frames`, and speaks through :meth:`push`.

    Made by :func:`call`. Use it as an async context manager, or call :meth:`dial` and :meth:`hang_up`. Sound is 48 kHz
    here, and 8 kHz mu-law on the wire, as with Twilio. What a server plays is buffered and played in real time, marks
    are answered when they are reached, and ``clear`` empties the buffer: a bot cannot tell it from Twilio.

    Attributes:
        call_sid: ``CA…``, as the server is told it.
        stream_sid: ``MZ…``.
    """

    def __init__(
        self,
        url: str,
        parameters: Mapping[str, str],
        *,
        verify: bool,
        headers: Mapping[str, str] | None,
        max_heard: float,
        max_said: float,
    ) -> None:
        super().__init__(max_heard, max_said)
        self._phone = Phone(parameters=parameters, on_asked=self._asked, on_mark=self._reached)
        self.call_sid = self._phone.identity.call_sid
        self.stream_sid = self._phone.identity.stream_sid
        self._encoder = self._phone.codec.make_encoder()
        self._decoder = self._phone.codec.make_decoder()
        self._caller = Caller(url, self._phone, speak=self._speak, hear=self._listen, headers=headers, ssl=verify)
        self._running: asyncio.Task[CallEnd] | None = None
        self._connected = asyncio.Event()
        self._hanging_up = False
        self._events: Fan[Event] = Fan(MAX_EVENTS)
        self._reason: str | None = None
        self._finished = asyncio.Event()
        self._number = 0
        self._now_ns = 0

    async def dial(self) -> None:
        """Place the call, and wait until it is connected. It can be placed once.

        Raises:
            CallError: there is no such server, or it does not take the call.
        """
        if self._running is not None or self._hanging_up:
            raise CallError("This call has been placed already: make another one.")
        self._running = running = asyncio.create_task(self._caller.run(), name=f"call {self.call_sid}")
        running.add_done_callback(self._done)
        connected = asyncio.create_task(self._connected.wait())
        try:
            await asyncio.wait({running, connected}, return_when=asyncio.FIRST_COMPLETED)
            if running.cancelled():
                raise CallError("The call was hung up before it was connected.")
            if running.done():
                running.result()
        except BaseException:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            raise
        finally:
            connected.cancel()

    async def hang_up(self) -> None:
        """End the call; takes a few seconds at most. Doing it twice does no harm."""
        self._hanging_up = True
        running = self._running
        if running is None and not self._over:  # it was never placed
            self._finish("hung up")
        if running is None or running.done():
            return
        try:
            if self._connected.is_set():
                await asyncio.wait({running}, timeout=HANG_UP_SECONDS)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.dial()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()

    def press(self, keys: str) -> None:
        """Press keys of the telephone, one every 20 ms.

        Args:
            keys: any of ``0-9 * # A-D``.

        Raises:
            CallError: there is something else among them.
        """
        try:
            self._caller.press(keys)
        except ValueError as error:
            raise CallError(str(error)) from None

    def events(self) -> AsyncIterator[Event]:
        """What the server asks for besides sound, from now on, until the call is over.

        ``mark`` with ``name``, when it is reached: what was said before it has been heard, or was cleared. ``clear``,
        when what was yet to be heard is thrown away. ``warning`` with ``text``: a message that Twilio would not take.
        """
        return self._events.subscribe()

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self._over

    async def ended(self) -> str:
        """Wait until the call is over. Returns why, for people to read."""
        await self._finished.wait()
        return self._reason or ""

    def _speak(self) -> bytes | None:
        self._connected.set()
        if self._hanging_up:
            raise HungUp
        self._now_ns = time.monotonic_ns()
        frame = self._pull(self._now_ns)
        return self._encoder.encode_silence() if frame is None else self._encoder.encode(frame)

    def _listen(self, payload: bytes) -> None:
        self._hear(self._decoder.decode(payload), self._number, self._now_ns)
        self._number += 1

    def _asked(self, asked: Asked) -> None:
        match asked:
            case ClearBuffer():
                self._events.put(Event("clear", {}))
            case Ignored(_, sentence):
                self._events.put(Event("warning", {"text": sentence}))

    def _reached(self, mark: str) -> None:
        self._events.put(Event("mark", {"name": mark}))

    def _done(self, running: asyncio.Task[CallEnd]) -> None:
        error: Exception | None = None
        if running.cancelled():
            reason = DONE.sentence
        elif running.exception() is not None:
            reason = str(running.exception())
            error = ConnectionLost(reason)
        else:
            end = running.result()
            ending = ending_of(end, been_in=True) if end.by_server else DONE.because(end.reason)
            reason = ending.sentence
            if ending.status:
                error = ConnectionLost(ending.told)
        self._finish(reason, error)

    def _finish(self, reason: str, error: Exception | None = None) -> None:
        self._reason = reason
        self._end(error)
        self._events.end()
        self._finished.set()


def call(
    url: str,
    *,
    name: str | None = None,
    parameters: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    verify: bool = True,
    max_heard: float = MAX_HEARD_SECONDS,
    max_said: float = MAX_SAID_SECONDS,
) -> PhoneCall:
    """A phone call without a phone: plays Twilio towards a media WebSocket, this server's or any bot's.

    ::

        async with conference.call("ws://127.0.0.1:8080/twilio/stream/standup", name="Ben") as phone:
            phone.push(samples)
            phone.press("1#")
            await phone.drain()

    Args:
        url: of the stream: ``ws://`` or ``wss://``.
        name: of the caller, as a parameter of the stream; ``None`` for none.
        parameters: more of them (``customParameters`` of Twilio's ``start``), such as ``token``.
        headers: of the WebSocket's handshake.
        verify: whether a ``wss`` server must have a certificate that this machine trusts.
        max_heard: seconds of frames that may wait for each reader; with more, the oldest go.
        max_said: seconds of pushed samples that may wait to be said; with more, `PhoneCall.push` raises `BufferFull`.

    Raises:
        ArgumentError: a parameter or a header is no text.
    """
    given = _texts(parameters or {}, "parameter") | ({} if name is None else _texts({"name": name}, "parameter"))
    headers = None if headers is None else _texts(headers, "header")
    return PhoneCall(url, given, verify=verify, headers=headers, max_heard=max_heard, max_said=max_said)


def _texts(given: Mapping[str, str], what: str) -> dict[str, str]:
    return {check_text(name, f"{what}'s name", str): check_text(one, what, str) for name, one in given.items()}
