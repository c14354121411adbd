"""Plivo: no greeting, and words of its own for sound, marks and clears."""

from __future__ import annotations

from conference.codecs.linear import LinearCodec
from conference.codecs.pcmu import PcmuCodec
from conference.telephony.dialects.json_family import Shape

PLIVO = Shape(
    name="plivo",
    title="Plivo",
    codec=PcmuCodec(),
    provider_codec=LinearCodec(16_000, "little"),
    encoding="audio/x-l16",
    order="little",
    stream_key="streamId",
    sequence_key="sequenceNumber",
    call_key="callId",
    parameters_key="extra_headers",
    format_key="mediaFormat",
    rate_key="sampleRate",
    greets=False,
    media="playAudio",
    mark="checkpoint",
    played="playedStream",
    mark_beside=True,
    clear="clearAudio",
    cleared="clearedAudio",
    describes_media=True,
)
