"""What is measured in a band is what is there, and next to nothing of what is beside it."""

from __future__ import annotations

import numpy as np
import pytest

from conference.audio.bands import BandMeter, folded, voice_squares
from tests.audio.backgrounds import Wave, in_ticks, noise
from tests.tones import tone


def measured(band: str, frame: Wave) -> float:
    """The mean square of a frame in a band."""
    squares = BandMeter().measure(frame)[1]
    match band:
        case "hiss":
            return sum(squares[4:8]) / 4
        case "voice":
            return sum(squares[:4]) / 4
        case _:
            return squares[["murmur", "hum"].index(band) + 8]


def decibels(band: str, frequency: float) -> float:
    """How loud a band takes a tone to be, against what it is."""
    frames = in_ticks(tone(frequency, 0.2, -10.0, fade=0.0))
    return float(10 * np.log10(max(np.mean([measured(band, one) for one in frames]), 1e-9) / (frames**2).mean()))


@pytest.mark.parametrize(
    ("band", "inside", "beside"),
    [
        ("hum", (120.0, 180.0, 280.0), (50.0, 450.0, 1000.0, 5000.0)),
        ("murmur", (320.0, 600.0, 850.0), (60.0, 120.0, 1300.0, 6000.0)),
        ("hiss", (4500.0, 6000.0, 9000.0), (100.0, 400.0, 1200.0, 2000.0)),
    ],
)
def test_a_band_holds_what_is_inside_and_not_what_is_beside(
    band: str, inside: tuple[float, ...], beside: tuple[float, ...]
) -> None:
    for frequency in inside:
        assert -7 < decibels(band, frequency) < 1
    for frequency in beside:
        assert decibels(band, frequency) < -20


@pytest.mark.parametrize("colour", ["white", "brown"])
@pytest.mark.parametrize("band", ["hum", "murmur", "hiss"])
def test_the_squares_of_a_sum_of_two_noises_add_up(band: str, colour: str) -> None:
    one, other = (in_ticks(noise(colour, 4.0, -30.0, seed=seed)) for seed in (1, 2))
    together = np.mean([measured(band, frame) for frame in one + other])
    apart = np.mean([measured(band, frame) for frame in np.concatenate([one, other])])
    assert together == pytest.approx(2 * apart, rel=0.15)


def test_the_quarters_of_a_hiss_are_where_it_is() -> None:
    frame = np.zeros(960)
    frame[480:720] = noise("white", 0.005, -30.0)
    squares = BandMeter().measure(frame)[1][4:8]
    assert squares[2] > 100 * max(squares[0], squares[1], squares[3])


def test_all_bands_at_once_are_what_they_are_one_by_one_and_nothing_of_the_frame_before() -> None:
    meter = BandMeter()
    for frame in in_ticks(noise("pink", 0.1, -30.0)):
        low, squares = meter.measure(frame)
        np.testing.assert_allclose(low, folded(frame))
        np.testing.assert_allclose(squares[:4], voice_squares(folded(frame)))
        np.testing.assert_array_equal(squares, BandMeter().measure(frame)[1])
