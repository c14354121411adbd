"""What is handed on by the table is, packet by packet, what would be handed on one by one, and all is known as then."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from unittest import mock

import numpy as np
import pylibsrtp
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.codecs.opus import OpusCodec
from conference.codecs.opus_decoder import OpusDecoder
from conference.playout.fast_path import NO_LEVEL, FastPathTerms
from conference.playout.source import PacketSource
from conference.room.events import Published
from conference.room.observer import RoomObserver
from conference.room.participant import Participant
from conference.room.room import Room
from conference.webrtc.forward.table import MOST_BYTES, MOST_LISTENERS
from conference.webrtc.receive.ingress import Ingress
from conference.webrtc.receive.table import ReceiveTable
from conference.webrtc.rtp.packet import RtpPacket, parse_rtp
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.table import SendTable, Socket
from conference.webrtc.send.table_stream import TableStream
from conference.webrtc.udp import datagrams
from conference.webrtc.udp.datagrams import DatagramBatch, pack_name
from conference.webrtc.udp.sockets import MuxStats

pytestmark = pytest.mark.skipif(not datagrams.AVAILABLE, reason="MISSING: sendmmsg, which this system does not have")

AGREED, LEVEL_ID, RED = Format(111, "opus"), 1, 63
PROFILE = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM
OUT, IN = pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND
LOUD, QUIET, SILENT = -20, -60, -127
OFF = 1 << 30


@cache
def payloads(level: int) -> tuple[bytes, ...]:
    """Real packets of Opus, 20 ms each, of noise that is so loud, in dBov."""
    encoder = OpusCodec(bitrate=32_000, expected_loss=0).make_encoder()
    noise = np.random.default_rng(-level).normal(0, 32768 * 10 ** (level / 20), (100, FRAME_SAMPLES))
    encoded = [encoder.encode(np.clip(frame, -32768, 32767).astype(np.int16)) for frame in noise]
    return tuple(one for one in encoded if one is not None)


def payload(kind: str, level: int, number: int) -> bytes:
    usual = payloads(level)[number % len(payloads(level))]
    match kind:
        case "two frames":  # RFC 6716 section 3.2.3: as if it were of two frames of 10 ms
            return bytes([0xE1]) + bytes(40)
        case "half as long":
            return bytes([0xF0]) + usual[1:]
        case "pause":
            return usual[:1]
        case "long":
            return usual[:1] + bytes([number % 251]) * MOST_BYTES
        case "longest":
            return usual[:1] + bytes([number % 251]) * (MOST_BYTES - 1)
    return usual


def session(key: bytes, kind: int) -> SrtpSession:
    return SrtpSession(pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=PROFILE)))


class Wire(Socket):
    """Stands for a socket."""

    def __init__(self) -> None:
        self.sock = cast("socket.socket", mock.Mock(family=socket.AF_INET, fileno=lambda: 0))
        self.sent: dict[bytes, list[bytes]] = {}
        self.counted = 0

    def sendto(self, data: bytes, address: tuple[str, int]) -> bool:
        self.sent.setdefault(pack_name(address, socket.AF_INET), []).append(data)
        return True

    def note_sent(self, sent: int, failed: int) -> None:
        self.counted += sent + 1_000_000 * failed

    def keep(self, batch: DatagramBatch, first: int, last: int) -> list[int]:
        for place in range(first, last):
            self.sent.setdefault(batch.sender(place), []).append(batch.datagram(place))
        return []


class Person:
    """A peer of a room."""

    def __init__(self, number: int, world: World) -> None:
        keys = random.Random(number)
        theirs, ours = keys.randbytes(28), keys.randbytes(28)
        self.number = number
        self.name = pack_name(("127.0.0.1", 2000 + number), socket.AF_INET)
        self.source = PacketSource(OpusDecoder())
        incoming = session(theirs, IN)
        self.ingress = Ingress(self.source, {111: OpusCodec()}, incoming.unprotect, level_id=LEVEL_ID)
        self.ingress.stream.attach(world.receive, incoming, lambda index: world.receive.directory.aim(self.name, index))
        self.stream = TableStream(AGREED, 1000 + number, level_id=LEVEL_ID * (number % 3 != 1))
        self.stream.attach(world.send, session(ours, OUT), ("127.0.0.1", 3000 + number))
        self.ear = session(ours, IN)
        self.sink = EgressSink(OpusCodec(), AGREED, self.stream, red=RED)
        self.sink.open()
        self.participant = Participant(
            id=f"p{number}", name="", transport="webrtc", joined_at=0.0, source=self.source, sink=self.sink
        )


class Watcher(RoomObserver):
    """Wants to be told of each packet."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def packet_forwarded(self, talker: Participant, listeners: Any, *packet: Any) -> None:
        self.told.append((talker.id, tuple(one.id for one in listeners), packet))


