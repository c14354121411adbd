"""WAV files for the tests."""

from __future__ import annotations

import wave
from pathlib import Path

from conference.audio.frame import SAMPLE_RATE, Samples


def write_wav(path: Path, samples: Samples, rate: int = SAMPLE_RATE) -> Path:
    """Write 16-bit mono; gives the path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path
