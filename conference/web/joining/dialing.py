"""All calls out of a server: places them within the limits, and sees to it that none is left behind."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from hmac import compare_digest
from typing import TypeAlias

from aiohttp import WSCloseCode

from conference.engine.connections import ConnectionRegistry
from conference.ids import new_id
from conference.options.declaration import part_of
from conference.prompts.library import Library
from conference.room.conference import Conference
from conference.room.events import ParticipantLeft, RoomEvent
from conference.room.participant import Participant
from conference.settings import Settings
from conference.telephony.backpressure import ReadLimits
from conference.telephony.connecting import Connecting, NotAllowed
from conference.telephony.destinations import Destinations
from conference.telephony.dialed import DialedLeg
from conference.telephony.long_messages import PART_CHARS
from conference.telephony.phone import Phone
from conference.telephony.playout_buffer import PlayoutBuffer
from conference.telephony.settings import DialSettings, LegSettings
from conference.telephony.twilio.twiml import stream_url, voice_response
from conference.telephony.twilio_account import TwilioAccount
from conference.web.http.limits.rate_limit import RateLimit
from conference.web.joining.call import PROMPTS_PARAMETER, Call
from conference.web.joining.call_loops import PLACED_BY, write_placed_by
from conference.web.joining.dialed import Patience, Wanted
from conference.web.joining.dialed_phone import OVER, DialedPhone, PhoneServices, PhoneWanted
from conference.web.joining.ringback import Ringback
from conference.web.joining.signatures import TwilioSignatures
from conference.web.joining.twiml_call import Application, TwimlCall

CallOut: TypeAlias = TwimlCall | DialedPhone

REMEMBERED = 1000
"""Telephones' calls that have ended here, while nobody knows whether they have at Twilio."""

HEARTBEAT = 20.0
"""Seconds between two pings: whoever answers none is gone."""


class TooManyDialed(Exception):
    """There are too many calls out; the text is a sentence for people.

    Args:
        text: the sentence.
        in_room: of this room; else of the server as a whole.
        wait: seconds until there may be another one, if it is a matter of how many are placed a minute.
    """

    def __init__(self, text: str, *, in_room: bool, wait: float = 0.0) -> None:
        super().__init__(text)
        self.in_room = in_room
        self.wait = wait


