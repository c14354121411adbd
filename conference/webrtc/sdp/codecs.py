"""From the formats that were agreed on to the codecs behind them."""

from __future__ import annotations

from conference.codecs.base import BEST_COMPLEXITY, Codec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.webrtc.sdp.formats import Format

BITRATES = (8_000, 16_000, 24_000, 32_000, 48_000, 64_000, 96_000, 128_000)
"""What Opus listeners who ask for less than we send get, in bits per second. Few steps, since each in use costs an
encoder for every distinct mix."""


def make_codec(agreed: Format, bitrate: int, *, expected_loss: int = 0) -> Codec:
    """The codec to send to somebody with, as good as it can be.

    Args:
        agreed: the payload type, with the listener's ``a=fmtp``.
        bitrate: most that we send, in bits per second. The listener may ask for less (``maxaveragebitrate``, RFC 7587
            section 6.1).
        expected_loss: percent of packets lost, as long as no report says better.
    """
    if agreed.codec == "PCMU":
        return PcmuCodec()
    if agreed.codec == "PCMA":
        return PcmaCodec()
    asked = agreed.number("maxaveragebitrate")
    if asked is not None and asked < bitrate:
        bitrate = max((step for step in BITRATES if step <= asked), default=BITRATES[0])
    return OpusCodec(bitrate, BEST_COMPLEXITY, expected_loss=expected_loss)


def wants_fec(agreed: Format) -> bool:
    """Whether a listener can make use of in-band FEC: who says nothing about it usually can."""
    return agreed.codec == "opus" and agreed.number("useinbandfec") != 0


def may_repeat(agreed: Format, bitrate: int) -> bool:
    """Whether a listener has room for each packet twice: not if it asked for less (``maxaveragebitrate``)."""
    asked = agreed.number("maxaveragebitrate")
    return asked is None or asked >= 2 * bitrate
