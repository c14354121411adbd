"""What is measured in a band is what is there, and next to nothing of what is beside it."""

from __future__ import annotations

import numpy as np
import pytest

from conference.audio.bands import folded, hiss_squares, low_squares, split, voice_squares
from tests.audio.backgrounds import Wave, in_ticks, noise
from tests.tones import tone


def measured(band: str, frame: Wave) -> float:
    """The mean square of a frame in a band."""
    match band:
        case "hiss":
            squares = hiss_squares(split(frame)[1])
            return sum(squares) / len(squares)
        case "voice":
            return float(voice_squares(folded(frame)).mean())
        case _:
            return low_squares(folded(frame))[["murmur", "hum"].index(band)]


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
    squares = hiss_squares(split(frame)[1])
    assert squares[2] > 100 * max(squares[0], squares[1], squares[3])


def test_a_frame_that_is_split_is_folded() -> None:
    frame = noise("pink", 0.02, -30.0)
    np.testing.assert_allclose(split(frame)[0], folded(frame))