class Dialing:
    """Calls for the rooms of a conference.

    Args:
        conference: whose rooms.
        registry: of all connections.
        settings: of the server.
        signatures: signs what webhooks are asked, if anything does.
        library: has the sounds that are heard while telephones ring.

    Raises:
        TwilioUnavailable: telephones are to be called, and Twilio's library is not there.
    """

    def __init__(
        self,
        conference: Conference,
        registry: ConnectionRegistry,
        settings: Settings,
        signatures: TwilioSignatures | None = None,
        library: Library | None = None,
    ) -> None:
        self._conference = conference
        self._registry = registry
        self._settings = part_of(settings, DialSettings)
        self._leg_settings = part_of(settings, LegSettings)
        self._flood_seconds = settings.call_flood_timeout
        self._allowed = Destinations(settings.dial_allow)
        self._application = Application(
            allowed=self._allowed,
            seconds=settings.dial_timeout,
            max_sound_bytes=settings.max_dialed_message_bytes,
            max_sound_seconds=settings.max_dialed_ahead_ms / 1000,
            speech_command=settings.speech_command or None,
            sign=None if signatures is None else signatures.sign,
        )
        self.own_id = _own_id(settings)
        """By what this server, and all of its public address, know a call of their own."""
        self._shutdown_seconds = settings.shutdown_timeout
        self._phones = _phone_services(settings, conference, library or Library())
        self._max_phone_calls = settings.max_phone_calls
        self._phone_rate = RateLimit(settings.max_phone_calls_per_minute)
        self._perhaps_ringing: OrderedDict[str, None] = OrderedDict()  # ids of those who were called
        self._tasks: dict[CallOut, asyncio.Task[None]] = {}
        conference.subscribe(None, self._follow)

    @property
    def calls_hosts(self) -> bool:
        """Whether any bot or application may be called."""
        return self._allowed.has_hosts

    @property
    def calls_phones(self) -> bool:
        """Whether any telephone may be called."""
        return self._phones is not None and self._allowed.has_numbers

    @property
    def calls(self) -> Iterable[CallOut]:
        """All of them."""
        return self._tasks.keys()

    def find(self, call_sid: str) -> TwimlCall | None:
        """A bot's call by the identifier that the bot knows it by; ``None`` if there is none, or no more."""
        return next((one for one in self._tasks if isinstance(one, TwimlCall) and one.call_sid == call_sid), None)

    def find_phone(self, participant_id: str) -> DialedPhone | None:
        """A telephone's call by its participant; ``None`` if there is none, or no more."""
        return next((one for one in self._of_phones() if one.participant_id == participant_id), None)

    def take_late_status(self, participant_id: str, form: Mapping[str, str]) -> None:
        """Twilio tells of a telephone that no room waits for any more: if it was called here, it is hung up on.

        So it is when Twilio has placed a call, and its answer was lost.
        """
        if self._phones is None or participant_id not in self._perhaps_ringing:
            return
        if form.get("CallStatus") in OVER:
            del self._perhaps_ringing[participant_id]
        else:
            self._phones.account.end_unattended(form.get("CallSid", ""))

    def waiting_for(self, room: str, secret: str) -> DialedPhone | None:
        """The telephone's call of a room that waits for the stream with this secret; ``None`` if none does."""
        shown = secret.encode(errors="replace")  # it is a stranger's JSON: there may be halves of characters
        for one in self._of_phones():
            if one.room_name == room and not one.is_connected and compare_digest(one.secret.encode(), shown):
                return one
        return None

    def place(self, wanted: Wanted) -> Participant:
        """Call somebody. They are in the room at once, as somebody who is being called.

        Raises:
            CallError: this is no address.
            NotAllowed: nobody may call there.
            TooManyDialed: there are as many calls as there may be.
            InvalidRoomName, TooManyRooms, RoomFull, RoomLocked: they cannot be in the room.
        """
        self._application.check_address(wanted.url)
        self._check_limits(wanted.room)
        codec = Phone().codec
        most = self._settings.max_dialed_ahead_ms * codec.frame_bytes // 20
        phone = Phone(parameters=wanted.parameters, playout=PlayoutBuffer(codec, max_bytes=most))
        leg = DialedLeg(phone, self._leg_settings, heard=wanted.grant.allows("speak"))
        patience = Patience(self._settings.max_dialed_seconds, self._settings.dial_reconnect_timeout)
        headers = {PLACED_BY: write_placed_by(self.own_id, self._servers_before(wanted.room))}
        connecting, application = self._connecting(headers), replace(self._application, headers=headers)
        return self._begin(TwimlCall(wanted, leg, self._conference, connecting, patience, application))

    def place_phone(self, wanted: PhoneWanted) -> Participant:
        """Call somebody by telephone. They are in the room at once, as somebody who is being called.

        Raises:
            NotAllowed: nobody may call there, or with that number as the caller's, or no telephone at all.
            TooManyDialed, InvalidRoomName, TooManyRooms, RoomFull, RoomLocked: see :meth:`place`.
        """
        if self._phones is None:
            raise NotAllowed("This server calls no telephones: see the options --twilio-account-sid and --caller-id.")
        if not self._allowed.may_dial(wanted.number):
            raise NotAllowed(f"{wanted.number} may not be called from here: see the option --dial-allow.")
        self._check_limits(wanted.room)
        self._check_phone_limits()
        participant = self._begin(DialedPhone(wanted, self._conference, self._phones))
        self._phone_rate.take("", time.monotonic())
        return participant

    def _begin(self, call: CallOut) -> Participant:
        participant = call.join()
        self._registry.opened(call)
        task = asyncio.create_task(call.run(), name="call out")
        self._tasks[call] = task
        task.add_done_callback(lambda _: self._gone(call))
        return participant

    async def close(self, reason: str) -> None:
        """End all calls, as a server that goes away does."""
        for call in list(self._tasks):
            call.hang_up(reason, WSCloseCode.GOING_AWAY)
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks.values()), timeout=self._shutdown_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)  # they ask for their last, in threads
        if self._phones is not None:
            self._phones.account.close()

    def _servers_before(self, room: str) -> Iterable[str]:
        """Those whose rooms have called into a room."""
        return {one for call in self._registry.of_kind(Call) if call.room_name == room for one in call.placed_by}

    def end_loop(self, caller: str | None, number: str | None) -> bool:
        """Whether a call by telephone is one that is just being placed here: it is hung up on then."""
        for one in self._of_phones():
            if not one.is_connected and one.is_between(caller, number):
                one.hang_up("the number leads back to this server: a room cannot call the server that it is on")
                return True
        return False

    def _connecting(self, headers: Mapping[str, str]) -> Connecting:
        settings = self._settings
        return Connecting(
            ReadLimits(
                settings.max_dialed_bytes_per_second, settings.max_dialed_frames_per_second, self._flood_seconds
            ),
            settings.max_dialed_message_bytes,
            settings.dial_timeout,
            allowed=self._allowed,
            heartbeat=HEARTBEAT,
            headers=headers,
            keeps_bytes=PART_CHARS,  # what is longer is taken in parts
        )

    def _check_limits(self, room: str) -> None:
        if len(self._tasks) >= self._settings.max_dialed_calls:
            raise TooManyDialed("This server has as many calls out as it may.", in_room=False)
        if sum(one.room_name == room for one in self._tasks) >= self._settings.max_dialed_calls_per_room:
            raise TooManyDialed("This room has as many calls out as it may.", in_room=True)

    def _check_phone_limits(self) -> None:
        """Telephones cost money, whoever has got hold of the right to call them."""
        if sum(1 for _ in self._of_phones()) >= self._max_phone_calls:
            raise TooManyDialed("This server calls as many telephones as it may.", in_room=False)
        wait = self._phone_rate.wait("", time.monotonic())
        if wait:
            raise TooManyDialed(
                "This server has called as many telephones as it may in a minute", in_room=False, wait=wait
            )

    def _follow(self, event: RoomEvent) -> None:
        """Hang up once nobody is left in a room but those whom it has called, unless some of them may talk on.

        Two who were called by telephone may: whoever has brought them together has left them to it.
        """
        if not isinstance(event, ParticipantLeft) or not self._tasks:
            return
        room = self._conference.get(event.room)
        called = {one.participant_id: one for one in self._tasks}
        leaver = called.get(event.participant.id)
        if room is None or (leaver is not None and not leaver.is_person):
            return
        people = [one for one in room.participants if one not in called or called[one].is_person]
        if not people or (len(people) == 1 and people[0] in called):
            for call in [one for one in self._tasks if one.room_name == event.room]:
                call.hang_up("everybody else has left")

    def _of_phones(self) -> Iterable[DialedPhone]:
        return (one for one in self._tasks if isinstance(one, DialedPhone))

    def _gone(self, call: CallOut) -> None:
        self._tasks.pop(call, None)
        self._registry.closed(call)
        if isinstance(call, DialedPhone) and not call.is_over_at_twilio:
            self._perhaps_ringing[call.participant_id] = None
            if len(self._perhaps_ringing) > REMEMBERED:
                self._perhaps_ringing.popitem(last=False)


