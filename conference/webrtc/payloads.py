"""From the formats that were agreed on to the codecs behind them."""

from __future__ import annotations

from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.webrtc.offer import Format

BITRATES = (8_000, 12_000, 16_000, 24_000, 32_000, 40_000, 48_000, 64_000, 96_000, 128_000)
"""What Opus listeners get, in bits per second. Few steps, because each one in use costs an encoder."""


def make_codec(agreed: Format, bitrate: int) -> Codec:
    """The codec to send to a listener with.

    Args:
        agreed: the payload type, with the listener's ``a=fmtp``.
        bitrate: most that we send, in bits per second. The listener may ask for less (``maxaveragebitrate``), and
            for no FEC (``useinbandfec=0``), as in RFC 7587 section 6.1.
    """
    if agreed.codec == "PCMU":
        return PcmuCodec()
    if agreed.codec == "PCMA":
        return PcmaCodec()
    asked = agreed.number("maxaveragebitrate")
    if asked is not None and asked < bitrate:
        bitrate = max((step for step in BITRATES if step <= asked), default=BITRATES[0])
    return OpusCodec(bitrate=bitrate, fec=agreed.number("useinbandfec") != 0)
