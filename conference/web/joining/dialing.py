"""All calls out of a server: places them within the limits, and sees to it that none is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import WSCloseCode

from conference.engine.connections import ConnectionRegistry
from conference.options.declaration import part_of
from conference.room.conference import Conference
from conference.room.events import ParticipantLeft, RoomEvent
from conference.room.participant import Participant
from conference.settings import Settings
from conference.telephony.backpressure import ReadLimits
from conference.telephony.connecting import Connecting, NotAllowed, host_and_port
from conference.telephony.destinations import Destinations
from conference.telephony.dialed import DialedLeg
from conference.telephony.phone import Phone
from conference.telephony.playout_buffer import PlayoutBuffer
from conference.telephony.settings import DialSettings, LegSettings
from conference.web.joining.dialed import DialedCall, Wanted
from conference.web.joining.signatures import TwilioSignatures
from conference.web.joining.webhook_call import Application, WebhookCall

HEARTBEAT = 20.0
"""Seconds between two pings: whoever answers none is gone."""


class TooManyDialed(Exception):
    """There are too many calls out; the text is a sentence for people.

    Args:
        text: the sentence.
        in_room: of this room; else of the server as a whole.
    """

    def __init__(self, text: str, *, in_room: bool) -> None:
        super().__init__(text)
        self.in_room = in_room


class Dialing:
    """Calls for the rooms of a conference.

    Args:
        conference: whose rooms.
        registry: of all connections.
        settings: of the server.
        signatures: signs what webhooks are asked, if anything does.
    """

    def __init__(
        self,
        conference: Conference,
        registry: ConnectionRegistry,
        settings: Settings,
        signatures: TwilioSignatures | None = None,
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
        self._tasks: dict[DialedCall, asyncio.Task[None]] = {}
        conference.subscribe(None, self._follow)

    @property
    def enabled(self) -> bool:
        """Whether anybody may be called at all."""
        return bool(self._allowed)

    @property
    def calls(self) -> Iterable[DialedCall]:
        """All of them."""
        return self._tasks.keys()

    def find(self, call_sid: str) -> DialedCall | None:
        """A call by the identifier that whoever was called knows it by; ``None`` if there is none, or no more."""
        return next((one for one in self._tasks if one.call_sid == call_sid), None)

    def place(self, wanted: Wanted) -> Participant:
        """Call somebody. They are in the room at once, as somebody who is being called.

        Raises:
            CallError: this is no address.
            NotAllowed: nobody may call there.
            TooManyDialed: there are as many calls as there may be.
            InvalidRoomName, TooManyRooms, RoomFull, RoomLocked: they cannot be in the room.
        """
        host, port = host_and_port(wanted.url)
        if not self._allowed.may_have(host, port):
            raise NotAllowed(f"{host} may not be called from here: see the option --dial-allow.")
        self._check_number(wanted.room)
        codec = Phone().codec
        most = self._settings.max_dialed_ahead_ms * codec.frame_bytes // 20
        phone = Phone(parameters=wanted.parameters, playout=PlayoutBuffer(codec, max_bytes=most))
        leg = DialedLeg(phone, self._leg_settings, heard=wanted.grant.allows("speak"))
        given = wanted, leg, self._conference, self._connecting(), self._settings.max_dialed_seconds
        call = WebhookCall(*given, self._application) if wanted.webhook else DialedCall(*given)
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
            await asyncio.wait(list(self._tasks.values()))

    def _connecting(self) -> Connecting:
        settings = self._settings
        return Connecting(
            ReadLimits(
                settings.max_dialed_bytes_per_second, settings.max_dialed_frames_per_second, self._flood_seconds
            ),
            settings.max_dialed_message_bytes,
            settings.dial_timeout,
            allowed=self._allowed,
            heartbeat=HEARTBEAT,
        )

    def _check_number(self, room: str) -> None:
        if len(self._tasks) >= self._settings.max_dialed_calls:
            raise TooManyDialed("This server has as many calls out as it may.", in_room=False)
        if sum(one.room_name == room for one in self._tasks) >= self._settings.max_dialed_calls_per_room:
            raise TooManyDialed("This room has as many calls out as it may.", in_room=True)

    def _follow(self, event: RoomEvent) -> None:
        """Hang up once nobody is left in a room but those whom it has called."""
        if not isinstance(event, ParticipantLeft) or not self._tasks:
            return
        room = self._conference.get(event.room)
        if event.participant.call is not None or room is None:
            return
        if all(one.call is not None for one in room.participants.values()):
            for call in [one for one in self._tasks if one.room_name == event.room]:
                call.hang_up("everybody else has left")

    def _gone(self, call: DialedCall) -> None:
        self._tasks.pop(call, None)
        self._registry.closed(call)
