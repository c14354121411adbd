"""The G.711 tables against Sun's g711.c, by way of audioop where there is one, and of its results' CRCs elsewhere."""

from __future__ import annotations

import sys
import warnings
import zlib

import numpy as np
import pytest

from conference.audio.g711 import (
    ALAW_SILENCE,
    ULAW_SILENCE,
    alaw_decode,
    alaw_encode,
    ulaw_decode,
    ulaw_encode,
)

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = np.arange(256, dtype=np.uint8)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="MISSING: audioop, which Python 3.13 removed")
def test_all_four_tables_match_audioop_for_every_input() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop
    pcm, codes = EVERY_SAMPLE.tobytes(), EVERY_CODE.tobytes()
    assert ulaw_encode(EVERY_SAMPLE).tobytes() == audioop.lin2ulaw(pcm, 2)
    assert alaw_encode(EVERY_SAMPLE).tobytes() == audioop.lin2alaw(pcm, 2)
    assert ulaw_decode(codes).tobytes() == audioop.ulaw2lin(codes, 2)
    assert alaw_decode(codes).tobytes() == audioop.alaw2lin(codes, 2)


def test_all_four_tables_are_those_that_matched_audioop() -> None:
    """The CRCs were taken of the output of audioop in Python 3.11, little-endian."""
    assert zlib.crc32(ulaw_encode(EVERY_SAMPLE).tobytes()) == 0x3B7C3A3E
    assert zlib.crc32(alaw_encode(EVERY_SAMPLE).tobytes()) == 0x9133796E
    assert zlib.crc32(ulaw_decode(EVERY_CODE).astype("<i2").tobytes()) == 0x0C847A9F
    assert zlib.crc32(alaw_decode(EVERY_CODE).astype("<i2").tobytes()) == 0x9D764657


def test_some_codes_are_as_the_standard_has_them() -> None:
    assert ulaw_decode(b"\xff\x7f\x80\x00").tolist() == [0, 0, 32124, -32124]
    assert ulaw_encode(np.array([0, 32767, -32768], dtype=np.int16)).tolist() == [0xFF, 0x80, 0x00]
    assert alaw_decode(b"\xd5\x55\xaa\x2a").tolist() == [8, -8, 32256, -32256]


def test_silence_has_a_code_of_its_own() -> None:
    zero = np.zeros(1, dtype=np.int16)
    assert ulaw_encode(zero).tolist() == [ULAW_SILENCE]
    assert alaw_encode(zero).tolist() == [ALAW_SILENCE]


def test_every_code_but_minus_zero_survives_a_round_trip() -> None:
    again = ulaw_encode(ulaw_decode(EVERY_CODE))
    assert np.flatnonzero(again != EVERY_CODE).tolist() == [0x7F]
    assert np.array_equal(alaw_encode(alaw_decode(EVERY_CODE)), EVERY_CODE)


def test_encoding_takes_every_second_sample_of_an_array() -> None:
    strided = EVERY_SAMPLE[::2]
    assert np.array_equal(ulaw_encode(strided), ulaw_encode(strided.copy()))


def test_shapes_are_kept() -> None:
    assert ulaw_decode(np.zeros((3, 160), dtype=np.uint8)).shape == (3, 160)
    assert ulaw_encode(np.zeros((3, 160), dtype=np.int16)).shape == (3, 160)
    assert len(ulaw_decode(b"")) == 0
