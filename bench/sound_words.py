"""Eight voices that say single words, for what a mix does to the beginning, the end and the loudness of words.

Recordings and espeak-ng's voices where they are installed, and the tests' own voices for the rest: the same eight on
the same machine, always.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.sound_speech import RECORDINGS, espeak, powers, read_recording, recorded_files
from conference.audio.frame import SAMPLE_RATE, Samples
from tests.speech import spoken

VOICES = 8
ESPEAK_VOICES = ("en-us+m3", "en-us+f2", "en-gb+m7", "en-gb-scotland+f4", "en-us+croak", "en-gb+f5")
ESPEAK_WORDS = ("seven", "five", "house", "think", "shoe", "moon", "very", "boat", "hello", "so", "four", "zero")
"""Of every kind of beginning: hisses, breaths, hums, stops and vowels."""

_BLOCK = SAMPLE_RATE // 200
_PAUSE_BLOCKS = 12  # 60 ms of quiet are between two words, less is inside one
_LEAST_BLOCKS = 20  # 100 ms
_QUIET_DB = 50.0  # below its loudest 5 ms a recording is silent


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody, and what they say."""

    name: str
    words: tuple[Samples, ...]
    """48 kHz; each begins and ends where its sound does."""


@cache
def find_voices() -> tuple[Voice, ...]:
    """The same :data:`VOICES` every time: a recorded one, espeak-ng's, and the tests' own."""
    voices: list[Voice] = []
    if RECORDINGS.is_dir():
        words = (word for path in recorded_files() for word in words_of(read_recording(path)))
        voices.append(Voice("recorded (alsa-utils)", tuple(words)))
    if shutil.which("espeak-ng"):
        for name in ESPEAK_VOICES[: VOICES - len(voices) - 1]:
            said = [espeak(name, word) for word in ESPEAK_WORDS]
            voices.append(Voice(f"espeak-ng {name}", tuple(max(words_of(one), key=len) for one in said)))
    missing = range(1, VOICES - len(voices) + 1)
    return *voices, *(Voice(f"synthetic {seed}", tuple(words_of(spoken(8.0, seed=seed)))) for seed in missing)


def words_of(samples: Samples) -> list[Samples]:
    """Cut where there is silence for 60 ms or more; what is shorter than 100 ms is no word."""
    power = powers(samples, _BLOCK)
    loud = np.flatnonzero(power > max(float(power.max(initial=0.0)) * 10 ** (-_QUIET_DB / 10), 1.0))
    if not loud.size:
        return []
    runs = np.split(loud, np.flatnonzero(np.diff(loud) > _PAUSE_BLOCKS) + 1)
    return [samples[run[0] * _BLOCK : (run[-1] + 1) * _BLOCK] for run in runs if len(run) >= _LEAST_BLOCKS]
