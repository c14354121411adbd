"""Whether a background goes on and off with the words of whoever speaks in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.sound_mix import COLOURS, background, coded, levels, listen, verdict
from bench.sound_speech import at_level
from bench.sound_words import Voice
from conference.audio.frame import SAMPLE_RATE
from conference.room.voice import DEFAULT_VOICE, VoiceSettings

SPEECH_DBOV = -26.0
NOISES_DBOV = (-60.0, -50.0)
PAUSES = (0.6, 0.9, 1.4, 2.2)
GOAL_DB = 6.0

_LEARN_SECONDS = 3.0
_INAUDIBLE_DBOV = -85.0
_BARE_DB = 10.0  # a frame is but background if what is said in it is so far below


@dataclass(frozen=True, slots=True)
class Background:
    """One voice in one noise."""

    voice: str
    colour: str
    noise_dbov: float
    step_db: float
    """The greatest change of the background's loudness from one 20 ms to the next, between words."""

    lowest_db: float
    """How much quieter it became at most."""


def measure(voices: Sequence[Voice], settings: VoiceSettings = DEFAULT_VOICE) -> list[Background]:
    """Have every voice speak in every noise."""
    return [
        _hear(voice, colour, noise_dbov, number, settings)
        for number, voice in enumerate(voices)
        for colour in COLOURS
        for noise_dbov in NOISES_DBOV
    ]


def _hear(voice: Voice, colour: str, noise_dbov: float, seed: int, settings: VoiceSettings) -> Background:
    pieces: list[NDArray[np.float64]] = [np.zeros(round(_LEARN_SECONDS * SAMPLE_RATE))]
    for number, word in enumerate(voice.words[:6]):
        pieces.append(at_level(word, SPEECH_DBOV).astype(np.float64))
        pieces.append(np.zeros(round(PAUSES[number % len(PAUSES)] * SAMPLE_RATE) + number * 137))
    clean = np.concatenate(pieces)
    noise = background(colour, len(clean), noise_dbov, seed)
    heard = listen(coded(clean + noise), settings)
    said, came = levels(clean), levels(heard.came)
    size = len(came)
    bare = said[:size] < noise_dbov - _BARE_DB
    first = round(_LEARN_SECONDS * 50)
    change = np.maximum(levels(heard.sound), _INAUDIBLE_DBOV) - np.maximum(came, _INAUDIBLE_DBOV)
    both = (bare[:-1] & bare[1:])[first:]
    steps = np.abs(np.diff(change))[first:][both]
    return Background(voice.name, colour, noise_dbov, float(steps.max()), float(change[first:][bare[first:]].min()))


def lines(found: Sequence[Background]) -> list[str]:
    """The figures as Markdown."""
    table = [
        "| noise | greatest step between words, median of voices | worst | quieter by at most |",
        "|---|---|---|---|",
    ]
    for colour in COLOURS:
        for noise_dbov in NOISES_DBOV:
            some = [one for one in found if (one.colour, one.noise_dbov) == (colour, noise_dbov)]
            steps = [one.step_db for one in some]
            table.append(
                f"| {colour}, {noise_dbov:.0f} dBov | {np.median(steps):.1f} dB | {max(steps):.1f} dB"
                f" | {-min(one.lowest_db for one in some):.1f} dB |"
            )
    over = sum(one.step_db > GOAL_DB for one in found)
    return [
        *table,
        "",
        f"{over} of {len(found)} backgrounds change by more than {GOAL_DB:.0f} dB at once.",
        verdict(f"no step of more than {GOAL_DB:.0f} dB between words", reached=not over),
    ]
