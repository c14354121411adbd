"""A telephone that a room has called: from the moment that Twilio is asked for the call until it has ended there.

How far it has come, Twilio tells with requests of its own. Its sound comes over a media stream as any caller's
does, which Twilio opens once somebody has answered; a secret in the stream's parameters says which call it is of.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode

from conference.access.grants import Grant
from conference.ids import new_id
from conference.room.conference import Conference
from conference.room.participant import CallState, Departure, Participant, Transport
from conference.telephony.connecting import CallError
from conference.telephony.twilio_account import (
    MachineDetection,
    PhoneOrder,
    TwilioAccount,
    is_call_sid,
    machine_word,
)
from conference.web.joining.ringback import Ringback, Ringing

_log = logging.getLogger(__name__)

DIALED = "dialed"
"""Where the stream of somebody who was called carries the secret that says so."""

GRACE_SECONDS = 15.0
"""Twilio lets a telephone ring for five seconds more than it was asked for, and needs a while to tell."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 16.0
"""Seconds before Twilio is asked again to end a call; each pause is twice the one before."""

GOODBYE_SECONDS = 15.0
"""How long the end of a stream may take: what is said to those who are removed is heard first."""

_PROGRESS: dict[str, CallState] = {
    "queued": "dialing",
    "initiated": "dialing",
    "ringing": "ringing",
}
"""How far a call has come, by Twilio's words."""

_ANSWERED = ("in-progress", "answered")

_ENDS: dict[str, tuple[CallState | None, Departure, str]] = {
    "completed": (None, "left", "hung up"),
    "busy": ("busy", "lost", "the line is busy"),
    "no-answer": ("no-answer", "lost", "nobody answers"),
    "failed": ("failed", "lost", "the call cannot be completed: is the number right?"),
    "canceled": ("canceled", "left", "the call was canceled"),
}
"""How a call ends, by Twilio's words."""

OVER = frozenset(_ENDS)
"""What Twilio says of a call that has ended."""

_ORDER: tuple[CallState, ...] = ("dialing", "ringing", "answered")
"""What Twilio tells may come in any order: a call goes forward only."""


@dataclass(frozen=True, slots=True)
class PhoneWanted:
    """Whom a room calls by telephone, and how."""

    room: str
    number: str
    """As E.164 has it."""

    name: str
    grant: Grant
    """What they may do there."""

    caller_id: str
    ring_seconds: float
    longest_seconds: float
    ringback: str | None
    """The sound that is heard while it rings."""

    ringback_for: frozenset[str] | None = None
    """Who hears it; ``None`` for all who are in the conversation."""

    machine: MachineDetection = "off"


@dataclass(frozen=True, slots=True)
class PhoneServices:
    """What telephones are called with."""

    account: TwilioAccount
    ringback: Ringback
    make_twiml: Callable[[str, Mapping[str, str]], str]
    """The TwiML that connects a call to a room's stream, with these parameters."""

    status_url: Callable[[str], str]
    """Where Twilio tells how far the call of a participant has come."""

    connect_seconds: float
    """That the stream may take once somebody has answered."""

    hang_up_seconds: float
    """How long Twilio is asked again to end a call."""


@dataclass(frozen=True, slots=True)
class PhoneStats:
    """A telephone call that has no stream yet, in figures, for the API."""

    number: str
    caller_id: str


@dataclass(frozen=True, slots=True)
class _End:
    reason: str
    departure: Departure
    state: CallState | None = None
    """That is told of them before they leave."""


