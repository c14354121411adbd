"""One open media stream: carries messages between its connection and its leg, before and after the join."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from aiohttp import WSCloseCode

from conference.access.grants import EVERYTHING, Grant
from conference.attendant.pin_prompt import Answer, PinPrompt
from conference.attendant.settings import AttendantSettings
from conference.engine.connections import ConnectionRegistry
from conference.ids import new_id
from conference.room.conference import Conference, check_room_name
from conference.room.errors import InvalidRoomName, RoomFull, RoomLocked, TooManyRooms
from conference.room.participant import Departure, Participant, Sink, Source, Transport
from conference.telephony.backpressure import LimitedReading
from conference.telephony.dialect import Message
from conference.telephony.leg import Digit, Leg, LegEvent, LegStats, Refused, Started, Stopped, Warned
from conference.web.joining.admitted import NotAdmitted, PinNeeded, TooManyCalls
from conference.web.joining.client_line import ClientLine
from conference.web.joining.dialed_phone import DIALED, DialedPhone
from conference.web.joining.stream_connection import StreamConnection

Admit: TypeAlias = Callable[[str, Mapping[str, str]], Grant | PinNeeded]
CheckPin: TypeAlias = Callable[[str, str, Mapping[str, str]], Grant | None]
MakePinPrompt: TypeAlias = Callable[[Source | None, Sink], PinPrompt]

_log = logging.getLogger(__name__)

PROMPTS_PARAMETER = "prompts"
"""Where a stream's ``customParameters`` say whether the caller is told what happens: ``on`` or ``off``."""

_LAST_WORDS = {"ended": "ended", "removed": "removed"}
"""What the close frame says to callers who were sent away, by the kind of departure."""


