"""What comes in by the table is, packet by packet, what a stream on its own would take in."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pylibsrtp
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.playout.receive_gate import KEPT_BYTES, SAMPLE_PROVEN_EVERY
from conference.playout.source import PacketSource
from conference.webrtc.receive import table as table_module
from conference.webrtc.receive.ingress import Ingress
from conference.webrtc.receive.table import BYTES, COLUMNS_FROM, PACKETS, PASSED, PASSING, ROW_COLUMNS, ReceiveTable
from conference.webrtc.rtp import statistics
from conference.webrtc.rtp.packet import build_rtp
from conference.webrtc.rtp.red import Block, build_red
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.rtp.statistics import ReceptionStatistics
from conference.webrtc.udp.datagrams import DatagramBatch, pack_name
from conference.webrtc.udp.sockets import MuxStats
from tests.room.fakes import PcmDecoder

OPUS, PCMU, RED, LEVEL_ID = 111, 0, 63, 1
PROFILE = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM
OUT, IN = pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND
SILENT, NOISE, LOUD = -127, -55, -20
PLACES = 64


def session(key: bytes, kind: int) -> SrtpSession:
    return SrtpSession(pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=PROFILE)))


def with_level(sequence: int, ssrc: int, payload: bytes, level: int, payload_type: int = OPUS) -> bytes:
    """A packet as browsers send it (RFC 6464)."""
    header = struct.pack(
        "!BBHLLHHBBH", 0x90, payload_type, sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, ssrc,
        0xBEDE, 1, LEVEL_ID << 4, -level, 0,
    )  # fmt: skip
    return header + payload


class ShortDecoder(PcmDecoder):
    """Codes nothing, takes payloads of any length for 20 ms, and notes what it decodes."""

    def __init__(self) -> None:
        self.decoded: list[bytes] = []

    def duration(self, payload: bytes) -> int:
        return FRAME_SAMPLES

    def decode(self, payload: bytes) -> Samples:
        self.decoded.append(payload)
        return np.full(FRAME_SAMPLES, payload[0] % 3 + 1, np.int16)  # silence, nearly


class Person:
    """A sender, and two who take in the same: one through the table, one by packet."""

    def __init__(self, number: int, table: ReceiveTable, *, red: int | None = None) -> None:
        key = os.urandom(28)
        self.ssrc = number + 1
        self.ahead = 0  # of where its sequence numbers would be if they had never jumped
        self.name = pack_name(("127.0.0.1", 2000 + number), socket.AF_INET)
        self.sender = session(key, OUT)
        self.decoders = [ShortDecoder(), ShortDecoder()]
        self.sources = [PacketSource(one) for one in self.decoders]
        codecs: dict[int, Codec] = {OPUS: OpusCodec(), PCMU: PcmuCodec()}
        self.sessions = [session(key, IN), session(key, IN)]
        self.ways = [
            Ingress(source, codecs, each.unprotect, level_id=LEVEL_ID, red=red)
            for source, each in zip(self.sources, self.sessions, strict=True)
        ]
        self.together, self.alone = self.ways
        self.directory = table.directory
        self.together.stream.attach(table, self.sessions[0], self.route)
        self.alone.stream.attach(
            ReceiveTable(MuxStats()), self.sessions[1], lambda index: None
        )  # which nothing is read into

    def route(self, index: int | None) -> None:
        self.directory.aim(self.name, index)

    def protect(self, packet: bytes) -> bytes:
        protected = self.sender.protect(packet)
        assert protected is not None
        return protected

    def check(self) -> None:
        """Both ways came to the same."""
        one, other = self.ways
        assert one.stream.row[: statistics.COLUMNS] == other.stream.row[: statistics.COLUMNS]
        assert one.stats == other.stats
        assert (one.ssrc, one.heard_ns) == (other.ssrc, other.heard_ns)
        assert self.sources[0].stats == self.sources[1].stats
        assert self.decoders[0].decoded == self.decoders[1].decoded


class Port:
    """Some people, and the datagrams of theirs that were not read yet."""

    def __init__(self, people: int, *, red: int | None = None) -> None:
        self.stats = MuxStats()
        self.receive_table = ReceiveTable(self.stats)
        self.batch = DatagramBatch(PLACES, 2048)
        self.people = [Person(number, self.receive_table, red=red) for number in range(people)]
        self.waiting: list[tuple[Person, bytes]] = []

    def send(self, person: Person, datagram: bytes) -> None:
        self.waiting.append((person, datagram))

    def read(self, now_ns: int) -> list[int]:
        """Read what waits, both ways: what the table leaves over comes last. Returns the places of that."""
        for place, (person, datagram) in enumerate(self.waiting):
            self.batch.data[place, : len(datagram)] = np.frombuffer(datagram, np.uint8)
            self.batch.lengths[place] = len(datagram)
            self.batch.names[place] = np.frombuffer(person.name, np.uint8)
        arrivals = now_ns - np.arange(len(self.waiting), 0, -1) * 1000
        others = list(self.receive_table.take(self.batch, len(self.waiting), arrivals))
        for place in sorted(range(len(self.waiting)), key=others.__contains__):
            person, datagram = self.waiting[place]
            if place in others:
                person.together.receive(self.batch.datagram(place), int(arrivals[place]))
            person.alone.receive(datagram, int(arrivals[place]))
        self.waiting.clear()
        return others

    def pull(self, now_ns: int) -> None:
        for person in self.people:
            one, other = (source.pull(now_ns) for source in person.sources)
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                np.testing.assert_array_equal(one, other)


@dataclass(frozen=True)
class Sending:
    """What somebody does in a tick."""

    level: int
    size: int = 40
    kind: str = "usual"


KINDS = ["lost", "twice", "forged", "plain", "long", "empty", "other codec", "other stream", "jump", "padded", "stub"]
SENDINGS = st.one_of(
    st.builds(Sending, st.just(SILENT)),
    st.builds(Sending, st.just(NOISE)),
    st.builds(Sending, st.sampled_from([SILENT, -76, -75, LOUD]), st.sampled_from([3, 40, KEPT_BYTES, KEPT_BYTES + 1])),
    st.builds(Sending, st.sampled_from([SILENT, LOUD]), st.just(40), st.sampled_from(KINDS)),
)


def packet_of(person: Person, sending: Sending, sequence: int) -> bytes:
    person.ahead += 20_000 if sending.kind == "jump" else 0
    sequence += person.ahead
    payload = bytes([sequence % 250 + 1]) * sending.size
    match sending.kind:
        case "other stream":
            return with_level(sequence, person.ssrc + 1000, payload, sending.level)
        case "other codec":
            return with_level(sequence, person.ssrc, payload, sending.level, PCMU)
        case "empty":
            return with_level(sequence, person.ssrc, b"", sending.level)
        case "plain":
            return build_rtp(OPUS, False, sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, person.ssrc, payload)
    packet = with_level(sequence, person.ssrc, payload, sending.level)
    match sending.kind:
        case "long":  # two words of extension
            return packet[:14] + b"\x00\x02" + packet[16:20] + bytes(4) + packet[20:]
        case "padded":
            return bytes([0xB0]) + packet[1:] + bytes([0, 0, 3])
    return packet


def datagrams_of(person: Person, sending: Sending, sequence: int) -> list[bytes]:
    protected = person.sender.protect(packet_of(person, sending, sequence))
    if protected is None:  # after some jumps libsrtp takes it for a packet from before, and nobody sends it
        return []
    match sending.kind:
        case "lost":
            return []
        case "twice":
            return [protected, protected]
        case "forged":
            return [protected[:-1] + bytes([protected[-1] ^ 1])]
        case "stub":
            return [protected[:15]]
    return [protected]


@settings(max_examples=60, deadline=None, phases=[Phase.generate])
@given(
    script=st.lists(st.tuples(*[SENDINGS] * 3), min_size=5, max_size=60),
    at_first=st.tuples(st.sampled_from([SILENT, NOISE]), st.integers(0, 30)),
    squelches=st.dictionaries(st.integers(0, 60), st.sampled_from([-60, -56, -54, -30, None])),
    reads=st.lists(st.integers(1, 4), min_size=1, max_size=20),
    looks=st.sets(st.integers(0, 90)),
)
def test_whatever_comes_is_taken_in_as_one_by_one(
    script: list[tuple[Sending, ...]],
    at_first: tuple[int, int],
    squelches: dict[int, int | None],
    reads: list[int],
    looks: set[int],
) -> None:
    port = Port(3)
    port.receive_table.columns_from = 1
    calm = [(Sending(at_first[0]),) * 3] * at_first[1]
    unread = 0
    for tick, sendings in enumerate([*calm, *script]):
        now_ns = (tick + 1) * TICK_NS
        for person, sending in zip(port.people, sendings, strict=True):
            for datagram in datagrams_of(person, sending, 65_500 + tick):
                port.send(person, datagram)
        if tick in squelches:
            for source in (source for person in port.people for source in person.sources):
                source.squelch(squelches[tick])
        unread += 1
        if unread >= reads[tick % len(reads)]:
            port.read(now_ns)
            unread = 0
        if tick in looks:
            for person in port.people:
                person.check()
        port.pull(now_ns + TICK_NS // 2)
    port.read((len(calm) + len(script) + 1) * TICK_NS)
    for person in port.people:
        person.check()
    assert port.stats.errors == 0


def talk(port: Port, ticks: range, level: int = SILENT) -> list[list[int]]:
    """Everybody sends; returns what the table left over on each tick."""
    left = []
    for tick in ticks:
        for person in port.people:
            port.send(person, person.protect(with_level(tick, person.ssrc, bytes([tick % 250 + 1] * 40), level)))
        left.append(port.read((tick + 1) * TICK_NS))
        port.pull((tick + 1) * TICK_NS + TICK_NS // 2)
    return left


def test_streams_that_are_known_come_by_the_table_and_silence_goes_by(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port(COLUMNS_FROM)
    left = talk(port, range(200))
    assert left[0] == list(range(COLUMNS_FROM)), "the first packets make them known"
    assert not any(left[1:])
    pushed: list[mock.Mock] = []
    for person in port.people:
        pushes = mock.Mock(wraps=person.sources[0].push)
        monkeypatch.setattr(person.sources[0], "push", pushes)
        pushed.append(pushes)
    talk(port, range(200, 300))
    assert [pushes.call_count for pushes in pushed] == [10] * len(port.people)
    for person in port.people:
        person.check()
        assert person.together.stats.packets == 300


def test_noise_goes_by_like_silence_where_it_counts_as_such_until_somebody_speaks() -> None:
    port = Port(COLUMNS_FROM)
    talk(port, range(50), NOISE)
    for source in (source for person in port.people for source in person.sources):
        source.squelch(NOISE + 1)
    talk(port, range(50, 150), NOISE)
    amy = port.people[0]
    passed = amy.together.stream.row[PASSED]
    talk(port, range(150, 160), NOISE)
    assert amy.together.stream.row[PASSED] >= passed + 9
    talk(port, range(160, 162), NOISE + 2)
    for person in port.people:
        person.check()
        assert person.decoders[0].decoded[-4:] == [bytes([tick % 250 + 1] * 40) for tick in range(158, 162)]
        assert not person.sources[0].squelched


@pytest.mark.parametrize("since_a_look", range(5))
def test_a_word_after_a_long_silence_has_what_came_before_it_whoever_kept_that(since_a_look: int) -> None:
    port = Port(COLUMNS_FROM)
    amy = port.people[0]
    last = 500
    talk(port, range(last))
    while amy.together.stream.row[PASSING] != SAMPLE_PROVEN_EVERY - 1:
        talk(port, range(last, last + 1))
        last += 1
    talk(port, range(last, last + since_a_look))
    last += since_a_look
    talk(port, range(last, last + 1), LOUD)
    for person in port.people:
        person.check()
        assert person.decoders[0].decoded[-4:] == [bytes([tick % 250 + 1] * 40) for tick in range(last - 3, last + 1)]


def test_what_goes_by_is_no_sign_of_life_and_is_authenticated_when_it_is_needed() -> None:
    port = Port(COLUMNS_FROM)
    amy = port.people[0]
    talk(port, range(42))
    heard_ns, packets = amy.together.heard_ns, amy.together.stats.packets
    for tick in (42, 43):
        for person in port.people:
            protected = person.protect(with_level(tick, person.ssrc, bytes([tick] * 40), SILENT))
            port.send(person, protected[:-1] + bytes([protected[-1] ^ 1]))
        port.read((tick + 1) * TICK_NS)
    assert (amy.together.heard_ns, amy.together.stats.packets) == (heard_ns, packets + 2)
    assert amy.together.stats.unauthentic == 0
    talk(port, range(44, 45), LOUD)
    assert amy.together.stats.unauthentic == 2
    assert [payload[0] for payload in amy.decoders[0].decoded[-2:]] == [42, 45], "tick 41, and 44"
    for person in port.people:
        person.check()


def test_whoever_sends_little_shows_now_and_then_that_they_are_there() -> None:
    port = Port(COLUMNS_FROM)
    talk(port, range(42))
    amy = port.people[0]
    for number in range(40):  # DTX: a packet every 400 ms
        now_ns = (43 + 20 * number) * TICK_NS
        for person in port.people:
            port.send(person, person.protect(with_level(42 + number, person.ssrc, b"\xf8", SILENT)))
        port.read(now_ns)
        assert now_ns - amy.together.heard_ns < 1_500_000_000 + TICK_NS
    assert amy.together.stats.packets == 82
    for person in port.people:
        person.check()


def test_few_at_once_go_one_by_one() -> None:
    port = Port(COLUMNS_FROM - 1)
    assert talk(port, range(3))[-1] == list(range(COLUMNS_FROM - 1))


def test_what_is_not_of_a_stream_that_is_known_is_left_over() -> None:
    port = Port(COLUMNS_FROM)
    talk(port, range(3))
    stranger = Person(77, ReceiveTable(MuxStats()))
    amy = port.people[0]
    control = struct.pack("!BBHL", 0x80, 200, 1, amy.ssrc)  # RTCP
    port.send(stranger, stranger.protect(with_level(5, 1, b"voice", LOUD)))
    port.send(amy, control + bytes(30))
    port.send(amy, bytes(30))
    port.send(stranger, bytes(30))
    for person in port.people:
        port.send(person, person.protect(with_level(5, person.ssrc, b"voice", LOUD)))
    assert port.read(10 * TICK_NS) == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [KEPT_BYTES, KEPT_BYTES + 1])
def test_the_last_packets_that_went_by_lead_to_the_first_word_however_large_they_are(size: int) -> None:
    port = Port(COLUMNS_FROM)
    talk(port, range(42))
    for tick, length, level in ((42, size, SILENT), (43, size, SILENT), (44, 40, LOUD)):
        for person in port.people:
            port.send(person, person.protect(with_level(tick, person.ssrc, bytes([tick] * length), level)))
        port.read((tick + 1) * TICK_NS)
        port.pull((tick + 1) * TICK_NS + TICK_NS // 2)
    for person in port.people:
        person.check()
        assert person.decoders[0].decoded[-3:] == [bytes([42] * size), bytes([43] * size), bytes([44] * 40)]


def test_whoever_leaves_goes_on_by_packet_and_their_lane_is_used_again() -> None:
    port = Port(COLUMNS_FROM)
    talk(port, range(40))
    amy = port.people[0]
    index = port.receive_table.directory.get(amy.name)
    amy.together.stream.detach()
    assert [left for left in talk(port, range(40, 80)) if left != [0]] == []
    amy.check()
    eve = Person(50, port.receive_table)
    port.people.append(eve)
    talk(port, range(80, 120))
    assert port.receive_table.directory.get(eve.name) == index
    eve.check()
    assert not port.receive_table.kept(index, 3) or eve.together.stats.packets == 40


def test_those_for_whom_there_is_no_room_are_heard_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "TABLE_ROWS", 2)
    port = Port(COLUMNS_FROM)
    assert talk(port, range(30), LOUD)[-1] == list(range(2, COLUMNS_FROM))
    for person in port.people:
        person.check()
        assert person.sources[0].stats.decoded > 20


def test_a_source_that_raises_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port(COLUMNS_FROM)
    talk(port, range(3), LOUD)

    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(port.people[0].sources[0], "push", fail)
    for tick in range(3, 6):
        for person in port.people:
            port.send(person, person.protect(with_level(tick, person.ssrc, b"voice", LOUD)))
        port.read((tick + 1) * TICK_NS)
    assert port.stats.errors == 3
    for person in port.people[1:]:
        person.check()


def test_a_stream_that_becomes_redundant_leaves_the_table_and_hands_nothing_on_twice() -> None:
    port = Port(COLUMNS_FROM, red=RED)
    talk(port, range(20), LOUD)
    for tick in range(20, 40):
        for person in port.people:
            before, payload = (b"\xf8" + bytes([number] * 40) for number in (tick - 1, tick))  # 20 ms of Opus
            red = build_red(OPUS, payload, (Block(OPUS, 960, before),))
            if tick != 30:  # lost, and inside the next one
                port.send(person, person.protect(with_level(tick, person.ssrc, red, LOUD, RED)))
        port.read((tick + 1) * TICK_NS)
        port.pull((tick + 1) * TICK_NS + TICK_NS // 2)
    assert not len(port.receive_table.directory)
    for person in port.people:
        person.check()
        assert person.together.stats.recovered == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 0xFFFFFFFF), st.integers(0, 2**40)), min_size=1, max_size=30
    ),
    st.integers(0, 0xFFFF),
)
def test_counting_many_at_once_is_counting_each(steps: list[tuple[int, int, int]], sequence: int) -> None:
    single = ReceptionStatistics(48_000)
    single.add(sequence, 0, 0)
    rows = np.zeros((2, ROW_COLUMNS), np.int64)
    rows[:, : statistics.COLUMNS] = np.array(single.row)
    for step, timestamp, arrival_ns in steps:
        sequence = (sequence + step) & 0xFFFF
        sequences, timestamps, arrivals = (np.full(2, one) for one in (sequence, timestamp, arrival_ns))
        if not statistics.ordinary(rows, sequences).all():
            assert step >= 3000
            return
        single.add(sequence, timestamp, arrival_ns)
        statistics.add_all(rows, sequences, timestamps, arrivals, 48_000)
        for row in rows:
            assert row[: statistics.COLUMNS].tolist() == list(single.row)
    assert not rows[:, PACKETS : BYTES + 1].any(), "what is somebody else's"
