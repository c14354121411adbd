"""Law 3: one person speaking alone is as loud as they spoke, however many others are there."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SILENCE
from conference.audio.limiter import CEILING, Limiter
from conference.audio.mix import minus, total


@given(seed=st.integers(0, 2**32), others=st.integers(0, 40))
def test_a_lone_talker_arrives_bit_for_bit_in_a_room_of_any_size(seed: int, others: int) -> None:
    voice = np.random.default_rng(seed).integers(-CEILING, CEILING + 1, FRAME_SAMPLES).astype(np.int16)
    everything = total([voice] + [SILENCE] * others)
    assert np.array_equal(Limiter().process(everything), voice)
    assert np.array_equal(Limiter().process(minus(everything, SILENCE)), voice)


def test_a_full_scale_talker_loses_a_quarter_of_a_decibel_at_most() -> None:
    voice = np.full(FRAME_SAMPLES, -32768, dtype=np.int16)
    limiter = Limiter()
    for _ in range(100):
        heard = limiter.process(total([voice]))
        assert 20 * np.log10(np.abs(heard.astype(float)).min() / 32768) > -0.25


def test_two_talkers_are_the_sum_of_both() -> None:
    one, other = np.full(FRAME_SAMPLES, 9_000, dtype=np.int16), np.full(FRAME_SAMPLES, -2_000, dtype=np.int16)
    assert (Limiter().process(total([one, other])) == 7_000).all()
