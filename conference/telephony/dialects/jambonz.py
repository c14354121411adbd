"""jambonz's ``listen``: one text frame that says what it is, then linear PCM in binary frames, and words in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conference.codecs.linear import LinearCodec
from conference.codecs.waveform import WaveformCodec
from conference.telephony.dialect import (
    Asked,
    CallIdentity,
    ClearBuffer,
    DialectOfEnds,
    HangUp,
    Ignored,
    MarkPlayed,
    Message,
    PlayMedia,
    Said,
    SetMark,
    StreamKey,
    StreamStarted,
    Unsupported,
)
from conference.telephony.dialects.binary import BinaryProviderEnd, mono, read_json, read_server_json, texts_of
from conference.telephony.dialects.formats import find_codec, unsupported
from conference.telephony.fields import (
    object_if_any,
    read_base64,
    read_digit,
    read_number,
    read_text,
    sid_if_any,
    write_json,
)

SUBPROTOCOL = "audio.jambonz.org"


class JambonzServerEnd:
    """A server's end of one stream."""

    def __init__(self) -> None:
        self._channels = 1

    def parse(self, message: Message) -> Sequence[Said]:
        """See `ServerEnd.parse`."""
        if isinstance(message, bytes):
            return mono(message, self._channels)
        data = read_json(message)
        if data.get("event") == "dtmf":
            return (StreamKey(read_digit(data.get("dtmf"), "dtmf")),)
        if data.get("type") == "mark":
            return (MarkPlayed(read_text(object_if_any(data.get("data")).get("name"), "data.name")),)
        if "callSid" in data or "sampleRate" in data:
            return (self._start(data),)
        return (Ignored("unknown", "A message of an unknown kind came; it is ignored."),)

    def media(self, payload: bytes) -> bytes:
        """See `ServerEnd.media`."""
        return payload

    def mark(self, name: str) -> str:
        """See `ServerEnd.mark`."""
        return write_json({"type": "mark", "data": {"name": name}})

    def clear(self) -> str:
        """See `ServerEnd.clear`."""
        return write_json({"type": "killAudio"})

    def _start(self, data: Mapping[str, object]) -> Said:
        rate = read_number(data.get("sampleRate"))
        codec = find_codec("l16", 8000 if rate is None else rate, "little")
        if codec is None:
            return Unsupported(unsupported("jambonz", "l16", rate or 0))
        self._channels = 2 if data.get("mixType") == "stereo" else 1
        nested = data.get("customerData") or data.get("metadata")
        parameters = texts_of(data) | texts_of(object_if_any(nested))
        return StreamStarted("", sid_if_any(data.get("callSid")), codec, parameters)


class JambonzProviderEnd(BinaryProviderEnd):
    """jambonz's end of one stream."""

    codec: WaveformCodec = LinearCodec(16_000, "little")

    def __init__(self, identity: CallIdentity, parameters: Mapping[str, str]) -> None:
        self._first = {"callSid": identity.call_sid, "sampleRate": self.codec.rate, "mixType": "mono"}
        self._parameters = dict(parameters)

    def opening(self) -> Sequence[str]:
        """See `ProviderEnd.opening`."""
        return [write_json(self._parameters | self._first)]

    def key(self, digit: str) -> str:
        """See `ProviderEnd.key`."""
        return write_json({"event": "dtmf", "dtmf": digit, "duration": "160"})

    def mark(self, name: str) -> str:
        """See `ProviderEnd.mark`."""
        return write_json({"type": "mark", "data": {"name": name, "event": "playout"}})

    def parse(self, message: Message) -> Sequence[Asked]:
        """See `ProviderEnd.parse`."""
        if isinstance(message, bytes):
            return (PlayMedia(message),)
        data = read_server_json(message)
        body = object_if_any(data.get("data"))
        match data.get("type"):
            case "playAudio":
                return (PlayMedia(read_base64(body.get("audioContent"), "data.audioContent")),)
            case "mark":
                return (SetMark(read_text(body.get("name"), "data.name")),)
            case "killAudio":
                return (ClearBuffer(),)
            case "disconnect":
                return (HangUp(),)
        return (Ignored("unknown", "A message of an unknown type came."),)


JAMBONZ = DialectOfEnds(
    name="jambonz",
    title="jambonz",
    make_server_end=lambda _: JambonzServerEnd(),
    make_provider_end=JambonzProviderEnd,
    subprotocols=(SUBPROTOCOL,),
)
