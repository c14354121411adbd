"""G.711 as a codec: exact lengths, concealment, and silence that costs nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.audio.g711 import alaw_decode
from conference.audio.noise_gate import NoiseGate, level_of
from conference.codecs.base import Codec, DecodeError
from conference.codecs.pcmu import PcmaCodec, PcmuCodec

codecs = pytest.mark.parametrize("codec", [PcmuCodec(), PcmaCodec()], ids=lambda codec: codec.name)


def tone(ticks: int) -> Samples:
    at = np.arange(ticks * FRAME_SAMPLES) / SAMPLE_RATE
    pcm: Samples = np.rint(10_000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
    return pcm.reshape(ticks, FRAME_SAMPLES)


@codecs
def test_a_tone_survives_and_is_4_ms_late(codec: Codec) -> None:
    encoder, decoder, frames = codec.make_encoder(), codec.make_decoder(), tone(20)
    heard = np.concatenate([decoder.decode(encoder.encode(frame)) for frame in frames]).astype(np.float64)
    sent, late = frames.reshape(-1).astype(np.float64), 186  # 95.5 - 5 samples down, 95.5 up
    error = heard[960:] - sent[960 - late : -late]
    assert 10 * np.log10((sent**2).mean() / (error**2).mean()) > 34


@codecs
def test_every_packet_has_160_bytes(codec: Codec) -> None:
    encoder = codec.make_encoder()
    sent = [encoder.encode(frame) for frame in tone(3)] + [encoder.encode_silence() for _ in range(3)]
    assert [len(packet or b"") for packet in sent] == [160] * 6


@codecs
@pytest.mark.parametrize("silent", [False, True])
def test_who_has_heard_one_encoder_can_go_on_with_another_that_goes_on_from_it(codec: Codec, silent: bool) -> None:
    one, other, frames = codec.make_encoder(), codec.make_encoder(), tone(8)
    for frame in frames[:5]:
        one.encode(frame)
        other.encode(frame[::-1].copy())
    if silent:
        one.encode_silence()
        one.encode_silence()
    other.go_on_from(one)
    assert one.encode_silence() == other.encode_silence()
    assert [one.encode(frame) for frame in frames[5:]] == [other.encode(frame) for frame in frames[5:]]


@codecs
@given(payload=st.binary(min_size=1, max_size=2_000))
def test_any_payload_is_six_samples_for_each_byte(codec: Codec, payload: bytes) -> None:
    decoder = codec.make_decoder()
    assert decoder.clock_rate == 8_000
    assert decoder.duration(payload) == len(payload)
    heard = decoder.decode(payload)
    assert heard.shape == (6 * len(payload),)
    assert heard.dtype == np.int16


@codecs
def test_an_empty_payload_is_refused_and_the_decoder_goes_on(codec: Codec) -> None:
    decoder = codec.make_decoder()
    for call in (decoder.duration, decoder.decode):
        with pytest.raises(DecodeError):
            call(b"")
    assert len(decoder.decode(b"\xff" * 160)) == 960


@pytest.mark.parametrize(("codec", "byte"), [(PcmuCodec(), b"\xff"), (PcmaCodec(), b"\xd5")])
def test_silence_is_the_end_of_the_sound_and_then_a_constant(codec: Codec, byte: bytes) -> None:
    encoder = codec.make_encoder()
    assert encoder.encode_silence() == byte * 160
    encoder.encode(tone(1)[0])
    end = encoder.encode_silence() or b""
    assert end[:10] != byte * 10  # 2 ms were held back
    assert end[40:] == byte * 120
    first, second = encoder.encode_silence(), encoder.encode_silence()
    assert first == byte * 160
    assert first is second


@pytest.mark.parametrize("codes", [b"\xd5", b"\x55", b"\xd5\x55", b"\x55\x55\xd5"])
def test_the_silence_of_a_law_is_silence_though_it_has_no_zero(codes: bytes) -> None:
    decoder, gate = PcmaCodec().make_decoder(), NoiseGate()
    packet = (codes * 160)[:160]
    for _ in range(5):
        frame = decoder.decode(packet)
        assert not frame.any()
        assert not gate.process(frame)
    assert not PcmaCodec().mean_square(packet)


@given(payload=st.binary(max_size=400))
def test_a_law_in_which_anything_is_said_decodes_as_the_table_has_it(payload: bytes) -> None:
    expected = alaw_decode(payload)
    if (np.abs(expected.astype(int)) <= 8).all():
        expected = np.zeros_like(expected)
    assert np.array_equal(PcmaCodec().decode_samples(payload), expected)


@codecs
def test_a_pause_leaves_no_trace(codec: Codec) -> None:
    """Silence without work gives what encoding zeros would have given."""
    paused, worked = codec.make_encoder(), codec.make_encoder()
    frames = tone(4)
    for n in (0, 1):
        assert paused.encode(frames[n]) == worked.encode(frames[n])
    for _ in range(5):
        assert paused.encode_silence() == worked.encode(SILENCE)
    for n in (2, 3):
        assert paused.encode(frames[n]) == worked.encode(frames[n])


@codecs
@given(duration=st.integers(-5, 20_000))
def test_a_gap_of_any_length_is_filled_exactly_up_to_a_second(codec: Codec, duration: int) -> None:
    decoder = codec.make_decoder()
    assert len(decoder.conceal(duration, b"\xff" * 160)) == 6 * min(max(duration, 0), 8_000)


@codecs
def test_one_lost_packet_is_hardly_heard(codec: Codec) -> None:
    encoder, decoder = codec.make_encoder(), codec.make_decoder()
    sent = [encoder.encode(frame) for frame in tone(20)]
    heard = [decoder.conceal(160) if n == 10 else decoder.decode(packet) for n, packet in enumerate(sent)]
    levels = [level_of(frame) for frame in heard]
    assert levels[10] == pytest.approx(levels[9], abs=2.0)
    jumps = np.abs(np.diff(np.concatenate(heard).astype(int)))
    assert jumps.max() < 1.5 * jumps[: 9 * FRAME_SAMPLES].max()


@codecs
def test_after_a_reset_the_old_stream_is_forgotten(codec: Codec) -> None:
    decoder, new = codec.make_decoder(), codec.make_decoder()
    loud = codec.make_encoder().encode(tone(1)[0])
    decoder.decode(loud)
    decoder.reset()
    assert np.array_equal(decoder.conceal(160), new.conceal(160))
    assert np.array_equal(decoder.decode(loud), new.decode(loud))


@codecs
def test_what_is_not_a_frame_is_refused(codec: Codec) -> None:
    with pytest.raises(ValueError, match="960 samples of int16"):
        codec.make_encoder().encode(np.zeros(160, dtype=np.int16))


def test_equal_codecs_are_equal_keys() -> None:
    assert len({PcmuCodec(), PcmuCodec(), PcmaCodec()}) == 2