class Call:
    """A caller, from the handshake until they have hung up.

    Args:
        connection: of this stream.
        leg: of this stream.
        conference: where the caller wants to go.
        admit: what a caller may do in a room, given the stream's parameters; raises :class:`NotAdmitted`.
        check_pin: what a caller may do in a room who keys in a PIN, given the stream's parameters; ``None`` if it is
            not the PIN; raises :class:`NotAdmitted` if no PIN is looked at any more.
        make_pin_prompt: makes the place where a caller is spoken to who is not in a room.
        let_in: is told that the caller is about to enter a room; raises :class:`TooManyCalls`.
        find_dialed: the telephone call that a stream's parameters say it is of, if that is waited for in a room.
        registry: of all connections.
        attendant: how callers are looked after.
        start_timeout: seconds that the client may take to say ``start``.
        close_timeout: seconds that it may take to say goodbye.
        abort: drops the connection; what was not sent yet is lost.
        reading: what is read of the connection; ``None`` if it is lost already.
    """

    def __init__(
        self,
        connection: StreamConnection,
        leg: Leg,
        conference: Conference,
        admit: Admit,
        check_pin: CheckPin,
        make_pin_prompt: MakePinPrompt,
        let_in: Callable[[], None],
        find_dialed: Callable[[str, str], DialedPhone | None],
        registry: ConnectionRegistry,
        *,
        attendant: AttendantSettings,
        start_timeout: float,
        close_timeout: float,
        abort: Callable[[], None],
        reading: LimitedReading | None,
    ) -> None:
        self._connection = connection
        self._leg = leg
        self._conference = conference
        self._admit = admit
        self._check_pin = check_pin
        self._pin_prompt = make_pin_prompt(leg.source, leg.sink)
        self._let_in = let_in
        self._find_dialed = find_dialed
        self._registry = registry
        self._dialed: DialedPhone | None = None  # whose stream this is, if the room has called them
        self._attendant = attendant
        self._start_timeout = start_timeout
        self._reading = reading
        self._started: Started | None = None
        self._pressed = False  # a key: there is a person, with a telephone
        self._line = ClientLine(
            connection, lambda: leg.take_output(time.monotonic_ns()), close_timeout=close_timeout, abort=abort
        )
        self.transport: Transport = leg.dialect.name
        self.placed_by: tuple[str, ...] = ()
        """The servers whose rooms this call comes from, if any."""

        self.participant_id = new_id()
        self.room_name: str | None = None
        """Where the caller is; ``None`` before the stream has started."""
        self.grant: Grant = EVERYTHING
        """What the caller may do there."""

    @property
    def prompted(self) -> bool:
        """Whether the caller is told what happens to them.

        A voice bot would take prompts for talk. So a caller whose stream does not ask for prompts hears none until they
        press a key.
        """
        if not self._attendant.phone_prompts or self._started is None:
            return False
        wanted = self._started.parameters.get(PROMPTS_PARAMETER)
        return wanted == "on" or (wanted != "off" and self._pressed)

    def stats(self) -> LegStats:
        """How the stream does, in figures."""
        return replace(self._leg.stats(time.monotonic_ns()), held_back_ms=self._line.held_back_ms)

    def tally(self) -> dict[str, int]:
        """What was counted so far, by name."""
        stats = self._leg.stats(time.monotonic_ns())
        return {
            "packets_in": stats.media_received,
            "packets_out": stats.media_sent,
            "lost_in": stats.incoming_dropped_frames,
            "lost_out": stats.outgoing_dropped_frames,
            "rejected": stats.malformed,
            "concealed": stats.incoming_concealed_frames,
        }

    async def run(self) -> None:
        """Serve the call to its end."""
        self._leg.sink.on_output = self._line.write
        self._line.start(self._reading, self._flooded)
        if self._reading is not None:
            self._leg.source.reader = self._reading
            self._reading.take_messages(self.take)
        late = asyncio.get_running_loop().call_later(self._start_timeout, self._not_started)
        departure: Departure = "failed"
        try:
            departure = await self._connection.read(self._receive)
        except asyncio.CancelledError:  # as servers may do to a handler whose client is gone
            departure = "lost"
            raise
        finally:
            late.cancel()
            self._leg.sink.on_output = None
            self._leave("hung up", departure)
            self._pin_prompt.leave()
            try:
                await self._line.stop()
            finally:  # a server cancels the handler of a connection that is dropped
                if self._dialed is not None:
                    self._dialed.stream_closed()

    def end(self, code: int, reason: str, departure: Departure = "left") -> None:
        """Take the caller out of the room and close the socket, in the background."""
        self._leave(reason, departure)
        self._pin_prompt.leave()
        self._line.end(code, reason)

    async def closed(self) -> None:
        """Wait, after :meth:`end`, until the socket is closed, or until a timeout has passed."""
        await self._line.closed()

    def _receive(self, message: Message, now_ns: int) -> None:
        self._take(self._leg.receive(message, now_ns), now_ns)

    def take(self, message: Message) -> None:
        """Take a message at once, without waking a task for it."""
        if self._line.ends:
            return
        now_ns = time.monotonic_ns()
        try:
            events = self._leg.receive(message, now_ns)
            if events:
                self._take(events, now_ns)
        except Exception:  # of ours: what is wrong with a message is an event
            _log.exception("the call of participant %s failed", self.participant_id, extra={"room": self.room_name})
            self.end(WSCloseCode.INTERNAL_ERROR, "internal error", "failed")

    def _take(self, events: list[LegEvent], now_ns: int) -> None:
        for event in events:
            self._handle(event, now_ns)

    def _handle(self, event: LegEvent, now_ns: int) -> None:
        match event:
            case Started():
                self._join(event)
            case Digit(digit):
                self._press(digit, now_ns)
            case Warned(sentence):
                _log.warning(
                    "the stream of participant %s: %s", self.participant_id, sentence, extra={"room": self.room_name}
                )
            case Stopped():
                self.end(WSCloseCode.OK, "hung up")
            case Refused(code, reason):
                _log.warning(
                    "the stream of participant %s is refused: %s",
                    self.participant_id,
                    reason,
                    extra={"room": self.room_name},
                )
                self.end(code, reason)

    def _press(self, digit: str, now_ns: int) -> None:
        self._pressed = True
        room = None if self.room_name is None else self._conference.get(self.room_name)
        if room is not None:
            room.press_digit(self.participant_id, digit)
        else:
            self._pin_prompt.press(digit, now_ns)  # never an event: the digit may be part of a PIN

    def _join(self, started: Started) -> None:
        self._started = started
        if started.room is None:
            self.end(WSCloseCode.POLICY_VIOLATION, "Name a room in the URL's path or in customParameters.room.")
            return
        try:
            room = check_room_name(started.room)
            if DIALED in started.parameters:
                self._answer(room, started.parameters[DIALED])
                return
            grant = self._admit(room, started.parameters)
        except (InvalidRoomName, NotAdmitted) as error:
            self.end(WSCloseCode.POLICY_VIOLATION, str(error))
            return
        if isinstance(grant, PinNeeded):
            self._ask_pin(room, started)
        else:
            self._enter(room, started, grant)

    def _answer(self, room: str, secret: str) -> None:
        """Take the place of somebody whom the room has called, whose stream it is.

        Raises:
            NotAdmitted: nobody waits for it.
        """
        dialed = self._find_dialed(room, secret)
        there = self._conference.get(room)
        if dialed is None or there is None or dialed.participant_id not in there.participants:
            raise NotAdmitted("This call has ended: nobody waits for its stream.")
        try:
            self._let_in()
        except TooManyCalls as error:
            dialed.hang_up(str(error))
            raise NotAdmitted(str(error)) from None
        self._dialed, self.grant = dialed, dialed.grant
        self._registry.lost(self)
        self.participant_id = dialed.participant_id
        self._registry.opened(self)
        self._pin_prompt.leave()
        self.room_name = room
        participant = there.participants[dialed.participant_id]
        there.reconnect(
            participant.id,
            self._leg.source if self.grant.allows("speak") else None,
            self._leg.sink if self.grant.allows("listen") else None,
            lambda reason: self._hang_up(participant, reason),
        )
        dialed.connected(lambda reason: self.end(WSCloseCode.OK, reason))

    def _ask_pin(self, room: str, started: Started) -> None:
        """Ask the caller, who has shown no token, for the room's PIN."""

        def try_pin(pin: str) -> Answer:
            try:
                grant: Grant | PinNeeded | None = self._admit(room, started.parameters)
                if isinstance(grant, PinNeeded):  # a PIN is still needed: the room may have lost it
                    grant = self._check_pin(room, pin, started.parameters)
            except NotAdmitted:
                return "enough"
            if grant is None:
                return "wrong"
            self._enter(room, started, grant)
            return "right"

        def turn_away() -> None:
            self.end(WSCloseCode.POLICY_VIOLATION, f"Room {room} has a PIN, and this caller did not know it.")

        timeout_ns = round(self._attendant.pin_timeout * 1e9)
        self._pin_prompt.ask_pin(try_pin, turn_away, tries=self._attendant.pin_tries, timeout_ns=timeout_ns)

    def _enter(self, room: str, started: Started, grant: Grant) -> None:
        """Let the caller into a room with a grant, or end the call with the reason why not."""
        self.grant = grant
        named = self._leg.clean_name(started.parameters.get("name", ""))
        participant = Participant(
            id=self.participant_id,
            name=named or self._leg.clean_name(grant.name or "") or started.name,
            transport=self.transport,
            joined_at=time.time(),
            source=self._leg.source,
            sink=self._leg.sink if grant.allows("listen") else None,
            hang_up=lambda reason: self._hang_up(participant, reason),
            role=grant.joins_as,
            identity=grant.identity,
        )
        try:
            self._let_in()
            self._conference.join(room, participant)
        except RoomLocked as error:
            self._see_off(["room-locked"], WSCloseCode.POLICY_VIOLATION, str(error))
        except (RoomFull, TooManyRooms, TooManyCalls) as error:
            self._see_off(["room-full"], WSCloseCode.TRY_AGAIN_LATER, str(error))
        else:
            self._pin_prompt.leave()
            self.room_name = room

    def _hang_up(self, participant: Participant, reason: str) -> None:
        """End the call of a caller who was sent away, or could not stay."""
        departure = None if participant.leaving is None else participant.leaving[0]
        words = _LAST_WORDS.get(departure or "")
        code = WSCloseCode.INTERNAL_ERROR if departure == "failed" else WSCloseCode.OK
        self._see_off([words] if words else [], code, reason)

    def _see_off(self, prompts: Sequence[str], code: int, reason: str) -> None:
        """Tell the caller why the call ends, and end it."""
        self._leave(reason)
        if prompts and self.prompted and not self._line.ends:
            self._pin_prompt.say_goodbye(prompts, lambda: self.end(code, reason))
        else:
            self.end(code, reason)

    def _leave(self, reason: str, departure: Departure = "left") -> None:
        if self.room_name is not None:
            room_name, self.room_name = self.room_name, None
            if self._dialed is not None:
                self._dialed.stream_left(reason, departure)
            self._conference.leave(room_name, self.participant_id, reason, departure)

    def _flooded(self) -> None:
        _log.warning(
            "the stream of participant %s is refused: it goes on sending more than the limits allow",
            self.participant_id, extra={"room": self.room_name},
        )  # fmt: skip
        self.end(WSCloseCode.POLICY_VIOLATION, "Far more than this server reads was sent for too long.")

    def _not_started(self) -> None:
        if self._started is None:
            self.end(WSCloseCode.POLICY_VIOLATION, 'No "start" message came in time.')
