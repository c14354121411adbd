"""One open audio socket: each voice of a room apart for its client, and a voice to answer with.

Whoever has it is a participant as others are. What is said on it is in `voices.messages`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import WSCloseCode

from conference.access.grants import Grant, Role
from conference.ids import new_id
from conference.room.conference import Conference
from conference.room.events import HearingChanged, ParticipantLeft, ParticipantUpdated, RoomEvent
from conference.room.participant import Departure, Participant, ParticipantState, Transport
from conference.room.room import Room
from conference.telephony.backpressure import LimitedReading
from conference.telephony.dialect import Message
from conference.telephony.fields import MessageError
from conference.token_bucket import TokenBucket
from conference.voices.messages import Address, Flush, SetMark, parse
from conference.voices.outlet import VoicesOutlet
from conference.voices.settings import VoicesSettings
from conference.voices.speech import Speech
from conference.web.joining.audience import Audience, NotTheirs
from conference.web.joining.client_line import ClientLine
from conference.web.joining.stream_connection import StreamConnection

_log = logging.getLogger(__name__)

_TOLD = ("muted", "held", "deafened", "waiting", "role", "name")
"""Of the state of the client's own participant, what it is told when it changes."""


@dataclass(frozen=True, slots=True)
class AsWhat:
    """How a client of an audio socket wants to be in a room."""

    room: str
    name: str
    role: Role
    grant: Grant
    rate: int
    """Of the samples in both directions: 8000, 16000, 24000 or 48000 Hz."""

    listens: bool
    """Whether they hear each voice apart; else they hear nobody."""

    original_sound: bool
    interruptible: bool = False
    """Whether what they say breaks off when a person begins to talk."""


@dataclass(frozen=True, slots=True)
class AudioSocketStats:
    """An audio socket in figures, for the API and the metrics."""

    messages_received: int
    malformed: int
    incoming_buffered_ms: float
    """What the client has sent that is yet to be played."""
    incoming_dropped_ms: float
    """What the client has sent that found no room."""
    frames_sent: int
    """Of 20 ms, of any voice."""
    outgoing_dropped_frames: int
    """Frames dropped because the socket did not take them."""
    held_back_ms: float
    """For how long nothing was read of the connection, because more came than its limits allow."""


