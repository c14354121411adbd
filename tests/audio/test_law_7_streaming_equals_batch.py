"""Law 7: a stage fed in any chunks gives what it gives for the whole signal, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from conference.audio.conceal import Concealer
from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.audio.limiter import Limiter
from conference.audio.resample import Resampler

PAIRS = [(8_000, 48_000), (48_000, 8_000), (16_000, 48_000), (48_000, 16_000), (24_000, 48_000), (48_000, 24_000)]

cuts = st.lists(st.one_of(st.integers(0, 50), st.integers(0, 3_000), st.just(160), st.just(960)), max_size=30)


def noise(seed: int, length: int) -> Samples:
    return np.random.default_rng(seed).integers(-32768, 32768, length).astype(np.int16)


def chunks_of(signal: NDArray[Any], sizes: list[int]) -> Iterator[NDArray[Any]]:
    """The signal along its last axis, in chunks of these sizes and then the rest."""
    at = 0
    for size in sizes:
        yield signal[..., at : at + size]
        at += size
    yield signal[..., at:]


@pytest.mark.parametrize(("from_rate", "to_rate"), [*PAIRS, (48_000, 48_000)])
@given(seed=st.integers(0, 2**32), length=st.integers(0, 9_000), sizes=cuts)
@settings(max_examples=40, deadline=None)
def test_a_resampler(from_rate: int, to_rate: int, seed: int, length: int, sizes: list[int]) -> None:
    signal = noise(seed, length)
    whole, streaming = Resampler(from_rate, to_rate), Resampler(from_rate, to_rate)
    expected = np.concatenate([whole.process(signal), whole.flush()])
    pieces = [streaming.process(chunk) for chunk in chunks_of(signal, sizes)]
    assert np.array_equal(np.concatenate([*pieces, streaming.flush()]), expected)


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
@given(seed=st.integers(0, 2**32), streams=st.integers(1, 7), sizes=cuts)
@settings(max_examples=10, deadline=None)
def test_a_resampler_of_many_streams_gives_what_one_of_each_gives(
    from_rate: int, to_rate: int, seed: int, streams: int, sizes: list[int]
) -> None:
    signals = noise(seed, streams * 2_000).reshape(streams, 2_000)
    batch = Resampler(from_rate, to_rate, streams)
    together = np.concatenate([batch.process(chunk) for chunk in chunks_of(signals, sizes)], axis=1)
    alone = [Resampler(from_rate, to_rate).process(signal) for signal in signals]
    assert np.array_equal(together, alone)


@given(seed=st.integers(0, 2**32), ticks=st.integers(0, 8), gain=st.floats(0.1, 30), sizes=cuts)
@settings(max_examples=60, deadline=None)
def test_a_limiter(seed: int, ticks: int, gain: float, sizes: list[int]) -> None:
    loudness = np.random.default_rng(seed).uniform(0, gain, ticks + 1).repeat(FRAME_SAMPLES)
    mix = noise(seed, len(loudness)) * loudness
    streaming = Limiter()
    pieces = [streaming.process(chunk) for chunk in chunks_of(mix, sizes)]
    assert np.array_equal(np.concatenate(pieces), Limiter().process(mix))


def test_a_limiter_fed_with_ticks_holds_nothing_back() -> None:
    limiter = Limiter()
    assert [len(limiter.process(np.zeros(n))) for n in (960, 1920, 500, 459, 1, 960)] == [960, 1920, 0, 0, 960, 960]


@given(seed=st.integers(0, 2**32), good=st.integers(0, 900), lost=st.integers(0, 900), sizes=cuts)
@settings(max_examples=60, deadline=None)
def test_a_concealer_in_its_losses(seed: int, good: int, lost: int, sizes: list[int]) -> None:
    streaming, whole = Concealer(), Concealer()
    streaming.good(noise(seed, good))
    whole.good(noise(seed, good))
    pieces = [streaming.lost(len(chunk)) for chunk in chunks_of(np.zeros(lost), sizes)]
    assert np.array_equal(np.concatenate(pieces), whole.lost(lost))
    after = noise(seed + 1, 160)
    assert np.array_equal(streaming.good(after), whole.good(after))
