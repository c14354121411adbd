"""Speech from a program that is not ours. The program here is Python: the longer the text, the longer the tone."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, full_scale
from conference.prompts.decode import MediaError
from conference.prompts.speech import LEVEL, speak, tidy
from tests.tones import silence, tone

SPEAKER = """
import math, struct, sys, wave
text = sys.stdin.buffer.read().decode()
samples = [0] * 800 + [int(3000 * math.sin(i / 5)) for i in range(800 * len(text))] + [0] * 8000
with wave.open(sys.stdout.buffer, "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(8000)
    file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
"""


def test_speech_has_its_level_and_no_silence_around_it() -> None:
    spoken = speak([sys.executable, "-c", SPEAKER], "Zoë")
    assert len(spoken) / SAMPLE_RATE == pytest.approx(0.3, abs=0.06)
    assert 10 * np.log10(np.mean(spoken.astype(float) ** 2) / full_scale(0.0)) == pytest.approx(LEVEL, abs=0.2)


@pytest.mark.parametrize("text", ["--help", "; rm -rf /", "$(true)", "`true`"])
def test_what_is_spoken_is_never_an_argument(text: str) -> None:
    spoken = speak([sys.executable, "-c", SPEAKER], text)
    assert len(spoken) / SAMPLE_RATE == pytest.approx(0.1 * len(text), abs=0.06)


@pytest.mark.parametrize(
    ("program", "words"),
    [("pass", "cannot|can't"), ("raise SystemExit(3)", "says nothing"), ("print('hello')", "can't be read"),
     ("import time; time.sleep(60)", "says nothing")],
)  # fmt: skip
def test_a_program_that_fails_is_a_sentence(program: str, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        speak([sys.executable, "-c", program], "Amy", timeout=2.0)


def test_a_program_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(MediaError, match="says nothing"):
        speak(["/no/such/program"], "Amy")


def test_silence_is_no_speech() -> None:
    with pytest.raises(MediaError, match="Nothing can be heard"):
        tidy(silence(1.0))


def test_a_loud_peak_limits_the_gain() -> None:
    quiet = tone(440.0, 1.0, -50.0)
    quiet[1000] = 30_000
    assert np.abs(tidy(quiet).astype(int)).max() <= 32_000
