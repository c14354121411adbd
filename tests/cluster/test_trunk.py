"""Sound between nodes: what goes out of what somebody says, how it is sealed, and what comes of it at the other end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import Samples
from conference.cluster.trunk.packet import MalformedPacket, TalkerPacket, read_packet
from conference.cluster.trunk.sealing import WINDOW, Opener, Sealer, Unauthentic
from conference.cluster.trunk.talker import HANGOVER, Talker
from conference.cluster.trunk.trunk import Address, RemoteSource, Trunk
from conference.codecs.opus import OpusCodec
from conference.playout.source import PacketSource
from conference.room.participant import Participant
from conference.room.room import Room
from tests.tones import frames, level_at, tone

SECRET = bytes(range(32))
A, B, C = "a" * 16, "b" * 16, "c" * 16
TICK_NS = 20_000_000

packets = st.builds(
    TalkerPacket,
    participant_id=st.text("0123456789abcdef", min_size=1, max_size=64),
    codec=st.sampled_from(["opus", "PCMU"]),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 2**32 - 1),
    payload=st.binary(min_size=1),
    level=st.none() | st.integers(-127, 0),
    age_ns=st.integers(0, 60_000).map(lambda units: units * 100_000),
)


@given(packets)
def test_a_packet_is_read_as_it_was_written(packet: TalkerPacket) -> None:
    assert read_packet(packet.encode()) == packet


@given(st.binary())
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    try:
        packet = read_packet(data)
    except MalformedPacket:
        return
    assert read_packet(packet.encode()) == packet


def test_what_was_sealed_is_opened_once_and_by_nobody_else() -> None:
    sealer, opener = Sealer(SECRET, A, B), Opener(SECRET, A, B)
    first, second = sealer.seal(b"one"), sealer.seal(b"two")
    assert opener.open(second) == b"two"
    assert opener.open(first) == b"one"  # late, and not again
    for replayed in (first, second):
        with pytest.raises(Unauthentic):
            opener.open(replayed)
    with pytest.raises(Unauthentic):
        Opener(SECRET, A, C).open(first)
    with pytest.raises(Unauthentic):
        Opener(SECRET[::-1], A, B).open(first)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_what_was_changed_on_the_way_is_not_opened(place: int, change: int) -> None:
    sealed = bytearray(Sealer(SECRET, A, B).seal(b"hello"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(Unauthentic):
        Opener(SECRET, A, B).open(bytes(sealed))


def test_what_is_far_too_late_is_not_opened() -> None:
    sealer, opener = Sealer(SECRET, A, B), Opener(SECRET, A, B)
    first = sealer.seal(b"first")
    for _ in range(WINDOW):
        opener.open(sealer.seal(b"more"))
    with pytest.raises(Unauthentic):
        opener.open(first)


class Ends:
    """Two trunks with nothing between them, and a clock."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.on_the_way: list[tuple[bytes, Address]] = []
        self.a = Trunk(A, lambda *what: self.on_the_way.append(what), lambda: self.now_ns)
        self.b = Trunk(B, lambda *what: None, lambda: self.now_ns)
        for one, other in ((self.a, B), (self.b, A)):
            one.share(SECRET)
            one.meet({other: ("127.0.0.1", 5000)})
        self.room = Room("tea", 0.0, lambda _: None)
        self.a.observe(self.room)

    def talker(self, participant_id: str = "amy") -> PacketSource:
        source = PacketSource(OpusCodec().make_decoder())
        self.room.add(participant(participant_id, source=source))
        return source

    def carry(self) -> None:
        for datagram, _ in self.on_the_way:
            self.b.receive(datagram)
        self.on_the_way.clear()


def participant(participant_id: str, **about: Any) -> Participant:
    return Participant(id=participant_id, name="Amy", transport="webrtc", joined_at=0.0, **about)


def said(samples: Samples) -> list[bytes]:
    encoder = OpusCodec().make_encoder()
    return [encoder.encode(frame) for frame in frames(samples)]


def say(ends: Ends, source: PacketSource, payloads: list[bytes], *, first: int = 0, level: int | None = -20) -> None:
    for number, payload in enumerate(payloads, first):
        ends.now_ns = number * TICK_NS
        source.push(number % 0x10000, number * 960, payload, ends.now_ns, level)


