"""What a resampler passes, what it stops, and how late it is. (That chunks do not matter is law 7.)"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conference.audio.resample import Resampler

PAIRS = [(8_000, 48_000), (48_000, 8_000), (16_000, 48_000), (48_000, 16_000), (24_000, 48_000), (48_000, 24_000)]


def tone(frequency: float, rate: int, length: int, late: float = 0.0) -> NDArray[np.float64]:
    return 16_000 * np.sin(2 * np.pi * frequency * (np.arange(length) / rate - late))


def resampled(frequency: float, from_rate: int, to_rate: int) -> NDArray[np.float64]:
    """A second of a tone, without its first 50 ms."""
    pcm = np.rint(tone(frequency, from_rate, from_rate)).astype(np.int16)
    return Resampler(from_rate, to_rate).process(pcm)[to_rate // 20 :].astype(np.float64)


def level(signal: NDArray[np.float64]) -> float:
    """In dB, relative to the tone."""
    return 20 * float(np.log10(np.sqrt((signal**2).mean()) / (16_000 / np.sqrt(2)) + 1e-12))


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.425])
def test_what_a_telephone_carries_passes_as_it_is_and_as_late_as_promised(
    from_rate: int, to_rate: int, share: float
) -> None:
    """0.425 of 8 kHz are the 3.4 kHz of a telephone line: -0.2 dB there."""
    frequency = share * min(from_rate, to_rate)
    out = resampled(frequency, from_rate, to_rate)
    expected = tone(frequency, to_rate, to_rate, Resampler(from_rate, to_rate).delay)[to_rate // 20 :]
    loss = -level(out)
    assert abs(loss) < 0.25
    error = out - expected * 10 ** (-loss / 20)
    assert level(error) < -70


@pytest.mark.parametrize("frequency", [4_600, 5_000, 7_000, 8_000, 12_345, 20_000])
def test_what_8_khz_cannot_carry_does_not_fold_back(frequency: int) -> None:
    assert level(resampled(frequency, 48_000, 8_000)) < -75


@pytest.mark.parametrize("frequency", [300, 1_000, 3_000, 3_400])
def test_no_image_of_a_tone_appears_above_it(frequency: int) -> None:
    out = resampled(frequency, 8_000, 48_000)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    above = round(4_000 * len(out) / 48_000)
    assert 20 * np.log10(spectrum[above:].max() / spectrum.max()) < -75


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
@given(value=st.integers(-32768, 32767))
def test_a_constant_stays_exactly_that(from_rate: int, to_rate: int, value: int) -> None:
    out = Resampler(from_rate, to_rate).process(np.full(from_rate // 20, value, dtype=np.int16))
    assert set(out[to_rate // 100 :].tolist()) == {value}


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_a_tick_gives_a_tick(from_rate: int, to_rate: int) -> None:
    resampler = Resampler(from_rate, to_rate)
    assert [len(resampler.process(np.zeros(from_rate // 50, dtype=np.int16))) for _ in range(3)] == [to_rate // 50] * 3


def test_a_full_scale_square_wave_overshoots_without_wrapping() -> None:
    square = np.where(np.arange(800) // 20 % 2, 32767, -32768).astype(np.int16)
    out = Resampler(8_000, 48_000).process(square).astype(int)
    assert {out.max(), out.min()} == {32767, -32768}
    assert np.abs(np.diff(out)).max() < 30_000  # a wrapped sample would jump by 65535


def test_after_a_reset_nothing_of_the_past_is_heard() -> None:
    resampler = Resampler(48_000, 8_000)
    resampler.process(np.full(1_001, 9_999, dtype=np.int16))
    resampler.reset()
    assert not resampler.process(np.zeros(960, dtype=np.int16)).any()


def test_equal_rates_change_and_delay_nothing() -> None:
    resampler, pcm = Resampler(48_000, 48_000), np.arange(77, dtype=np.int16)
    assert resampler.process(pcm) is pcm
    assert resampler.delay == 0
    assert len(resampler.flush()) == 0


@pytest.mark.parametrize(("from_rate", "to_rate"), [(8_000, 16_000), (44_100, 48_000), (48_000, 0)])
def test_other_rates_are_refused(from_rate: int, to_rate: int) -> None:
    with pytest.raises(ValueError, match="cannot resample"):
        Resampler(from_rate, to_rate)


def test_no_streams_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Resampler(8_000, 48_000, streams=0)
