"""G.711, mu-law and A-law, by table.

The tables are those of Sun's ``g711.c``, which Python's ``audioop`` used until 3.13 removed it: they match it for every
input. (ITU-T G.191 rounds some 500 negative inputs to the neighbouring code; both are within G.711.)
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import Samples

Codes: TypeAlias = NDArray[np.uint8]
"""G.711 as an array: shape ``(n,)``, uint8, one byte per sample at 8 kHz."""

ULAW_SILENCE = 0xFF
"""The mu-law code of +0."""

ALAW_SILENCE = 0xD5
"""The A-law code of +0."""

_ULAW_BIAS = 33  # of 14-bit samples
_ULAW_CLIP = 8159
_EVERY_SAMPLE = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
_EVERY_CODE = np.arange(256, dtype=np.int32)


def ulaw_encode(samples: Samples) -> Codes:
    """Encode to mu-law: int16 of any shape and rate in, uint8 of the same shape out."""
    return _ULAW_ENCODE.take(samples.view(np.uint16))


def ulaw_decode(codes: Codes | bytes) -> Samples:
    """Decode mu-law: bytes, or uint8 of any shape, in, int16 of the same shape out; a new array."""
    return _ULAW_DECODE.take(_as_codes(codes))


def ulaw_mean_square(codes: bytes) -> float:
    """The mean of the squared samples of mu-law, in squared int16 steps, without decoding it: 0 to 2**30; 0 of none."""
    squares = _ULAW_SQUARES.take(np.frombuffer(codes, dtype=np.uint8))
    return float(squares.dot(np.ones(len(squares)) if len(squares) != _TICK else _ONES)) / max(1, len(squares))


def ulaw_loudest_square(codes: bytes) -> float:
    """The same of the loudest of several ticks, of 160 bytes each."""
    squares = _ULAW_SQUARES.take(np.frombuffer(codes, dtype=np.uint8))
    return float(squares.reshape(-1, _TICK).dot(_ONES).max()) / _TICK


def alaw_encode(samples: Samples) -> Codes:
    """Encode to A-law: int16 of any shape and rate in, uint8 of the same shape out."""
    return _ALAW_ENCODE.take(samples.view(np.uint16))


def alaw_decode(codes: Codes | bytes) -> Samples:
    """Decode A-law: bytes, or uint8 of any shape, in, int16 of the same shape out; a new array."""
    return _ALAW_DECODE.take(_as_codes(codes))


def alaw_says_nothing(codes: Codes | bytes) -> bool:
    """Whether all of it is of the least two codes, as silence is: A-law has no zero, so that they decode to 8 and -8.

    They stand for whatever is below 16; what is made of them alone is 72 dB below full scale.
    """
    return not _ALAW_MORE.take(_as_codes(codes)).any()


def _as_codes(codes: Codes | bytes) -> Codes:
    return codes if isinstance(codes, np.ndarray) else np.frombuffer(codes, dtype=np.uint8)


def _ulaw_encode_table() -> Codes:
    magnitude = _EVERY_SAMPLE >> 2
    mask = np.where(magnitude < 0, 0x7F, 0xFF)
    magnitude = np.minimum(np.abs(magnitude), _ULAW_CLIP) + _ULAW_BIAS
    segment = np.searchsorted(0x40 << np.arange(8), magnitude, side="right")
    code = np.where(segment > 7, 0x7F, segment << 4 | magnitude >> (segment + 1) & 0xF)
    return (code ^ mask).astype(np.uint8)


def _ulaw_decode_table() -> Samples:
    code = ~_EVERY_CODE
    bias = _ULAW_BIAS << 2
    magnitude = ((code & 0xF) << 3) + bias << (code >> 4 & 7)
    table: Samples = np.where(code & 0x80, bias - magnitude, magnitude - bias).astype(np.int16)
    return table


def _alaw_encode_table() -> Codes:
    magnitude = _EVERY_SAMPLE >> 3
    mask = np.where(magnitude < 0, 0x55, 0xD5)
    magnitude = np.where(magnitude < 0, ~magnitude, magnitude)
    segment = np.searchsorted(0x20 << np.arange(8), magnitude, side="right")
    code = segment << 4 | magnitude >> np.maximum(segment, 1) & 0xF
    return (code ^ mask).astype(np.uint8)


def _alaw_decode_table() -> Samples:
    code = _EVERY_CODE ^ 0x55
    segment = code >> 4 & 7
    magnitude = ((code & 0xF) << 4) + np.where(segment, 0x108, 8) << np.maximum(segment - 1, 0)
    table: Samples = np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
    return table


_ULAW_ENCODE = _ulaw_encode_table()
_ULAW_DECODE = _ulaw_decode_table()
_ULAW_SQUARES = _ULAW_DECODE.astype(np.float64) ** 2
_TICK = 160
_ONES = np.ones(_TICK)
_ALAW_ENCODE = _alaw_encode_table()
_ALAW_DECODE = _alaw_decode_table()
_ALAW_MORE = np.abs(_ALAW_DECODE.astype(np.int32)) > np.abs(_ALAW_DECODE.astype(np.int32)).min()
