from __future__ import annotations

import numpy as np

from conference.audio.frame import SAMPLE_RATE, Samples, full_scale
from conference.prompts.tones import MUSIC_LEVEL, TONE_LEVEL, hold_music, join_tone, leave_tone


def loudness(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(float) ** 2) / full_scale(0.0)))


def pitch(samples: Samples) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / (1 << 17)


def test_coming_goes_up_and_going_goes_down() -> None:
    for samples, first, last in ((join_tone(), 587.3, 784.0), (leave_tone(), 784.0, 587.3)):
        assert abs(pitch(samples[: SAMPLE_RATE // 10]) - first) < 10
        assert abs(pitch(samples[-SAMPLE_RATE // 5 :]) - last) < 10


def test_tones_are_as_loud_as_a_voice_and_music_is_quieter() -> None:
    assert abs(loudness(join_tone()) - TONE_LEVEL) < 0.5
    assert abs(loudness(leave_tone()) - TONE_LEVEL) < 0.5
    assert abs(loudness(hold_music()) - MUSIC_LEVEL) < 0.5


def test_nothing_begins_or_ends_with_a_click() -> None:
    for samples in (join_tone(), leave_tone()):
        assert abs(int(samples[0])) < 50
        assert abs(int(samples[-1])) < 50


def test_music_goes_on_without_a_seam() -> None:
    music = hold_music().astype(int)
    steps = np.abs(np.diff(music))
    assert abs(music[0] - music[-1]) <= steps.max()
    ends = np.concatenate([music[-SAMPLE_RATE // 4 :], music[: SAMPLE_RATE // 4]])
    assert loudness(ends) > MUSIC_LEVEL - 6


def test_music_is_the_same_every_time() -> None:
    assert np.array_equal(hold_music(), hold_music())
