"""One call out: somebody whom a room has called, from the moment they are called until they are gone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import WSCloseCode, WSMsgType

from conference.access.grants import Grant
from conference.ids import new_id
from conference.room.conference import Conference
from conference.room.events import DigitPressed, RoomEvent
from conference.room.participant import CallState, Departure, Participant, Transport
from conference.telephony.backpressure import FRAMES_AT_ONCE
from conference.telephony.connecting import CallError, Connecting, StreamSocket
from conference.telephony.dialect import Message
from conference.telephony.dialed import DialedLeg, DialedStats
from conference.telephony.long_messages import in_parts
from conference.web.joining.outgoing import Outgoing

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
"""Seconds before somebody who was lost is called again; each pause is twice the one before."""

_STEADY_SECONDS = 10.0
"""A connection that has lasted as long is one of its own, when it is lost."""

_GONE_FOR_NOW = (
    WSCloseCode.GOING_AWAY,
    WSCloseCode.INTERNAL_ERROR,
    WSCloseCode.SERVICE_RESTART,
    WSCloseCode.TRY_AGAIN_LATER,
)
"""How programs close a stream that they did not want to end."""

_CLOSE_SECONDS = 2.0
"""How long the goodbye may take."""

_CLOSED = aiohttp.WSMessage(WSMsgType.CLOSED, None, None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a room calls, and as what."""

    room: str
    url: str
    """Of their stream, or of their webhook."""

    name: str
    grant: Grant
    """What they may do there."""

    keys: bool = False
    """Whether they are told of the keys that others in the room press."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    webhook: bool = False
    """Whether they are asked by HTTP what to do."""

    reconnect: bool = False
    """Whether they are called again when their connection is lost."""

    interruptible: bool = False
    """Whether what they say breaks off when a person begins to talk."""


@dataclass(frozen=True, slots=True)
class End:
    """How a call came to its end."""

    reason: str
    departure: Departure
    code: int = WSCloseCode.OK


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long."""

    call: float
    """A call may last, in seconds."""

    reconnecting: float
    """Somebody whose connection is lost is called again, in seconds."""