def test_what_somebody_says_on_one_node_is_heard_on_another() -> None:
    ends = Ends()
    source = ends.talker()
    ends.a.audience("tea", [B])
    remote = ends.b.place("amy", A)
    heard = []
    for number, payload in enumerate(said(tone(440.0, 1.0, -20.0))):
        say(ends, source, [payload], first=number)
        ends.carry()
        frame = remote.pull(ends.now_ns)
        if frame is not None:
            heard.append(frame)
    assert len(heard) > 40
    assert level_at(np.concatenate(heard[10:]), 48_000, 440.0) == pytest.approx(-20.0, abs=1.5)
    assert ends.b.counts["received"] == 50


def test_nothing_goes_to_nodes_that_have_nobody_in_the_room_and_nothing_of_those_who_are_muted() -> None:
    ends = Ends()
    source = ends.talker()
    voice = said(tone(440.0, 0.2))
    say(ends, source, voice)
    assert ends.on_the_way == []
    ends.a.audience("tea", [B])
    ends.room.set_muted("amy", True)
    say(ends, source, voice, first=10)
    assert ends.on_the_way == []
    ends.room.set_muted("amy", False)
    say(ends, source, voice, first=20)
    assert len(ends.on_the_way) == 10


def test_what_comes_for_nobody_or_from_another_node_than_theirs_is_dropped() -> None:
    ends = Ends()
    source = ends.talker()
    ends.a.audience("tea", [B])
    say(ends, source, said(tone(440.0, 0.1)))
    ends.carry()
    assert ends.b.counts["stray"] == 5
    remote = ends.b.place("amy", C)  # whom the log has on another node
    say(ends, source, said(tone(440.0, 0.1)), first=5)
    ends.carry()
    assert ends.b.counts["stray"] == 10
    assert remote.stats.jitter.received == 0
    assert isinstance(ends.b.place("amy", A), RemoteSource)


def test_a_node_that_was_missing_for_a_while_is_sent_nothing_under_a_number_that_was_used() -> None:
    ends = Ends()
    source = ends.talker()
    ends.a.audience("tea", [B])
    heads = []
    for first in (0, 5):
        say(ends, source, said(tone(440.0, 0.1)), first=first)
        heads += [datagram[:16] for datagram, _ in ends.on_the_way]
        ends.carry()
        ends.a.meet({})
        ends.a.meet({B: ("127.0.0.1", 5000)})
        ends.b.meet({})  # whom it has spoken with, it goes on to understand
    assert len(set(heads)) == 10
    assert ends.b.counts["unauthentic"] == 0


@given(st.binary(max_size=60))
def test_garbage_is_counted_and_dropped(data: bytes) -> None:
    ends = Ends()
    ends.b.receive(data)
    assert ends.b.counts["unauthentic"] == 1


def sent_by(send: Callable[[Talker], None]) -> list[TalkerPacket]:
    found: list[TalkerPacket] = []
    send(Talker(participant("amy"), OpusCodec().make_decoder(), found.append, lambda: 0))
    return found


def test_silence_does_not_go_out_but_for_the_end_of_a_word_and_what_is_right_before_the_next() -> None:
    def talk(talker: Talker) -> None:
        for number in range(200):
            loud = number < 10 or number >= 190
            talker.packet_arrived(number, number * 960, bytes(20), 0, -20 if loud else -127, False)

    found = sent_by(talk)
    assert [one.timestamp // 960 for one in found] == [*range(10 + HANGOVER), 187, 188, 189, *range(190, 200)]
    numbers = [one.sequence for one in found]
    assert numbers == list(range(numbers[0], numbers[0] + len(found)))  # a pause is no loss


def test_a_packet_that_was_lost_on_its_way_to_us_is_missing_there_too() -> None:
    def talk(talker: Talker) -> None:
        for number in (65534, 65535, 1, 2):
            talker.packet_arrived(number, number * 960, bytes(20), 0, -20, False)

    numbers = [one.sequence for one in sent_by(talk)]
    assert [(one - numbers[0]) % 0x10000 for one in numbers] == [0, 1, 3, 4]
