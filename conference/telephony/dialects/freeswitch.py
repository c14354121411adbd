"""FreeSWITCH's mod_audio_stream: linear PCM in binary frames from the first one on, perhaps after one of text.

It says nothing of its rate and its channels, so the stream's address does: ``?rate=16000&channels=2``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conference.audio.resample import RATES
from conference.codecs.linear import LinearCodec
from conference.codecs.waveform import WaveformCodec
from conference.telephony.dialect import (
    Asked,
    CallIdentity,
    DialectOfEnds,
    Ignored,
    Message,
    PlayMedia,
    Said,
    StreamStarted,
    Unsupported,
)
from conference.telephony.dialects.binary import BinaryProviderEnd, mono, read_json, read_server_json, texts_of
from conference.telephony.dialects.formats import unsupported
from conference.telephony.fields import MessageError, read_base64, sid_if_any, to_base64, write_json

_GATHERED_TICKS = 10
"""Ticks of sound in a message: each becomes a file at the other end."""


class FreeswitchServerEnd:
    """A server's end of one stream.

    Args:
        rate: samples per second.
        channels: 1, or 2 of which the first is the caller.
    """

    def __init__(self, rate: int = 8000, channels: int = 1) -> None:
        self._rate = rate
        self._channels = channels
        self._started = False
        self._gathered: list[bytes] = []

    def parse(self, message: Message) -> Sequence[Said]:
        """See `ServerEnd.parse`."""
        if isinstance(message, bytes):
            begun = self._start({})
            return begun if begun and isinstance(begun[0], Unsupported) else [*begun, *mono(message, self._channels)]
        if self._started:
            return (Ignored("text", "A text frame came in mid-stream; it is ignored."),)
        try:
            data = read_json(message)
        except MessageError:  # whatever text: nothing says what it has to be
            data = {}
        if data.get("event") == "connected":  # how others greet: what their stream is comes next
            return (Ignored("connected", "A greeting came that this module does not send; it is ignored."),)
        return self._start(data)

    def media(self, payload: bytes) -> str | None:
        """See `ServerEnd.media`."""
        self._gathered.append(payload)
        if len(self._gathered) < _GATHERED_TICKS:
            return None
        sound = b"".join(self._gathered)
        self._gathered.clear()
        data = {"audioDataType": "raw", "sampleRate": self._rate, "audioData": to_base64(sound)}
        return write_json({"type": "streamAudio", "data": data})

    def mark(self, name: str) -> None:
        """There are none."""

    def clear(self) -> None:
        """There is no such thing; what has not been sent yet is dropped."""
        self._gathered.clear()

    def _start(self, data: Mapping[str, object]) -> list[Said]:
        if self._started:
            return []
        self._started = True
        if self._rate not in RATES or self._channels not in (1, 2):
            return [Unsupported(unsupported("mod_audio_stream", f"l16, {self._channels} channels", self._rate))]
        call_id = sid_if_any(data.get("uuid")) or sid_if_any(data.get("callId"))
        return [StreamStarted("", call_id, LinearCodec(self._rate, "little"), texts_of(data))]


class FreeswitchProviderEnd(BinaryProviderEnd):
    """mod_audio_stream's end of one stream."""

    codec: WaveformCodec = LinearCodec(8000, "little")

    def __init__(self, identity: CallIdentity, parameters: Mapping[str, str]) -> None:
        self._first = {"uuid": identity.call_sid} | dict(parameters)

    def opening(self) -> Sequence[str]:
        """See `ProviderEnd.opening`."""
        return [write_json(self._first)]

    def key(self, digit: str) -> None:
        """There are none."""

    def mark(self, name: str) -> None:
        """There are none."""

    def parse(self, message: Message) -> Sequence[Asked]:
        """See `ProviderEnd.parse`."""
        if isinstance(message, bytes):
            return (PlayMedia(message),)
        data = read_server_json(message)
        body = data.get("data")
        if data.get("type") != "streamAudio" or not isinstance(body, dict):
            return (Ignored("unknown", "A message of an unknown type came."),)
        return (PlayMedia(read_base64(body.get("audioData"), "data.audioData")),)


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


FREESWITCH = DialectOfEnds(
    name="freeswitch",
    title="mod_audio_stream",
    make_server_end=lambda options: FreeswitchServerEnd(
        _number(options.get("rate"), 8000), _number(options.get("channels"), 1)
    ),
    make_provider_end=FreeswitchProviderEnd,
)
