"""Speech stays speech: through the whole path nothing is clipped, doubled or missing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from conference.audio.frame import SAMPLE_RATE, Samples
from tests.e2e.people import webrtc_person
from tests.e2e.running import RunningServer
from tests.speech import spoken

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

STEP = SAMPLE_RATE // 100
STRETCH = 40
"""Steps of 10 ms that are compared at once."""


async def test_a_spoken_recording_arrives_as_it_was_said(server: RunningServer) -> None:
    said = spoken()
    async with (
        webrtc_person(server.url, "speech", "listener") as listener,
        webrtc_person(server.url, "speech", "speaker", said, loop=False),
    ):
        heard = await listener.hear(len(said) / SAMPLE_RATE + 1.5)
    assert np.abs(heard.astype(int)).max() < 32_767, "nothing is clipped"
    loudness = 10 * np.log10(energy(heard) / energy(said))
    assert abs(loudness) < 1.0, "nothing is missing, and nothing is doubled"
    likeness, places = followed(spectrogram(said), spectrogram(heard))
    assert np.median(likeness) > 0.95, "each stretch is found again"
    assert min(likeness) > 0.7
    steps = np.diff(places)
    # A machine that stalls for a moment delays what follows, and the delay shrinks again: never by half a stretch.
    assert (steps > STRETCH // 2).all(), "nothing is said twice"
    assert (steps < STRETCH * 3 // 2 + 10).all(), "nothing is left out"


def energy(samples: Samples) -> float:
    return float((samples.astype(np.float64) ** 2).sum())


def spectrogram(samples: Samples) -> NDArray[np.float64]:
    """Log power in bands 100 Hz wide up to 5 kHz, every 10 ms: what an ear goes by. Opus keeps this, not the wave."""
    window = np.hanning(2 * STEP)
    pieces = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 2 * STEP)[::STEP]
    power = np.abs(np.fft.rfft(pieces * window)) ** 2
    bands = power[:, 1:101].reshape(len(power), 50, 2).sum(axis=2)
    levels: NDArray[np.float64] = np.log10(bands + 1e6)
    return levels


def alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Their correlation; 0 where one of them is silence throughout."""
    return float(np.corrcoef(one, other)[0, 1]) if np.ptp(one) and np.ptp(other) else 0.0


def followed(said: NDArray[np.float64], heard: NDArray[np.float64]) -> tuple[list[float], list[int]]:
    """Where each stretch of what was said is heard, and how alike the two are there."""
    likeness, places = [], []
    for start in range(0, len(said) - STRETCH, STRETCH):
        piece = said[start : start + STRETCH].ravel()
        found = [
            alike(piece, heard[place : place + STRETCH].ravel())
            for place in range(start, min(start + 100, len(heard) - STRETCH))
        ]
        likeness.append(float(max(found)))
        places.append(start + int(np.argmax(found)))
    return likeness, places
