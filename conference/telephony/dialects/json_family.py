"""Dialects that are shaped as Twilio's is: JSON in text frames, with an event, and sound in base64.

They differ in the names of their fields, in what they call their events, and in how sound is coded. A `Shape` says how.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conference.codecs.linear import ByteOrder
from conference.codecs.waveform import WaveformCodec
from conference.room.participant import StreamTransport
from conference.telephony.dialect import (
    Asked,
    CallIdentity,
    ClearBuffer,
    Ignored,
    MarkPlayed,
    Message,
    PlayMedia,
    Said,
    SetMark,
    StreamConnected,
    StreamKey,
    StreamMedia,
    StreamStarted,
    StreamStopped,
    Unsupported,
)
from conference.telephony.dialects.formats import find_codec, unsupported
from conference.telephony.fields import (
    MAX_NAME_CHARS,
    MessageError,
    object_if_any,
    read_base64,
    read_digit,
    read_event,
    read_number,
    read_object,
    read_sid,
    read_text,
    shared_base64,
    sid_if_any,
    text_if_any,
    to_base64,
    write_json,
)
from conference.telephony.settings import LONGEST_MESSAGE, LONGEST_SERVER_MESSAGE

_REORDER = 5
"""Messages that wait for one that should have come before them, where a dialect promises no order."""


@dataclass(frozen=True)
class Shape:
    """How one of these dialects is written."""

    name: StreamTransport
    title: str
    codec: WaveformCodec
    """Of a stream that names none."""

    provider_codec: WaveformCodec
    """Of the provider's end."""

    encoding: str
    """What a provider calls that."""

    stream_key: str
    """The stream's id, beside the event and in its ``start``."""

    sequence_key: str
    call_key: str
    parameters_key: str
    format_key: str
    rate_key: str
    order: ByteOrder
    greets: bool = True
    ordered: bool = True
    """Messages come in the order of their ``chunk``."""

    names_stream: bool = True
    """A server's messages bear the stream's id."""

    media: str = "media"
    """The event of a server's sound."""

    mark: str = "mark"
    """The event of a server's mark, whose name stands in an object of that name, or beside the event."""

    played: str = "mark"
    """The event of a mark that has been reached."""

    mark_beside: bool = False
    clear: str = "clear"
    cleared: str = ""
    """The event of a provider that has cleared its buffer; none if the marks tell it."""

    least_bytes: int = 0
    """The least sound in a server's message."""

    describes_media: bool = False
    """A server's sound bears its content type and rate."""

    subprotocols: tuple[str, ...] = field(default=())

    def server_end(self, options: Mapping[str, str]) -> JsonServerEnd:
        """See `Dialect.server_end`."""
        return JsonServerEnd(self)

    def provider_end(self, identity: CallIdentity, parameters: Mapping[str, str]) -> JsonProviderEnd:
        """See `Dialect.provider_end`."""
        return JsonProviderEnd(self, identity, parameters)


