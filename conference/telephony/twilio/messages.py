"""Every message of the Twilio Media Streams protocol, in both directions: parsed and built, nothing else.

The *client* is Twilio, or whoever plays it; the *server* is the application that answers. All messages are
JSON in WebSocket text frames. The names of the fields are Twilio's own ("WebSocket messages" in its Media Streams
documentation), turned to snake_case.

Twilio writes ``sequenceNumber``, ``chunk`` and ``timestamp`` as strings, and its imitators often as numbers:
both are read, and strings are written. What is no number at all reads as ``None``: sound can do without it.

A message is refused for what is needed and cannot be read: a stream's ``streamSid``, sound, a key, the name of a mark.
All else may be of any type, or missing, and then reads as its default. A media format counts if one is told; what tells
of none means the usual one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from conference.telephony.fields import (
    object_if_any,
    read_base64,
    read_digit,
    read_event,
    read_number,
    read_object,
    read_sid,
    read_text,
    sid_if_any,
    text_if_any,
    to_base64,
    write_json,
)
from conference.telephony.settings import LONGEST_MESSAGE, LONGEST_SERVER_MESSAGE

ENCODING = "audio/x-mulaw"
"""The only encoding the protocol carries: mu-law without any header."""

_MU_LAW = frozenset({"x-mulaw", "mulaw", "mu-law", "x-ulaw", "ulaw", "g711_ulaw", "pcmu", "basic", ""})
"""Its names: Twilio's, those of its imitators, RFC 3551's and RFC 2046's; none at all says nothing else."""

SAMPLE_RATE = 8000
"""Samples (and with mu-law, bytes) per second."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The client's first message."""

    protocol: str = "Call"
    version: str = "1.0.0"


@dataclass(frozen=True, slots=True)
class Start:
    """The client's second message: what stream this is."""

    stream_sid: str
    call_sid: str = ""
    account_sid: str = ""
    tracks: tuple[str, ...] = ("inbound",)
    encoding: str = ENCODING
    sample_rate: int = SAMPLE_RATE
    channels: int = 1
    custom_parameters: Mapping[str, str] = field(default_factory=dict)
    sequence_number: int | None = 1


@dataclass(frozen=True, slots=True)
class Media:
    """Sound from the client's side of the call."""

    stream_sid: str
    payload: bytes
    """Mu-law, 8 kHz, any length."""
    timestamp: int | None
    """Milliseconds from the start of the stream."""
    chunk: int | None
    """Number of this media message, from 1."""
    track: str = "inbound"
    sequence_number: int | None = None


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key that was pressed: one of ``0-9 * # A-D``."""

    stream_sid: str
    digit: str
    sequence_number: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The echo of a server's mark: what was sent before it has been played, or cleared."""

    stream_sid: str
    name: str
    sequence_number: int | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The client's last message."""

    stream_sid: str
    call_sid: str = ""
    account_sid: str = ""
    sequence_number: int | None = None


@dataclass(frozen=True, slots=True)
class ServerMedia:
    """Sound for the client to play after what it already has."""

    stream_sid: str
    payload: bytes
    """Mu-law, 8 kHz, any length."""


@dataclass(frozen=True, slots=True)
class ServerMark:
    """Asks the client for an echo once everything before it has been played."""

    stream_sid: str
    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Empties the client's buffer; all pending marks come back at once."""

    stream_sid: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed message of an event that the protocol does not define (or not in this direction)."""

    event: str


ClientMessage: TypeAlias = Connected | Start | Media | Dtmf | Mark | Stop | Unknown
ServerMessage: TypeAlias = ServerMedia | ServerMark | Clear | Unknown


def is_mu_law(encoding: str) -> bool:
    """Whether a media format's ``encoding`` is one of the names of mu-law."""
    return encoding.strip().lower().removeprefix("audio/") in _MU_LAW


def parse_client_message(text: str, *, max_chars: int = LONGEST_MESSAGE) -> ClientMessage:
    """Read what Twilio, or whoever plays it, sent.

    Args:
        text: one WebSocket text message.
        max_chars: a longer message is refused unread.

    Raises:
        MessageError: it does not follow the protocol.
    """
    data, event = read_event(text, max_chars)
    if event == "media":
        body = read_object(data, "media")
        return Media(
            stream_sid=sid_if_any(data.get("streamSid")),
            payload=read_base64(body.get("payload"), "media.payload"),
            timestamp=read_number(body.get("timestamp")),
            chunk=read_number(body.get("chunk")),
            track=_text(body.get("track"), "inbound"),
            sequence_number=read_number(data.get("sequenceNumber")),
        )
    if event == "start":
        return _start(data)
    if event == "connected":
        return Connected(_text(data.get("protocol"), "Call"), _text(data.get("version"), "1.0.0"))
    if event in ("dtmf", "mark", "stop"):
        return _small_client_message(event, data)
    return Unknown(event)


def parse_server_message(text: str, *, max_chars: int = LONGEST_SERVER_MESSAGE) -> ServerMessage:
    """Read what a server sent to Twilio, or to whoever plays it.

    Args:
        text: one WebSocket text message.
        max_chars: a longer message is refused unread.

    Raises:
        MessageError: it does not follow the protocol.
    """
    data, event = read_event(text, max_chars)
    if event == "media":
        return ServerMedia(
            read_sid(data.get("streamSid")), read_base64(read_object(data, "media").get("payload"), "media.payload")
        )
    if event == "mark":
        return ServerMark(read_sid(data.get("streamSid")), _mark_name(data))
    if event == "clear":
        return Clear(read_sid(data.get("streamSid")))
    return Unknown(event)


