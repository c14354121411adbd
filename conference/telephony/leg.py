"""A caller's leg in our room: the server's end of one media stream, of whatever dialect.

No socket and no clock: a thin loop elsewhere hands in what arrives, and sends what it is given::

    socket -> receive(message, now) -> [Started | Digit | Stopped | Warned | Refused]
                                    -> source, pulled by the room
    room   -> sink.deliver(mix) -> sink.on_output() -> take_output(now) -> socket
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from conference.telephony.dialect import (
    Dialect,
    Ignored,
    MarkPlayed,
    Message,
    Said,
    StreamConnected,
    StreamKey,
    StreamMedia,
    StreamStarted,
    StreamStopped,
    Unsupported,
)
from conference.telephony.dialects.known import guess_dialect, stream_path
from conference.telephony.fields import MessageError
from conference.telephony.intake import MU_LAW, PacedSource
from conference.telephony.outlet import Outlet
from conference.telephony.settings import LegSettings
from conference.text import shows
from conference.token_bucket import TokenBucket

POLICY_VIOLATION = 1008
"""RFC 6455 section 7.4.1: the endpoint is terminating the connection because of its policy."""

UNSUPPORTED_DATA = 1003
"""RFC 6455 section 7.4.1: a type of data that the endpoint cannot accept."""

BURST_SECONDS = 5

DEFAULTS = ("name", "prompts")
"""What a stream's address can say in place of its parameters."""


class LegState(Enum):
    """Where a stream is in its life."""

    NEW = auto()
    CONNECTED = auto()
    STARTED = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Started:
    """The stream says what it is: time to join a room."""

    room: str | None
    """From the URL, else from the parameter ``room``; ``None`` if neither says."""
    name: str
    """The parameter ``name``, else the call's id; never empty."""
    call_id: str
    stream_id: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed one of ``0-9 * # A-D``."""

    digit: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The client says that the stream is over."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something is wrong with what the client sends; said once per kind and stream."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The stream cannot go on: close the socket with this code and reason."""

    code: int
    reason: str


LegEvent: TypeAlias = Started | Digit | Stopped | Warned | Refused


@dataclass(frozen=True, slots=True)
class LegStats:
    """A leg in figures, for the API and the metrics."""

    messages_received: int
    media_received: int
    malformed: int
    incoming_buffered_ms: float
    """The caller's sound that waits here to be played."""
    incoming_dropped_frames: int
    incoming_concealed_frames: int
    media_sent: int
    outgoing_dropped_frames: int
    outgoing_skipped_frames: int
    marks_sent: int
    marks_echoed: int
    buffered_ms: float | None
    """What the caller has yet to hear, beyond the least ever seen; ``None`` before the first mark came back."""
    clears: int
    held_back_ms: float = 0.0
    """For how long nothing was read of the connection, because more came than its limits allow."""


