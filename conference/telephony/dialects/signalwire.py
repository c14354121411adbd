"""SignalWire: as Twilio, and linear PCM besides (``codec="L16@24000h"``)."""

from __future__ import annotations

from conference.codecs.linear import LinearCodec
from conference.codecs.pcmu import PcmuCodec
from conference.telephony.dialects.json_family import Shape

SIGNALWIRE = Shape(
    name="signalwire",
    title="SignalWire",
    codec=PcmuCodec(),
    provider_codec=LinearCodec(24_000, "little"),
    encoding="audio/x-l16",
    order="little",
    stream_key="streamSid",
    sequence_key="sequenceNumber",
    call_key="callSid",
    parameters_key="customParameters",
    format_key="mediaFormat",
    rate_key="sampleRate",
)
