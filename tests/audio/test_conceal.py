"""Concealment goes on with the voice, ever quieter for 300 ms, and joins both ends without a click."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conference.audio.conceal import Concealer
from conference.audio.frame import Samples

TICK = 160


def voice(pitch: float, length: int = 1_600) -> Samples:
    """A voiced sound at 8 kHz: harmonics that fall off."""
    at = np.arange(length) / 8_000
    return np.rint(sum(6_000 / k * np.sin(2 * np.pi * pitch * k * at + k) for k in range(1, 9))).astype(np.int16)


def with_loss(signal: Samples, start: int, length: int) -> Samples:
    concealer = Concealer()
    before = concealer.good(signal[:start])
    concealed = concealer.lost(length)
    return np.concatenate([before, concealed, concealer.good(signal[start + length :])])


def rms(signal: NDArray[np.generic]) -> float:
    return float(np.sqrt((signal.astype(np.float64) ** 2).mean()))


@pytest.mark.parametrize("pitch", [80.0, 100.0, 125.0, 161.3, 200.0, 250.0, 333.3])
def test_a_steady_voice_goes_on(pitch: float) -> None:
    signal = voice(pitch)
    heard = with_loss(signal, 800, TICK)
    lost = slice(800, 800 + TICK // 2)  # before the fade begins
    error = heard[lost].astype(np.float64) - signal[lost]
    assert rms(error) < 0.25 * rms(signal[lost])


@pytest.mark.parametrize("pitch", [80.0, 123.4, 200.0, 333.3])
@pytest.mark.parametrize("ticks", [1, 2, 3, 5])
def test_neither_end_of_a_loss_clicks(pitch: float, ticks: int) -> None:
    signal = voice(pitch)
    heard = with_loss(signal, 800, ticks * TICK).astype(int)
    natural = np.abs(np.diff(signal.astype(int))).max()
    assert np.abs(np.diff(heard)).max() < 1.25 * natural


@pytest.mark.parametrize("start", range(800, 1_200, 50))
def test_a_loss_during_a_slow_drift_begins_without_a_click(start: int) -> None:
    """The period before lies elsewhere: its end does not meet its own beginning."""
    hum = 12_000 * np.sin(2 * np.pi * 20 * np.arange(1_600) / 8_000)
    signal = (voice(140) // 2 + np.rint(hum)).astype(np.int16)
    heard = with_loss(signal, start, TICK).astype(int)
    natural = np.abs(np.diff(signal.astype(int))).max()
    assert abs(heard[start] - heard[start - 1]) < 1.25 * natural
    assert np.abs(np.diff(heard[start : start + TICK])).max() < 1.5 * natural


@given(seed=st.integers(0, 2**32), start=st.integers(0, 700), length=st.integers(0, 900))
def test_only_the_lost_samples_and_the_first_5_ms_after_them_change(seed: int, start: int, length: int) -> None:
    signal = np.random.default_rng(seed).integers(-32768, 32768, 1_600).astype(np.int16)
    heard = with_loss(signal, start, length)
    assert len(heard) == len(signal)
    assert np.array_equal(heard[:start], signal[:start])
    tail = start + length + (40 if length else 0)
    assert np.array_equal(heard[tail:], signal[tail:])


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_a_long_loss_is_a_blur_for_200_ms_and_silence_after_300(rate: int) -> None:
    signal = np.repeat(voice(120), rate // 8_000)
    concealer = Concealer(rate)
    concealer.good(signal)
    levels = [rms(concealer.lost(rate // 10)) / rms(signal) for _ in range(4)]  # 100 ms each
    assert levels[0] > 10 ** (-5 / 20)
    assert levels[0] > levels[1] > 10 ** (-20 / 20)
    assert levels[1] > levels[2] > 0
    assert levels[3] == 0


def test_a_long_loss_does_not_buzz() -> None:
    """One period over and over has nothing between its harmonics."""
    concealer = Concealer()
    concealer.good(voice(125))  # a period of 64 samples
    concealer.lost(1_120)
    late = concealer.lost(640).astype(float)
    assert abs(np.corrcoef(late[64:], late[:-64])[0, 1]) < 0.9


def test_what_something_else_concealed_is_gone_on_with_where_the_fade_stands() -> None:
    signal = voice(125)
    whole, second = Concealer(), Concealer(begun=800)
    whole.good(signal)
    second.good(signal)
    whole.lost(800)
    late, early = rms(second.lost(320)), rms(whole.lost(320))
    assert late == pytest.approx(early, rel=0.5)
    assert not second.lost(2_400)[-1_120:].any()


def test_after_silence_there_is_nothing_to_go_on_with() -> None:
    concealer = Concealer()
    assert not concealer.lost(TICK).any()
    concealer.good(np.zeros(TICK, dtype=np.int16))
    assert not concealer.lost(TICK).any()


def test_sound_after_a_long_loss_fades_in() -> None:
    concealer = Concealer()
    concealer.lost(4_000)
    back = concealer.good(np.full(TICK, 10_000, dtype=np.int16))
    assert back[0] < 500
    assert (np.diff(back.astype(int)) >= 0).all()
    assert (back[40:] == 10_000).all()


def test_what_arrived_is_not_written_to() -> None:
    concealer, arrived = Concealer(), voice(100, TICK)
    concealer.lost(TICK)
    kept = arrived.copy()
    concealer.good(arrived)
    assert np.array_equal(arrived, kept)


def test_after_a_reset_the_old_stream_is_forgotten() -> None:
    concealer = Concealer()
    concealer.good(voice(100))
    concealer.reset()
    assert not concealer.lost(TICK).any()


def test_the_first_loss_loads_no_modules_in_the_middle_of_a_tick() -> None:
    code = """
import sys, numpy
from conference.audio.conceal import Concealer
loaded = set(sys.modules)
concealer = Concealer()
concealer.good(numpy.ones(960, dtype=numpy.int16))
concealer.lost(160)
print(sorted(set(sys.modules) - loaded))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_a_loss_was_made_up_from_is_given_back_when_it_is_over() -> None:
    def hear(concealer: Concealer, lost: int) -> int:
        """Memory that is held after 60 ms of sound, a loss, and sound again."""
        for _ in range(3):
            concealer.good(np.full(960, 5, dtype=np.int16))
        concealer.lost(lost)
        for _ in range(3):
            concealer.good(np.full(960, 7, dtype=np.int16))
        return tracemalloc.get_traced_memory()[0]

    hear(Concealer(48_000), 960)  # what is computed once for all
    concealer = Concealer(48_000)
    tracemalloc.start()
    try:
        before = hear(concealer, 0)
        assert hear(concealer, 960) < before + 2_000
    finally:
        tracemalloc.stop()


def test_nothing_lost_is_nothing_played() -> None:
    concealer = Concealer()
    assert len(concealer.lost(0)) == 0
    assert len(concealer.good(np.zeros(0, dtype=np.int16))) == 0


@given(st.lists(st.integers(-32768, 32767), max_size=400), st.integers(1, 1_000))
def test_full_scale_is_concealed_without_wrapping(samples: list[int], length: int) -> None:
    concealer = Concealer()
    concealer.good(np.array(samples, dtype=np.int16))
    concealer.good(np.full(300, 32767, dtype=np.int16))
    assert (concealer.lost(length)[:320] >= 0).all()
