"""Where sound starts or stops in mid-sound, there is no step."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.fade import FADE_SAMPLES, ends_abruptly, fade_in, fade_out, starts_abruptly, tail
from conference.audio.frame import FRAME_SAMPLES, Samples
from tests.tones import tone

frames = st.integers(0, 2**32).map(
    lambda seed: np.random.default_rng(seed).integers(-32768, 32768, FRAME_SAMPLES).astype(np.int16)
)


@given(frame=frames)
def test_what_fades_out_and_what_fades_in_add_up_to_the_frame(frame: Samples) -> None:
    together = fade_in(frame).astype(int) + fade_out(frame)
    assert np.abs(together - frame).max() <= 1


@given(frame=frames)
def test_a_fade_touches_its_five_milliseconds_and_leaves_its_frame_alone(frame: Samples) -> None:
    before = frame.copy()
    np.testing.assert_array_equal(fade_in(frame)[FADE_SAMPLES:], frame[FADE_SAMPLES:])
    assert not fade_out(frame)[FADE_SAMPLES:].any()
    assert not tail(frame)[FADE_SAMPLES:].any()
    np.testing.assert_array_equal(frame, before)


def test_a_fade_moves_without_steps() -> None:
    flat = np.full(FRAME_SAMPLES, 32000, np.int16)
    for curve in (np.concatenate([flat, fade_out(flat)]), np.concatenate([flat * 0, fade_in(flat)])):
        assert np.abs(np.diff(curve.astype(int))).max() < 32000 * 1.6 / FADE_SAMPLES


def test_a_tail_joins_the_sound_it_follows() -> None:
    sound = tone(440.0, 0.02, -6.0, fade=0.0)
    steepest = np.abs(np.diff(sound.astype(int))).max()
    joined = np.concatenate([sound, tail(sound)]).astype(int)
    assert np.abs(np.diff(joined)).max() <= steepest + 32768 * 1.6 / FADE_SAMPLES
    assert abs(joined[-1]) == 0


def test_only_a_step_that_can_be_heard_is_one() -> None:
    frame = np.full(FRAME_SAMPLES, 5000, np.int16)
    assert starts_abruptly(frame)
    assert ends_abruptly(-frame)
    frame[0], frame[-1] = 100, -100
    assert not starts_abruptly(frame)
    assert not ends_abruptly(frame)
    lowest = np.full(FRAME_SAMPLES, -32768, np.int16)
    assert starts_abruptly(lowest)
