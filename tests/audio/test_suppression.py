"""Noise suppression, where its library is there; and a sentence that helps where it is not."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES
from conference.audio.suppression import DELAY_SAMPLES, SuppressionUnavailable, Suppressor, check_available
from tests.audio.backgrounds import active_level, noise, power, recorded
from tests.speech import spoken
from tests.tones import silence


@pytest.fixture
def suppressor() -> Suppressor:
    try:
        return Suppressor()
    except SuppressionUnavailable:
        pytest.skip("MISSING: pywebrtc-audio, which suppresses noise (pip install 'conference[noise]').")


@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
def test_steady_noise_loses_12_db_and_more(suppressor: Suppressor, colour: str) -> None:
    heard = [suppressor.process(frame) for frame in recorded(noise(colour, 4.0, -45.0))]
    assert power(np.concatenate(heard[100:])) < -57.0


def test_a_voice_in_noise_loses_less_than_1_db(suppressor: Suppressor) -> None:
    voice = np.concatenate([silence(2.0), spoken(6.0)]).astype(np.float64)
    heard = np.concatenate([suppressor.process(frame) for frame in recorded(voice + noise("pink", 8.0, -50.0))])
    assert active_level(heard) == pytest.approx(active_level(voice), abs=1.0)


def test_the_delay_is_as_stated(suppressor: Suppressor) -> None:
    said = spoken(4.0)
    heard = np.concatenate([suppressor.process(frame) for frame in recorded(said.astype(np.float64))])
    size = 1 << len(said).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)))
    assert abs(int(likeness[: 5 * FRAME_SAMPLES].argmax()) - DELAY_SAMPLES) <= 2


def test_a_frame_is_left_alone_and_silence_stays_silence(suppressor: Suppressor) -> None:
    frame = recorded(noise("white", 0.02, -20.0))[0]
    before = frame.copy()
    assert suppressor.process(frame).shape == frame.shape
    np.testing.assert_array_equal(frame, before)
    for _ in range(20):
        quiet = suppressor.process(silence(0.02))
    assert not quiet.any()


def test_without_the_library_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(SuppressionUnavailable, match=r"pip install 'conference\[noise\]'"):
        check_available()
    with pytest.raises(SuppressionUnavailable):
        Suppressor()
