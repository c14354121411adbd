"""A Twilio-compatible client in our room: the server's end of one media stream.

No socket and no clock: a thin loop elsewhere hands in what arrives, and sends what it is given::

    socket -> receive_text(text, now) -> [Started | Digit | Stopped | Warned | Refused]
                                      -> source, pulled by the room
    room   -> sink.deliver(mix) -> sink.on_output() -> take_output(now) -> socket
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from conference.codecs.base import Codec
from conference.codecs.pcmu import PcmuCodec
from conference.telephony.intake import PacedSource
from conference.telephony.outlet import Outlet
from conference.telephony.settings import LegSettings
from conference.telephony.twilio import messages
from conference.telephony.twilio.fields import MessageError
from conference.text import shows
from conference.token_bucket import TokenBucket

POLICY_VIOLATION = 1008
"""RFC 6455 section 7.4.1: the endpoint is terminating the connection because of its policy."""

UNSUPPORTED_DATA = 1003
"""RFC 6455 section 7.4.1: a type of data that the endpoint cannot accept."""

BURST_SECONDS = 5


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
    """From the URL, else from ``customParameters.room``; ``None`` if neither says."""
    name: str
    """``customParameters.name``, else the call's SID; never empty."""
    call_sid: str
    stream_sid: str
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


class TwilioLeg:
    """One media stream.

    Args:
        room: the room that the URL names; ``None`` if it names none.
        settings: limits.
        codec: of the stream; mu-law.
    """

    def __init__(
        self, room: str | None = None, settings: LegSettings | None = None, codec: Codec | None = None
    ) -> None:
        self._room = room
        self._settings = settings or LegSettings()
        codec = codec or PcmuCodec()
        self.source = PacedSource(codec.make_decoder(), self._settings)
        """The caller's voice."""
        self.sink = Outlet(codec, self._settings)
        """What the caller hears; set its ``on_output`` to be told when there is something to send."""
        self.state = LegState.NEW
        self._warned: set[str] = set()
        digits = self._settings.max_digits_per_second
        self._digit_bucket = TokenBucket(digits, digits * BURST_SECONDS)
        self._malformed_bucket = TokenBucket(1, self._settings.max_malformed)
        self._messages_received = self._media_received = self._malformed = 0

    def receive_text(self, text: str, now_ns: int) -> list[LegEvent]:
        """Take one text message.

        Args:
            text: as it arrived.
            now_ns: monotonic time.

        Returns:
            What follows from it, in order; most often nothing. Nothing at all once the stream has ended.
        """
        if self.state is LegState.ENDED:
            return []
        self._messages_received += 1
        try:
            message = messages.parse_client_message(text)
        except MessageError as error:
            return self._complain(str(error), now_ns)
        if isinstance(message, messages.Media):
            return self._media(message, now_ns)
        return self._control(message, now_ns)

    def receive_binary(self, now_ns: int) -> list[LegEvent]:
        """Take note of a binary message, of which the protocol has none."""
        if self.state is LegState.ENDED:
            return []
        self._messages_received += 1
        return self._complain("Media Streams messages are JSON in text frames; this frame is binary.", now_ns)

    def take_output(self, now_ns: int) -> list[str]:
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

    def clean_name(self, text: str) -> str:
        """What of a name can be shown; perhaps nothing."""
        printable = "".join(character for character in text if character.isprintable())
        name = printable.strip()[: self._settings.max_name_length].strip()
        return name if shows(name) else ""

    def _media(self, message: messages.Media, now_ns: int) -> list[LegEvent]:
        if self.state is not LegState.STARTED:
            return self._warn("media-early", 'A "media" message came before "start"; it is ignored.')
        if message.track.startswith("outbound"):  # any other name is the caller's own sound
            return self._warn("track", 'The track "outbound" is what the caller hears; it is not played.')
        self._media_received += 1
        if self.source.push(message.payload, message.timestamp, now_ns):
            seconds = self._settings.max_ahead_ms / 1000
            return self._warn("ahead", f"More than {seconds:g} s of sound came ahead of its time; the rest is dropped.")
        return []

    def _control(self, message: messages.ClientMessage, now_ns: int) -> list[LegEvent]:
        match message:
            case messages.Mark():
                self.sink.echo(message.name, now_ns)
                return []
            case messages.Dtmf():
                if self.state is not LegState.STARTED:
                    return self._warn("dtmf-early", 'A "dtmf" message came before "start"; it is ignored.')
                if not self._digit_bucket.take(1, now_ns):
                    return self._warn("digits", "Keys come faster than anybody presses them; some are dropped.")
                return [Digit(message.digit)]
            case messages.Connected():
                if self.state is not LegState.NEW:
                    return self._warn("connected-again", 'A second "connected" message came; it is ignored.')
                self.state = LegState.CONNECTED
                return []
            case messages.Start():
                return self._start(message)
            case messages.Stop():
                self.state = LegState.ENDED
                return [Stopped()]
            case _:
                return self._warn("unknown", "A message of an unknown event came; it is ignored.")

    def _start(self, message: messages.Start) -> list[LegEvent]:
        if self.state is LegState.STARTED:
            return self._warn("start-again", 'A second "start" message came; it is ignored.')
        if not messages.is_mu_law(message.encoding) or (message.sample_rate, message.channels) != (8000, 1):
            return self._refuse(UNSUPPORTED_DATA, "Only audio/x-mulaw with 8000 Hz and 1 channel is taken.")
        events: list[LegEvent] = []
        if self.state is LegState.NEW:
            events += self._warn("connected", '"start" came without "connected" before it.')
        self.state = LegState.STARTED
        self.sink.open(message.stream_sid)
        parameters = message.custom_parameters
        name = self.clean_name(parameters.get("name", "")) or self.clean_name(message.call_sid)
        room = self._room if self._room is not None else parameters.get("room")
        events.append(Started(room, name or "Caller", message.call_sid, message.stream_sid, dict(parameters)))
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