def build(message: ClientMessage | ServerMessage) -> str:
    """Write a message as compact JSON; parsing gives the same value back.

    Raises:
        TypeError: not a message of the protocol (:class:`Unknown` is none either).
    """
    match message:
        case ServerMedia(sid, payload):
            return server_media_prefix(sid) + to_base64(payload) + SERVER_MEDIA_SUFFIX
        case ServerMark(sid, name):
            body: dict[str, Any] = {"event": "mark", "streamSid": sid, "mark": {"name": name}}
        case Clear(sid):
            body = {"event": "clear", "streamSid": sid}
        case Connected(protocol, version):
            body = {"event": "connected", "protocol": protocol, "version": version}
        case Start() | Media() | Dtmf() | Mark() | Stop():
            event, content = _client_body(message)
            body = {"event": event}
            if message.sequence_number is not None:
                body["sequenceNumber"] = str(message.sequence_number)
            body |= {"streamSid": message.stream_sid, event: content}
        case _:
            raise TypeError(f"{type(message).__name__} is not a message that can be sent.")
    return write_json(body)


SERVER_MEDIA_SUFFIX = '"}}'


def server_media_prefix(stream_sid: str) -> str:
    """All of a server's ``media`` message up to its base64; :data:`SERVER_MEDIA_SUFFIX` follows that.

    A server says the same sixty bytes fifty times a second to each caller: so it writes them once a call.
    """
    return f'{{"event":"media","streamSid":{json.dumps(stream_sid)},"media":{{"payload":"'


def client_media(quoted_sid: str, sequence_number: int, chunk: int, timestamp: int, sound: str) -> str:
    """A client's ``media`` message as :func:`build` writes it, in a tenth of the time: fifty a second go to each bot.

    Args:
        quoted_sid: the stream's identifier, as JSON.
        sequence_number: of the message.
        chunk: its number among those of sound, from 1.
        timestamp: milliseconds from the start of the stream.
        sound: mu-law, in base64.
    """
    return (
        f'{{"event":"media","sequenceNumber":"{sequence_number}","streamSid":{quoted_sid},"media":{{"track":"inbound",'
        f'"chunk":"{chunk}","timestamp":"{timestamp}","payload":"{sound}"}}}}'
    )


def _client_body(message: Start | Media | Dtmf | Mark | Stop) -> tuple[str, dict[str, Any]]:
    match message:
        case Media():
            content = {"track": message.track, "chunk": message.chunk, "timestamp": message.timestamp}
            texts = {key: str(value) for key, value in content.items() if value is not None}
            return "media", {**texts, "payload": to_base64(message.payload)}
        case Dtmf():
            # Not "inbound" as in media: Twilio's own documentation spells it so.
            return "dtmf", {"track": "inbound_track", "digit": message.digit}
        case Mark():
            return "mark", {"name": message.name}
        case Stop():
            return "stop", {"accountSid": message.account_sid, "callSid": message.call_sid}
        case Start():
            return "start", {
                "accountSid": message.account_sid,
                "streamSid": message.stream_sid,
                "callSid": message.call_sid,
                "tracks": list(message.tracks),
                "mediaFormat": {
                    "encoding": message.encoding,
                    "sampleRate": message.sample_rate,
                    "channels": message.channels,
                },
                "customParameters": dict(message.custom_parameters),
            }


def _start(data: Mapping[str, Any]) -> Start:
    body = object_if_any(data.get("start"))
    encoding, sample_rate, channels = _media_format(body.get("mediaFormat"))
    parameters = {
        name: text_if_any(value, LONGEST_MESSAGE) for name, value in object_if_any(body.get("customParameters")).items()
    }
    return Start(
        stream_sid=read_sid(body.get("streamSid"), data.get("streamSid")),
        call_sid=sid_if_any(body.get("callSid")),
        account_sid=sid_if_any(body.get("accountSid")),
        tracks=_tracks(body.get("tracks")),
        encoding=encoding,
        sample_rate=sample_rate,
        channels=channels,
        custom_parameters={name: value for name, value in parameters.items() if value is not None},
        sequence_number=read_number(data.get("sequenceNumber")),
    )


def _media_format(value: object) -> tuple[str, int, int]:
    """Encoding, sample rate and channels, as far as they are told; some tell nothing but the encoding's name."""
    told = {"encoding": value} if isinstance(value, str) else object_if_any(value)
    rate, channels = read_number(told.get("sampleRate")), read_number(told.get("channels"))
    return (
        _text(told.get("encoding"), ENCODING),
        SAMPLE_RATE if rate is None else rate,
        1 if channels is None else channels,
    )


def _tracks(value: object) -> tuple[str, ...]:
    tracks = value if isinstance(value, list) else [value]
    return tuple(track for track in tracks if isinstance(track, str)) if value is not None else ("inbound",)


def _small_client_message(event: str, data: Mapping[str, Any]) -> Dtmf | Mark | Stop:
    sid, sequence_number = sid_if_any(data.get("streamSid")), read_number(data.get("sequenceNumber"))
    if event == "mark":
        return Mark(sid, _mark_name(data), sequence_number)
    if event == "dtmf":
        return Dtmf(sid, read_digit(read_object(data, "dtmf").get("digit"), "dtmf.digit"), sequence_number)
    body = object_if_any(data.get("stop"))  # to leave, saying so is enough
    return Stop(sid, sid_if_any(body.get("callSid")), sid_if_any(body.get("accountSid")), sequence_number)


def _text(value: object, default: str) -> str:
    text = text_if_any(value)
    return default if text is None else text


def _mark_name(data: Mapping[str, Any]) -> str:
    return read_text(read_object(data, "mark").get("name"), "mark.name")
