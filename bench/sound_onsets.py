"""What a room's gate takes from the beginnings of words, in noise of three colours.

A word begins where it can first be heard: where some band of it stands out of the noise in that band by 6 dB, and by
more than the noise itself does in one moment of a thousand, twice in 15 ms. By 6 dB alone noise would begin words of
its own, as is counted, too; what is lost if that counts is measured beside.

What of the 100 ms from there on is not found in what a listener hears, at the same time or up to 90 ms later, is lost;
what was lowered with the background is not. What falls into ticks in which the gate is shut is counted beside that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.sound_mix import COLOURS, Heard, background, coded, listen, verdict
from bench.sound_speech import at_level
from bench.sound_words import ESPEAK_WORDS, Voice
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.audio.noise_gate import GateSettings
from conference.room.look_back import LOOK_BACK_TICKS
from conference.room.voice import DEFAULT_VOICE, VoiceSettings

LEVELS = ((-20.0, -60.0), (-20.0, -50.0), (-20.0, -45.0), (-35.0, -60.0), (-35.0, -50.0), (-35.0, -45.0))
"""Of speech and of noise, in dBov."""

PAUSES = (1.0, 5.0)
"""Between words, in seconds."""

ONSET_MS = 100.0
GOAL_MS = 10.0
AUDIBLE_DB = 6.0
LEARN_SECONDS = 3.0
NOISE_SECONDS = 30

EXAMPLES = ("so", "four", "house", "moon")
EXAMPLE_DBOV = (-35.0, -50.0)
_EXAMPLE_TICKS = 15

_BANDS = (100.0, 300.0, 700.0, 1500.0, 2500.0, 3500.0, 5000.0, 7000.0, 10_000.0)
_HOP = SAMPLE_RATE // 200
_WINDOW = 2 * _HOP
_ONSET = round(ONSET_MS * SAMPLE_RATE / 1000)
_LATEST = (LOOK_BACK_TICKS * FRAME_SAMPLES) + SAMPLE_RATE // 100
_ALIKE = 0.8
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

    lost_loosely_ms: float
    """The same if a word begins where it stands out by 6 dB, whatever the noise itself does."""

    shut_ms: float
    """Of its first 100 ms: what came while the gate was shut. It may have been heard, later or lowered."""


@dataclass(frozen=True, slots=True)
class Example:
    """The beginning of a word, to be drawn."""

    word: str
    came: Samples
    """Whole ticks, of the word and of what was before it."""

    onset: int
    """The sample of it with which the word begins."""

    shut: list[int]
    """Ticks of it in which the gate was shut."""


@dataclass(slots=True)
class Onsets:
    """All words, and what the same gate made of noise alone."""

    words: list[Onset] = field(default_factory=list)
    opened: dict[str, float] = field(default_factory=dict)
    """Share of the time that the gate was open in noise alone, by colour and level, after three seconds."""

    false_beginnings: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By colour, how often a second noise alone counts as the beginning of a word: as here, and by 6 dB alone."""


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
                dbov = speech_dbov, noise_dbov
                said = _have_said(words, colour, dbov, pause, seed, settings)
                found.words += _judge(voice, said, colour, dbov, pause)
    for colour in COLOURS:
        noise = background(colour, NOISE_SECONDS * SAMPLE_RATE, -50.0, 5)
        found.false_beginnings[colour] = _false_beginnings(noise, strict=True), _false_beginnings(noise, strict=False)
        for level in (-70.0, -60.0, -50.0, -45.0):
            heard = listen(coded(background(colour, NOISE_SECONDS * SAMPLE_RATE, level, 5)), settings)
            found.opened[f"{colour} {level:.0f}"] = float(heard.open[round(LEARN_SECONDS * 50) :].mean())
    return found


def _false_beginnings(noise: NDArray[np.float64], *, strict: bool) -> float:
    """How often a second such noise would begin a word, if it came beside another one like it."""
    begins = np.flatnonzero(np.diff(_stands_out(noise, noise, strict=strict).astype(int)) > 0)
    return float(len(begins)) * SAMPLE_RATE / len(noise)


def examples(voices: Sequence[Voice], settings: VoiceSettings = DEFAULT_VOICE) -> list[Example]:
    """Some beginnings in pink noise, to be drawn: of espeak-ng's first voice, or of whoever there is."""
    voice = next((one for one in voices if one.name.startswith("espeak-ng")), voices[0])
    numbers = [
        ESPEAK_WORDS.index(word) if len(voice.words) == len(ESPEAK_WORDS) else number
        for number, word in enumerate(EXAMPLES)
    ]
    heard = _have_said([voice.words[number] for number in numbers], "pink", EXAMPLE_DBOV, 1.0, 3, settings)
    found = []
    for name, start in zip(EXAMPLES, heard.starts, strict=True):
        onset = audible_from(heard.clean[start : start + SAMPLE_RATE], heard.noise)
        if onset is not None:
            first = (start + onset) // FRAME_SAMPLES - _EXAMPLE_TICKS // 3
            where = slice(first * FRAME_SAMPLES, (first + _EXAMPLE_TICKS) * FRAME_SAMPLES)
            shut = [tick for tick in range(_EXAMPLE_TICKS) if not heard.voice.open[first + tick]]
            found.append(Example(name, heard.voice.came[where], start + onset - where.start, shut))
    return found