def _own_id(settings: Settings) -> str:
    """The same for all processes behind one public address; without such an address, one of this process."""
    if settings.public_url is None:
        return _PROCESS
    return hashlib.sha256(settings.public_url.encode()).hexdigest()[:16]


_PROCESS = new_id()


def _phone_services(settings: Settings, conference: Conference, library: Library) -> PhoneServices | None:
    """What telephones are called with; ``None`` if the operator has no account for that.

    Raises:
        TwilioUnavailable: Twilio's library is not there.
    """
    sid, token, origin = settings.twilio_account_sid, settings.twilio_auth_token, settings.public_url
    if sid is None or token is None or origin is None:
        return None
    return PhoneServices(
        account=TwilioAccount(sid, token, settings.twilio_api_url, settings.dial_timeout),
        ringback=Ringback(conference, library),
        make_twiml=partial(_twiml, origin, {PROMPTS_PARAMETER: "on"} if settings.phone_prompts else {}),
        status_url=lambda participant_id: f"{origin.rstrip('/')}/twilio/calls/{participant_id}",
        connect_seconds=settings.connect_timeout,
        hang_up_seconds=settings.hang_up_timeout,
    )


def _twiml(origin: str, always: Mapping[str, str], room: str, parameters: Mapping[str, str]) -> str:
    return voice_response(stream_url(origin, room), {**parameters, **always})
