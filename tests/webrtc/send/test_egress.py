from __future__ import annotations

from itertools import pairwise

import pytest

from conference.audio.frame import SILENCE
from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.room.participant import Mix, Participant
from conference.room.room import Room
from conference.room.voice import UNTOUCHED
from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.rtp.rtcp import NtpClock
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.stream import SingleStream
from tests.room.fakes import Mouth, PcmCodec, at, steady


class Wire:
    """Takes packets, at a time that is set."""

    def __init__(self, codec: Codec | None = None, agreed: Format | None = None) -> None:
        self.packets: list[bytes] = []
        self.works = True
        self.now_ns = 1
        agreed = agreed or Format(111, "opus")
        stream = SingleStream(agreed, 77, self.transmit, lambda: self.now_ns)
        self.sink = EgressSink(codec or OpusCodec(), agreed, stream)

    def transmit(self, packet: bytes) -> bool:
        self.packets.append(packet)
        return self.works

    def deliver(self, *payloads: bytes | None, first: int = 0) -> None:
        for tick, payload in enumerate(payloads, first):
            self.sink.deliver(Mix(tick, SILENCE, payload))


def test_nothing_is_sent_before_it_is_open_or_after_it_is_closed() -> None:
    wire = Wire()
    wire.deliver(b"a")
    wire.sink.open()
    wire.deliver(b"b")
    wire.sink.close()
    wire.deliver(b"c")
    assert [parse_rtp(one).payload for one in wire.packets] == [b"b"]


@pytest.mark.parametrize("late", [0, 1, 7])
def test_the_first_packet_that_is_sent_leans_on_none_that_was_not(late: int) -> None:
    codec = PcmCodec()
    wire = Wire(codec)
    room = Room("tea", 0.0, lambda event: None, UNTOUCHED)
    for name, source, sink in (("amy", Mouth([steady(1000)] * 30), None), ("ben", None, wire.sink)):
        room.add(Participant(id=name, name=name, transport="webrtc", joined_at=0.0, source=source, sink=sink))
    for tick in range(20):
        if tick == late:
            wire.sink.open()
        room.tick(tick, at(tick))
    assert len(wire.packets) == 20 - late
    of_those_sent = codec.made[0].fresh[-len(wire.packets) :]  # before, an encoder may be brought to where they are
    assert [number for number, fresh in enumerate(of_those_sent) if fresh] == [0]


@pytest.mark.parametrize(
    ("codec", "agreed", "samples"),
    [(OpusCodec(), Format(111, "opus"), 960), (PcmuCodec(), Format(0, "PCMU"), 160)],
)
def test_timestamps_advance_by_the_tick_in_the_codec_s_clock(codec: Codec, agreed: Format, samples: int) -> None:
    wire = Wire(codec, agreed)
    wire.sink.open()
    wire.deliver(*[b"x"] * 5)
    packets = [parse_rtp(one) for one in wire.packets]
    assert {one.payload_type for one in packets} == {agreed.payload_type}
    for before, after in pairwise(packets):
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == samples
        assert (after.sequence - before.sequence) & 0xFFFF == 1


def test_silence_is_a_gap_in_timestamps_and_none_in_sequence_and_ends_with_a_marker() -> None:
    wire = Wire()
    wire.sink.open()
    wire.deliver(b"a", b"b", None, None, b"c", b"d")
    packets = [parse_rtp(one) for one in wire.packets]
    assert [(one.timestamp - packets[0].timestamp) // 960 for one in packets] == [0, 1, 4, 5]
    assert [one.sequence - packets[0].sequence for one in packets] == [0, 1, 2, 3]
    assert [one[1] >> 7 for one in wire.packets] == [1, 0, 1, 0]


def test_sequence_and_timestamp_wrap() -> None:
    wire = Wire()
    wire.sink.open()
    for tick in range(70_000):
        wire.sink.send(tick * 100, b"x")
    assert len({parse_rtp(one).sequence for one in wire.packets}) == 0x10000


def test_what_could_not_be_sent_is_counted_apart() -> None:
    wire = Wire()
    wire.sink.open()
    wire.deliver(b"abc")
    wire.works = False
    wire.deliver(b"abc")
    assert (wire.sink.stats.packets, wire.sink.stats.bytes, wire.sink.stats.failed) == (1, 3, 1)


def test_a_sender_report_maps_its_own_moment_to_media_time() -> None:
    wire = Wire()
    ntp = NtpClock(1_700_000_000_000_000_000, 0)
    assert wire.sink.sender_info(ntp, 5) is None
    wire.sink.open()
    wire.now_ns = 1_000_000_000
    wire.deliver(b"abc")
    info = wire.sink.sender_info(ntp, 1_500_000_000)
    assert info is not None
    assert info.ntp_timestamp == ntp.at(1_500_000_000)
    assert (info.rtp_timestamp - parse_rtp(wire.packets[0]).timestamp) & 0xFFFFFFFF == 24_000
    assert (info.packet_count, info.octet_count) == (1, 3)