class DialedCall:
    """Somebody who is called into a room.

    Args:
        wanted: who, and where to.
        leg: plays the provider towards them.
        conference: has the room.
        connecting: how they are reached.
        patience: how long the call may last, and how long they are called again.
    """

    transport: Transport = "twilio"
    prompted = False
    """Programs take what is said to people for talk."""

    def __init__(
        self,
        wanted: Wanted,
        leg: DialedLeg,
        conference: Conference,
        connecting: Connecting,
        patience: Patience,
    ) -> None:
        self.participant_id = new_id()
        self.room_name: str | None = None
        self.grant = wanted.grant
        self._wanted = wanted
        self._leg = leg
        self._conference = conference
        self._connecting = connecting
        self._patience = patience
        self._ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._socket: StreamSocket | None = None
        self._is_answered = False

    @property
    def is_person(self) -> bool:
        """Whether there is somebody who may want to go on talking: programs are called for the others."""
        return False

    @property
    def call_sid(self) -> str:
        """By what they know the call."""
        return self._leg.phone.identity.call_sid

    def stats(self) -> DialedStats:
        """The call in figures."""
        reading = None if self._socket is None else self._socket.reading
        held_back_ms = 0.0 if reading is None else round(reading.held_back_seconds * 1000, 1)
        return replace(self._leg.stats(), held_back_ms=held_back_ms)

    def tally(self) -> dict[str, int]:
        """What was counted so far, by name."""
        stats = self._leg.stats()
        return {
            "packets_in": stats.media_received,
            "packets_out": stats.media_sent,
            "lost_out": stats.outgoing_dropped_frames,
        }

    def join(self) -> Participant:
        """Put them into the room, where they are shown as being called.

        Raises:
            TooManyRooms, RoomFull, RoomLocked: there is no place for them.
        """
        sink = self._leg.sink if self.grant.allows("listen") else None
        participant = Participant(
            id=self.participant_id,
            name=self._wanted.name,
            transport=self.transport,
            joined_at=time.time(),
            source=self._leg.source if self.grant.allows("speak") else None,
            sink=sink,
            hang_up=self.hang_up,
            role=self.grant.joins_as,
            call="dialing",
            bot=True,
            interrupt=(lambda _: self._leg.interrupt()) if self._wanted.interruptible else None,
        )
        self._conference.join(self._wanted.room, participant)
        self.room_name = self._wanted.room
        return participant

    def hang_up(self, reason: str, code: int = WSCloseCode.OK) -> None:
        """End the call, in the background."""
        self._end(End(reason, "left", code))

    async def run(self) -> None:
        """The call, to its end. Never raises, unless cancelled."""
        end = End("the call failed", "failed", WSCloseCode.INTERNAL_ERROR)
        unfollow = self._conference.subscribe(self._wanted.room, self._take_note) if self._wanted.keys else None
        try:
            end = await self.place()
        except CallError as error:
            end = End(str(error), "lost")
        except Exception:
            _log.exception("room %s: the call of participant %s failed", self._wanted.room, self.participant_id)
        finally:
            if unfollow is not None:
                unfollow()
            self._leave(end)
            self._leg.on_output = None

    async def place(self) -> End:
        """Reach them and talk, to the end.

        Raises:
            CallError: they cannot be reached.
        """
        return await self._stream_kept(self._wanted.url, self._wanted.parameters)

    async def _stream_kept(self, url: str, parameters: Mapping[str, str]) -> End:
        """Open a stream and talk over it, to its end; and again, if it is lost, as long as that is asked for.

        Raises:
            CallError: it cannot be opened.
        """
        loop, lost_at, pause = asyncio.get_running_loop(), 0.0, _FIRST_PAUSE
        while True:
            began = loop.time()
            try:
                end = await self._stream(url)
            except CallError as error:
                if not lost_at or not error.passing:
                    raise
                end = End(str(error), "lost")
            else:
                if loop.time() - began > _STEADY_SECONDS:
                    lost_at, pause = 0.0, _FIRST_PAUSE
            if not self._comes_back(end):
                return end
            lost_at = lost_at or loop.time()
            if loop.time() + pause > lost_at + self._patience.reconnecting:
                return end
            self._leg.hung_up()
            self._set_state("dialing")
            await asyncio.wait({self._ended}, timeout=pause)
            if self._ended.done():
                return self._ended.result()
            pause = min(2 * pause, _LONGEST_PAUSE)
            self._leg.phone.restart(parameters)

    def _comes_back(self, end: End) -> bool:
        """Whether somebody is called again whose stream has ended so."""
        return self._wanted.reconnect and end.departure == "lost" and end.code == WSCloseCode.OK

    async def _stream(self, url: str) -> End:
        """Open a stream and talk over it, to its end.

        Raises:
            CallError: it cannot be opened.
        """
        self._socket = None
        async with self._connecting.session(url) as session:
            opening = asyncio.ensure_future(self._connecting.open(session, url))
            try:
                waited: set[asyncio.Future[Any]] = {opening, self._ended}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if self._ended.done():  # nobody has answered, and nobody waits any more
                    return self._ended.result()
                self._socket = socket = opening.result()
            finally:
                opening.cancel()
                await asyncio.wait({opening})
                if self._socket is None and not opening.cancelled() and opening.exception() is None:
                    opening.result().abort()  # answered in the same moment
            return await self._talk(socket)

    async def _talk(self, socket: StreamSocket) -> End:
        """Hold the call to its end, and say goodbye."""
        if socket.reading is not None:
            socket.reading.on_flood = self._flooded
        outgoing = Outgoing(socket, self._leg.take_output)
        self._leg.on_output = outgoing.write
        self._answered()
        receiving, sending = asyncio.ensure_future(self._receive(socket)), asyncio.ensure_future(outgoing.run())
        tasks: set[asyncio.Future[Any]] = {receiving, sending}
        end = End("the call has lasted as long as it may", "ended")
        try:
            await asyncio.wait({*tasks, self._ended}, timeout=self._patience.call, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                end = self._ended.result()
            elif receiving.done():
                end = receiving.result()
            elif sending.done():
                end = End("the connection was lost", "lost")
            return end
        finally:
            self._leg.source.reader.stop()
            if socket.reading is not None:
                socket.reading.take_messages(_nobody_takes)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._stream_is_over(end)
            await self._say_goodbye(socket, end)

    async def _say_goodbye(self, socket: StreamSocket, end: End) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if not socket.closed:
                    for message in self._leg.phone.closing():
                        await socket.send(message)
                await socket.close(code=end.code)
        except (TimeoutError, ConnectionError, aiohttp.ClientError):
            pass
        finally:
            socket.abort()  # if they do not take it: nothing waits for them

    async def _receive(self, socket: StreamSocket) -> End:
        """Take what comes, until nothing does any more."""
        number = 0
        async for message in self._messages(socket):
            number += 1
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            for place, part in enumerate(in_parts(message.data)):
                if place:
                    await asyncio.sleep(0)
                self._leg.receive(part)
            if (end := self._end_of_leg()) is not None:
                return end
            if number % FRAMES_AT_ONCE == 0:
                await asyncio.sleep(0)  # receive() gives what is here already without a turn for anybody else
        if message.type is WSMsgType.CLOSE and not (self._wanted.reconnect and message.data in _GONE_FOR_NOW):
            return End("hung up", "left")
        if socket.close_code == WSCloseCode.MESSAGE_TOO_BIG:
            return End("a message was larger than is taken", "lost", WSCloseCode.MESSAGE_TOO_BIG)
        return End("the connection was lost", "lost")

    async def _messages(self, socket: StreamSocket) -> AsyncIterator[aiohttp.WSMessage]:
        """All that comes, but for short texts that come after the handshake: those are taken at once."""
        if socket.reading is not None:
            with suppress(TimeoutError):
                while True:
                    async with asyncio.timeout(0):  # what came with the handshake is here
                        message = await _next(socket)
                    yield message
            socket.reading.take_messages(self._take)
            self._leg.source.reader.reading = socket.reading
        while True:
            yield await _next(socket)

    def _take(self, message: Message) -> None:
        """Take a short message at once, without waking a task for it."""
        if self._ended.done():
            return
        try:
            self._leg.receive(message)
        except Exception:  # of ours: what is wrong with a message is a warning
            _log.exception("the call of participant %s failed", self.participant_id)
            self._end(End("the call failed", "failed", WSCloseCode.INTERNAL_ERROR))
        if (end := self._end_of_leg()) is not None:
            self._end(end)

    def _end_of_leg(self) -> End | None:
        """How the call ends by what was received last, if it does."""
        if self._leg.stuck:
            return End("it takes none of the answers that it asks for", "lost", WSCloseCode.POLICY_VIOLATION)
        return End("hung up", "left") if self._leg.phone.hung_up else None

    def _stream_is_over(self, end: End) -> None:
        """Whoever was called is gone with their stream, unless they are called again."""
        if not self._comes_back(end):
            self._leave(end)

    def _answered(self) -> None:
        self._leg.answered()
        self._set_answered()

    def _set_answered(self) -> None:
        self._set_state("answered")

    def _set_state(self, state: CallState) -> None:
        self._is_answered = state == "answered"
        room = self._conference.get(self._wanted.room)
        if room is not None and self.participant_id in room.participants:
            room.set_call_state(self.participant_id, state)

    def _take_note(self, event: RoomEvent) -> None:
        if isinstance(event, DigitPressed) and event.participant_id != self.participant_id:
            self._leg.press(event.digit)

    def _flooded(self) -> None:
        self._end(End("far more was sent than is read, for too long", "lost", WSCloseCode.POLICY_VIOLATION))

    def _end(self, end: End) -> None:
        if not self._ended.done():
            self._ended.set_result(end)

    def _leave(self, end: End) -> None:
        if self.room_name is not None:
            room_name, self.room_name = self.room_name, None
            self._conference.leave(room_name, self.participant_id, end.reason, end.departure)


def _nobody_takes(_: Message) -> None:
    """The call is over: what still comes is dropped."""


async def _next(socket: StreamSocket) -> aiohttp.WSMessage:
    """What comes next; that the socket is closed, where it breaks just now, while a ping is answered."""
    try:
        return await socket.receive()
    except (ConnectionError, aiohttp.ClientError):
        return _CLOSED
