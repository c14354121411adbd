"""Packets of every length and kind that a talker may send are forwarded, and a listener hears them at their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, TICK_NS, Samples
from conference.audio.noise_gate import level_of
from conference.codecs import libopus
from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.playout.source import PacketSource
from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.stream import SingleStream
from tests.room.meeting import AUDIBLE_DB, LEVEL_ID, SENT_BEFORE_TICK_NS, Meeting, Person, tone_power
from tests.room.test_law_10_forwarding import AMY_HZ, BEN_HZ, hums, says, silent

FRAME_MS = (2.5, 5, 10, 20, 40, 60, 120)
OPUS = Format(111, "opus")


class OpusSender:
    """Encodes as a peer may: any frame length, mono or stereo, with its own DTX or without."""

    def __init__(self, frame_ms: float = 20, channels: int = 1, bitrate: int = 32_000, *, dtx: bool = False) -> None:
        lib, error = libopus.library(), libopus.ffi.new("int *")
        state = lib.opus_encoder_create(SAMPLE_RATE, channels, libopus.APPLICATION_VOIP, error)
        self._state: Any = libopus.ffi.gc(state, lib.opus_encoder_destroy)
        for request, value in ((libopus.SET_BITRATE, bitrate), (libopus.SET_DTX, int(dtx))):
            libopus.check(lib.opus_encoder_ctl(self._state, request, libopus.ffi.cast("int32_t", value)))
        self._lib, self.channels = lib, channels
        self._samples = round(frame_ms * SAMPLE_RATE / 1000)
        self._waiting = np.zeros(0, np.int16)
        self._packet = libopus.ffi.new("unsigned char[]", 4000)

    def __call__(self, frame: Samples) -> Iterator[tuple[int, bytes, float]]:
        """The packets that a tick completes: their length, in samples, what is in them, and their level."""
        self._waiting = np.concatenate((self._waiting, frame))
        while len(self._waiting) >= self._samples:
            sound, self._waiting = self._waiting[: self._samples], self._waiting[self._samples :]
            pcm = np.repeat(sound, self.channels)
            if self.channels == 2:
                pcm[1::2] //= 2  # on the left
            place = libopus.ffi.from_buffer("int16_t[]", pcm.data)
            length = libopus.check(self._lib.opus_encode(self._state, place, self._samples, self._packet, 4000))
            yield self._samples, bytes(libopus.ffi.buffer(self._packet, length)), level_of(sound)


def g711_sender(codec: Codec) -> Callable[[Samples], Iterator[tuple[int, bytes, float]]]:
    encoder = codec.make_encoder()

    def encode(frame: Samples) -> Iterator[tuple[int, bytes, float]]:
        yield 160, encoder.encode(frame), level_of(frame)

    return encode


class Peer(Person):
    """Sends what a sender makes of their voice; packets shorter than a tick are spread over it."""

    def __init__(
        self,
        name: str,
        voice: Callable[[int], Samples],
        sender: Callable[[Samples], Iterator[tuple[int, bytes, float]]] | None = None,
        codec: Codec | None = None,
        agreed: Format = OPUS,
        *,
        levels: bool = True,
    ) -> None:
        super().__init__(name, voice, levels=levels)
        codec = codec or OpusCodec()
        self.sender = sender or OpusSender()
        self.went: list[tuple[int, int, bytes]] = []
        """Timestamp, length and payload of each packet."""

        self.timestamp = 2**32 - 40_000
        self.source = PacketSource(codec.make_decoder())
        self._decoder = codec.make_decoder()  # type: ignore[assignment]
        stream = SingleStream(agreed, 7, self._transmit, lambda: self.now_ns, level_id=LEVEL_ID)
        self.sink = EgressSink(codec, agreed, stream)
        self.sink.open()
        self.participant.source, self.participant.sink = self.source, self.sink

    def hears_now(self, hertz: float) -> bool:
        recent = [samples for at_ns, samples in self._decoded if at_ns > self.now_ns - 8 * TICK_NS]
        return bool(recent) and tone_power(np.concatenate(recent), hertz) > AUDIBLE_DB

    def speak(self, tick: int, now_ns: int, *, lost: bool = False) -> None:
        packets = list(self.sender(self.voice(tick)))
        for number, (length, payload, level) in enumerate(packets, 1):
            sequence = (65_000 + len(self.went)) & 0xFFFF
            self.went.append((self.timestamp, length, payload))
            if not lost:
                at_ns = now_ns - TICK_NS * (len(packets) - number) // len(packets)
                said = max(-127, round(level)) if self.levels else None
                self.source.push(sequence, self.timestamp, payload, at_ns, said)
            self.timestamp = (self.timestamp + length) & 0xFFFFFFFF


def opus_peer(name: str, voice: Callable[[int], Samples], frame_ms: float, channels: int, *, levels: bool) -> Peer:
    return Peer(name, voice, OpusSender(frame_ms, channels), levels=levels)


def assert_line(person: Person) -> None:
    """Sequence numbers without a gap, timestamps that never overlap by what was in the packet before."""
    clock = person.source.decoder.clock_rate
    for (_, before), (_, after) in pairwise(person.received):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        step = (after.timestamp - before.timestamp) & 0xFFFFFFFF
        assert person.source.decoder.duration(before.payload) <= step < 10 * clock


@pytest.mark.parametrize("levels", [True, False])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frame_ms", FRAME_MS)
def test_opus_of_every_length_is_forwarded_bit_for_bit_in_a_call_of_two(
    frame_ms: float, channels: int, levels: bool
) -> None:
    amy = opus_peer("amy", says("amy"), frame_ms, channels, levels=levels)
    ben = Peer("ben", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(60)
    while meeting.room.forwarded.get("ben") != "amy" and meeting.tick < 400:
        meeting.go_on(1)
    begun, encoded = len(amy.went), meeting.room.encoders.encoded_packets
    ben.received.clear()
    meeting.go_on(100)
    assert meeting.room.encoders.encoded_packets == encoded
    got = [packet for _, packet in ben.received]
    assert [packet.payload for packet in got] == [payload for _, _, payload in amy.went[begun:]]
    for (said, length, _), (heard, then) in zip(amy.went[begun:], pairwise(got), strict=False):
        assert (then.timestamp - heard.timestamp) & 0xFFFFFFFF == length
        del said


@pytest.mark.parametrize("levels", [True, False])
@pytest.mark.parametrize(("frame_ms", "channels"), [(2.5, 1), (10, 2), (20, 2), (60, 1), (120, 2)])
def test_a_second_voice_comes_and_goes_whatever_the_length_of_packets(
    frame_ms: float, channels: int, levels: bool
) -> None:
    amy = opus_peer("amy", hums(AMY_HZ, range(60), range(120, 300)), frame_ms, channels, levels=levels)
    ben, cal = Person("ben", hums(BEN_HZ, range(200, 340))), Peer("cal", silent)
    meeting = Meeting(amy, ben, cal)
    meeting.go_on(180)
    assert meeting.room.forwarded["cal"] == "amy"
    assert cal.hears_now(AMY_HZ)
    meeting.go_on(21)
    assert "cal" not in meeting.room.forwarded
    meeting.go_on(40)
    assert cal.hears_now(AMY_HZ)
    assert cal.hears_now(BEN_HZ)
    meeting.go_on(90)
    assert not cal.hears_now(AMY_HZ)
    assert cal.hears_now(BEN_HZ)
    meeting.go_on(120)
    assert_line(cal)


@pytest.mark.parametrize(("codec", "number"), [(PcmuCodec(), 0), (PcmaCodec(), 8)])
@pytest.mark.parametrize("levels", [True, False])
def test_g711_is_forwarded_to_those_who_speak_it(codec: Codec, number: int, levels: bool) -> None:
    agreed = Format(number, codec.name)
    amy = Peer("amy", hums(AMY_HZ, range(30, 90), range(150, 260)), g711_sender(codec), codec, agreed, levels=levels)
    ben = Peer("ben", silent, g711_sender(codec), codec, agreed)
    cal = Peer("cal", silent)
    meeting = Meeting(amy, ben, cal)
    meeting.go_on(140)
    assert meeting.room.forwarded["ben"] == "amy"
    assert meeting.room.forwarded.get("cal") != "amy", "another codec"
    meeting.go_on(60)
    assert ben.received[-1][1].payload == amy.went[-1][2]
    assert ben.hears_now(AMY_HZ)
    assert cal.hears_now(AMY_HZ)
    meeting.go_on(120)
    assert_line(ben)
    assert not ben.hears_now(AMY_HZ)


@pytest.mark.parametrize("channels", [1, 2])
def test_who_uses_dtx_is_forwarded_with_the_news_of_their_pauses_as_it_came(channels: int) -> None:
    amy = Peer("amy", hums(AMY_HZ, range(10, 60), range(200, 260)), OpusSender(20, channels, dtx=True))
    dropped: list[int] = []
    send = amy.sender

    def skips(frame: Samples) -> Iterator[tuple[int, bytes, float]]:
        for length, payload, level in send(frame):
            if len(payload) <= 2 and len(dropped) % 20:  # "the packet does not need to be transmitted"
                dropped.append(0)
                amy.timestamp = (amy.timestamp + length) & 0xFFFFFFFF
                continue
            dropped.append(0)
            yield length, payload, level

    amy.sender = skips
    people = [amy, Person("ben", silent), Peer("cal", silent)]
    meeting = Meeting(*people)
    meeting.go_on(199)
    begun = len(amy.went)
    people[1].received.clear()
    assert meeting.room.forwarded["ben"] == "amy"
    meeting.go_on(61)
    got = [packet.payload for at_ns, packet in people[1].received if at_ns >= 200 * TICK_NS - SENT_BEFORE_TICK_NS]
    assert got == [payload for _, _, payload in amy.went[begun:]]
    assert_line(people[1])


def test_who_sends_more_than_a_listener_allows_is_mixed_for_that_listener_alone() -> None:
    amy = Peer("amy", says("amy"), OpusSender(bitrate=64_000))
    ben, cal = Person("ben", silent), Peer("cal", silent)
    ben.sink.max_bitrate = 24_000.0
    meeting = Meeting(amy, ben, cal)
    meeting.go_on(300)
    assert meeting.room.forwarded.get("ben") is None
    assert meeting.room.forwarded["cal"] == "amy"
    assert any(len(packet.payload) > 100 for _, packet in cal.received)


def test_the_largest_packets_that_opus_has_are_forwarded() -> None:
    amy = Peer("amy", says("amy"), OpusSender(20, 2, 510_000))
    ben = Person("ben", silent)
    ben.sink.max_bitrate = 510_000.0
    meeting = Meeting(amy, ben)
    meeting.go_on(150)
    assert meeting.room.forwarded["ben"] == "amy"
    assert max(len(packet.payload) for _, packet in ben.received) > 900
    assert ben.received[-1][1].payload == amy.went[-1][2]


def test_levels_of_forwarded_packets_and_of_mixes_are_told_to_who_wants_them() -> None:
    amy = Person("amy", hums(AMY_HZ, range(40), range(80, 200)))
    ben, cal = Person("ben", hums(BEN_HZ, range(140, 200))), Peer("cal", silent)
    meeting = Meeting(amy, ben, cal)
    meeting.go_on(130)
    assert meeting.room.forwarded["cal"] == "amy"
    said = max(-127, round(level_of(amy.voice(130))))
    assert cal.received[-1][1].level == said
    meeting.go_on(40)
    assert "cal" not in meeting.room.forwarded
    heard = [packet.level for _, packet in cal.received[-10:]]
    assert all(level is not None and said <= level <= said + 5 for level in heard), "of both together"
    meeting.go_on(350)  # until the residue of the background has faded, too
    assert cal.received[-1][1].level == -127


def test_no_level_is_told_to_who_did_not_ask() -> None:
    people = [Person("amy", says("amy")), Person("ben", silent)]
    raw: list[bytes] = []

    def take(packet: bytes) -> bool:
        raw.append(packet)
        return True

    stream = SingleStream(OPUS, 7, take, lambda: people[1].now_ns)
    people[1].sink = people[1].participant.sink = EgressSink(OpusCodec(), OPUS, stream)
    people[1].sink.open()
    meeting = Meeting(*people)
    meeting.go_on(100)
    assert raw
    assert all(packet[0] == 0x80 and parse_rtp(packet, LEVEL_ID).level is None for packet in raw)
