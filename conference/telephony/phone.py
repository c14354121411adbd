"""Twilio's end of a media stream: what it says, when it echoes, what it plays. No socket, no clock.

One :class:`Phone` is one call. Whoever drives it sends :meth:`Phone.opening`, then every 20 ms what
:meth:`Phone.tick` gives, hands in what arrives, and sends :meth:`Phone.closing` at the end.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from conference.telephony.playout import PlayoutBuffer
from conference.telephony.twilio import messages
from conference.telephony.twilio.fields import MessageError
from conference.telephony.twilio.messages import FRAME_BYTES, SILENT_FRAME, build

MAX_WARNINGS = 20


def new_sid(prefix: str) -> str:
    """An identifier of Twilio's form: two letters and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """The identifiers of a call, random unless given."""

    account_sid: str = field(default_factory=lambda: new_sid("AC"))
    call_sid: str = field(default_factory=lambda: new_sid("CA"))
    stream_sid: str = field(default_factory=lambda: new_sid("MZ"))


@dataclass(frozen=True, slots=True)
class Tick:
    """What happens in 20 ms of a call."""

    messages: list[str]
    """To be sent, in order: one ``media``, then the echoes of marks that have been reached."""
    heard: bytes
    """What the phone played: 160 bytes of mu-law."""


class Phone:
    """A call that plays Twilio towards a server.

    Args:
        identity: who calls.
        parameters: ``customParameters`` of the ``start`` message.
        playout: the buffer for what the server says.
    """

    def __init__(
        self,
        identity: CallIdentity | None = None,
        parameters: Mapping[str, str] | None = None,
        playout: PlayoutBuffer | None = None,
    ) -> None:
        self.identity = identity or CallIdentity()
        self.playout = playout or PlayoutBuffer()
        self.warnings: list[str] = []
        """What the server did wrong, each kind once, at most twenty."""
        self._parameters = dict(parameters or {})
        self._sequence_number = 0
        self._chunk = 0
        self._timestamp = 0
        self.media_received = 0
        self.bytes_received = 0
        self.marks_echoed = 0
        self.clears_received = 0
        self.bytes_discarded = 0

    @property
    def media_sent(self) -> int:
        """Media messages so far."""
        return self._chunk

    def opening(self) -> list[str]:
        """The first two messages: ``connected`` and ``start``."""
        start = messages.Start(
            stream_sid=self.identity.stream_sid,
            call_sid=self.identity.call_sid,
            account_sid=self.identity.account_sid,
            custom_parameters=self._parameters,
            sequence_number=self._next(),
        )
        return [build(messages.Connected()), build(start)]

    def tick(self, frame: bytes | None = None) -> Tick:
        """Go on by 20 ms.

        Args:
            frame: what the caller says, 160 bytes of mu-law; ``None`` for silence, which is sent all the same.

        Raises:
            ValueError: the frame has another length.
        """
        if frame is None:
            frame = SILENT_FRAME
        elif len(frame) != FRAME_BYTES:
            raise ValueError(f"A frame has {FRAME_BYTES} bytes, not {len(frame)}.")
        self._chunk += 1
        media = messages.Media(
            stream_sid=self.identity.stream_sid,
            payload=frame,
            timestamp=self._timestamp,
            chunk=self._chunk,
            sequence_number=self._next(),
        )
        self._timestamp += 20
        heard, names = self.playout.pull()
        return Tick([build(media), *self._echo(names)], heard)

    def press(self, digit: str) -> str:
        """The message for a key.

        Raises:
            ValueError: not one of ``0-9 * # A-D``.
        """
        if digit not in messages.DIGITS:
            raise ValueError(f"{digit!r} is not a key: only 0-9, *, #, A-D are.")
        return build(messages.Dtmf(self.identity.stream_sid, digit.upper(), self._next()))

    def receive_text(self, text: str) -> list[str]:
        """Take a message of the server.

        Returns:
            The echoes to send at once. What is wrong with the message goes to :attr:`warnings`, as Twilio's goes to
            its debugger, and changes nothing else.
        """
        try:
            message = messages.parse_server_message(text)
        except MessageError as error:
            self._warn(str(error))
            return []
        if isinstance(message, messages.Unknown):
            self._warn(f'The event "{message.event}" is unknown.')
            return []
        if message.stream_sid != self.identity.stream_sid:
            self._warn("A message bears the streamSid of another stream.")
            return []
        match message:
            case messages.ServerMedia():
                self._play(message.payload)
                return []
            case messages.ServerMark():
                return self._echo(self.playout.mark(message.name))
            case messages.Clear():
                self.clears_received += 1
                return self._echo(self.playout.clear())

    def receive_binary(self) -> None:
        """Take note of a binary message, of which the protocol has none."""
        self._warn("A binary frame came; Media Streams messages are JSON in text frames.")

    def closing(self) -> list[str]:
        """The last message: ``stop``."""
        sid, call_sid, account_sid = self.identity.stream_sid, self.identity.call_sid, self.identity.account_sid
        return [build(messages.Stop(sid, call_sid, account_sid, self._next()))]

    def _play(self, payload: bytes) -> None:
        self.media_received += 1
        self.bytes_received += len(payload)
        discarded = self.playout.append(payload)
        if discarded:
            self.bytes_discarded += discarded
            self._warn("More than ten minutes of sound are buffered; the rest is discarded.")

    def _echo(self, names: list[str]) -> list[str]:
        self.marks_echoed += len(names)
        return [build(messages.Mark(self.identity.stream_sid, name, self._next())) for name in names]

    def _next(self) -> int:
        self._sequence_number += 1
        return self._sequence_number

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings and len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(sentence)
