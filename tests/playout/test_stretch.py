"""Sound made shorter and longer without anybody hearing it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.playout.stretch import LONGEST, PATIENCE, PAUSE_TRIES, REST, SHORTEST, Stretcher, find, join
from tests.speech import spoken
from tests.tones import level_at, tone


def shorten(sound: Samples, wanted: int = FRAME_SAMPLES) -> Samples:
    """All of a sound, two frames at a time in hand, made shorter wherever it may be."""
    stretcher, heard, rest = Stretcher(), [], sound
    while len(rest) >= 2 * FRAME_SAMPLES:
        if not stretcher.rests():
            block = stretcher.shorten(rest[: 2 * FRAME_SAMPLES], wanted)
            rest = np.concatenate((block, rest[2 * FRAME_SAMPLES :]))
        heard.append(rest[:FRAME_SAMPLES])
        rest = rest[FRAME_SAMPLES:]
    return np.concatenate([*heard, rest])


def lengthen(sound: Samples, wanted: int = FRAME_SAMPLES // 4) -> Samples:
    """All of a sound, a frame at a time in hand, made longer wherever it may be."""
    stretcher, heard, rest, past = Stretcher(), [], sound, SILENCE
    while len(rest) >= FRAME_SAMPLES:
        if not stretcher.rests():
            block = stretcher.lengthen(past, rest[:FRAME_SAMPLES], wanted)
            rest = np.concatenate((block, rest[FRAME_SAMPLES:]))
        past = rest[:FRAME_SAMPLES]
        heard.append(past)
        rest = rest[FRAME_SAMPLES:]
    return np.concatenate([*heard, rest])


Change: TypeAlias = Callable[[Samples], Samples]
CHANGES = pytest.mark.parametrize("change", [shorten, lengthen])


def decibels(sound: NDArray[np.generic]) -> float:
    return 10 * float(np.log10(np.mean(sound.astype(np.float64) ** 2)))


def noise(seconds: float, amplitude: float, seed: int = 1) -> Samples:
    chance = np.random.default_rng(seed)
    return np.rint(chance.standard_normal(round(seconds * SAMPLE_RATE)) * amplitude).astype(np.int16)


@CHANGES
@pytest.mark.parametrize("frequency", [90, 150, 300, 440, 1000, 3300])
def test_a_tone_keeps_its_level_and_its_pitch_and_does_not_click(change: Change, frequency: int) -> None:
    sound = tone(frequency, 3.0)
    changed = change(sound)
    assert abs(len(changed) - len(sound)) > SAMPLE_RATE // 10
    inner = changed[SAMPLE_RATE // 2 : -SAMPLE_RATE // 2]
    frames = inner[: len(inner) // 1920 * 1920].reshape(-1, 1920)
    whole = decibels(sound[SAMPLE_RATE // 2 : -SAMPLE_RATE // 2])
    assert max(abs(decibels(one) - whole) for one in frames) < 0.7
    assert decibels(inner) == pytest.approx(whole, abs=0.3)
    steps = np.abs(np.diff(inner.astype(np.int64)))
    assert steps.max() <= 1.35 * np.abs(np.diff(sound.astype(np.int64))).max() + 2
    away = level_at(inner, SAMPLE_RATE, frequency * 2.37, width=frequency / 4)
    assert away < level_at(inner, SAMPLE_RATE, frequency, width=frequency / 4) - 35


@CHANGES
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_speech_keeps_its_level_and_does_not_click(change: Change, seed: int) -> None:
    sound = spoken(6.0, seed=seed)
    changed = change(sound)
    assert abs(len(changed) - len(sound)) > SAMPLE_RATE // 4
    loud = [one[np.abs(one.astype(np.int32)) > 300] for one in (sound, changed)]
    assert decibels(loud[0]) == pytest.approx(decibels(loud[1]), abs=0.5)
    assert np.abs(np.diff(changed.astype(np.int64))).max() <= 1.1 * np.abs(np.diff(sound.astype(np.int64))).max()


@CHANGES
def test_noise_keeps_its_level_although_nothing_in_it_recurs(change: Change) -> None:
    sound = noise(4.0, 3000)
    changed = change(sound)
    assert len(changed) != len(sound)
    frames = changed[: len(changed) // 960 * 960].reshape(-1, 960)
    assert all(abs(decibels(one) - decibels(sound)) < 1.5 for one in frames)
    assert decibels(changed) == pytest.approx(decibels(sound), abs=0.2)


@CHANGES
def test_in_sound_it_is_never_more_than_a_quarter_faster_or_slower(change: Change) -> None:
    sound = tone(200, 4.0)
    speed = len(sound) / len(change(sound))
    assert 0.75 <= speed <= 1.25
    assert abs(speed - 1) > 0.1


def test_quiet_is_cut_at_once_and_by_as_much_as_is_asked_for() -> None:
    quiet = noise(0.04, 60)
    shorter = Stretcher().shorten(quiet, 700)
    assert len(shorter) == len(quiet) - 700
    longer = Stretcher().lengthen(quiet[:960], quiet[960:], 700)
    assert len(longer) == 960 + 700
    for one in (shorter, longer):
        assert decibels(one) == pytest.approx(decibels(quiet), abs=1.0)


def test_in_sound_nothing_is_cut_before_there_was_time_for_a_pause() -> None:
    stretcher = Stretcher()
    block = tone(200, 0.04, fade=0)
    for _ in range(PATIENCE):
        assert stretcher.shorten(block, 960) is block
    assert len(stretcher.shorten(block, 960)) < len(block)


def test_where_nothing_recurs_it_waits_for_a_better_place_but_not_for_ever() -> None:
    stretcher = Stretcher()
    tries = next(number for number in range(500) if len(stretcher.shorten(noise(0.04, 3000, number), 960)) < 1920)
    assert PATIENCE + 10 < tries < 100


def test_a_change_is_followed_by_a_rest() -> None:
    stretcher = Stretcher()
    past, block = tone(100, 0.04, fade=0).reshape(2, -1)
    put_in = len(stretcher.lengthen(past, block, 960)) - len(block)
    ticks = next(number for number in range(100) if not stretcher.rests()) + 1
    assert ticks == -(-REST * put_in // FRAME_SAMPLES)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(FRAME_SAMPLES, 4 * FRAME_SAMPLES),
    amplitude=st.sampled_from([0, 30, 3_000, 40_000]),
    wanted=st.integers(1, 5_000),
    tries=st.integers(0, 120),
)
def test_it_joins_on_at_both_ends_whatever_is_given(
    seed: int, length: int, amplitude: int, wanted: int, tries: int
) -> None:
    """The first sample hardly differs, the last is the same, and a frame remains."""
    chance = np.random.default_rng(seed)
    sound = np.clip(chance.standard_normal(length + 960) * amplitude, -32768, 32767).astype(np.int16)
    past, block = sound[:960], sound[960:]
    before = block.copy()
    stretcher = Stretcher()
    for _ in range(tries):
        stretcher.shorten(block, wanted)
    shorter, longer = stretcher.shorten(block, wanted), stretcher.lengthen(past, block, wanted)
    np.testing.assert_array_equal(block, before)
    assert max(FRAME_SAMPLES, length - wanted) <= len(shorter) <= length
    assert length <= len(longer) <= length + max(LONGEST, min(wanted, 960), SHORTEST)
    for one in (shorter, longer):
        assert one.dtype == np.int16
        assert one[-1] == block[-1]
        assert abs(int(one[0]) - int(block[0])) <= 2 + np.abs(np.diff(sound.astype(int))).max() * 0.05


def test_find_finds_what_recurs() -> None:
    sound = noise(0.1, 5000)
    for place in (0, 1, 7, 8, 333, 1000):
        smooth = np.convolve(sound, np.ones(24) / 24, "same").astype(np.int16)  # as speech is, compared with 48 kHz
        found, likeness = find(smooth[place : place + 480], smooth[:2000])
        assert found == place
        assert likeness == pytest.approx(1.0, abs=1e-3)


def test_a_fade_between_equals_changes_nothing() -> None:
    sound = tone(300, 0.05, fade=0)
    np.testing.assert_allclose(join(sound, sound, 480, 1.0), sound, atol=1)


def test_what_is_not_urgent_is_put_into_a_pause_and_not_into_the_silence_inside_a_word() -> None:
    stretcher, silence, voice = Stretcher(), np.zeros(FRAME_SAMPLES, np.int16), tone(200.0, seconds=0.02)
    closure = [voice, voice, silence, silence, voice, voice]
    pause = [silence] * 10
    frames = closure * 20 + pause
    lengths = [len(stretcher.lengthen(past, block, 480, urgent=False)) for past, block in pairwise(frames)]
    first = next(place for place, length in enumerate(lengths) if length > FRAME_SAMPLES)
    assert first >= 120 + PAUSE_TRIES - 1


@pytest.mark.parametrize("hertz", [110.0, 200.0, 310.0])
def test_at_8_khz_a_pitch_period_is_left_out_without_a_step(hertz: float) -> None:
    sound = (8000 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 8000)).astype(np.int16)
    stretcher, heard, rest = Stretcher(8000), [], sound
    while len(rest) >= 480:
        block = rest[:320] if stretcher.rests() else stretcher.shorten(rest[:320], 320)
        heard.append(block[:160])
        rest = np.concatenate((block[160:], rest[320:]))
    result = np.concatenate(heard)
    assert len(result) < len(sound) * 0.95 - 320
    steepest = 8000 * 2 * np.pi * hertz / 8000
    assert np.abs(np.diff(result.astype(int))).max() < 1.2 * steepest
