"""What became of speech on its way: how late each stretch of it came, what is missing, how good and how loud it is.

A stretch of what was said is found again in what was heard by correlation, at 16 kHz: up to 8 kHz, Opus keeps the wave
itself. From these places follow the delay at every moment, and what should have been heard where.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.server import BenchError
from bench.sound_call import LEAD_SECONDS, Call
from bench.sound_speech import speech_level
from conference.audio.frame import Samples
from conference.load.signal.voice import find

RATE = 16_000
"""Of all comparisons, and of PESQ-WB (ITU-T P.862.2)."""

STRETCH = RATE * 24 // 100
"""What is looked for at once: long enough that no other place is like it."""

HOP = RATE // 10
SEARCH = RATE * 7 // 10
"""Delays up to that are found."""

CLEAR = 0.6
LOUD_RMS = 32768 * 10 ** (-40 / 20)
"""A stretch must be louder than that to be looked for."""

BLOCK = RATE // 100
MISSING_DB = 20.0
"""Speech is missing where what is heard is that much quieter than what was said."""

GOING_ON = 6
"""Blocks before a gap in which speech that goes on would have been heard."""

GOING_ON_DB = 15.0
"""It goes on, if it was no more than that quieter than what is missing."""

AUDIBLE_DB = 24.0
"""Only blocks within that of the loudest ones count for it: the ends of words fade anyway."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stretch of speech was found again."""

    said: int
    """Index of its first sample in what was said, at 16 kHz."""

    heard: int
    """The same, in what was heard."""

    second: float
    """When it was said, from the beginning of the speech."""

    delay_ms: float


@dataclass(frozen=True, slots=True)
class Gaps:
    """Where speech is missing."""

    longest_ms: float
    share: float
    """Of all loud speech."""

    stall_ms: float
    """The longest in which speech that was being heard broke off. The others are words whose beginning was lost: nobody
    can make up what nobody knows."""


def at_16k(samples: Samples) -> Samples:
    """48 kHz to 16 kHz, without delay."""
    try:
        from scipy.signal import resample_poly
    except ImportError:
        raise BenchError("scipy is missing: pip install 'conference[bench]'") from None
    return np.clip(np.rint(resample_poly(samples.astype(np.float64), 1, 3)), -32768, 32767).astype(np.int16)


def find_places(call: Call, said: Samples, heard: Samples, codec_ms: float) -> tuple[list[Place], int]:
    """Find speech again.

    Args:
        call: for the times.
        said: at 16 kHz.
        heard: at 16 kHz, as played.
        codec_ms: by how much the codecs alone shift it, which is not the server's doing.

    Returns:
        What was found, and how many stretches were looked for.
    """
    found: list[Place] = []
    tried = 0
    if not call.heard.packets:
        return found, 1
    for start in range(round(LEAD_SECONDS * RATE), said.size - STRETCH, HOP):
        pattern = said[start : start + STRETCH]
        if np.sqrt((pattern.astype(np.float64) ** 2).mean()) < LOUD_RMS:
            continue
        tried += 1
        entered_ns = call.started_ns + start * 1e9 / RATE
        begin = max(0, call.heard.at(entered_ns) // 3)
        at = find(pattern, heard[begin : begin + SEARCH + STRETCH], clear=CLEAR)
        if at is not None:
            delay_ms = (call.heard.when_ns((begin + at) * 3) - entered_ns) / 1e6 - codec_ms
            found.append(Place(start, begin + at, start / RATE - LEAD_SECONDS, delay_ms))
    return found, tried


def find_gaps(said: Samples, heard: Samples, places: Sequence[Place]) -> Gaps:
    """Look for speech that was said and not heard, not even a concealment of it."""
    if not places:
        return Gaps(float("inf"), 1.0, float("inf"))
    before, after = _levels(said), _levels(heard)
    loudest = float(np.percentile(before, 99))
    gain = speech_level(heard, RATE) - speech_level(said, RATE)
    starts = np.arange(before.size) * BLOCK
    shift = np.interp(starts, [one.said for one in places], [one.heard - one.said for one in places])
    at = np.clip(np.rint((starts + shift) / BLOCK).astype(int), 1, max(1, after.size - 2))
    around = np.maximum(np.maximum(after[at - 1], after[at]), after[np.minimum(at + 1, after.size - 1)])
    first, last = places[0].said // BLOCK, places[-1].said // BLOCK
    loud = before > loudest - AUDIBLE_DB
    missing = (loud & (around < before + gain - MISSING_DB))[first:last]
    runs = _runs(missing)
    wanted = (before + gain)[first:last]
    heard = after[at][first:last]
    stalls = [
        (begin, end)
        for begin, end in runs
        if heard[max(0, begin - GOING_ON) : begin].max(initial=0.0) > wanted[begin:end].max() - GOING_ON_DB
    ]
    return Gaps(_longest(runs), float(missing.sum()) / max(1, int(loud[first:last].sum())), _longest(stalls))


def pesq_wb(reference: Samples, degraded: Samples) -> float:
    """PESQ-WB of two recordings at 16 kHz, ITU-T P.862.2: 1.04 to 4.64.

    Raises:
        BenchError: the package isn't there.
    """
    try:
        from pesq import NoUtterancesError, pesq
    except ImportError:
        raise BenchError("pesq is missing (it needs a C compiler): pip install 'conference[bench]'") from None
    length = min(reference.size, degraded.size)
    try:
        return float(pesq(RATE, reference[:length], degraded[:length], "wb"))
    except NoUtterancesError:
        return 1.0  # nothing that resembles speech


def scores(said: Samples, heard: Samples, places: Sequence[Place], speech_samples: int) -> list[float]:
    """PESQ-WB of each time that the speech was said, aligned by its median delay; PESQ itself follows changes."""
    found = []
    for start in range(round(LEAD_SECONDS * RATE), said.size - speech_samples, speech_samples):
        shifts = [one.heard - one.said for one in places if start <= one.said < start + speech_samples]
        if not shifts:
            found.append(1.0)
            continue
        begin = max(0, start + round(float(np.median(shifts))))
        degraded = heard[begin : begin + speech_samples]
        found.append(
            pesq_wb(said[start : start + speech_samples], np.pad(degraded, (0, speech_samples - degraded.size)))
        )
    return found


def _levels(samples: Samples) -> NDArray[np.float64]:
    """Per 10 ms, in dB."""
    whole = samples[: samples.size // BLOCK * BLOCK].astype(np.float64).reshape(-1, BLOCK)
    levels: NDArray[np.float64] = 10 * np.log10((whole**2).mean(axis=1) + 1)
    return levels


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where flags are up: beginnings and ends."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _longest(runs: Sequence[tuple[int, int]]) -> float:
    """In milliseconds."""
    return max((end - begin for begin, end in runs), default=0) * BLOCK * 1000.0 / RATE
