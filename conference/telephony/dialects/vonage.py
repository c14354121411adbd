"""Vonage: a first text frame that says what it is, then linear PCM in binary frames; notifications serve as marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conference.codecs.linear import LinearCodec
from conference.codecs.waveform import WaveformCodec
from conference.telephony.dialect import (
    Asked,
    CallIdentity,
    ClearBuffer,
    DialectOfEnds,
    Ignored,
    MarkPlayed,
    Message,
    PlayMedia,
    Said,
    SetMark,
    StreamKey,
    StreamMedia,
    StreamStarted,
    Unsupported,
)
from conference.telephony.dialects.binary import BinaryProviderEnd, read_json, read_server_json, texts_of
from conference.telephony.dialects.formats import find_codec, unsupported
from conference.telephony.fields import (
    MessageError,
    object_if_any,
    read_digit,
    read_text,
    sid_if_any,
    text_if_any,
    write_json,
)

_MARK = "mark"
"""Where a notification's payload has the mark's name."""


def read_content_type(text: str) -> tuple[str, int]:
    """Encoding and rate of ``audio/l16;rate=16000``; 16000 if it names none."""
    encoding, *parameters = (part.strip() for part in text.lower().split(";"))
    rates = [value for name, _, value in (one.partition("=") for one in parameters) if name.strip() == "rate"]
    rate = rates[0].strip() if rates else "16000"
    return encoding, int(rate) if rate.isascii() and rate.isdecimal() and len(rate) < 7 else 0


class VonageServerEnd:
    """A server's end of one stream."""

    def parse(self, message: Message) -> Sequence[Said]:
        """See `ServerEnd.parse`."""
        if isinstance(message, bytes):
            return (StreamMedia(message),)
        data = read_json(message)
        match data.get("event"):
            case "websocket:connected":
                return (self._start(data),)
            case "websocket:dtmf":
                nested = object_if_any(data.get("dtmf")).get("digit")
                return (StreamKey(read_digit(data.get("digit", nested), "digit")),)
            case "websocket:notify":
                name = object_if_any(data.get("payload")).get(_MARK)
                return (MarkPlayed(read_text(name, f"payload.{_MARK}")),)
            case "websocket:cleared":
                return ()
        return (Ignored("unknown", "A message of an unknown event came; it is ignored."),)

    def media(self, payload: bytes) -> bytes:
        """See `ServerEnd.media`."""
        return payload

    def mark(self, name: str) -> str:
        """See `ServerEnd.mark`."""
        return write_json({"action": "notify", "payload": {_MARK: name}})

    def clear(self) -> str:
        """See `ServerEnd.clear`."""
        return write_json({"action": "clear"})

    def _start(self, data: Mapping[str, object]) -> Said:
        encoding, rate = read_content_type(text_if_any(data.get("content-type")) or "audio/l16")
        codec = find_codec(encoding, rate, "little")
        if codec is None:
            return Unsupported(unsupported("Vonage", encoding, rate))
        parameters = {key: text for key, text in texts_of(data).items() if key not in ("event", "content-type")}
        call_id = sid_if_any(data.get("uuid")) or sid_if_any(data.get("conversation_uuid"))
        return StreamStarted("", call_id, codec, parameters)


class VonageProviderEnd(BinaryProviderEnd):
    """Vonage's end of one stream."""

    codec: WaveformCodec = LinearCodec(16_000, "little")

    def __init__(self, identity: CallIdentity, parameters: Mapping[str, str]) -> None:
        self._first = {"event": "websocket:connected", "content-type": f"audio/l16;rate={self.codec.rate}"}
        self._first |= {"uuid": identity.call_sid} | dict(parameters)

    def opening(self) -> Sequence[str]:
        """See `ProviderEnd.opening`."""
        return [write_json(self._first)]

    def key(self, digit: str) -> str:
        """See `ProviderEnd.key`."""
        return write_json({"event": "websocket:dtmf", "digit": digit, "duration": 260})

    def mark(self, name: str) -> str:
        """See `ProviderEnd.mark`."""
        return write_json({"event": "websocket:notify", "payload": {_MARK: name}})

    def cleared(self) -> Sequence[str]:
        """See `ProviderEnd.cleared`."""
        return [write_json({"event": "websocket:cleared"})]

    def parse(self, message: Message) -> Sequence[Asked]:
        """See `ProviderEnd.parse`."""
        if isinstance(message, bytes):
            return (PlayMedia(message),)
        data = read_server_json(message)
        if data.get("action") == "clear":
            return (ClearBuffer(),)
        if data.get("action") == "notify":
            payload = data.get("payload")
            if not isinstance(payload, dict):
                raise MessageError('A "notify" has no "payload" object.')
            return (SetMark(read_text(payload.get(_MARK), f"payload.{_MARK}")),)
        return (Ignored("unknown", "A message with an unknown action came."),)


VONAGE = DialectOfEnds(
    name="vonage",
    title="Vonage",
    make_server_end=lambda _: VonageServerEnd(),
    make_provider_end=VonageProviderEnd,
)