class World:
    """A port and a room; all that comes is taken in by the tables, or one by one."""

    def __init__(self, people: int, *, columns_from: int) -> None:
        random.seed(people)
        self.now_ns = 0
        self.soon: list[Callable[[], None]] = []
        self.wire = Wire()
        self.stats = MuxStats()
        self.receive = ReceiveTable(self.stats)
        self.receive.columns_from = self.receive.forwarding_from = columns_from
        self.send = SendTable(self.wire, self.soon.append, lambda: self.now_ns)
        self.batch = DatagramBatch(64, 2048)
        self.events: list[Published] = []
        self.room = Room("room", 0.0, self.events.append)
        self.people = [Person(number, self) for number in range(people)]
        self.watcher = Watcher()
        self.in_use = False  # the fast path is, on this tick
        self.end_watch: Callable[[], None] = lambda: None

    def read(self, waiting: list[tuple[int, bytes, int]], last: Collection[int] = ()) -> list[int]:
        """Take in datagrams: whose, what, and when they came; some of them last. Returns what was taken in singly."""
        for place, (number, datagram, _) in enumerate(waiting):
            self.batch.data[place, : len(datagram)] = np.frombuffer(datagram, np.uint8)
            self.batch.lengths[place] = len(datagram)
            self.batch.names[place] = np.frombuffer(self.people[number].name, np.uint8)
        arrivals = np.array([one[2] for one in waiting], np.int64)
        with mock.patch.object(DatagramBatch, "send", lambda batch, _, first, last: self.wire.keep(batch, first, last)):
            singly = list(self.receive.take(self.batch, len(waiting), arrivals))
            for place in sorted(singly, key=last.__contains__):
                person = self.people[waiting[place][0]]
                person.ingress.receive(self.batch.datagram(place), waiting[place][2])
            self.flush()
        return singly

    def flush(self) -> None:
        while self.soon:
            self.soon.pop(0)()

    def tick(self, tick: int) -> None:
        with mock.patch.object(DatagramBatch, "send", lambda batch, _, first, last: self.wire.keep(batch, first, last)):
            self.room.tick(tick, tick * TICK_NS)
            self.flush()
        self.in_use = self.receive.forwards.in_use

    def act(self, action: str, number: int) -> None:
        """Somebody does something, or something is done to them."""
        room, person = self.room, self.people[number]
        their_id = person.participant.id
        if action == "watch":
            self.end_watch()
            self.end_watch = room.observe(self.watcher)
        elif action == "unwatch":
            self.end_watch()
        elif action in ("loss", "no loss"):
            person.sink.note_loss(0.5 if action == "loss" else 0.0, self.now_ns)
        elif action == "another route":
            person.stream.attach(self.send, session(bytes([number]) * 28, OUT), ("127.0.0.1", 4000 + number))
        elif action == "come or go" and their_id not in room.participants:
            room.add(person.participant)
        elif their_id in room.participants:
            self._act_here(action, person.participant)

    def _act_here(self, action: str, participant: Participant) -> None:
        match action:
            case "come or go":
                self.room.remove(participant.id, "left")
            case "mute":
                self.room.set_muted(participant.id, not participant.muted)
            case "half":
                self.room.set_gain(None, participant.id, 0.5)
            case "whole":
                self.room.set_gain(None, participant.id, None)

    def known(self) -> list[object]:
        """What is known of everybody."""
        return [
            self.events, dict(self.room.forwarded), self.wire.counted, self.watcher.told,
            [
                (
                    one.participant.level, one.participant.talking, one.participant.muted, one.source.bitrate,
                    one.ingress.stats, [*one.ingress.stream.row[:10]],
                    one.sink.stats, one.stream.timestamp(self.now_ns), one.source.plays, one.source.idle,
                )
                for one in self.people
            ],
        ]  # fmt: skip

    def settled(self) -> list[object]:
        """The same, and more: to be known, it has to be taken in."""
        return [
            (
                one.source.stats, one.source.expected_level, one.source.quiet_ms(self.now_ns), one.source.delay_ms,
                list(one.stream._continuity.row), list(one.source._forwarding._packets._recent),
            )
            for one in self.people
        ]  # fmt: skip