class AudioSocket:
    """A client, from the handshake until it has gone.

    Args:
        wanted: how it wants to be in the room.
        connection: to be open before :meth:`run`.
        conference: has the room.
        make_audience: says who may hear a participant of that id, as far as they decide it.
        settings: the limits.
        close_timeout: seconds that the client may take to say goodbye.
        abort: drops the connection; what was not sent yet is lost.
    """

    transport: Transport = "audio"
    prompted = False
    """Programs take what is said to people for talk."""

    def __init__(
        self,
        wanted: AsWhat,
        connection: StreamConnection,
        conference: Conference,
        make_audience: Callable[[str], Audience],
        settings: VoicesSettings,
        *,
        close_timeout: float,
        abort: Callable[[], None],
    ) -> None:
        self.participant_id = new_id()
        self.room_name: str | None = None
        self.grant = wanted.grant
        self._wanted = wanted
        self._connection = connection
        self._conference = conference
        self._audience = make_audience(self.participant_id)
        self._speech = Speech(wanted.rate, settings.max_audio_ahead_ms) if wanted.grant.allows("speak") else None
        self._outlet = VoicesOutlet(wanted.rate, settings.max_audio_outgoing_ms, time.time_ns() - time.monotonic_ns())
        self._mistakes = TokenBucket(1, settings.max_audio_mistakes)
        self._line = ClientLine(connection, self._outlet.take, close_timeout=close_timeout, abort=abort)
        self._unfollow: Callable[[], None] = lambda: None
        self._told: dict[str, object] = {}
        self._messages_received = self._malformed = 0

    def stats(self) -> AudioSocketStats:
        """The socket in figures."""
        speech = self._speech
        return AudioSocketStats(
            messages_received=self._messages_received,
            malformed=self._malformed,
            incoming_buffered_ms=0.0 if speech is None else speech.buffered_ms,
            incoming_dropped_ms=0.0 if speech is None else speech.overflow_ms,
            frames_sent=self._outlet.sent_frames,
            outgoing_dropped_frames=self._outlet.dropped_frames,
            held_back_ms=self._line.held_back_ms,
        )

    def tally(self) -> dict[str, int]:
        """What was counted so far, by name."""
        return {
            "packets_in": self._messages_received,
            "packets_out": self._outlet.sent_frames,
            "lost_out": self._outlet.dropped_frames,
            "rejected": self._malformed,
        }

    def join(self) -> Participant:
        """Put the client into the room. What it is to be told waits until it can be.

        Raises:
            TooManyRooms, RoomFull, RoomLocked: there is no place for it.
        """
        wanted, speech = self._wanted, self._speech
        participant = Participant(
            id=self.participant_id,
            name=wanted.name,
            transport=self.transport,
            joined_at=time.time(),
            source=speech,
            hang_up=lambda reason: self._hang_up(participant, reason),
            role=wanted.role,
            identity=wanted.grant.identity,
            original_sound=wanted.original_sound,
            voices=self._outlet if wanted.listens else None,
            bot=speech is not None,
            interrupt=self._interrupted if wanted.interruptible and speech is not None else None,
        )
        self._conference.join(wanted.room, participant)
        self.room_name = wanted.room
        if speech is not None:
            speech.is_audible = lambda: participant.may_be_heard
            speech.on_marks = self._marked
            speech.on_overflow = self._overflowed
            speech.on_address = self._readdress
        self._unfollow = self._conference.subscribe(wanted.room, self._take_note)
        self._told = _state_of(participant.state())
        self._outlet.say(
            "ready", room=wanted.room, id=participant.id, encoding="L16LE", rate=wanted.rate, channels=1, **self._told
        )
        return participant

    async def run(self, reading: LimitedReading | None) -> None:
        """Serve the client to its end.

        Args:
            reading: what is read of the connection; ``None`` if it is lost already.
        """
        self._line.start(reading, self._flooded)
        self._outlet.on_output = self._write
        self._write()
        departure: Departure = "failed"
        try:
            departure = await self._connection.read(self._receive)
        except asyncio.CancelledError:  # as servers may do to a handler whose client is gone
            departure = "lost"
            raise
        finally:
            self._outlet.on_output = None
            self.leave("left", departure)
            await self._line.stop()

    def end(self, code: int, reason: str, departure: Departure = "left") -> None:
        """Take the client out of the room and close the socket, in the background."""
        self.leave(reason, departure)
        self._line.end(code, reason)

    async def closed(self) -> None:
        """Wait, after :meth:`end`, until the socket is closed, or until a timeout has passed."""
        await self._line.closed()

    def leave(self, reason: str, departure: Departure = "left") -> None:
        """Take the client out of the room, if it is in one."""
        if self.room_name is None:
            return
        room_name, self.room_name = self.room_name, None
        self._unfollow()
        self._conference.leave(room_name, self.participant_id, reason, departure)
        room = self._conference.get(room_name)
        if room is not None:
            self._audience.end(room)

    # What comes

    def _receive(self, message: Message, now_ns: int) -> None:
        del now_ns
        self._messages_received += 1
        if not self._line.ends:
            self._take(message)

    def _take(self, message: Message) -> None:
        if self._outlet.stuck:
            self._give_up()
        elif isinstance(message, str):
            try:
                self._do(message)
            except MessageError as error:
                self._complain(str(error))
        elif self._speech is None:
            self._complain("You may not speak here: this sound is not heard.")
        else:
            self._speech.append(message)

    def _do(self, text: str) -> None:
        asked, speech = parse(text), self._speech
        if speech is None:
            raise MessageError("You may not speak here: there is nothing to be asked.")
        match asked:
            case SetMark(name):
                speech.mark(name)
            case Address(listeners):
                if listeners is not None and self.participant_id in listeners:
                    raise MessageError("Nobody can speak to themselves: name others.")
                if not speech.address(asked):
                    self.end(WSCloseCode.POLICY_VIOLATION, "Who is to hear you changed too often.")
            case Flush():
                self._flush("flushed")

    def _flush(self, kind: str, **more: object) -> None:
        if self._speech is None:
            return
        flushed = self._speech.flush()
        for name in flushed.marks:
            self._outlet.say("mark", name=name, played=False, played_ms=flushed.played_ms)
        self._outlet.say(
            kind,
            played_ms=flushed.played_ms,
            unheard_ms=flushed.unheard_ms,
            dropped_ms=flushed.dropped_ms,
            **more,
        )

    def _interrupted(self, by: Participant) -> None:
        self._flush("interrupted", by={"id": by.id, "name": by.name})

    def _complain(self, sentence: str) -> None:
        self._malformed += 1
        if self._mistakes.take(1, time.monotonic_ns()):
            self._outlet.say("error", title=sentence)
        else:
            self.end(WSCloseCode.POLICY_VIOLATION, "Too many messages that make no sense.")

    def _marked(self, names: Sequence[str], played_ms: float) -> None:
        for name in names:
            self._outlet.say("mark", name=name, played=True, played_ms=played_ms)

    def _overflowed(self, milliseconds: float) -> None:
        self._outlet.say("overflow", ms=milliseconds)

    def _readdress(self) -> None:
        """What the client says next is for others: they are set between two ticks."""
        asyncio.get_running_loop().call_soon(self._set_audience)

    def _set_audience(self) -> None:
        speech, room = self._speech, self._room
        if speech is None or room is None or (awaited := speech.awaited) is None:
            return
        try:
            self._audience.narrow(room, awaited.listeners)
        except NotTheirs as error:
            speech.go_on(heard=False)
            self._outlet.say("error", title=f"{error} What you say to others than before is heard by nobody.")
        else:
            speech.go_on()

    def _hearing_changed(self) -> None:
        """What is meant for some alone is not to be heard by others, because somebody else has set who hears it."""
        speech, room = self._speech, self._room
        if speech is not None and room is not None and self._audience.is_overruled(room) and speech.withhold():
            self._outlet.say(
                "error",
                title="A host has changed who hears you. What was for some alone is heard by nobody from here on.",
            )

    @property
    def _room(self) -> Room | None:
        return None if self.room_name is None else self._conference.get(self.room_name)

    # What goes

    def _take_note(self, event: RoomEvent) -> None:
        if isinstance(event, ParticipantLeft):
            self._outlet.forget(event.participant.id)
        elif isinstance(event, ParticipantUpdated) and event.participant.id == self.participant_id:
            state = _state_of(event.participant)
            changed = {key: value for key, value in state.items() if self._told.get(key) != value}
            self._told = state
            if changed:
                self._outlet.say("state", **changed)
        elif isinstance(event, HearingChanged):
            self._hearing_changed()

    def _write(self) -> None:
        """There is something to send."""
        if self._outlet.stuck and not self._line.ends:
            asyncio.get_running_loop().call_soon(self._give_up)  # not in the middle of a tick, which may be what asks
        else:
            self._line.write()

    def _give_up(self) -> None:
        self.end(WSCloseCode.POLICY_VIOLATION, "None of what was to be told is taken.")

    def _flooded(self) -> None:
        _log.warning(
            "the audio socket of participant %s is refused: it goes on sending more than the limits allow",
            self.participant_id, extra={"room": self.room_name},
        )  # fmt: skip
        self.end(WSCloseCode.POLICY_VIOLATION, "Far more than this server reads was sent for too long.")

    def _hang_up(self, participant: Participant, reason: str) -> None:
        """End the socket of a client that was sent away, or could not stay."""
        failed = participant.leaving is not None and participant.leaving[0] == "failed"
        self.end(WSCloseCode.INTERNAL_ERROR if failed else WSCloseCode.OK, reason)


def _state_of(participant: ParticipantState) -> dict[str, object]:
    return {key: getattr(participant, key) for key in _TOLD}
