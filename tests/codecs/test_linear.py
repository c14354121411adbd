"""Linear PCM as a codec: both byte orders, every rate, and as wide as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.codecs.base import DecodeError
from conference.codecs.linear import ByteOrder, LinearCodec

RATES = (8_000, 16_000, 24_000, 48_000)
codecs = pytest.mark.parametrize(
    "codec",
    [LinearCodec(rate, order) for rate in RATES for order in ("big", "little")],
    ids=lambda codec: f"{codec.rate} {codec.byte_order}",
)


def tone(hz: float, ticks: int = 20) -> Samples:
    at = np.arange(ticks * FRAME_SAMPLES) / SAMPLE_RATE
    pcm: Samples = np.rint(10_000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)
    return pcm.reshape(ticks, FRAME_SAMPLES)


def level(samples: Samples) -> float:
    return 10 * float(np.log10((samples.astype(np.float64) ** 2).mean() + 1e-9))


@codecs
def test_a_tone_comes_back_as_loud_as_it_was(codec: LinearCodec) -> None:
    encoder, decoder, frames = codec.make_encoder(), codec.make_decoder(), tone(440)
    heard = np.concatenate([decoder.decode(encoder.encode(frame)) for frame in frames])
    assert len(heard) == frames.size
    assert abs(level(heard[4800:]) - level(frames.reshape(-1))) < 0.1


@pytest.mark.parametrize(
    ("rate", "hz", "passes"), [(8_000, 6_000, False), (16_000, 6_000, True), (24_000, 10_000, True)]
)
def test_what_is_heard_is_as_wide_as_the_stream(rate: int, hz: float, passes: bool) -> None:
    codec = LinearCodec(rate, "little")
    encoder, decoder, frames = codec.make_encoder(), codec.make_decoder(), tone(hz)
    heard = np.concatenate([decoder.decode(encoder.encode(frame)) for frame in frames])
    lost = level(frames.reshape(-1)) - level(heard[4800:])
    assert (lost < 1) if passes else (lost > 60)


@codecs
def test_every_packet_is_a_tick_and_silence_is_zero(codec: LinearCodec) -> None:
    encoder = codec.make_encoder()
    assert codec.frame_bytes == codec.rate // 50 * 2
    assert len(encoder.encode(tone(440)[0])) == codec.frame_bytes
    encoder.encode_silence()
    assert encoder.encode_silence() == codec.silent_frame == bytes(codec.frame_bytes)


@given(payload=st.binary(min_size=2, max_size=500), order=st.sampled_from(["big", "little"]))
def test_each_order_reads_the_bytes_in_its_own(payload: bytes, order: ByteOrder) -> None:
    codec = LinearCodec(16_000, order)
    whole = payload[: len(payload) // 2 * 2]
    samples = codec.decode_samples(payload)
    assert samples.dtype == np.int16
    assert [int(one) for one in samples] == [
        int.from_bytes(whole[i : i + 2], order, signed=True) for i in range(0, len(whole), 2)
    ]
    assert codec.encode_samples(samples) == whole


def test_half_a_sample_is_no_packet() -> None:
    with pytest.raises(DecodeError):
        LinearCodec(8_000).make_decoder().decode(b"x")


@pytest.mark.parametrize("rate", [0, 11_025, 44_100, -8_000])
def test_other_rates_are_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="no linear PCM"):
        LinearCodec(rate)


@codecs
def test_a_copy_of_a_decoder_goes_on_as_the_original_and_leaves_it_alone(codec: LinearCodec) -> None:
    packets = [codec.make_encoder().encode(frame) for frame in tone(440)]
    first, alone = codec.make_decoder(), codec.make_decoder()
    for packet in packets[:10]:
        np.testing.assert_array_equal(first.decode(packet), alone.decode(packet))
    copy = first.copy()
    heard = [copy.conceal(codec.frame_samples), *(copy.decode(packet) for packet in packets[10:])]
    expected = [alone.conceal(codec.frame_samples), *(alone.decode(packet) for packet in packets[10:])]
    np.testing.assert_array_equal(np.concatenate(heard), np.concatenate(expected))
    right = codec.make_decoder()
    for packet in packets[:10]:
        right.decode(packet)
    np.testing.assert_array_equal(first.decode(packets[10]), right.decode(packets[10]))