class Leg:
    """One media stream.

    Args:
        dialect: how its messages are written.
        room: the room that the URL names; ``None`` if it names none.
        settings: limits.
        options: what else the URL says: a ``name`` and the like, for callers whose start says none, and what the
            dialect wants to know.
    """

    def __init__(
        self,
        dialect: Dialect,
        room: str | None = None,
        settings: LegSettings | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.dialect = dialect
        self._end = dialect.server_end(options or {})
        self._room = room
        self._defaults = {key: text for key, text in (options or {}).items() if key in DEFAULTS}
        self._settings = settings or LegSettings()
        self.source = PacedSource(MU_LAW.make_decoder(), self._settings)
        """The caller's voice."""
        self.sink = Outlet(self._end, self._settings)
        """What the caller hears; set its ``on_output`` to be told when there is something to send."""
        self.state = LegState.NEW
        self._sample_bytes = MU_LAW.sample_bytes
        self._warned: set[str] = set()
        digits = self._settings.max_digits_per_second
        self._digit_bucket = TokenBucket(digits, digits * BURST_SECONDS)
        self._malformed_bucket = TokenBucket(1, self._settings.max_malformed)
        self._messages_received = self._media_received = self._malformed = 0

    def receive(self, message: Message, now_ns: int) -> list[LegEvent]:
        """Take one message.

        Args:
            message: as it arrived.
            now_ns: monotonic time.

        Returns:
            What follows from it, in order; most often nothing. Nothing at all once the stream has ended.
        """
        if self.state is LegState.ENDED:
            return []
        self._messages_received += 1
        try:
            said = self._end.parse(message)
        except MessageError as error:
            return self._other_dialect(message) or self._complain(str(error), now_ns)
        if self.state is not LegState.STARTED and (refusal := self._other_dialect(message)):
            return refusal
        events: list[LegEvent] = []
        for one in said:
            if isinstance(one, StreamMedia):
                self._media(one, now_ns, events)
                continue
            events += self._control(one, now_ns)
            if self._is_over():
                break
        return events

    def take_output(self, now_ns: int) -> list[Message]:
        """What is to be sent now, in order."""
        return [] if self.state is LegState.ENDED else self.sink.take(now_ns)

    def stats(self, now_ns: int) -> LegStats:
        """The leg in figures."""
        return LegStats(
            messages_received=self._messages_received,
            media_received=self._media_received,
            malformed=self._malformed,
            incoming_buffered_ms=self.source.buffered_ms,
            incoming_dropped_frames=self.source.dropped_frames,
            incoming_concealed_frames=self.source.concealed_frames,
            media_sent=self.sink.sent_frames,
            outgoing_dropped_frames=self.sink.dropped_frames,
            outgoing_skipped_frames=self.sink.skipped_frames,
            marks_sent=self.sink.marks_sent,
            marks_echoed=self.sink.marks_echoed,
            buffered_ms=self.sink.buffered_ms(now_ns),
            clears=self.sink.clears,
        )

    def _is_over(self) -> bool:
        return self.state is LegState.ENDED

    def clean_name(self, text: str) -> str:
        """What of a name can be shown; perhaps nothing."""
        printable = "".join(character for character in text if character.isprintable())
        name = printable.strip()[: self._settings.max_name_length].strip()
        return name if shows(name) else ""

    def _other_dialect(self, message: Message) -> list[LegEvent]:
        """The end of a stream that starts in another dialect; nothing if it does not."""
        other = None if self.state is LegState.STARTED else guess_dialect(message)
        if other is None or other is self.dialect or (other.name, self.dialect.name) == ("twilio", "signalwire"):
            return []  # with mu-law, SignalWire's are Twilio's
        path = stream_path(other, self._room or "ROOM")
        return self._refuse(UNSUPPORTED_DATA, f"This is a stream of {other.title}: connect it to {path}.")

    def _media(self, media: StreamMedia, now_ns: int, events: list[LegEvent]) -> None:
        if self.state is not LegState.STARTED:
            events += self._warn("media-early", "Sound came before the stream had started; it is ignored.")
            return
        payload = media.payload
        if self._sample_bytes > 1 and len(payload) % self._sample_bytes:  # what follows would be noise
            payload = payload[: -(len(payload) % self._sample_bytes)]
            events += self._warn("half", "A message ends in the middle of a sample; that part of it is left out.")
        self._media_received += 1
        if self.source.push(payload, media.timestamp_ms, now_ns):
            seconds = self._settings.max_ahead_ms / 1000
            events += self._warn(
                "ahead", f"More than {seconds:g} s of sound came ahead of its time; the rest is dropped."
            )

    def _control(self, said: Said, now_ns: int) -> list[LegEvent]:
        match said:
            case MarkPlayed(name):
                self.sink.echo(name, now_ns)
                return []
            case StreamKey(digit):
                return self._key(digit, now_ns)
            case StreamConnected() if self.state is LegState.NEW:
                self.state = LegState.CONNECTED
                return []
            case StreamConnected():
                return self._warn("connected-again", 'A second "connected" message came; it is ignored.')
            case StreamStopped():
                self.state = LegState.ENDED
                return [Stopped()]
            case Ignored(kind, sentence):
                return self._warn(kind, sentence)
        return self._begin(said)

    def _key(self, digit: str, now_ns: int) -> list[LegEvent]:
        if self.state is not LegState.STARTED:
            return self._warn("key-early", "A key came before the stream had started; it is ignored.")
        if not self._digit_bucket.take(1, now_ns):
            return self._warn("digits", "Keys come faster than anybody presses them; some are dropped.")
        return [Digit(digit)]

    def _begin(self, said: Said) -> list[LegEvent]:
        if self.state is LegState.STARTED:
            return self._warn("start-again", 'A second "start" message came; it is ignored.')
        match said:
            case Unsupported(sentence):
                return self._refuse(UNSUPPORTED_DATA, sentence)
            case StreamStarted():
                return self._start(said)
        return []

    def _start(self, start: StreamStarted) -> list[LegEvent]:
        events: list[LegEvent] = []
        if self.state is LegState.NEW and self.dialect.greets:
            events += self._warn("connected", '"start" came without "connected" before it.')
        self.state = LegState.STARTED
        if start.codec != MU_LAW:
            self.source.decode_with(start.codec.make_decoder(), start.codec)
            self._sample_bytes = start.codec.sample_bytes
        self.sink.open(start.codec)
        parameters = self._defaults | dict(start.parameters)
        name = self.clean_name(parameters.get("name", "")) or self.clean_name(start.call_id)
        room = self._room if self._room is not None else parameters.get("room")
        events.append(Started(room, name or "Caller", start.call_id, start.stream_id, parameters))
        return events

    def _complain(self, sentence: str, now_ns: int) -> list[LegEvent]:
        self._malformed += 1
        if not self._malformed_bucket.take(1, now_ns):
            return self._refuse(POLICY_VIOLATION, "Too many malformed messages.")
        return self._warn("malformed: " + sentence[:40], sentence)

    def _warn(self, kind: str, sentence: str) -> list[LegEvent]:
        if kind in self._warned or len(self._warned) >= 50:
            return []
        self._warned.add(kind)
        return [Warned(sentence)]

    def _refuse(self, code: int, reason: str) -> list[LegEvent]:
        self.state = LegState.ENDED
        return [Refused(code, reason)]
