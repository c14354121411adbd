"""Law 2: nothing wraps, nothing clips; below the ceiling nothing changes; the limiter's gain moves without steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.audio.limiter import CEILING, SUM_CEILING, Limiter
from conference.audio.mix import total


def tones(frequencies: list[float], ticks: int, phase: float = 0.0) -> list[NDArray[np.int16]]:
    """Full-scale sines, one per frequency, as rows of frames."""
    at = np.arange(ticks * FRAME_SAMPLES) / SAMPLE_RATE
    return [
        np.rint(32767 * np.sin(2 * np.pi * f * at + phase)).astype(np.int16).reshape(ticks, FRAME_SAMPLES)
        for f in frequencies
    ]


@pytest.mark.parametrize("people", [2, 3, 16, 200])
def test_full_scale_talkers_neither_wrap_nor_clip(people: int) -> None:
    voices = tones([100 + 53.7 * n for n in range(people)], 25, phase=1.0)
    limiter = Limiter()
    for tick in range(25):
        mix = total([voice[tick] for voice in voices])
        heard = limiter.process(mix)
        assert np.abs(heard.astype(int)).max() <= CEILING
        # A wrapped sample has the wrong sign; one that rounds to 0 has none.
        assert (heard.astype(int) * mix >= 0).all()


def test_sixteen_talkers_are_as_loud_as_the_ceiling_allows() -> None:
    limiter = Limiter()
    voices = tones([300.0] * 16, 3)
    peaks = [np.abs(limiter.process(total([v[tick] for v in voices])).astype(int)).max() for tick in range(3)]
    assert min(peaks) > 0.99 * SUM_CEILING


def test_what_several_make_together_leaves_room_for_the_overshoot_of_a_codec() -> None:
    """Two tones at -3 dBFS; the first tick brings the gain down."""
    limiter, voices = Limiter(), tones([440.0, 1000.0], 10)
    peaks = [np.abs(limiter.process(total([v[tick] for v in voices])).astype(int)).max() for tick in range(10)]
    assert max(peaks[1:]) <= SUM_CEILING + 1


def test_limiting_keeps_the_waveform_of_a_steady_sound() -> None:
    """Two tones at -2.7 dBFS each: once the gain stands, all that remains of the sum is a factor."""
    at = np.arange(50 * FRAME_SAMPLES) / SAMPLE_RATE
    mix = 24000 * (np.sin(2 * np.pi * 400 * at) + np.sin(2 * np.pi * 650 * at))
    heard = Limiter().process(mix)[FRAME_SAMPLES:].astype(np.float64)
    mix = mix[FRAME_SAMPLES:]
    factor = heard @ mix / (mix @ mix)
    error = heard - factor * mix
    assert 10 * np.log10((heard @ heard) / (error @ error)) > 80


@given(st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=40), st.integers(0, FRAME_SAMPLES - 1))
def test_no_sample_exceeds_the_ceiling_whatever_comes(peaks: list[float], at: int) -> None:
    limiter = Limiter()
    for peak in peaks:
        mix = np.full(FRAME_SAMPLES, peak / 3)
        mix[at] = peak
        assert np.abs(limiter.process(mix).astype(int)).max() <= CEILING


@given(st.lists(st.integers(-CEILING, CEILING), min_size=FRAME_SAMPLES, max_size=FRAME_SAMPLES))
@settings(max_examples=20)
def test_below_the_ceiling_no_sample_changes(samples: list[int]) -> None:
    assert Limiter().process(np.array(samples, dtype=np.float64)).tolist() == samples


def test_after_a_peak_the_limiter_comes_back_to_changing_nothing() -> None:
    limiter = Limiter()
    limiter.process(np.full(FRAME_SAMPLES, 500_000.0))
    quiet = np.arange(FRAME_SAMPLES, dtype=np.float64)
    ticks = 0
    while not np.array_equal(limiter.process(quiet), quiet):
        ticks += 1
    assert limiter.gain == 1.0
    assert 25 < ticks < 100  # half a second to two: neither pumping nor stuck


def applied_gain(limiter: Limiter, mix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The gain of every sample, measured from outside: of a mix whose samples are all loud."""
    heard: Samples = limiter.process(mix)
    return heard / mix


@given(
    st.lists(st.floats(1_000, 600_000), min_size=2, max_size=12),
    st.lists(st.integers(48, FRAME_SAMPLES - 1), min_size=12, max_size=12),
)
def test_the_gain_moves_without_steps(levels: list[float], starts: list[int]) -> None:
    """Each tick turns loud somewhere after its first millisecond: no two gains differ by more than a 48th."""
    limiter = Limiter()
    curve = [np.ones(1)]
    for level, start in zip(levels, starts, strict=False):
        mix = np.full(FRAME_SAMPLES, 1_000.0)
        mix[start:] = level
        curve.append(applied_gain(limiter, mix))
        mix = np.full(FRAME_SAMPLES, 1_000.0)  # and falls back at once
        curve.append(applied_gain(limiter, mix))
    steps = np.abs(np.diff(np.concatenate(curve)))
    rounding = 1.0 / 1_000
    assert steps.max() <= 1 / 48 + rounding


def test_a_rising_sound_that_crosses_a_tick_meets_no_step() -> None:
    """The worst that real sound does: it is on its way up when a tick begins."""
    at = np.arange(4 * FRAME_SAMPLES) / SAMPLE_RATE
    for shift in range(0, FRAME_SAMPLES, 7):
        envelope = np.clip((at - 0.02 - shift / SAMPLE_RATE) / 0.005, 0, 1)
        mix = 1_000 + 200_000 * envelope * (1 + np.sin(2 * np.pi * 200 * at)) / 2
        curve = applied_gain(Limiter(), mix)
        assert np.abs(np.diff(curve)).max() < 0.05


def test_a_limiter_that_begins_with_anothers_gain_goes_on_where_that_one_stood() -> None:
    loud = np.full(FRAME_SAMPLES, 100_000.0)
    one = Limiter()
    one.process(loud)
    other = Limiter(one.gain)
    assert np.array_equal(one.process(loud), other.process(loud))


@pytest.mark.parametrize("gain", [0.0, -0.5, 1.01, float("nan")])
def test_a_limiter_refuses_a_gain_that_cannot_be(gain: float) -> None:
    with pytest.raises(ValueError, match="gain"):
        Limiter(gain)


@given(st.lists(st.lists(st.integers(-32768, 32767), min_size=1, max_size=4), min_size=1, max_size=8))
def test_a_frame_that_is_alone_in_a_mix_is_limited_as_a_sum_of_one_is(patterns: list[list[int]]) -> None:
    as_frame, as_sum = Limiter(), Limiter()
    for pattern in patterns:
        frame = np.resize(np.array(pattern, dtype=np.int16), FRAME_SAMPLES)
        before = frame.copy()
        limited = as_frame.process(frame)
        assert np.array_equal(limited, as_sum.process(total([frame])))
        assert limited.dtype == np.int16
        assert as_frame.gain == as_sum.gain
        assert np.array_equal(frame, before)
