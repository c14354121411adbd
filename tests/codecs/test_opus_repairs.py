"""Which packets hold FEC for the one before them (LBRR, RFC 6716, section 4.2.4)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES
from conference.codecs.opus import OpusCodec
from conference.codecs.opus_decoder import OpusDecoder
from conference.playout.source import PacketSource
from tests.speech import spoken

FRAMES = spoken(4.0).reshape(-1, FRAME_SAMPLES)
TICK_NS = 20_000_000


def packets(expected_loss: int) -> list[bytes]:
    encoder = OpusCodec(bitrate=32_000, expected_loss=expected_loss, application="voip").make_encoder()
    return [encoder.encode(frame) for frame in FRAMES]


def test_packets_hold_a_repair_if_and_only_if_the_encoder_expects_losses() -> None:
    decoder = OpusDecoder()
    assert not any(map(decoder.repairs, packets(0)))
    assert np.mean([decoder.repairs(packet) for packet in packets(20)]) > 0.5


@given(st.binary(min_size=1, max_size=50))
def test_any_bytes_can_be_asked(payload: bytes) -> None:
    OpusDecoder().repairs(payload)


def delay_at_the_end(expected_loss: int) -> float:
    """Of a source that loses every twentieth packet on a network without jitter."""
    source = PacketSource(OpusDecoder())
    for tick, packet in enumerate(packets(expected_loss)):
        if tick % 20 != 10:
            source.push(tick, tick * FRAME_SAMPLES, packet, tick * TICK_NS)
        source.pull(tick * TICK_NS + 5_000_000)
    return source.delay_ms


def test_from_the_first_loss_on_what_can_be_repaired_is() -> None:
    """Nobody has paused yet: the delay that repairs take comes with the loss itself."""
    source, sent = PacketSource(OpusDecoder()), packets(20)
    repaired = 0
    for tick, packet in enumerate(sent[:60]):
        if tick not in (30, 40, 50):
            source.push(tick, tick * FRAME_SAMPLES, packet, tick * TICK_NS)
        before = source.stats.concealed
        source.pull(tick * TICK_NS + 5_000_000)
        repaired += source.stats.concealed > before
    assert all(map(source.decoder.repairs, (sent[31], sent[41], sent[51])))
    assert source.stats.concealed == 3 + 1
    assert source.behind_ms(60 * TICK_NS + 5_000_000) < 30


def test_under_loss_a_source_waits_for_repairs_if_there_are_any() -> None:
    assert delay_at_the_end(expected_loss=0) < 10
    assert 20 <= delay_at_the_end(expected_loss=20) < 30


def test_a_decoder_that_has_heard_nothing_yet_can_begin_anew_and_conceal() -> None:
    decoder = OpusDecoder()
    decoder.reset()
    assert decoder.duration(packets(1)[0]) == 960
    assert not decoder.conceal(960).any()
    decoder.reset()
    assert len(decoder.decode(packets(1)[0])) == 960
