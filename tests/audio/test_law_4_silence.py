"""Law 4: a frame at or below the threshold is silent, whatever its length; a hangover keeps ends of words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SILENCE, SILENT_LEVEL
from conference.audio.noise_gate import DEFAULT_THRESHOLD, NoiseGate, level_of, mean_square


def test_twenty_milliseconds_at_8_khz_whose_squares_sum_to_5000_are_silent() -> None:
    frame = np.zeros(160, dtype=np.int16)
    frame[:2] = 50  # 2 x 2500
    assert mean_square(frame) * 160 == 5000
    assert not NoiseGate().process(frame)


def test_one_more_than_that_is_not_silent() -> None:
    frame = np.zeros(160, dtype=np.int16)
    frame[:2] = 50
    frame[2] = 1
    assert NoiseGate().process(frame)


@given(
    length=st.integers(1, 5760),
    squares=st.lists(st.integers(-32768, 32767), max_size=40),
    threshold=st.floats(0, 2**30),
)
def test_silence_is_decided_by_the_exact_mean_square(length: int, squares: list[int], threshold: float) -> None:
    frame = np.zeros(length, dtype=np.int16)
    squares = squares[:length]
    frame[: len(squares)] = squares
    loud = sum(s * s for s in squares) / length > threshold
    assert NoiseGate(threshold).process(frame) is loud


@given(copies=st.integers(1, 30), sample=st.integers(-12, 12))
def test_the_threshold_does_not_depend_on_the_length_of_the_frame(copies: int, sample: int) -> None:
    short = np.full(32, sample, dtype=np.int16)
    assert NoiseGate().process(short) is NoiseGate().process(np.tile(short, copies)) is (sample**2 > DEFAULT_THRESHOLD)


@given(ticks=st.lists(st.sampled_from(["loud", "quiet", "missing"]), max_size=60), hangover=st.integers(0, 9))
def test_the_gate_is_open_while_a_loud_frame_lies_within_the_hangover(ticks: list[str], hangover: int) -> None:
    gate = NoiseGate(hangover_ticks=hangover)
    frames = {"loud": np.full(FRAME_SAMPLES, 1000, dtype=np.int16), "quiet": SILENCE}
    for n, tick in enumerate(ticks):
        result = gate.process(frames[tick]) if tick in frames else gate.silent()
        assert result is gate.open is ("loud" in ticks[max(0, n - hangover) : n + 1])


def test_an_empty_frame_is_silent() -> None:
    gate = NoiseGate()
    assert not gate.process(np.zeros(0, dtype=np.int16))
    assert gate.level == SILENT_LEVEL


def test_levels_are_relative_to_a_full_scale_square_wave() -> None:
    assert level_of(np.full(960, -32768, dtype=np.int16)) == 0.0
    sine = (32767 * np.sin(np.arange(960) * 2 * np.pi / 48)).astype(np.int16)
    assert level_of(sine) == pytest.approx(-3.01, abs=0.01)
    assert level_of(SILENCE) == -127.0


def test_a_tick_without_a_frame_has_the_lowest_level() -> None:
    gate = NoiseGate()
    gate.process(np.full(960, 1000, dtype=np.int16))
    assert gate.level == pytest.approx(-30.3, abs=0.05)
    gate.silent()
    assert gate.level == SILENT_LEVEL


@pytest.mark.parametrize(("threshold", "hangover"), [(-1.0, 3), (1.0, -1), (float("nan"), 3)])
def test_a_gate_refuses_nonsense(threshold: float, hangover: int) -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        NoiseGate(threshold, hangover)
