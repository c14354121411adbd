"""Asterisk's chan_websocket: sound in binary frames, in whatever codec the channel has, and words in text frames.

The words are plain (``MEDIA_START format:ulaw …``), or from newer ones JSON (``{"event": "MEDIA_START", …}``); they are
answered as they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conference.codecs.linear import LinearCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
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
    StreamMedia,
    StreamStarted,
    StreamStopped,
    Unsupported,
)
from conference.telephony.dialects.binary import BinaryProviderEnd, read_json, texts_of
from conference.telephony.fields import (
    MAX_NAME_CHARS,
    MessageError,
    object_if_any,
    read_digit,
    read_text,
    write_json,
)

_FORMATS: dict[str, WaveformCodec] = {
    "ulaw": PcmuCodec(),
    "alaw": PcmaCodec(),
    "slin": LinearCodec(8_000, "little"),
    "slin16": LinearCodec(16_000, "little"),
    "slin24": LinearCodec(24_000, "little"),
    "slin48": LinearCodec(48_000, "little"),
}


def read_words(text: str) -> tuple[str, dict[str, str]]:
    """An event, or a command, and what is said of it.

    ``MEDIA_MARK_PROCESSED x`` and ``MEDIA_MARK_PROCESSED correlation_id:x`` are the same.

    Raises:
        MessageError: it is none.
    """
    if text.lstrip().startswith("{"):
        data = read_json(text)
        word = read_text(data.get("event", data.get("command")), "event")
        return word, texts_of(object_if_any(data.get("channel_variables"))) | texts_of(data)
    word, *rest = text[: 16 * MAX_NAME_CHARS].split()[:200] or [""]
    if not word:
        raise MessageError("The message is empty.")
    said = {}
    for one in rest:
        name, colon, value = one.partition(":")
        said[name if colon else "correlation_id"] = value if colon else one
    return word, said


class AsteriskServerEnd:
    """A server's end of one stream."""

    def __init__(self) -> None:
        self._json = False

    def parse(self, message: Message) -> Sequence[Said]:
        """See `ServerEnd.parse`."""
        if isinstance(message, bytes):
            return (StreamMedia(message),)
        word, said = read_words(message)
        match word:
            case "MEDIA_START":
                self._json = message.lstrip().startswith("{")
                return (self._start(said),)
            case "DTMF_END":
                return (StreamKey(read_digit(said.get("digit"), "digit")),)
            case "MEDIA_MARK_PROCESSED":
                return (MarkPlayed(read_text(said.get("correlation_id"), "correlation_id")),)
            case "MEDIA_STOP" | "HANGUP":
                return (StreamStopped(),)
            case "MEDIA_XOFF":
                return (Ignored("full", "Asterisk holds more sound than it wants to: MEDIA_XOFF."),)
            case "MEDIA_XON" | "STATUS" | "QUEUE_DRAINED" | "MEDIA_BUFFERING_COMPLETED":
                return ()
        return (Ignored("unknown", "A message of an unknown event came; it is ignored."),)

    def media(self, payload: bytes) -> bytes:
        """See `ServerEnd.media`."""
        return payload

    def mark(self, name: str) -> str:
        """See `ServerEnd.mark`."""
        return self._command("MARK_MEDIA", name)

    def clear(self) -> str:
        """See `ServerEnd.clear`."""
        return self._command("FLUSH_MEDIA")

    def _command(self, word: str, name: str = "") -> str:
        if self._json:
            return write_json({"command": word} | ({"correlation_id": name} if name else {}))
        return f"{word} {name}".rstrip()

    def _start(self, said: Mapping[str, str]) -> Said:
        codec = _FORMATS.get(said.get("format", "ulaw"))
        if codec is None:
            shown = said.get("format", "")[:40]
            return Unsupported(f"Asterisk: {shown!a} is not taken: use one of {', '.join(_FORMATS)}.")
        call_id = said.get("channel_id") or said.get("channel") or ""
        return StreamStarted(said.get("connection_id", ""), call_id[:128], codec, dict(said))


class AsteriskProviderEnd(BinaryProviderEnd):
    """Asterisk's end of one stream."""

    codec: WaveformCodec = _FORMATS["slin16"]

    def __init__(self, identity: CallIdentity, parameters: Mapping[str, str]) -> None:
        self._identity = identity
        self._parameters = dict(parameters)

    def opening(self) -> Sequence[str]:
        """See `ProviderEnd.opening`."""
        start = {
            "event": "MEDIA_START",
            "connection_id": self._identity.stream_sid,
            "channel_id": self._identity.call_sid,
            "format": "slin16",
            "optimal_frame_size": self.codec.frame_bytes,
            "ptime": 20,
            "channel_variables": self._parameters,
        }
        return [write_json(start)]

    def key(self, digit: str) -> str:
        """See `ProviderEnd.key`."""
        return write_json({"event": "DTMF_END", "digit": digit})

    def mark(self, name: str) -> str:
        """See `ProviderEnd.mark`."""
        return write_json({"event": "MEDIA_MARK_PROCESSED", "correlation_id": name})

    def parse(self, message: Message) -> Sequence[Asked]:
        """See `ProviderEnd.parse`."""
        if isinstance(message, bytes):
            return (PlayMedia(message),)
        word, said = read_words(message)
        match word:
            case "MARK_MEDIA":
                return (SetMark(read_text(said.get("correlation_id"), "correlation_id")),)
            case "FLUSH_MEDIA":
                return (ClearBuffer(),)
            case "HANGUP":
                return (HangUp(),)
            case "ANSWER" | "START_MEDIA_BUFFERING" | "STOP_MEDIA_BUFFERING" | "CONTINUE_MEDIA":
                return ()
        return (Ignored("unknown", "An unknown command came."),)


ASTERISK = DialectOfEnds(
    name="asterisk",
    title="Asterisk",
    make_server_end=lambda _: AsteriskServerEnd(),
    make_provider_end=AsteriskProviderEnd,
    subprotocols=("media",),
)
