"""Law 1: ``mix_i + gain_i * own_i == total``, exactly, for every participant."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.audio.mix import GAIN_STEP, MAX_GAIN, minus, quantise_gain, total

gains = st.integers(0, 2**17).map(lambda n: n * GAIN_STEP)
talkers = st.lists(st.tuples(st.integers(0, 2**32), gains), min_size=1, max_size=12)


def voice(seed: int) -> Samples:
    """Full-scale noise: every bit of every sample is used."""
    return np.random.default_rng(seed).integers(-32768, 32768, FRAME_SAMPLES).astype(np.int16)


@given(talkers)
def test_a_mix_and_ones_own_voice_are_the_total(people: list[tuple[int, float]]) -> None:
    frames, levels = [voice(seed) for seed, _ in people], [gain for _, gain in people]
    everything = total(frames, levels)
    for frame, gain in zip(frames, levels, strict=True):
        own = np.multiply(frame, gain, dtype=np.float64)
        assert np.array_equal(minus(everything, frame, gain) + own, everything)


@given(talkers)
def test_a_mix_is_the_sum_of_the_others_in_whole_steps_of_the_gain(people: list[tuple[int, float]]) -> None:
    frames, levels = [voice(seed) for seed, _ in people], [gain for _, gain in people]
    everything = total(frames, levels)
    steps = [frame.astype(object) * int(gain / GAIN_STEP) for frame, gain in zip(frames, levels, strict=True)]
    for i, frame in enumerate(frames):
        others = sum(steps[:i] + steps[i + 1 :], np.zeros(FRAME_SAMPLES, dtype=object))
        assert ((minus(everything, frame, levels[i]) / GAIN_STEP).astype(np.int64) == others).all()


@given(talkers, st.randoms(use_true_random=False))
def test_the_order_of_people_does_not_matter(people: list[tuple[int, float]], random: Random) -> None:
    shuffled = list(people)
    random.shuffle(shuffled)
    one, other = (total([voice(seed) for seed, _ in who], [gain for _, gain in who]) for who in (people, shuffled))
    assert np.array_equal(one, other)


@given(st.integers(0, 2**32), gains)
def test_one_who_is_alone_hears_silence(seed: int, gain: float) -> None:
    frame = voice(seed)
    assert not minus(total([frame], [gain]), frame, gain).any()


def test_an_empty_room_is_silent() -> None:
    assert total([]).shape == (FRAME_SAMPLES,)
    assert not total([]).any()


def test_mixing_leaves_its_inputs_alone() -> None:
    frame, before = voice(1), voice(1)
    everything = total([frame, voice(2)], [0.5, 1.0])
    kept = everything.copy()
    minus(everything, frame, 0.5)
    assert np.array_equal(frame, before)
    assert np.array_equal(everything, kept)


def test_gains_without_frames_are_refused() -> None:
    with pytest.raises(ValueError):
        total([voice(1)], [1.0, 0.5])


@given(st.floats(allow_nan=False))
def test_a_quantised_gain_is_the_nearest_that_mixes_exactly(gain: float) -> None:
    quantised = quantise_gain(gain)
    assert (quantised / GAIN_STEP).is_integer()
    assert abs(quantised - min(max(gain, 0.0), MAX_GAIN)) <= GAIN_STEP / 2


def test_a_gain_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a number"):
        quantise_gain(float("nan"))