@dataclass(frozen=True, slots=True)
class _Words:
    """Words that were said one after the other, with pauses between."""

    clean: NDArray[np.float64]
    noise: NDArray[np.float64]
    voice: Heard
    starts: list[int]
    """Where each word begins."""


def _have_said(
    words: Sequence[NDArray[np.int16]],
    colour: str,
    dbov: tuple[float, float],
    pause: float,
    seed: int,
    settings: VoiceSettings,
) -> _Words:
    pieces: list[NDArray[np.float64]] = [np.zeros(round(LEARN_SECONDS * SAMPLE_RATE))]
    starts = []
    for number, word in enumerate(words):
        pieces.append(np.zeros(round(pause * SAMPLE_RATE) + (number * 137 + seed * 61) % (_PHASES * 137)))
        starts.append(sum(map(len, pieces)))
        pieces.append(at_level(word, dbov[0]).astype(np.float64))
    clean = np.concatenate([*pieces, np.zeros(SAMPLE_RATE)])
    noise = background(colour, len(clean), dbov[1], seed)
    return _Words(clean, noise, listen(coded(clean + noise), settings), starts)


def _judge(voice: Voice, said: _Words, colour: str, dbov: tuple[float, float], pause: float) -> Iterator[Onset]:
    shut = np.repeat(~said.voice.open, FRAME_SAMPLES)
    for number, start in enumerate(said.starts):
        # One that is missed by the gate's own hangover of the word before says nothing, and there is none: pauses last.
        word = said.clean[start : start + SAMPLE_RATE]
        onset, loose = audible_from(word, said.noise), audible_from(word, said.noise, strict=False)
        if onset is not None and loose is not None:
            lost, lost_loosely = (_lost_ms(said.voice, start + one) for one in (onset, loose))
            shut_ms = 1000 * float(np.count_nonzero(shut[start + onset :][:_ONSET])) / SAMPLE_RATE
            yield Onset(voice.name, number, colour, *dbov, pause, lost, lost_loosely, shut_ms)


def audible_from(word: NDArray[np.float64], noise: NDArray[np.float64], *, strict: bool = True) -> int | None:
    """The sample from which a word stands out of a noise; ``None``: it never does.

    Args:
        word: what is said.
        noise: what there is beside.
        strict: whether it has to stand out by more than the noise itself does in one moment of a thousand, too.
    """
    both = np.flatnonzero(_stands_out(word, noise, strict=strict))
    return None if not both.size else int(both[0]) * _HOP + _HOP // 2


def _stands_out(wave: NDArray[np.float64], noise: NDArray[np.float64], *, strict: bool) -> NDArray[np.bool_]:
    """Every 5 ms, whether two windows of 10 ms do."""
    noise_levels = band_levels(noise[: 4 * SAMPLE_RATE])
    needed = 10 * np.log10(np.mean(10 ** (noise_levels / 10), axis=0)) + AUDIBLE_DB
    if strict:
        needed = np.maximum(needed, np.percentile(noise_levels, 99.9, axis=0))
    out = (band_levels(wave) > needed).any(axis=1)
    both: NDArray[np.bool_] = out[:-1] & out[1:]
    return both


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


def _lost_ms(voice: Heard, onset: int) -> float:
    """How much of the 100 ms from a sample on is not found in what was heard, in milliseconds."""
    came, sound = voice.came.astype(np.float64), voice.sound.astype(np.float64)
    lost = 0
    for start in range(onset, min(onset + _ONSET, len(came) - _LATEST - _HOP), _HOP):
        piece = came[start : start + _HOP]
        there = sound[start : start + _HOP + _LATEST]
        energies = np.convolve(there**2, np.ones(_HOP), "valid")
        alike = np.correlate(there, piece, "valid") / np.sqrt(np.maximum(energies * float(piece @ piece), 1.0))
        lost += float(alike.max()) < _ALIKE
    return 1000 * lost * _HOP / SAMPLE_RATE


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
    loosely = sum(one.lost_loosely_ms > GOAL_MS for one in found.words)
    shut = sum(one.shut_ms > GOAL_MS for one in found.words)
    opened = ", ".join(f"{name}: {share:.1%}" for name, share in found.opened.items() if share)
    false = ", ".join(
        f"{colour} {strict:.2f} ({loose:.2f})" for colour, (strict, loose) in found.false_beginnings.items()
    )
    table += [
        "",
        f"{len(over)} of {len(found.words)} words lose more than {GOAL_MS:.0f} ms.",
        f"Of {shut} as much came while the gate was shut; the rest of these was heard later, or with the background.",
        f"By {AUDIBLE_DB:.0f} dB alone it would be {loosely}. Noise alone begins so many words a second: {false}.",
        f"The gate is open in noise alone: {opened or 'never'}.",
        verdict(f"no word loses more than {GOAL_MS:.0f} ms", reached=not over),
        verdict("noise alone does not open the gate", reached=not opened),
    ]
    return table