@dataclass(frozen=True)
class Sending:
    """What somebody sends in a tick."""

    level: int
    kind: str = "usual"
    way: str = "in time"


KINDS = ["two frames", "half as long", "pause", "long", "longest"]
WAYS = ["lost", "late", "twice", "forged", "jump", "clock jumps", "plain", "other stream", "marked"]
USUAL = [Sending(LOUD), Sending(LOUD), Sending(-49), Sending(QUIET), Sending(SILENT)]
SENDINGS = st.one_of(
    st.sampled_from(USUAL),
    st.sampled_from(USUAL),
    st.builds(Sending, st.sampled_from([LOUD, SILENT]), st.sampled_from(KINDS)),
    st.builds(Sending, st.sampled_from([LOUD, SILENT]), st.just("usual"), st.sampled_from(WAYS)),
)
ACTIONS = [
    "come or go", "mute", "half", "whole", "watch", "unwatch", "loss", "no loss", "another route",
]  # fmt: skip


class Senders:
    """What everybody sends, as datagrams: the same for all worlds."""

    def __init__(self, people: int, sequence: int) -> None:
        self._sessions = [session(random.Random(number).randbytes(28), OUT) for number in range(people)]
        self._ahead = [sequence] * people
        self._clocks = [0xFFFFFFFF - 20 * FRAME_SAMPLES] * people
        self._held: list[list[bytes]] = [[] for _ in range(people)]

    def datagrams(self, number: int, tick: int, sending: Sending) -> list[bytes]:
        self._ahead[number] += 20_000 * (sending.way == "jump")
        self._clocks[number] += 500_000 * (sending.way == "clock jumps")
        sequence, timestamp = self._ahead[number] + tick, self._clocks[number] + tick * FRAME_SAMPLES
        ssrc = number + 1 + 1000 * (sending.way == "other stream")
        first, second = (0x80, 111) if sending.way == "plain" else (0x90, 111 | 0x80 * (sending.way == "marked"))
        head = struct.pack("!BBHLL", first, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        extension = struct.pack("!HHBBH", 0xBEDE, 1, LEVEL_ID << 4, -sending.level, 0) if first & 0x10 else b""
        protected = self._sessions[number].protect(head + extension + payload(sending.kind, sending.level, tick))
        if protected is None:
            return []
        held, self._held[number] = self._held[number], []
        match sending.way:
            case "lost":
                return held
            case "late":
                self._held[number] = [protected]
                return held
            case "twice":
                return [protected, protected, *held]
            case "forged":
                return [protected[:-1] + bytes([protected[-1] ^ 1]), *held]
        return [protected, *held]


def run(
    script: Sequence[tuple[Sending, ...]],
    actions: dict[int, tuple[str, int]],
    *,
    here: int,
    calm: int = 60,
    columns_from: int = 1,
    sequence: int = 65_500,
    reads: tuple[int, ...] = (1,),
) -> tuple[World, World]:
    """Let the same happen to two worlds, and see that it comes to the same."""
    people = len(script[0])
    by_table, singly = World(people, columns_from=columns_from), World(people, columns_from=OFF)
    worlds = by_table, singly
    for world in worlds:
        for person in world.people[:here]:
            world.room.add(person.participant)
    senders = Senders(people, sequence)
    waiting: list[tuple[int, bytes, int]] = []
    unread = 0
    with mock.patch.object(random, "uniform", lambda low, _: low):
        for tick, sendings in enumerate([*[(Sending(LOUD),) * people] * calm, *script], 1):
            now_ns = tick * TICK_NS
            for number, sending in enumerate(sendings):
                at_ns = now_ns - 5_000_000 + 1000 * number
                waiting += [(number, one, at_ns) for one in senders.datagrams(number, tick, sending)]
            unread += 1
            due = unread >= reads[tick % len(reads)]
            left: list[int] = []
            for world in worlds:
                world.now_ns = now_ns
                if tick - calm in actions:
                    world.act(*actions[tick - calm])
                if due:
                    left = world.read(waiting, left)
                world.tick(tick)
            if due:
                waiting, unread = [], 0
            assert by_table.known() == singly.known()
            assert by_table.wire.sent == singly.wire.sent
    assert by_table.settled() == singly.settled()
    assert by_table.stats.errors == 0
    return worlds


@settings(max_examples=25, deadline=None, phases=[Phase.generate])
@given(
    script=st.lists(st.tuples(*[SENDINGS] * 4), min_size=5, max_size=50),
    actions=st.dictionaries(st.integers(1, 50), st.tuples(st.sampled_from(ACTIONS), st.integers(0, 3)), max_size=6),
    here=st.integers(1, 4),
    columns_from=st.sampled_from([1, 3]),
    reads=st.sampled_from([(1,), (1, 2, 3), (2,)]),
)
def test_whatever_is_sent_goes_on_as_one_by_one(
    script: Sequence[tuple[Sending, ...]],
    actions: dict[int, tuple[str, int]],
    here: int,
    columns_from: int,
    reads: tuple[int, ...],
) -> None:
    run(script, actions, here=here, columns_from=columns_from, reads=reads)


def heard(world: World, number: int) -> list[RtpPacket]:
    """What somebody has got, decrypted."""
    person = world.people[number]
    found = world.wire.sent[pack_name(("127.0.0.1", 3000 + number), socket.AF_INET)]
    plain = [person.ear.unprotect(one) for one in found]
    return [parse_rtp(one, LEVEL_ID) for one in plain if one is not None]


def test_a_call_of_two_is_handed_on_by_the_table_but_for_a_look_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[int] = []
    push = PacketSource.push

    def noted(source: PacketSource, *args: Any, **more: Any) -> None:
        came.append(args[0])
        push(source, *args, **more)

    monkeypatch.setattr(PacketSource, "push", noted)
    by_table, singly = run([(Sending(LOUD),) * 2] * 1000, {}, here=2, calm=0)
    one_by_one = 2 * 1000
    assert len(came) - one_by_one < 2 * 30, "all others went by the table"
    got = heard(by_table, 0)
    assert [one.payload for one in got[-900:]] == [payload("usual", LOUD, tick) for tick in range(101, 1001)]
    assert [one.level for one in got[-900:]] == [LOUD] * 900
    assert all(one.level is None for one in heard(by_table, 1)), "who has not agreed on levels gets none"
    assert by_table.people[0].source.stats.forwarded > 950
    assert singly.people[0].source.stats.forwarded > 950


def test_numbers_and_times_go_round() -> None:
    run([(Sending(LOUD),) * 2] * 150, {}, here=2, sequence=65_536 - 100)


def test_a_third_who_comes_ends_it_and_who_talks_alone_goes_on_by_the_table() -> None:
    alone = (Sending(LOUD), Sending(SILENT), Sending(SILENT))
    pause = [(Sending(SILENT),) * 3] * 30
    script = [(Sending(LOUD),) * 3, *pause, *[alone] * 40, *pause, *[alone] * 60]
    by_table, _ = run(script, {1: ("come or go", 2)}, here=2)
    assert by_table.room.forwarded["p1"] == by_table.room.forwarded["p2"] == "p0"
    assert by_table.in_use


@pytest.mark.parametrize(("listeners", "opens"), [(MOST_LISTENERS, True), (MOST_LISTENERS + 1, False), (0, False)])
def test_no_stream_is_touched_for_more_listeners_than_can_be(listeners: int, opens: bool) -> None:
    world = World(max(1, listeners), columns_from=1)
    path = world.people[0].ingress.stream.fast_path
    path.enter(world.receive.forwards, 0)
    for one in world.people:
        one.sink.forward(1, FRAME_SAMPLES, FRAME_SAMPLES, payload("usual", LOUD, 1), 0, LOUD)
    terms = FastPathTerms(10, FRAME_SAMPLES, NO_LEVEL, 0, 1, 0, None, -50, 32_000.0)
    with mock.patch.object(
        TableStream, "begin_fast_path", autospec=True, side_effect=TableStream.begin_fast_path
    ) as begun:
        path.open([one.sink for one in world.people[:listeners]], terms)
    assert path.is_open is opens
    assert begun.call_count == (listeners if opens else 0)
