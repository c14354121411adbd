"""Sound files whose headers say what no sound is."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conference.audio.frame import SAMPLE_RATE
from conference.prompts.decode import MediaError, read_audio

MAX_SECONDS = 10.0


def wav(path: Path, *, rate: int = 8000, channels: int = 1, bits: int = 16, kind: int = 1, frames: int = 800) -> Path:
    """A WAV file with this header, whatever it says."""
    width = max(1, channels * bits // 8)
    header = struct.pack("<HHIIHH", kind, channels, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits)
    sound = b"\x01\x00" * frames
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(sound)) + sound
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize("rate", [1, 2, 7, 999, 1_000_001, 0x7FFFFFFF])
def test_a_rate_that_no_sound_has_is_a_sentence(tmp_path: Path, rate: int) -> None:
    with pytest.raises(MediaError, match=rf"has {rate} samples a second: a sound has 1000 to 1000000\.$"):
        read_audio(wav(tmp_path / "a.wav", rate=rate))


def test_more_channels_than_any_sound_has_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="has 255 channels"):
        read_audio(wav(tmp_path / "a.wav", channels=255, frames=100_000))


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 192_000])
def test_a_rate_that_sounds_have_is_read(tmp_path: Path, rate: int) -> None:
    samples = read_audio(wav(tmp_path / "a.wav", rate=rate, frames=rate // 10))
    assert abs(samples.size - SAMPLE_RATE // 10) <= SAMPLE_RATE // 100


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.sampled_from([0, 1, 10, 8000, 48_000, 0xFFFFFFFF]) | st.integers(0, 0xFFFFFFFF),
    st.sampled_from([0, 1, 2, 65_535]) | st.integers(0, 65_535),
    st.sampled_from([0, 8, 16, 24, 32, 64, 65_535]),
    st.sampled_from([0, 1, 3, 6, 7, 0xFFFE]),
)
def test_whatever_a_header_says_it_is_read_or_a_sentence(
    tmp_path: Path, rate: int, channels: int, bits: int, kind: int
) -> None:
    path = wav(tmp_path / "a.wav", rate=rate, channels=channels, bits=bits, kind=kind)
    samples = None
    with contextlib.suppress(MediaError):
        samples = read_audio(path, longest_seconds=MAX_SECONDS)
    assert samples is None or 0 < samples.size <= MAX_SECONDS * SAMPLE_RATE
