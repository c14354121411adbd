"""What a room's gate takes from the beginnings of words, in noise of three colours.

A word begins where it can first be heard: where, for 10 ms, some band of it stands out of the noise in that band by 6
dB, and by more than the noise itself does in one moment of a thousand. What of the 100 ms from there on falls into
ticks in which the gate is shut is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.sound_mix import COLOURS, Heard, background, coded, listen
from bench.sound_speech import at_level
from bench.sound_words import Voice
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE
from conference.audio.noise_gate import GateSettings
from conference.room.voice import VoiceSettings

LEVELS = ((-20.0, -60.0), (-20.0, -50.0), (-20.0, -45.0), (-35.0, -60.0), (-35.0, -50.0), (-35.0, -45.0))
"""Of speech and of noise, in dBov."""

PAUSES = (1.0, 5.0)
"""Between words, in seconds."""

ONSET_MS = 100.0
GOAL_MS = 10.0
AUDIBLE_DB = 6.0
LEARN_SECONDS = 3.0
NOISE_SECONDS = 30

_BANDS = (100.0, 300.0, 700.0, 1500.0, 2500.0, 3500.0, 5000.0, 7000.0, 10_000.0)
_HOP = SAMPLE_RATE // 200
_WINDOW = 2 * _HOP
_PHASES = 7  # words begin anywhere in a frame


@dataclass(frozen=True, slots=True)
class Onset:
    """One word."""

    voice: str
    word: int
    colour: str
    speech_dbov: float
    noise_dbov: float
    pause: float
    lost_ms: float
    """Of its first 100 ms."""


@dataclass(slots=True)
class Onsets:
    """All words, and what the same gate made of noise alone."""

    words: list[Onset] = field(default_factory=list)
    opened: dict[str, float] = field(default_factory=dict)
    """Share of the time that the gate was open in noise alone, by colour and level, after three seconds."""


def measure(voices: Sequence[Voice], *, gate: GateSettings | None = None, quick: bool = False) -> Onsets:
    """Have every voice say its words in every noise."""
    settings = VoiceSettings(gate=gate or GateSettings())
    found = Onsets()
    for number, voice in enumerate(voices):
        for case, (speech_dbov, noise_dbov) in enumerate(LEVELS):
            for colour_number, colour in enumerate(COLOURS):
                pause = PAUSES[(number + case + colour_number) % len(PAUSES)]
                seed = 100 * number + 10 * case + colour_number
                words = voice.words[seed % 6 :: 6] if quick else voice.words[seed % 2 :: 2]
                found.words += _say(voice, words, colour, (speech_dbov, noise_dbov), pause, seed, settings)
    for colour in COLOURS:
        for level in (-70.0, -60.0, -50.0, -45.0):
            heard = listen(coded(background(colour, NOISE_SECONDS * SAMPLE_RATE, level, 5)), settings)
            found.opened[f"{colour} {level:.0f}"] = float(heard.open[round(LEARN_SECONDS * 50) :].mean())
    return found


def _say(
    voice: Voice,
    words: Sequence[NDArray[np.int16]],
    colour: str,
    dbov: tuple[float, float],
    pause: float,
    seed: int,
    settings: VoiceSettings,
) -> list[Onset]:
    pieces: list[NDArray[np.float64]] = [np.zeros(round(LEARN_SECONDS * SAMPLE_RATE))]
    starts = []
    for number, word in enumerate(words):
        pieces.append(np.zeros(round(pause * SAMPLE_RATE) + (number * 137 + seed * 61) % (_PHASES * 137)))
        starts.append(sum(map(len, pieces)))
        pieces.append(at_level(word, dbov[0]).astype(np.float64))
    clean = np.concatenate([*pieces, np.zeros(SAMPLE_RATE)])
    noise = background(colour, len(clean), dbov[1], seed)
    heard = listen(coded(clean + noise), settings)
    found = []
    for number, start in enumerate(starts):
        # One that is missed by the gate's own hangover of the word before says nothing, and there is none: pauses last.
        onset = audible_from(clean[start : start + SAMPLE_RATE], noise)
        if onset is not None:
            found.append(Onset(voice.name, number, colour, *dbov, pause, lost_ms(heard, start + onset)))
    return found


def audible_from(word: NDArray[np.float64], noise: NDArray[np.float64]) -> int | None:
    """The sample from which a word stands out of a noise; ``None``: it never does."""
    noise_levels = band_levels(noise[: 4 * SAMPLE_RATE])
    usual = 10 * np.log10(np.mean(10 ** (noise_levels / 10), axis=0))
    needed = np.maximum(usual + AUDIBLE_DB, np.percentile(noise_levels, 99.9, axis=0))
    out = (band_levels(word) > needed).any(axis=1)
    both = np.flatnonzero(out[:-1] & out[1:])
    return None if not both.size else int(both[0]) * _HOP + _HOP // 2


def band_levels(wave: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every 5 ms, the level of each band over 10 ms, in dB."""
    steps = (len(wave) - _WINDOW) // _HOP + 1
    windows = np.lib.stride_tricks.as_strided(
        wave, (steps, _WINDOW), (wave.strides[0] * _HOP, wave.strides[0]), writeable=False
    )
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW), axis=1)) ** 2
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    edges = np.searchsorted(frequencies, _BANDS)
    bands = [power[:, low:high].sum(axis=1) for low, high in pairwise(edges)]
    found: NDArray[np.float64] = 10 * np.log10(np.maximum(np.stack(bands, axis=1), 1e-3))
    return found


def lost_ms(heard: Heard, onset: int) -> float:
    """What of the 100 ms from a sample on falls into ticks in which the gate was shut, in milliseconds."""
    first = np.arange(onset, min(onset + round(ONSET_MS * SAMPLE_RATE / 1000), heard.came.size))
    return float(np.count_nonzero(~heard.open[first // FRAME_SAMPLES])) * 1000 / SAMPLE_RATE


def lines(found: Onsets) -> list[str]:
    """The figures as Markdown."""
    table = [
        "| speech / noise, dBov | words | lost of the first 100 ms, mean (worst), white | pink | brown |",
        "|---|---|---|---|---|",
    ]
    for speech_dbov, noise_dbov in LEVELS:
        cells = []
        for colour in COLOURS:
            lost = [
                one.lost_ms
                for one in found.words
                if (one.speech_dbov, one.noise_dbov, one.colour) == (speech_dbov, noise_dbov, colour)
            ]
            cells.append(f"{np.mean(lost):.1f} ({max(lost):.0f}) ms" if lost else "–")
        count = sum((one.speech_dbov, one.noise_dbov) == (speech_dbov, noise_dbov) for one in found.words)
        table.append(f"| {speech_dbov:.0f} / {noise_dbov:.0f} | {count} | {' | '.join(cells)} |")
    over = [one for one in found.words if one.lost_ms > GOAL_MS]
    opened = ", ".join(f"{name}: {share:.1%}" for name, share in found.opened.items() if share)
    table += [
        "",
        f"{len(over)} of {len(found.words)} words lose more than {GOAL_MS:.0f} ms (goal: none).",
        f"The gate is open in noise alone: {opened or 'never'}.",
    ]
    return table
