"""One open Twilio-compatible WebSocket: pumps messages between the socket and its leg in a room."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from aiohttp import WSCloseCode, WSMsgType, web

from conference.access.grants import EVERYTHING, Grant
from conference.ids import new_id
from conference.room.conference import Conference, check_room_name
from conference.room.errors import InvalidRoomName, RoomFull, RoomLocked, TooManyRooms
from conference.room.participant import Participant
from conference.twilio.leg import Digit, LegEvent, LegStats, Refused, Started, Stopped, TwilioLeg, Warned
from conference.web.admitted import NotAdmitted, PinNeeded

Admit: TypeAlias = Callable[[str, Mapping[str, str]], Grant | PinNeeded]

_log = logging.getLogger(__name__)

_MAX_REASON_BYTES = 123
"""What a close frame has room for (RFC 6455, section 5.5)."""


class Call:
    """A caller, from the handshake until they have hung up.

    Args:
        socket: prepared.
        leg: of this stream.
        conference: where the caller wants to go.
        admit: what a caller may do in a room, given the stream's parameters; raises :class:`NotAdmitted`.
        start_timeout: seconds that the client may take to say ``start``.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        leg: TwilioLeg,
        conference: Conference,
        admit: Admit,
        *,
        start_timeout: float,
    ) -> None:
        self._socket = socket
        self._leg = leg
        self._conference = conference
        self._admit = admit
        self._start_timeout = start_timeout
        self._output = asyncio.Event()
        self._closing: asyncio.Task[bool] | None = None
        self.participant_id = new_id()
        self.room_name: str | None = None
        """Where the caller is; ``None`` before the stream has started."""
        self.grant: Grant = EVERYTHING
        """What the caller may do there."""

    def stats(self) -> LegStats:
        """The stream in figures."""
        return self._leg.stats(time.monotonic_ns())

    async def run(self) -> None:
        """Serve the call to its end."""
        self._leg.sink.on_output = self._output.set
        sending = asyncio.create_task(self._send(), name="twilio send")
        late = asyncio.get_running_loop().call_later(self._start_timeout, self._not_started)
        try:
            await self._receive()
        finally:
            late.cancel()
            sending.cancel()
            self._leave("hung up")
            await asyncio.wait([sending])
            await self.closed()

    def end(self, code: int, reason: str) -> None:
        """Take the caller out of the room and close the socket, in the background."""
        self._leave(reason)
        if self._closing is None:
            message = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore").encode()
            self._closing = asyncio.create_task(self._socket.close(code=code, message=message), name="twilio close")

    async def closed(self) -> None:
        """Wait until the socket is closed, after :meth:`end`; its own timeout bounds that."""
        if self._closing is not None:
            await asyncio.wait([self._closing])

    async def _receive(self) -> None:
        async for message in self._socket:
            now_ns = time.monotonic_ns()
            if message.type is WSMsgType.TEXT:
                events = self._leg.receive_text(message.data, now_ns)
            elif message.type is WSMsgType.BINARY:
                events = self._leg.receive_binary(len(message.data), now_ns)
            else:
                continue
            for event in events:
                self._handle(event)

    async def _send(self) -> None:
        try:
            while True:
                await self._output.wait()
                self._output.clear()
                for text in self._leg.take_output(time.monotonic_ns()):
                    await self._socket.send_str(text)
        except ConnectionError:
            pass  # the client went; the receiving side sees it too

    def _handle(self, event: LegEvent) -> None:
        match event:
            case Started():
                self._join(event)
            case Digit(digit):
                room = None if self.room_name is None else self._conference.get(self.room_name)
                if room is not None:
                    room.press_digit(self.participant_id, digit)
            case Warned(sentence):
                _log.warning("stream %s: %s", self.participant_id, sentence)
            case Stopped():
                self.end(WSCloseCode.OK, "hung up")
            case Refused(code, reason):
                _log.warning("stream %s refused: %s", self.participant_id, reason)
                self.end(code, reason)

    def _join(self, started: Started) -> None:
        if started.room is None:
            self.end(WSCloseCode.POLICY_VIOLATION, "Name a room in the URL's path or in customParameters.room.")
            return
        try:
            room = check_room_name(started.room)
            grant = self._admit(room, started.parameters)
        except (InvalidRoomName, NotAdmitted) as error:
            self.end(WSCloseCode.POLICY_VIOLATION, str(error))
            return
        if isinstance(grant, PinNeeded):
            self._ask_pin(room, started)
        else:
            self._enter(room, started, grant)

    def _ask_pin(self, room: str, started: Started) -> None:
        """The caller has nothing to show, and the room has a PIN."""
        self.end(WSCloseCode.POLICY_VIOLATION, f"Room {room} has a PIN: this call brings no token for it.")

    def _enter(self, room: str, started: Started, grant: Grant) -> None:
        """Let the caller into a room with what they were granted, or end the call with the reason why not."""
        self.grant = grant
        participant = Participant(
            id=self.participant_id,
            name=started.name,
            transport="twilio",
            joined_at=time.time(),
            source=self._leg.source,
            sink=self._leg.sink if grant.allows("listen") else None,
            hang_up=lambda reason: self.end(WSCloseCode.OK, reason),
            role=grant.joins_as,
            identity=grant.identity,
        )
        try:
            self._conference.join(room, participant)
        except RoomLocked as error:
            self.end(WSCloseCode.POLICY_VIOLATION, str(error))
        except (RoomFull, TooManyRooms) as error:
            self.end(WSCloseCode.TRY_AGAIN_LATER, str(error))
        else:
            self.room_name = room

    def _leave(self, reason: str) -> None:
        if self.room_name is not None:
            room_name, self.room_name = self.room_name, None
            self._conference.leave(room_name, self.participant_id, reason)

    def _not_started(self) -> None:
        if self.room_name is None:
            self.end(WSCloseCode.POLICY_VIOLATION, 'No "start" message came in time.')
