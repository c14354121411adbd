"""What levelling makes of a shout, and of music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.sound_mix import background, coded, levels, listen, verdict
from bench.sound_speech import at_level
from bench.sound_words import Voice
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE
from conference.room.voice import DEFAULT_VOICE, VoiceSettings

TALK_DBOV = -40.0
SHOUTS = ((-10.0, 1.0), (-10.0, 0.4), (-10.0, 2.0), (-20.0, 1.0), (-28.0, 1.0))
"""Level in dBov, and seconds."""

AFTER_SECONDS = 1.0
GOAL_DB = 3.0
LIMIT_DBOV = -1.0
MUSIC_GOAL_DB = 0.5
TUNE = "a tune"
"""Of single notes with rests, which cannot be told from a voice: there is a setting for it."""

MUSIC_DBOV = (-45.0, -38.0, -20.0)
MUSIC_SECONDS = 20.0

_ROOM_DBOV = -75.0
_LOUD_DB = 15.0  # below the loudest 20 ms: there the gain can be told


@dataclass(frozen=True, slots=True)
class Shout:
    """Somebody talks, shouts, and talks on."""

    voice: str
    shout_dbov: float
    seconds: float
    before_db: float
    """The gain of the talk before."""

    after_db: float
    """The gain of the talk from one second after the shout on, for half a second of speech."""

    peak_dbov: float
    """The loudest 20 ms of the shout, as heard."""


@dataclass(frozen=True, slots=True)
class Music:
    """One piece of music."""

    name: str
    dbov: float
    lowest_db: float
    """The least gain of any 100 ms, from the third second on."""

    highest_db: float
    silenced: float
    """Share of its time in which it was not heard."""


def measure_shouts(voices: Sequence[Voice], settings: VoiceSettings = DEFAULT_VOICE) -> list[Shout]:
    """Have every voice talk, shout and talk on."""
    return [_shout(voice, dbov, seconds, settings) for voice in voices for dbov, seconds in SHOUTS]


def _shout(voice: Voice, dbov: float, seconds: float, settings: VoiceSettings) -> Shout:
    pause = np.zeros(round(0.15 * SAMPLE_RATE))
    talk = np.concatenate(
        [np.concatenate([at_level(word, TALK_DBOV).astype(np.float64), pause]) for word in voice.words]
    )
    before = np.resize(talk, 8 * SAMPLE_RATE)
    loud = np.resize(np.concatenate([at_level(word, dbov) for word in voice.words]), round(seconds * SAMPLE_RATE))
    wave = np.concatenate([before, loud.astype(np.float64), np.resize(talk, 4 * SAMPLE_RATE)])
    wave += background("pink", len(wave), _ROOM_DBOV, 3)
    heard = listen(coded(wave), settings)
    came, after = levels(heard.came), levels(heard.sound)
    begin = len(before) // FRAME_SAMPLES
    end = begin + round(seconds * 50)
    settled = _gain(came, after, slice(begin - 150, begin))
    later = end + round(AFTER_SECONDS * 50)
    speaking = later + np.flatnonzero(came[later:] > TALK_DBOV - _LOUD_DB)[:25]
    return Shout(voice.name, dbov, seconds, settled, _gain(came, after, speaking), float(after[begin:end].max()))


def _gain(came: NDArray[np.float64], heard: NDArray[np.float64], where: slice | NDArray[np.intp]) -> float:
    """The median of where it is loud, in dB."""
    loud = came[where] > came[where].max() - _LOUD_DB
    return float(np.median((heard[where] - came[where])[loud]))


def measure_music(settings: VoiceSettings = DEFAULT_VOICE) -> list[Music]:
    """Play chords, with drums and held, and a melody."""
    pieces = {
        "chords with drums": chords(drums=True),
        "chords": chords(drums=False),
        "a held chord": held(),
        TUNE: tune(),
    }
    found = []
    for name, piece in pieces.items():
        for dbov in MUSIC_DBOV:
            wave = piece * (32768 * 10 ** (dbov / 20) / piece.std())
            heard = listen(coded(wave + background("pink", len(wave), _ROOM_DBOV, 4)), settings)
            came, sound = (levels(one, SAMPLE_RATE // 10)[30:] for one in (heard.came, heard.sound))
            sounding = came > came.max() - 30
            gain = (sound - came)[sounding]
            found.append(
                Music(name, dbov, float(gain.min()), float(gain.max()), float((sound[sounding] < -100).mean()))
            )
    return found


def chords(*, drums: bool) -> NDArray[np.float64]:
    """Four chords in turn, two seconds each, of tones with overtones; a beat on every half second."""
    chance = np.random.default_rng(6)
    wave = np.concatenate([
        _chord(root, 2.0) for _ in range(round(MUSIC_SECONDS / 8)) for root in (220.0, 174.6, 261.6, 196.0)
    ])  # fmt: skip
    if drums:
        moments = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
        for beat in range(round(len(wave) / SAMPLE_RATE * 2)):
            start = beat * SAMPLE_RATE // 2
            hit = (
                3.0 * np.exp(-moments / 0.06) * np.sin(2 * np.pi * 90 * moments * np.exp(-2 * moments))
                if beat % 2 == 0
                else 2.0 * np.exp(-moments / 0.04) * chance.standard_normal(len(moments))
            )
            wave[start : start + len(hit)] += hit[: len(wave) - start]
    return wave


def held() -> NDArray[np.float64]:
    """One chord for all the time."""
    return _chord(220.0, MUSIC_SECONDS)


def tune() -> NDArray[np.float64]:
    """Single notes, a quarter of a second each, one of four a pause."""
    chance = np.random.default_rng(7)
    notes = []
    for number in range(round(MUSIC_SECONDS * 4)):
        length = SAMPLE_RATE // 4
        moments = np.arange(length) / SAMPLE_RATE
        pitch = 262.0 * 2 ** (chance.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
        note = sum(0.5**k * np.sin(2 * np.pi * pitch * (k + 1) * moments) for k in range(5))
        notes.append(note * np.minimum(1, moments / 0.01) * np.exp(-moments / 0.3) * (number % 4 != 3))
    return np.concatenate(notes)


def _chord(root: float, seconds: float) -> NDArray[np.float64]:
    moments = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.zeros(len(moments))
    for interval in (0, 4, 7, 12):
        for overtone in range(1, 7):
            frequency = root * 2 ** (interval / 12) * overtone
            wave += np.sin(2 * np.pi * frequency * moments + interval * overtone) / overtone
    return wave * np.minimum(1, np.minimum(moments, moments[::-1]) / 0.02)


def shout_lines(found: Sequence[Shout]) -> list[str]:
    """The figures as Markdown."""
    table = ["| shout | off after 1 s, median of voices | worst | loudest 20 ms |", "|---|---|---|---|"]
    for dbov, seconds in SHOUTS:
        some = [one for one in found if (one.shout_dbov, one.seconds) == (dbov, seconds)]
        off = sorted((one.after_db - one.before_db for one in some), key=abs)
        table.append(
            f"| {dbov:.0f} dBov for {seconds:g} s | {off[len(off) // 2]:+.1f} dB | {off[-1]:+.1f} dB"
            f" | {max(one.peak_dbov for one in some):.1f} dBov |"
        )
    over = sum(abs(one.after_db - one.before_db) > GOAL_DB for one in found)
    loudest = max(one.peak_dbov for one in found)
    return [
        *table,
        "",
        f"{over} of {len(found)} are off by more than {GOAL_DB:.0f} dB one second after.",
        verdict(f"a talker's gain is within {GOAL_DB:.0f} dB one second after a shout", reached=not over),
        verdict("the shout itself is bounded by the limiter", reached=loudest <= LIMIT_DBOV),
    ]


def music_lines(found: Sequence[Music]) -> list[str]:
    """The figures as Markdown."""
    steady = [one for one in found if one.name != TUNE]
    changed = max(max(abs(one.lowest_db), abs(one.highest_db)) for one in steady)
    return [
        "| music | gain, least to most | not heard |",
        "|---|---|---|",
        *(
            f"| {one.name}, {one.dbov:.0f} dBov | {one.lowest_db:+.1f} to {one.highest_db:+.1f} dB"
            f" | {one.silenced:.0%} |"
            for one in found
        ),
        "",
        verdict(
            f"chords, held or with drums, are changed by less than {MUSIC_GOAL_DB:g} dB, and heard throughout",
            reached=changed < MUSIC_GOAL_DB and not any(one.silenced for one in steady),
        ),
    ]
