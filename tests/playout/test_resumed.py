"""A source that was forwarded, and is played again in the middle of a word, is decoded as if it had been all along."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.audio.noise_gate import level_of
from conference.codecs.opus import OpusCodec
from conference.codecs.opus_decoder import OpusDecoder
from conference.load.signal.voice import in_frames
from conference.playout.source import PacketSource
from tests.speech import spoken

LOUD_DBOV = -32.0
SEAM_TICKS = 1
"""The first packet after what was made up fades in."""


class Nobody:
    """Takes packets, and does nothing with them."""

    outlets: Sequence[object] = ()

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None
    ) -> None:
        pass

    def restart(self) -> None:
        pass


FRAMES = in_frames(spoken(8.0, seed=21))
_ENCODER = OpusCodec(bitrate=32_000, expected_loss=0).make_encoder()
PAYLOADS = [_ENCODER.encode(frame) for frame in FRAMES]
_FOLLOWS = OpusDecoder()
RIGHT = [_FOLLOWS.decode(payload) for payload in PAYLOADS]


def off(heard: Samples, right: Samples) -> float:
    """By how much something is off, in dB of what is right."""
    return level_of(heard - right) - level_of(right)


def resumed(at: int) -> list[float]:
    """Forward all packets before one, then play: how far each of the next frames is off."""
    source = PacketSource(OpusDecoder())
    source.forward(Nobody(), plays=False)
    offs = []
    for number in range(at + 6):
        now_ns = number * TICK_NS
        if number == at:
            source.resume()
            source.pull(now_ns)  # made up, until the next packet comes
        level = round(level_of(FRAMES[number]))
        source.push(number, number * FRAME_SAMPLES, PAYLOADS[number], now_ns + 1_000_000, max(-127, level))
        if number >= at:
            heard = source.pull(now_ns + TICK_NS)
            assert heard is not None
            offs.append(off(heard, RIGHT[number]))
    return offs


def test_what_is_played_after_one_made_up_frame_is_what_one_decodes_who_has_followed_the_sender() -> None:
    frames = [number for number in range(30, len(FRAMES) - 6) if level_of(RIGHT[number]) > LOUD_DBOV][::9]
    offs = [value for at in frames for value in resumed(at)[SEAM_TICKS:4] if level_of(RIGHT[at + 3]) > LOUD_DBOV]
    assert len(offs) > 20
    assert sum(value > -15 for value in offs) <= len(offs) // 20


@pytest.mark.parametrize("later", range(4))  # how long to wait is looked at on every fourth tick
def test_a_word_that_was_forwarded_after_a_silence_that_was_played_goes_on_until_its_next_packet_comes(
    later: int,
) -> None:
    at = later + next(number for number in range(30, len(FRAMES)) if level_of(RIGHT[number - 2]) > LOUD_DBOV)
    source = PacketSource(OpusDecoder())

    def push(number: int, level: int) -> None:
        source.push(number, number * FRAME_SAMPLES, PAYLOADS[number], number * TICK_NS - 3_000_000, level)

    for number in range(at - 5):
        push(number, -127 if number > 10 else -20)
        source.linger()  # as for somebody who has just come: no silence goes by unread
        source.pull(number * TICK_NS)
    source.forward(Nobody(), plays=False)
    for number in range(at - 5, at + 1):
        push(number, -20)
    source.resume()
    for ticks in (0, 1, 2, 3):
        made_up = source.pull((at + ticks) * TICK_NS)
        assert made_up is not None
        assert level_of(made_up) > -60, ticks