class JsonServerEnd:
    """A server's end of one stream.

    Args:
        shape: of its dialect.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._stream_id = ""
        self._codec = shape.codec
        self._gathered = bytearray()
        self._next_chunk: int | None = None
        self._early: dict[int, StreamMedia] = {}

    def parse(self, message: Message) -> Sequence[Said]:
        """See `ServerEnd.parse`."""
        if isinstance(message, bytes):
            raise MessageError(f"{self._shape.title}: messages are JSON in text frames; this frame is binary.")
        data, event = read_event(message, LONGEST_MESSAGE)
        match event:
            case "media":
                return self._media(read_object(data, "media"))
            case "start":
                return (self._start(data),)
            case "connected":
                return (StreamConnected(),)
            case "dtmf":
                return (StreamKey(read_digit(read_object(data, "dtmf").get("digit"), "dtmf.digit")),)
            case "stop":
                return (StreamStopped(),)
        if event == self._shape.played:
            return (MarkPlayed(_mark_name(self._shape, data)),)
        if event == self._shape.cleared:
            return ()
        return (Ignored("unknown", "A message of an unknown event came; it is ignored."),)

    def media(self, payload: bytes) -> str | None:
        """See `ServerEnd.media`."""
        if self._shape.least_bytes:
            self._gathered += payload
            if len(self._gathered) < self._shape.least_bytes:
                return None
            payload = bytes(self._gathered)
            self._gathered.clear()
        body: dict[str, Any] = {"payload": shared_base64(payload)}
        if self._shape.describes_media:
            body = {"contentType": self._content_type(), "sampleRate": self._codec.rate} | body
        return self._write(self._shape.media, {"media": body})

    def mark(self, name: str) -> str:
        """See `ServerEnd.mark`."""
        return self._write(self._shape.mark, _mark_body(self._shape, name))

    def clear(self) -> str:
        """See `ServerEnd.clear`."""
        self._gathered.clear()
        return self._write(self._shape.clear, {})

    def _content_type(self) -> str:
        return {"PCMU": "audio/x-mulaw", "PCMA": "audio/x-alaw"}.get(self._codec.name, "audio/x-l16")

    def _write(self, event: str, more: Mapping[str, Any]) -> str:
        stream = {self._shape.stream_key: self._stream_id} if self._shape.names_stream else {}
        return write_json({"event": event} | stream | dict(more))

    def _media(self, body: Mapping[str, Any]) -> Sequence[Said]:
        track = text_if_any(body.get("track")) or "inbound"
        if track.startswith("outbound"):
            return (Ignored("track", 'The track "outbound" is what the caller hears; it is not played.'),)
        media = StreamMedia(read_base64(body.get("payload"), "media.payload"), read_number(body.get("timestamp")))
        if self._shape.ordered:
            return (media,)
        return self._in_order(media, read_number(body.get("chunk")))

    def _in_order(self, media: StreamMedia, chunk: int | None) -> Sequence[StreamMedia]:
        """What can be played now that this has come; what is early waits for a few messages more."""
        if chunk is None:
            return (media,)
        if self._next_chunk is None:
            self._next_chunk = chunk
        if chunk < self._next_chunk:
            return ()  # its place has been played
        self._early[chunk] = media
        if len(self._early) > _REORDER:  # it does not come any more
            self._next_chunk = min(self._early)
        ready = []
        while self._next_chunk in self._early:
            ready.append(self._early.pop(self._next_chunk))
            self._next_chunk += 1
        return ready

    def _start(self, data: Mapping[str, Any]) -> Said:
        shape = self._shape
        body = object_if_any(data.get("start"))
        media_format = object_if_any(body.get(shape.format_key))
        encoding = text_if_any(media_format.get("encoding"))
        rate = read_number(media_format.get(shape.rate_key))
        channels = read_number(media_format.get("channels"))
        codec: WaveformCodec | None = shape.codec
        if encoding is not None or rate is not None:
            told_rate = shape.codec.rate if rate is None else rate
            codec = find_codec(shape.codec.name if encoding is None else encoding, told_rate, shape.order)
        if codec is None or channels not in (None, 1):
            return Unsupported(unsupported(shape.title, encoding or "", rate or 0))
        if not self._stream_id:
            self._stream_id = read_sid(body.get(shape.stream_key), data.get(shape.stream_key), name=shape.stream_key)
            self._codec = codec
        call_id = sid_if_any(body.get(shape.call_key)) or sid_if_any(data.get(shape.call_key))
        parameters = _parameters(body.get(shape.parameters_key)) | _parameters(data.get(shape.parameters_key))
        return StreamStarted(self._stream_id, call_id, codec, parameters)


class JsonProviderEnd:
    """The provider's end of one stream.

    Args:
        shape: of its dialect.
        identity: of the call.
        parameters: what whoever places the call sends along.
    """

    def __init__(self, shape: Shape, identity: CallIdentity, parameters: Mapping[str, str]) -> None:
        self._shape = shape
        self._identity = identity
        self._parameters = dict(parameters)
        self._sequence = 0
        self._chunk = 0

    @property
    def codec(self) -> WaveformCodec:
        """See `ProviderEnd.codec`."""
        return self._shape.provider_codec

    def opening(self) -> Sequence[str]:
        """See `ProviderEnd.opening`."""
        shape, one = self._shape, self._identity
        media_format = {"encoding": shape.encoding, shape.rate_key: shape.provider_codec.rate, "channels": 1}
        start = {
            shape.stream_key: one.stream_sid,
            shape.call_key: one.call_sid,
            shape.format_key: media_format,
            shape.parameters_key: self._parameters,
        }
        greeting = [write_json({"event": "connected", "version": "1.0.0"})] if shape.greets else []
        return [*greeting, self._write("start", {"start": start})]

    def media(self, payload: bytes) -> str:
        """See `ProviderEnd.media`."""
        self._chunk += 1
        told = {"track": "inbound", "chunk": str(self._chunk), "timestamp": str((self._chunk - 1) * 20)}
        return self._write("media", {"media": told | {"payload": to_base64(payload)}})

    def key(self, digit: str) -> str:
        """See `ProviderEnd.key`."""
        return self._write("dtmf", {"dtmf": {"digit": digit}})

    def mark(self, name: str) -> str:
        """See `ProviderEnd.mark`."""
        return self._write(self._shape.played, _mark_body(self._shape, name))

    def cleared(self) -> Sequence[str]:
        """See `ProviderEnd.cleared`."""
        return [self._write(self._shape.cleared, {})] if self._shape.cleared else []

    def closing(self) -> Sequence[str]:
        """See `ProviderEnd.closing`."""
        return [self._write("stop", {"stop": {self._shape.call_key: self._identity.call_sid}})]

    def parse(self, message: Message) -> Sequence[Asked]:
        """See `ProviderEnd.parse`."""
        if isinstance(message, bytes):
            raise MessageError(f"{self._shape.title}: messages are JSON in text frames; this frame is binary.")
        data, event = read_event(message, LONGEST_SERVER_MESSAGE)
        stream_id = sid_if_any(data.get(self._shape.stream_key))
        if stream_id != self._identity.stream_sid and (stream_id or self._needs_stream(event)):
            raise MessageError(f"A message does not bear this stream's {self._shape.stream_key}.")
        if event == self._shape.media:
            return (PlayMedia(read_base64(read_object(data, "media").get("payload"), "media.payload")),)
        if event == self._shape.mark:
            return (SetMark(_mark_name(self._shape, data)),)
        if event == self._shape.clear:
            return (ClearBuffer(),)
        return (Ignored("unknown", f'The event "{event}" is unknown.'),)

    def _needs_stream(self, event: str) -> bool:
        return self._shape.names_stream and event in ("media", self._shape.mark, self._shape.clear)

    def _write(self, event: str, more: Mapping[str, Any]) -> str:
        self._sequence += 1
        head = {"event": event, self._shape.sequence_key: str(self._sequence)}
        return write_json(head | {self._shape.stream_key: self._identity.stream_sid} | dict(more))


def _mark_name(shape: Shape, data: Mapping[str, Any]) -> str:
    if shape.mark_beside:
        return read_text(data.get("name"), "name")
    return read_text(read_object(data, "mark").get("name"), "mark.name")


def _mark_body(shape: Shape, name: str) -> dict[str, Any]:
    return {"name": name} if shape.mark_beside else {"mark": {"name": name}}


def _parameters(value: object) -> dict[str, str]:
    """Texts by name: of an object, of one written as text, or as ``a=b,c=d``."""
    if isinstance(value, str) and len(value) <= LONGEST_MESSAGE:
        value = _parameters_in_text(value)
    if not isinstance(value, dict):
        return {}
    read = {str(name): text_if_any(one, LONGEST_MESSAGE) for name, one in value.items() if len(name) <= MAX_NAME_CHARS}
    return {name: text for name, text in read.items() if text is not None}


def _parameters_in_text(text: str) -> object:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return {}
    pairs = [part.partition("=") for part in text.replace(";", ",").split(",")[:1000]]
    return {name.strip(): value.strip() for name, equals, value in pairs if equals and name.strip()}
