"""Law 6: chunks of any length become ticks; what is missing is silence, what is over stays for the next tick."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.audio.reframe import Reframer

# 2.5 to 120 ms of Opus at 48 kHz, and mu-law messages of any size (six samples for each byte)
lengths = st.one_of(
    st.sampled_from([120, 240, 480, 960, 1920, 2880, 5760]), st.integers(0, 700).map(lambda n: 6 * n), st.just(1)
)


def counting(total: int) -> Samples:
    """Samples that tell where they came from."""
    return (np.arange(total) % 30_000 + 1).astype(np.int16)


@given(st.lists(lengths, max_size=30), st.integers(1, 6))
def test_frames_are_the_chunks_in_order_with_silence_at_the_end(sizes: list[int], pull_every: int) -> None:
    everything = counting(sum(sizes))
    reframer, at = Reframer(), 0
    frames: list[Samples] = []
    for n, size in enumerate(sizes):
        reframer.push(everything[at : at + size])
        at += size
        assert reframer.available == at - FRAME_SAMPLES * len(frames)
        if n % pull_every == 0:
            while (frame := reframer.pull()) is not None:
                frames.append(frame)
            assert reframer.available < FRAME_SAMPLES
    while (frame := reframer.pull_padded()) is not None:
        frames.append(frame)
    assert all(frame.shape == (FRAME_SAMPLES,) and frame.dtype == np.int16 for frame in frames)
    heard = np.concatenate([np.zeros(0, dtype=np.int16), *frames])
    assert np.array_equal(heard[: len(everything)], everything)
    assert not heard[len(everything) :].any()
    assert len(heard) - len(everything) < FRAME_SAMPLES


def test_a_chunk_of_one_frame_comes_out_uncopied() -> None:
    reframer, chunk = Reframer(), counting(FRAME_SAMPLES)
    reframer.push(chunk)
    assert reframer.pull() is chunk


def test_less_than_a_frame_waits() -> None:
    reframer = Reframer()
    assert reframer.pull() is None
    assert reframer.pull_padded() is None
    reframer.push(counting(FRAME_SAMPLES - 1))
    assert reframer.pull() is None
    assert reframer.available == FRAME_SAMPLES - 1


def test_cleared_it_is_empty() -> None:
    reframer = Reframer()
    reframer.push(counting(5000))
    reframer.clear()
    assert reframer.available == 0
    assert reframer.pull_padded() is None
