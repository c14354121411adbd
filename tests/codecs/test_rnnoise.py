"""Noise suppression, where its library is there; and a sentence that helps where it is not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES
from conference.codecs import rnnoise
from conference.codecs.rnnoise import DELAY_SAMPLES, SuppressionUnavailable, Suppressor
from tests.audio.backgrounds import noise, power, recorded
from tests.speech import spoken
from tests.tones import silence


@pytest.fixture
def suppressor() -> Suppressor:
    try:
        return Suppressor()
    except SuppressionUnavailable:
        pytest.skip("RNNoise is not installed")


def test_steady_noise_is_taken_out(suppressor: Suppressor) -> None:
    heard = [suppressor.process(frame) for frame in recorded(noise("pink", 4.0, -45.0))]
    assert power(np.concatenate(heard[100:])) < -65.0


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
    def nowhere() -> Iterator[str]:
        yield "/nowhere/librnnoise.so"

    monkeypatch.setattr(rnnoise, "_candidates", nowhere)
    rnnoise._library.cache_clear()
    try:
        with pytest.raises(SuppressionUnavailable, match=r"pip install 'conference\[noise\]'"):
            Suppressor()
    finally:
        rnnoise._library.cache_clear()
