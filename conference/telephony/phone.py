"""The provider's end of a media stream: what it says, when it echoes, what it plays. No socket, no clock.

One :class:`Phone` is one call. Whoever drives it sends :meth:`Phone.opening`, then every 20 ms what
:meth:`Phone.tick` gives, hands in what arrives, and sends :meth:`Phone.closing` at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from conference.telephony.dialect import (
    Asked,
    CallIdentity,
    ClearBuffer,
    Dialect,
    HangUp,
    Ignored,
    Message,
    PlayMedia,
    SetMark,
    new_sid,
)
from conference.telephony.fields import DIGITS, MessageError
from conference.telephony.playout_buffer import PlayoutBuffer
from conference.telephony.twilio.dialect import TWILIO

MAX_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class PhoneTick:
    """What happens in 20 ms of a call."""

    messages: list[Message]
    """To be sent, in order: sound, then the echoes of marks that have been reached."""
    heard: bytes
    """What the phone played: 20 ms in the stream's codec."""


class Phone:
    """A call that plays a provider towards a server.

    Args:
        identity: who calls.
        parameters: what the stream's start brings along.
        playout: the buffer for what the server says.
        dialect: of the provider.
        on_asked: is told of each thing that the server asks for.
        on_mark: is told of each mark, by its name, when it is reached.
    """

    def __init__(
        self,
        identity: CallIdentity | None = None,
        parameters: Mapping[str, str] | None = None,
        playout: PlayoutBuffer | None = None,
        dialect: Dialect = TWILIO,
        on_asked: Callable[[Asked], None] = lambda _: None,
        on_mark: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._on_asked = on_asked
        self._on_mark = on_mark
        self.identity = identity or CallIdentity()
        self.dialect = dialect
        self._end = dialect.provider_end(self.identity, parameters or {})
        self.codec = self._end.codec
        """Of the stream, in both directions."""
        self.playout = PlayoutBuffer(self.codec) if playout is None else playout
        self.warnings: list[str] = []
        """What the server did wrong, each kind once, at most twenty."""
        self.hung_up = False
        """The server has asked for the call's end."""
        self.media_sent = 0
        self.media_received = 0
        self.bytes_received = 0
        self.marks_echoed = 0
        self.clears_received = 0
        self.bytes_discarded = 0

    def restart(self, parameters: Mapping[str, str]) -> None:
        """Begin another stream of the same call, with these parameters."""
        self.identity = replace(self.identity, stream_sid=new_sid("MZ"))
        self._end = self.dialect.provider_end(self.identity, parameters)

    def opening(self) -> Sequence[Message]:
        """What is said first."""
        return self._end.opening()

    def tick(self, frame: bytes | None = None) -> PhoneTick:
        """Go on by 20 ms.

        Args:
            frame: what the caller says, 20 ms in the stream's codec; ``None`` for silence, which is sent all the same.

        Raises:
            ValueError: the frame has another length.
        """
        message = self.say(self.codec.silent_frame if frame is None else frame)
        heard, echoes = self.play()
        return PhoneTick([message, *echoes], heard)

    def say(self, frame: bytes) -> Message:
        """The message with the next 20 ms of what the caller says.

        Raises:
            ValueError: the frame has another length.
        """
        if len(frame) != self.codec.frame_bytes:
            raise ValueError(f"A frame has {self.codec.frame_bytes} bytes, not {len(frame)}.")
        self.media_sent += 1
        return self._end.media(frame)

    def play(self) -> tuple[bytes, list[Message]]:
        """The next 20 ms of what the server says, filled up with silence, and the marks that have been reached."""
        heard, names = self.playout.pull()
        return heard, self._echo(names)

    def press(self, digit: str) -> Message | None:
        """The message for a key; ``None`` if the dialect has none.

        Raises:
            ValueError: not one of ``0-9 * # A-D``.
        """
        if digit not in DIGITS:
            raise ValueError(f"{digit!r} is not a key: only 0-9, *, #, A-D are.")
        return self._end.key(digit.upper())

    def receive(self, message: Message) -> list[Message]:
        """Take a message of the server.

        Returns:
            The echoes to send at once. What is wrong with the message goes to :attr:`warnings`, as Twilio's goes to
            its debugger, and changes nothing else.
        """
        try:
            asked = self._end.parse(message)
        except MessageError as error:
            self._warn(str(error))
            return []
        return [answer for one in asked for answer in self._do(one)]

    def interrupt(self) -> list[Message]:
        """Drop what the server has said that is yet to be played.

        Returns:
            The echoes of its marks, to send at once.
        """
        return self._echo(self.playout.clear())

    def closing(self) -> Sequence[Message]:
        """What is said last."""
        return self._end.closing()

    def _do(self, asked: Asked) -> list[Message]:
        self._on_asked(asked)
        match asked:
            case PlayMedia(payload):
                self._play(payload)
            case SetMark(name):
                return self._echo(self.playout.mark(name))
            case ClearBuffer():
                self.clears_received += 1
                return [*self.interrupt(), *self._end.cleared()]
            case HangUp():
                self.hung_up = True
            case Ignored(_, sentence):
                self._warn(sentence)
        return []

    def _play(self, payload: bytes) -> None:
        self.media_received += 1
        self.bytes_received += len(payload)
        odd = len(payload) % self.codec.sample_bytes
        if odd:
            self._warn("A message ends in the middle of a sample; that part of it is left out.")
            payload = payload[:-odd]
        discarded = self.playout.append(payload)
        if discarded:
            self.bytes_discarded += discarded
            self._warn("More than ten minutes of sound are buffered; the rest is discarded.")

    def _echo(self, names: Iterable[str]) -> list[Message]:
        reached = tuple(names)
        for name in reached:
            self._on_mark(name)
        echoes = [message for name in reached if (message := self._end.mark(name)) is not None]
        self.marks_echoed += len(echoes)
        return echoes

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings and len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(sentence)
