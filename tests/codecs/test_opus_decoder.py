"""The Opus decoder: how long packets are, what it makes of losses, and that garbage does it no harm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.codecs.base import DecodeError
from conference.codecs.opus import OpusCodec
from conference.codecs.opus_decoder import OpusDecoder

SECOND = 50


def speech(ticks: int) -> Samples:
    """Syllables: the pitch jumps, and between them it is quiet, so that a loss cannot be guessed from the past."""
    at = np.arange(ticks * FRAME_SAMPLES) / SAMPLE_RATE
    pitch = np.random.default_rng(5).uniform(90, 220, len(at) // 3_600 + 1).repeat(3_600)[: len(at)]
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    loud = np.sin(np.pi * (np.arange(len(at)) % 3_600) / 3_600)
    sound = 4_000 * loud * sum(np.sin(k * phase) / k for k in range(1, 15))
    return np.rint(sound).astype(np.int16).reshape(ticks, FRAME_SAMPLES)


def packets(ticks: int = SECOND, codec: OpusCodec | None = None) -> list[bytes]:
    encoder = (codec or OpusCodec()).make_encoder()
    return [encoder.encode(frame) for frame in speech(ticks)]


def error(heard: NDArray[Any], expected: NDArray[Any]) -> float:
    """Energy of the difference."""
    return float(((heard.astype(np.float64) - expected) ** 2).sum())


# Lengths


@pytest.mark.parametrize(
    ("payload", "samples"),
    [
        (b"\x00" + b"a" * 10, 480),  # SILK 10 ms
        (b"\x18" + b"a" * 10, 2880),  # SILK 60 ms
        (b"\x78" + b"a" * 10, 960),  # Hybrid 20 ms
        (b"\x70" + b"a" * 10, 480),  # Hybrid 10 ms
        (b"\xe0" + b"a" * 10, 120),  # CELT 2.5 ms
        (b"\xf8" + b"a" * 10, 960),  # CELT 20 ms
        (b"\xf9" + b"a" * 10, 1920),  # code 1: two of 20 ms
        (b"\xfa\x04" + b"a" * 10, 1920),  # code 2: two, of 4 and 6 bytes
        (b"\xfb\x06" + b"a" * 12, 5760),  # code 3: six of 20 ms
        (b"\x78", 960),  # DTX: a frame of no bytes
    ],
)
def test_the_length_of_a_packet_is_read_from_its_first_bytes(payload: bytes, samples: int) -> None:
    assert OpusDecoder().duration(payload) == samples


@pytest.mark.parametrize(
    ("payload", "rule"),
    [
        (b"", "R1: at least one byte"),
        (b"\xf8" + b"a" * 1276, "R2: no frame over 1275 bytes"),
        (b"\xf9" + b"a" * 11, "R3: code 1 has two frames of one length"),
        (b"\xfa", "R4: code 2 has a length"),
        (b"\xfa\xfc\x00", "R4: code 2's first frame lies in the packet"),
        (b"\xfb", "R6, R7: code 3 has a frame count"),
        (b"\xfb\x00", "R5: code 3 has at least one frame"),
        (b"\xfb\x07" + b"a" * 14, "R5: no packet over 120 ms"),
        (b"\xfb\x02" + b"a" * 3, "R6: the bytes divide by the frames"),
        (b"\xfb\x42\xff", "R6: padding lies in the packet"),
    ],
)
def test_a_packet_that_breaks_a_rule_of_the_standard_is_refused(payload: bytes, rule: str) -> None:
    decoder = OpusDecoder()
    with pytest.raises(DecodeError):
        decoder.duration(payload)
    with pytest.raises(DecodeError):
        decoder.decode(payload)
    assert len(decoder.decode(packets(1)[0])) == FRAME_SAMPLES, rule


@given(
    st.lists(st.one_of(st.binary(max_size=60), st.binary(min_size=1, max_size=2).map(lambda b: b * 700)), max_size=20)
)
@settings(deadline=None)
def test_garbage_is_refused_or_decoded_to_its_length_and_the_decoder_goes_on(garbage: list[bytes]) -> None:
    decoder = OpusDecoder()
    for payload in garbage:
        try:
            samples = decoder.duration(payload)
        except DecodeError:
            with pytest.raises(DecodeError):
                decoder.decode(payload)
        else:
            assert samples in range(120, 5761, 120)
            heard = decoder.decode(payload)
            assert heard.shape == (samples,)
            assert heard.dtype == np.int16
        assert len(decoder.conceal(960, payload)) == 960
    decoder.reset()
    for good in packets(3):
        assert len(decoder.decode(good)) == FRAME_SAMPLES


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_damaged_packets_do_no_lasting_harm(data: st.DataObject) -> None:
    decoder = OpusDecoder()
    for good in packets(5):
        damaged = bytearray(good)
        damaged[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            decoder.decode(bytes(damaged[: data.draw(st.integers(0, len(good)))]))
        except DecodeError:
            assert len(decoder.conceal(960)) == 960
        assert len(decoder.decode(good)) == FRAME_SAMPLES


def test_what_was_decoded_stays_when_the_next_is_decoded() -> None:
    decoder, sent = OpusDecoder(), packets(20)
    heard = [decoder.decode(packet) for packet in sent]
    kept = [frame.copy() for frame in heard]
    decoder.conceal(960)
    assert all(np.array_equal(a, b) for a, b in zip(heard, kept, strict=True))
    assert not any(np.shares_memory(heard[0], frame) for frame in heard[1:])


def test_after_a_reset_a_decoder_is_as_new() -> None:
    decoder, sent = OpusDecoder(), packets(20)
    first = [decoder.decode(packet) for packet in sent]
    decoder.reset()
    again = [decoder.decode(packet) for packet in sent]
    assert np.array_equal(first, again)


# Losses


def test_fec_recovers_what_concealment_can_only_guess() -> None:
    sent = packets(2 * SECOND, OpusCodec(bitrate=32_000, expected_loss=20))
    errors = {True: 0.0, False: 0.0}
    energy = 0.0
    for lost in range(10, 90, 7):
        whole, recovering, guessing = OpusDecoder(), OpusDecoder(), OpusDecoder()
        for packet in sent[:lost]:
            for decoder in (whole, recovering, guessing):
                decoder.decode(packet)
        expected = whole.decode(sent[lost])
        energy += error(expected, np.zeros(FRAME_SAMPLES))
        errors[True] += error(recovering.conceal(960, sent[lost + 1]), expected)
        errors[False] += error(guessing.conceal(960), expected)
    assert errors[True] < 0.35 * errors[False]
    assert errors[True] < 0.25 * energy


def test_without_fec_in_the_following_packet_concealment_takes_over() -> None:
    sent = packets(20, OpusCodec(fec=False))
    one, other = OpusDecoder(), OpusDecoder()
    for packet in sent[:10]:
        one.decode(packet)
        other.decode(packet)
    assert error(one.conceal(960, sent[11]), other.conceal(960)) < error(np.zeros(960), other.conceal(960))


def test_concealment_goes_on_and_fades() -> None:
    decoder = OpusDecoder()
    loud = max(float(np.abs(decoder.decode(packet).astype(int)).max()) for packet in packets(12))
    levels = [float(np.abs(decoder.conceal(960).astype(int)).max()) for _ in range(25)]
    assert levels[0] > 0.2 * loud
    assert levels[-1] < 0.05 * loud


def test_a_burst_of_losses_is_a_blur_and_not_a_hole() -> None:
    """What libopus makes up is 40 dB down after 100 ms."""
    decoder, sent = OpusDecoder(), packets(2 * SECOND)
    for packet in sent[:20]:
        last = decoder.decode(packet)
    before = error(last, np.zeros(FRAME_SAMPLES))
    made = [error(decoder.conceal(960), np.zeros(FRAME_SAMPLES)) for _ in range(16)]
    assert made[9] > before / 400  # 200 ms on, 26 dB
    assert made[15] == 0


def test_after_a_burst_what_comes_fades_in() -> None:
    decoder, sent = OpusDecoder(), packets(2 * SECOND)
    heard = [decoder.decode(packet) if not 20 <= at < 26 else decoder.conceal(960) for at, packet in enumerate(sent)]
    whole = [OpusDecoder().decode(packet) for packet in sent[:1]]
    steepest = max(int(np.abs(np.diff(frame.astype(int))).max()) for frame in (*whole, *heard[:20], *heard[30:]))
    assert np.abs(np.diff(np.concatenate(heard[18:30]).astype(int))).max() <= steepest * 1.25


@given(st.integers(-10, 100_000), st.booleans())
@settings(deadline=None, max_examples=40)
def test_a_gap_of_any_length_is_filled_exactly_up_to_a_second(duration: int, followed: bool) -> None:
    decoder, sent = OpusDecoder(), packets(3)
    decoder.decode(sent[0])
    filled = decoder.conceal(duration, sent[2] if followed else None)
    assert filled.shape == (min(max(duration, 0), 48_000),)
    assert filled.dtype == np.int16


def test_a_gap_after_garbage_is_filled_all_the_same() -> None:
    decoder, sent = OpusDecoder(), packets(3)
    decoder.decode(sent[0])
    for following in (b"", b"\xfb\x00", b"\xff" * 30):
        assert len(decoder.conceal(1_920, following)) == 1_920


def test_a_stereo_packet_gives_mono() -> None:
    """A DTX packet with the stereo bit: still 960 samples of one channel."""
    assert len(OpusDecoder().decode(b"\x7c")) == 960
