"""What media WebSockets of any provider have in common: what their messages say, whatever they look like.

A *dialect* is how one provider writes that. Its *server end* is what a server keeps of one stream, in the course of
which it reads what the provider sends and writes what it takes. No socket, no clock::

    message -> end.parse(message) -> [StreamStarted | StreamMedia | StreamKey | MarkPlayed | StreamStopped ...]
    message <- end.media(payload), end.mark(name), end.clear()

Its *provider end* is the other one, of a program that plays the provider towards a server.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from conference.codecs.waveform import WaveformCodec
from conference.room.participant import StreamTransport

Message: TypeAlias = str | bytes
"""One message of a WebSocket: text, or binary."""


@dataclass(frozen=True, slots=True)
class StreamConnected:
    """The provider's greeting, in dialects that have one: the stream is about to start."""


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """What stream this is."""

    stream_id: str
    call_id: str
    codec: WaveformCodec
    """Of its sound, in both directions."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """What whoever placed the call has sent along."""


class StreamMedia(NamedTuple):
    """Sound of the caller."""

    payload: bytes
    """In the stream's codec, any length."""

    timestamp_ms: int | None = None
    """From the start of the stream; ``None`` if it does not say."""


@dataclass(frozen=True, slots=True)
class StreamKey:
    """A key that was pressed: one of ``0-9 * # A-D``."""

    digit: str


@dataclass(frozen=True, slots=True)
class MarkPlayed:
    """What was sent before a mark has been played, or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class StreamStopped:
    """The stream is over."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A stream that cannot be taken; the sentence says why."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that says nothing to a server, and means no harm."""

    kind: str
    """Those of one kind are warned of once."""

    sentence: str


Said: TypeAlias = (
    StreamConnected | StreamStarted | StreamMedia | StreamKey | MarkPlayed | StreamStopped | Unsupported | Ignored
)
"""What a provider says."""


class ServerEnd(Protocol):
    """The server's end of one stream."""

    def parse(self, message: Message) -> Sequence[Said]:
        """Read what the provider, or whoever plays it, has sent.

        Raises:
            MessageError: it does not follow the protocol.
        """
        ...

    def media(self, payload: bytes) -> Message | None:
        """Write sound for the caller, in the stream's codec, to be played after what they already have.

        ``None`` while more of it is gathered, for dialects that want longer messages.
        """
        ...

    def mark(self, name: str) -> Message | None:
        """Write a mark, to come back once all before it has been played; ``None`` if the dialect has none."""
        ...

    def clear(self) -> Message | None:
        """Write that all that was sent and not played is to be dropped; ``None`` if the dialect cannot."""
        ...


@dataclass(frozen=True, slots=True)
class PlayMedia:
    """Sound to be played after what there is."""

    payload: bytes
    """In the stream's codec, any length."""


@dataclass(frozen=True, slots=True)
class SetMark:
    """To be told of when all before it has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class ClearBuffer:
    """All that has not been played is to be dropped."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call is to end."""


Asked: TypeAlias = PlayMedia | SetMark | ClearBuffer | HangUp | Ignored
"""What a server asks of a provider."""


def new_sid(prefix: str) -> str:
    """An identifier of Twilio's form: two letters and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """The identifiers of a call, random unless given."""

    account_sid: str = field(default_factory=lambda: new_sid("AC"))
    call_sid: str = field(default_factory=lambda: new_sid("CA"))
    stream_sid: str = field(default_factory=lambda: new_sid("MZ"))


class ProviderEnd(Protocol):
    """The provider's end of one stream."""

    @property
    def codec(self) -> WaveformCodec:
        """Of the stream, in both directions."""
        ...

    def opening(self) -> Sequence[Message]:
        """What is said first."""
        ...

    def media(self, payload: bytes) -> Message:
        """Write the next 20 ms of what the caller says."""
        ...

    def key(self, digit: str) -> Message | None:
        """Write a key, upper case, that the caller pressed; ``None`` if the dialect has none."""
        ...

    def mark(self, name: str) -> Message | None:
        """Write that all before a mark has been played, or dropped."""
        ...

    def cleared(self) -> Sequence[Message]:
        """Write that what was to be played has been dropped; in most dialects, nothing."""
        ...

    def closing(self) -> Sequence[Message]:
        """What is said last."""
        ...

    def parse(self, message: Message) -> Sequence[Asked]:
        """Read what the server has sent.

        Raises:
            MessageError: it does not follow the protocol, or is not of this stream.
        """
        ...


class Dialect(Protocol):
    """How one provider writes its streams."""

    @property
    def name(self) -> StreamTransport:
        """As it stands in addresses, and as the `Transport` of whoever comes in by it."""
        ...

    @property
    def title(self) -> str:
        """For people."""
        ...

    @property
    def greets(self) -> bool:
        """Whether a stream begins with `StreamConnected`."""
        ...

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """Those of the WebSocket (RFC 6455, section 1.9), if there are any."""
        ...

    def server_end(self, options: Mapping[str, str]) -> ServerEnd:
        """The server's end of a new stream.

        Args:
            options: what the stream's address says of it, for dialects that say it nowhere else.
        """
        ...

    def provider_end(self, identity: CallIdentity, parameters: Mapping[str, str]) -> ProviderEnd:
        """The provider's end of a new stream.

        Args:
            identity: of the call.
            parameters: what whoever places the call sends along.
        """
        ...


@dataclass(frozen=True, slots=True)
class DialectOfEnds:
    """A dialect whose ends are made of nothing but what they are told."""

    name: StreamTransport
    title: str
    make_server_end: Callable[[Mapping[str, str]], ServerEnd]
    make_provider_end: Callable[[CallIdentity, Mapping[str, str]], ProviderEnd]
    greets: bool = False
    subprotocols: tuple[str, ...] = ()

    def server_end(self, options: Mapping[str, str]) -> ServerEnd:
        """See `Dialect.server_end`."""
        return self.make_server_end(options)

    def provider_end(self, identity: CallIdentity, parameters: Mapping[str, str]) -> ProviderEnd:
        """See `Dialect.provider_end`."""
        return self.make_provider_end(identity, parameters)