class DialedPhone:
    """A telephone that is called into a room.

    Args:
        wanted: whom, and how.
        conference: has the room.
        services: what it is called with.
    """

    transport: Transport = "twilio"
    prompted = False
    """Nothing is said to somebody who has not answered; afterwards it is their stream's to say."""

    def __init__(self, wanted: PhoneWanted, conference: Conference, services: PhoneServices) -> None:
        self.participant_id = new_id()
        self.room_name: str | None = None
        self.grant = wanted.grant
        self.call_sid: str | None = None
        """By what Twilio knows the call; ``None`` until it has said so."""
        self.secret = secrets.token_urlsafe(24)
        """What the stream shows to be of this call."""
        self._wanted = wanted
        self._conference = conference
        self._services = services
        self._state: CallState = "dialing"
        self._is_picked_up = False
        self._over_at_twilio = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[_End] = loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._end_stream: Callable[[str], None] | None = None
        self._stream_ends = False  # by itself: they may be told something first
        self._stream_closed = asyncio.Event()

    @property
    def is_person(self) -> bool:
        """Whether there is somebody: they have answered."""
        return self._state == "answered"

    @property
    def is_over_at_twilio(self) -> bool:
        """Whether it is known that nothing rings there any more, and nobody talks."""
        return self._over_at_twilio.is_set()

    def is_between(self, caller: str | None, number: str | None) -> bool:
        """Whether it is this call that has the one number called by the other."""
        return (self._wanted.caller_id, self._wanted.number) == (caller, number)

    def stats(self) -> PhoneStats:
        """See `engine.connections.Connection.stats`."""
        return PhoneStats(self._wanted.number, self._wanted.caller_id)

    def tally(self) -> dict[str, int]:
        """Nothing is counted here: the stream does that."""
        return {}

    def join(self) -> Participant:
        """Put them into the room, where they are shown as being called.

        Raises:
            TooManyRooms, RoomFull, RoomLocked: there is no place for them.
        """
        participant = Participant(
            id=self.participant_id,
            name=self._wanted.name,
            transport=self.transport,
            joined_at=time.time(),
            hang_up=self.hang_up,
            role=self.grant.joins_as,
            identity=self.grant.identity,
            call="dialing",
        )
        self._conference.join(self._wanted.room, participant)
        self.room_name = self._wanted.room
        return participant

    def hang_up(self, reason: str, code: int = WSCloseCode.OK) -> None:
        """End the call, in the background."""
        del code
        self._end(_End(reason, "left"))

    async def run(self) -> None:
        """The call, to its end. Never raises, unless cancelled."""
        placing = asyncio.ensure_future(self._services.account.place(self._order()))
        end = _End("the call failed", "failed")
        try:
            end = await self._follow(placing)
        except CallError as error:
            end = _End(str(error), "lost", "failed")
        except Exception:
            _log.exception("room %s: the call of participant %s failed", self._wanted.room, self.participant_id)
        finally:
            self._expect_nothing()
            self._services.ringback.end(self)
            self._leave(end)
            await self._end_at_twilio(placing, end.reason)

    def take_status(self, form: Mapping[str, str]) -> None:
        """Twilio tells how far the call has come, or who has answered it."""
        sid = form.get("CallSid")
        if sid is not None and self.call_sid not in (None, sid):
            return
        if is_call_sid(sid):
            self.call_sid = sid  # which may come before Twilio's answer, or in its place
        answered_by, status = form.get("AnsweredBy"), form.get("CallStatus", "")
        if answered_by and self._wanted.machine != "off":
            self._take_answered_by(answered_by)
        if status in _ENDS:
            self._over_at_twilio.set()
            state, departure, reason = _ENDS[status]
            self._end(_End(reason, departure, state))
        elif status in _PROGRESS:
            self._go_on(_PROGRESS[status])
        elif status in _ANSWERED:
            self._pick_up()

    def connected(self, end_stream: Callable[[str], None]) -> None:
        """Somebody has answered, and their stream is here.

        Args:
            end_stream: ends it, for a reason.
        """
        self._pick_up()
        self._end_stream = end_stream
        self._go_on("answered")
        self._expect(self._wanted.longest_seconds, _End("the call has lasted as long as it may", "ended"))

    @property
    def is_connected(self) -> bool:
        """Whether there is a stream: another one is not of this call."""
        return self._end_stream is not None

    def stream_left(self, reason: str, departure: Departure) -> None:
        """The stream has taken them out of the room."""
        self.room_name = None
        self._stream_ends = True
        self._end(_End(reason, departure))

    def stream_closed(self) -> None:
        """The stream is gone."""
        self._stream_closed.set()

    async def _follow(self, placing: asyncio.Future[str]) -> _End:
        waited: set[asyncio.Future[Any]] = {placing, self._ended}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not self._ended.done():
            try:
                self.call_sid = placing.result()
            except CallError:
                if self.call_sid is None:
                    raise
            if not self._is_picked_up:  # else a telephone was quicker than Twilio's own answer to us
                self._expect(self._wanted.ring_seconds + GRACE_SECONDS, _End("nobody answers", "lost", "no-answer"))
        return await self._ended

    def _order(self) -> PhoneOrder:
        wanted = self._wanted
        return PhoneOrder(
            to=wanted.number,
            caller_id=wanted.caller_id,
            twiml=self._services.make_twiml(wanted.room, {"name": wanted.name, DIALED: self.secret}),
            status_url=self._services.status_url(self.participant_id),
            ring_seconds=round(wanted.ring_seconds),
            longest_seconds=round(wanted.longest_seconds),
            detect_machine=wanted.machine != "off",
        )

    def _go_on(self, state: CallState) -> None:
        late = self._is_picked_up and state != "answered"
        if late or self._ended.done() or _ORDER.index(state) <= _ORDER.index(self._state):
            return
        self._state = state
        self._tell(state)
        if state == "ringing" and self._wanted.ringback is not None:
            ringing = Ringing(self._wanted.room, self._wanted.ringback, self._wanted.ringback_for)
            self._services.ringback.begin(self, ringing)

    def _pick_up(self) -> None:
        """Somebody has answered, though they are neither heard nor hearing yet: their stream is about to come."""
        if self._ended.done() or self._is_picked_up:
            return
        self._is_picked_up = True
        self._services.ringback.end(self)
        words = "it was answered, but Twilio has opened no stream here: can it reach --public-url?"
        self._expect(self._services.connect_seconds, _End(words, "lost", "failed"))

    def _take_answered_by(self, answered_by: str) -> None:
        who = machine_word(answered_by)
        room = self._conference.get(self._wanted.room)
        if room is not None and self.participant_id in room.participants:
            room.set_answered_by(self.participant_id, who)
        if self._wanted.machine == "hang-up" and who in ("machine", "fax"):
            self._end(_End("an answering machine has answered", "left"))

    def _tell(self, state: CallState) -> None:
        room = self._conference.get(self._wanted.room)
        if room is not None and self.participant_id in room.participants:
            room.set_call_state(self.participant_id, state)

    def _expect(self, seconds: float, otherwise: _End) -> None:
        """End the call unless something else is expected by then."""
        self._expect_nothing()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end, otherwise)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, end: _End) -> None:
        if not self._ended.done():
            self._ended.set_result(end)

    def _leave(self, end: _End) -> None:
        if self.room_name is None:
            return
        if end.state is not None:
            self._tell(end.state)
        room_name, self.room_name = self.room_name, None
        self._conference.leave(room_name, self.participant_id, end.reason, end.departure)

    async def _end_at_twilio(self, placing: asyncio.Future[str], reason: str) -> None:
        """End the call there, too: whoever is not in the room any more must not go on paying, or waiting."""
        try:
            await self._see_stream_out(reason)
            self.call_sid = self.call_sid or await placing
            await self._ask_to_end(self.call_sid)
        except asyncio.CancelledError:  # a server that stops waits no longer
            placing.cancel()
            if self.call_sid is not None and not self.is_over_at_twilio:
                self._services.account.end_unattended(self.call_sid)
            raise
        except CallError as error:
            if self.call_sid is not None:
                _log.warning(
                    "the call of participant %s may go on at Twilio: %s",
                    self.participant_id,
                    error,
                    extra={"room": self._wanted.room},
                )
        except Exception:
            _log.exception(
                "room %s: the call of participant %s cannot be ended at Twilio", self._wanted.room, self.participant_id
            )

    async def _see_stream_out(self, reason: str) -> None:
        """Have the stream end, if there is one, once they have been told what is to be told."""
        if self._end_stream is None:
            return
        if not self._stream_ends:
            self._end_stream(reason)
        await _happens(self._stream_closed, GOODBYE_SECONDS)

    async def _ask_to_end(self, call_sid: str) -> None:
        """Ask Twilio to end the call; again, if that fails.

        Raises:
            CallError: it does not, however often it was asked.
        """
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        give_up_at = loop.time() + self._services.hang_up_seconds
        while not self.is_over_at_twilio:
            try:
                await self._services.account.end(call_sid)
                self._over_at_twilio.set()
            except CallError as error:
                if not error.passing or loop.time() + pause > give_up_at:
                    raise
                await _happens(self._over_at_twilio, pause)
                pause = min(2 * pause, LONGEST_PAUSE)


async def _happens(event: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set, or for so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
