"""The names that providers have for how sound is coded."""

from __future__ import annotations

import re

from conference.audio.resample import RATES
from conference.codecs.linear import ByteOrder, LinearCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.codecs.waveform import WaveformCodec

_MU_LAW = frozenset({"mulaw", "mu-law", "ulaw", "g711_ulaw", "pcmu", "basic"})
_A_LAW = frozenset({"alaw", "a-law", "g711_alaw", "pcma"})
_LINEAR = frozenset({"l16", "linear16", "pcm", "pcm16", "raw", "lpcm", "slin", "s16le", "base64", "l16le"})
"""Exotel says "base64", which is how its linear PCM is written."""


def find_codec(name: str, rate: int, order: ByteOrder) -> WaveformCodec | None:
    """A codec by what a stream calls it; ``None`` for one that is not spoken here.

    Args:
        name: of the encoding; nothing is mu-law.
        rate: samples per second.
        order: of linear PCM's bytes.
    """
    plain = name.strip().lower().removeprefix("audio/").removeprefix("x-").partition("/")[0] or "pcmu"
    if plain in _MU_LAW:
        return PcmuCodec() if rate == 8000 else None
    if plain in _A_LAW:
        return PcmaCodec() if rate == 8000 else None
    return LinearCodec(rate, order) if plain in _LINEAR and rate in RATES else None


def unsupported(title: str, name: str, rate: int) -> str:
    """What is said of a codec that is not spoken here."""
    shown = re.sub(r"[^A-Za-z0-9/_.+-]", "?", name)[:40] or "none"
    return f"{title}: sound as {shown} with {rate} Hz is not taken; mu-law, A-law and linear PCM of 8 to 48 kHz are."
