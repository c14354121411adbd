"""Sounds made of sines: the tones of coming and going, and the music of those who wait. The same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import SAMPLE_RATE, Samples, full_scale

TONE_LEVEL = -26.0
"""Of the tones, in dBov: as loud as a levelled voice."""

MUSIC_LEVEL = -32.0
"""Of the music, in dBov: quieter than any voice."""

_BEAT = SAMPLE_RATE // 2
_BARS = (  # the notes of four chords, in semitones from A (440 Hz): F, D minor 7, B flat, C
    (-16, -9, -4, 0, 3, 0, -4, -9),
    (-19, -12, -7, -4, 0, -4, -7, -12),
    (-11, -7, -4, 1, 5, 1, -4, -7),
    (-21, -14, -9, -5, -2, -5, -9, -14),
)


def join_tone() -> Samples:
    """Somebody comes: up a fourth. Shape ``(n,)``, int16, 48 kHz, as of all of these."""
    return _level(np.concatenate([_note(587.3, 0.12), _note(784.0, 0.28)]), TONE_LEVEL)


def leave_tone() -> Samples:
    """Somebody goes: down a fourth."""
    return _level(np.concatenate([_note(784.0, 0.12), _note(587.3, 0.28)]), TONE_LEVEL)


def ringing_tone() -> Samples:
    """A telephone rings at the other end: 2 s of a low chord, as 440 and 480 Hz make it, and 4 s of nothing."""
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    wave = np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time)
    wave *= np.clip(np.minimum(time / 0.02, time[::-1] / 0.02), 0.0, 1.0)
    return np.concatenate([_level(wave, MUSIC_LEVEL), np.zeros(4 * SAMPLE_RATE, np.int16)])


def hold_music() -> Samples:
    """Eight bars of broken chords, 32 s; begins anew without a seam, since the last notes fade into the first bar."""
    music = np.zeros(len(_BARS) * 2 * 8 * _BEAT)
    notes: dict[int, NDArray[np.float64]] = {}
    for index in range(len(_BARS) * 2 * 8):
        bar, step = divmod(index, 8)
        semitones = _BARS[bar % len(_BARS)][step] + (12 if bar >= len(_BARS) and step % 4 == 3 else 0)
        if semitones not in notes:
            notes[semitones] = _note(440.0 * 2 ** (semitones / 12), 2.5, decay=0.9)
        note = notes[semitones] * (1.0 if step == 0 else 0.6)
        before_end = music[index * _BEAT :][: len(note)]
        before_end += note[: len(before_end)]
        music[: len(note) - len(before_end)] += note[len(before_end) :]
    return _level(music, MUSIC_LEVEL)


def _note(frequency: float, seconds: float, decay: float | None = None) -> NDArray[np.float64]:
    """A soft note, like a marimba's."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.sin(2 * np.pi * frequency * time) + 0.25 * np.sin(4 * np.pi * frequency * time)
    wave *= np.exp(-time / (decay or seconds / 2))
    wave *= np.clip(np.minimum(time / 0.008, time[::-1] / 0.02), 0.0, 1.0)
    return wave


def _level(wave: NDArray[np.float64], level: float) -> Samples:
    gain = (full_scale(level) / np.mean(wave**2)) ** 0.5
    return np.rint(wave * gain).astype(np.int16)
