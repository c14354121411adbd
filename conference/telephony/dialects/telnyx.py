"""Telnyx: snake_case; sound in one of several codecs (linear PCM is big-endian), in no order that is promised."""

from __future__ import annotations

from conference.codecs.pcmu import PcmuCodec
from conference.telephony.dialects.json_family import Shape

TELNYX = Shape(
    name="telnyx",
    title="Telnyx",
    codec=PcmuCodec(),
    provider_codec=PcmuCodec(),
    encoding="PCMU",
    order="big",
    stream_key="stream_id",
    sequence_key="sequence_number",
    call_key="call_control_id",
    parameters_key="custom_parameters",
    format_key="media_format",
    rate_key="sample_rate",
    ordered=False,
    names_stream=False,
)
