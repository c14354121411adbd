"""From packets to frames, with a codec that codes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.playout.player import CONCEAL_MS
from conference.playout.source import PacketSource
from tests.room.fakes import PcmDecoder, at, steady


def ramp(samples: int) -> Samples:
    """Every sample differs from its neighbours, and none is zero: losses and repeats show."""
    return (np.arange(samples) % 30_000 + 1).astype(np.int16)


def heard(frames: list[Samples | None]) -> Samples:
    return np.concatenate([np.zeros(FRAME_SAMPLES, np.int16) if one is None else one for one in frames])


@pytest.mark.parametrize("length", [120, 240, 480, 960, 1920, 2880, 3840, 4800, 5760])
def test_law_6_packets_of_every_opus_length_are_cut_to_ticks(length: int) -> None:
    """Length: sources of different frame lengths are re-framed to ticks; what is over stays for the next tick."""
    source = PacketSource(PcmDecoder())
    sound = ramp(48_000)
    packets = [sound[start : start + length] for start in range(0, len(sound), length)]
    frames = []
    sent = 0
    for tick in range(70):
        now = at(tick)
        while sent < len(packets) and (sent + 1) * length * 1_000_000_000 // 48_000 <= now:
            end = (sent + 1) * length * 1_000_000_000 // 48_000  # a packet leaves when its last sample is captured
            source.push(sent, sent * length, packets[sent].tobytes(), end)
            sent += 1
        frames.append(source.pull(now))
    played = heard(frames)
    start = int(np.flatnonzero(played)[0])
    np.testing.assert_array_equal(played[start : start + len(sound)], sound)
    assert not played[start + len(sound) :].any()


@settings(max_examples=50)
@given(lengths=st.lists(st.sampled_from([120, 240, 480, 960, 1920, 2880]), min_size=1, max_size=40))
def test_packets_of_changing_length_lose_nothing(lengths: list[int]) -> None:
    source = PacketSource(PcmDecoder())
    sound = ramp(sum(lengths))
    position = 0
    for sequence, length in enumerate(lengths):  # all there before play starts
        source.push(sequence, position, sound[position : position + length].tobytes(), 0)
        position += length
    frames = [source.pull(at(tick)) for tick in range(1, 200)]
    played = [one for one in frames if one is not None]
    # All came at once, so the sender is far ahead of time: a surplus that is folded away, until ticks alone remain.
    assert played
    assert source.buffered_ms == 0
    assert source.stats.concealed <= CONCEAL_MS * 48 // min(lengths[-1], 960) + 1


def test_a_payload_that_is_no_packet_is_counted_and_forgotten() -> None:
    source = PacketSource(PcmDecoder())
    for payload in (b"", b"odd"):
        source.push(1, 0, payload, 0)
    assert source.stats.undecodable == 2
    assert source.pull(at(5)) is None


def test_a_second_stream_takes_over_at_once() -> None:
    source = PacketSource(PcmDecoder())
    for number in range(5):
        source.push(number, number * FRAME_SAMPLES, ramp(FRAME_SAMPLES).tobytes(), at(number))
        source.pull(at(number) + 10_000_000)
    source.restart()
    frames = []
    for number in range(5, 10):
        source.push(number + 30_000, 7 + number * FRAME_SAMPLES, ramp(FRAME_SAMPLES).tobytes(), at(number))
        frames.append(source.pull(at(number) + 10_000_000))
    assert all(one is not None for one in frames)


def test_a_delay_that_is_no_longer_needed_goes_away_in_the_middle_of_speech() -> None:
    source = PacketSource(PcmDecoder())
    arrivals = []
    for number in range(360):
        late = 150 if number < 50 and number % 5 == 0 else 0
        arrivals.append((at(number) + late * 1_000_000, number))
    arrivals.sort()
    delays = []
    for tick in range(360):
        now = at(tick) + 7_000_000
        while arrivals and arrivals[0][0] <= now:
            arrival, number = arrivals.pop(0)
            source.push(number, number * FRAME_SAMPLES, steady(number + 1).tobytes(), arrival)
        frame = source.pull(now)
        if frame is not None and frame.any():
            delays.append(tick - (int(frame[-1]) - 1))
    assert max(delays) >= 5, "the delay grew while packets were late"
    assert delays[-1] <= 2
    assert source.stats.shortened > 0


class CountingDecoder(PcmDecoder):
    def __init__(self) -> None:
        self.decoded: list[bytes] = []

    def decode(self, payload: bytes) -> Samples:
        self.decoded.append(payload)
        return super().decode(payload)


def test_what_its_sender_measured_as_silence_is_not_decoded() -> None:
    decoder = CountingDecoder()
    source = PacketSource(decoder)
    frames = []
    for number in range(50):
        source.push(number, number * FRAME_SAMPLES, bytes(2 * FRAME_SAMPLES), at(number), level=-127)
        frames.append(source.pull(at(number) + 10_000_000))
    assert source.stats.decoded == 3
    assert all(one is None for one in frames[3:])
    assert source.stats.passed_over == 47
    assert len(decoder.decoded) <= 3 + 5, "and some, seldomer and seldomer, to see whether it is true"


def test_a_decoder_is_given_the_last_silent_packets_before_speech() -> None:
    decoder = CountingDecoder()
    source = PacketSource(decoder)
    payloads = [steady(number + 1).tobytes() for number in range(21)]
    for number, payload in enumerate(payloads):
        level = -20 if number == 20 else -127
        source.push(number, number * FRAME_SAMPLES, payload, at(number), level=level)
        frame = source.pull(at(number) + 10_000_000)
    assert decoder.decoded[:3] == payloads[:3]
    assert decoder.decoded[-4:] == payloads[-4:]
    assert frame is not None
    np.testing.assert_array_equal(frame, steady(21))


def test_a_packet_without_a_level_is_always_decoded() -> None:
    decoder = CountingDecoder()
    source = PacketSource(decoder)
    for number in range(20):
        source.push(number, number * FRAME_SAMPLES, bytes(2 * FRAME_SAMPLES), at(number))
        source.pull(at(number) + 10_000_000)
    assert len(decoder.decoded) == 20


@pytest.mark.parametrize("late", [0, 4, 8])
def test_how_long_somebody_has_been_quiet_does_not_depend_on_how_late_ticks_are(late: int) -> None:
    source, found = PacketSource(PcmDecoder()), []
    for number in range(60):
        level = -60 if number >= 30 else -20
        source.push(number, number * FRAME_SAMPLES, ramp(FRAME_SAMPLES).tobytes(), at(number), level)
        if number >= late:
            due_ns = at(number - late) + 3_000_000
            source.pull(due_ns)
            if source.quiet_ms(due_ns) >= 60:
                found.append(number)
    assert found[0] <= 30 + 5 + late, "60 ms and what waits have been quiet by then"
