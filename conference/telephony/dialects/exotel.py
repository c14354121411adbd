"""Exotel: Twilio's events in snake_case, and linear PCM in messages of a tenth of a second and more."""

from __future__ import annotations

from conference.codecs.linear import LinearCodec
from conference.telephony.dialects.json_family import Shape

EXOTEL = Shape(
    name="exotel",
    title="Exotel",
    codec=LinearCodec(8_000, "little"),
    provider_codec=LinearCodec(8_000, "little"),
    encoding="base64",
    order="little",
    stream_key="stream_sid",
    sequence_key="sequence_number",
    call_key="call_sid",
    parameters_key="custom_parameters",
    format_key="media_format",
    rate_key="sample_rate",
    least_bytes=3200,
)
