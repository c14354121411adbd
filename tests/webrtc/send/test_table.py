"""What goes out by the table is, packet by packet, what a stream on its own would send."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise

import pylibsrtp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.stream import SendStream, SingleStream
from conference.webrtc.send.table import MAX_PAYLOAD, PLACES, SendTable
from conference.webrtc.send.table_stream import TableStream
from conference.webrtc.udp import datagrams
from tests.webrtc.stock import LOOPBACK

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not datagrams.AVAILABLE, reason="MISSING: sendmmsg, which this system does not have"),
]

PROFILE = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM
OUT, IN = pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND
AGREED = Format(111, "opus")


def session(key: bytes, kind: int, ssrc: int = 0) -> SrtpSession:
    return SrtpSession(
        pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=kind, ssrc_value=ssrc, srtp_profile=PROFILE))
    )


class Kept:
    """Takes packets."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def take(self, packet: bytes) -> bool:
        self.packets.append(packet)
        return True


class Shared:
    """A socket, and what is counted of it."""

    def __init__(self) -> None:
        self.sock = udp()
        self.sent = self.failed = 0

    def sendto(self, data: bytes, address: tuple[str, int]) -> bool:
        self.sock.sendto(data, address)
        self.sent += 1
        return True

    def note_sent(self, sent: int, failed: int) -> None:
        self.sent += sent
        self.failed += failed


def udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((LOOPBACK, 0))
    sock.setblocking(False)
    return sock


class Wires:
    """Some peers, each with a socket of their own, and streams to them through one table."""

    def __init__(self, people: int) -> None:
        self.now_ns = 1
        self.soon: list[Callable[[], None]] = []
        self.shared = Shared()
        self.table = SendTable(self.shared, self.soon.append, lambda: self.now_ns)
        self.ears = [udp() for _ in range(people)]
        self.streams: list[TableStream] = []
        self.incoming: list[SrtpSession] = []
        for number, ear in enumerate(self.ears):
            key = os.urandom(28)
            stream = TableStream(AGREED, 1000 + number)
            stream.attach(self.table, session(key, OUT), ear.getsockname())
            self.streams.append(stream)
            self.incoming.append(session(key, IN))

    def settle(self) -> None:
        """Let the event loop do what it was asked to do soon."""
        while self.soon:
            self.soon.pop(0)()

    def heard(self, number: int) -> list[bytes]:
        """What has come to one of them, decrypted."""
        found = []
        try:
            while True:
                plain = self.incoming[number].unprotect(self.ears[number].recv(4096))
                assert plain is not None
                found.append(plain)
        except BlockingIOError:
            return found

    def close(self) -> None:
        for sock in (self.shared.sock, *self.ears):
            sock.close()


@pytest.fixture
def wires() -> Iterator[Wires]:
    wires = Wires(3)
    yield wires
    wires.close()


@st.composite
def ticks(draw: st.DrawFn) -> list[list[bytes | None]]:
    """What each of three is sent on each tick: often the same."""
    payloads = st.one_of(
        st.none(), st.sampled_from([b"a", b"bb", bytes(100)]), st.integers(1, 1200).map(lambda size: bytes([7]) * size)
    )
    return draw(st.lists(st.lists(payloads, min_size=3, max_size=3), min_size=1, max_size=12))


@settings(max_examples=60, deadline=None)
@given(said=ticks(), between=st.booleans())
def test_it_sends_what_streams_on_their_own_would(said: list[list[bytes | None]], between: bool) -> None:
    wires = Wires(3)
    try:
        alone = [Kept() for _ in range(3)]
        solos = [SingleStream(AGREED, 1000 + number, kept.take, lambda: 1) for number, kept in enumerate(alone)]
        for tick, payloads in enumerate(said):
            for number, payload in enumerate(payloads):
                if payload is not None:
                    wires.streams[number].post(tick, payload)
                    solos[number].post(tick, payload)
            if between:
                wires.settle()
        wires.settle()
        for number in range(3):
            together = wires.heard(number)
            assert len(together) == len(alone[number].packets)
            for one, other in zip(together, alone[number].packets, strict=True):
                ours, theirs, first, begin = map(parse_rtp, (one, other, together[0], alone[number].packets[0]))
                assert one[1] == other[1], "payload type and marker"
                assert (ours.payload, ours.ssrc) == (theirs.payload, theirs.ssrc)
                assert (ours.sequence - first.sequence) & 0xFFFF == (theirs.sequence - begin.sequence) & 0xFFFF
                assert (ours.timestamp - first.timestamp - theirs.timestamp + begin.timestamp) & 0xFFFFFFFF == 0
            stats, expected = wires.streams[number].stats, solos[number].stats
            assert (stats.packets, stats.bytes, stats.failed) == (expected.packets, expected.bytes, 0)
    finally:
        wires.close()


@st.composite
def mixed(draw: st.DrawFn) -> list[list[tuple[str, int]]]:
    """What each of three gets on each tick: a packet of ours, or one or two sent on, or nothing; and their sizes."""
    doing = st.tuples(st.sampled_from(["ours", "sent on", "twice", "another's", "nothing"]), st.integers(1, 1200))
    return draw(st.lists(st.lists(doing, min_size=3, max_size=3), min_size=1, max_size=15))


@settings(max_examples=60, deadline=None)
@given(doings=mixed(), between=st.booleans())
def test_what_is_sent_on_goes_as_on_a_stream_on_its_own(doings: list[list[tuple[str, int]]], between: bool) -> None:
    wires = Wires(3)
    try:
        alone = [Kept() for _ in range(3)]
        solos = [
            SingleStream(AGREED, 1000 + number, kept.take, lambda: wires.now_ns) for number, kept in enumerate(alone)
        ]
        for tick, doing in enumerate(doings, 1):
            wires.now_ns = tick * 20_000_000
            for number, (what, size) in enumerate(doing):
                for stream in (wires.streams[number], solos[number]):
                    act(stream, what, tick, bytes([tick]) * size, wires.now_ns)
            if between:
                wires.settle()
        wires.settle()
        for number in range(3):
            together, expected = wires.heard(number), alone[number].packets
            assert [parse_rtp(one).payload for one in together] == [parse_rtp(one).payload for one in expected]
            assert [one[1] for one in together] == [one[1] for one in expected], "payload types and markers"
            for one, other in zip(together, expected, strict=True):
                ours, theirs, first, begin = map(parse_rtp, (one, other, together[0], expected[0]))
                assert (ours.sequence - first.sequence) & 0xFFFF == (theirs.sequence - begin.sequence) & 0xFFFF
                assert (ours.timestamp - first.timestamp - theirs.timestamp + begin.timestamp) & 0xFFFFFFFF == 0
            stats, counted = wires.streams[number].stats, solos[number].stats
            assert (stats.packets, stats.bytes, stats.failed) == (counted.packets, counted.bytes, 0)
    finally:
        wires.close()


def act(stream: SendStream, what: str, tick: int, payload: bytes, now_ns: int) -> None:
    if what == "ours":
        stream.restart_forwarding()
        stream.post(tick, payload)
    if what == "another's":
        stream.restart_forwarding()
        stream.forward(tick + 40_000, tick * 960 + 77_777, 960, payload, now_ns)
    if what == "twice":
        stream.forward(2 * tick - 1, tick * 960 - 480, 480, payload, now_ns - 10_000_000)
    if what in ("sent on", "twice"):
        stream.forward(2 * tick, tick * 960, 480, payload, now_ns)


def test_a_listener_s_line_goes_on_from_our_packets_to_those_sent_on_and_back(wires: Wires) -> None:
    stream = wires.streams[0]
    for tick in range(1, 13):
        wires.now_ns = tick * 20_000_000
        if 5 <= tick < 9:
            stream.forward(tick, tick * 960 + 555, 960, b"theirs", wires.now_ns)
        else:
            stream.restart_forwarding()
            stream.post(tick, b"ours")
        wires.settle()
    packets = [parse_rtp(one) for one in wires.heard(0)]
    steps = [
        ((b.sequence - a.sequence) & 0xFFFF, (b.timestamp - a.timestamp) & 0xFFFFFFFF) for a, b in pairwise(packets)
    ]
    assert steps == [(1, 960)] * 11


@pytest.mark.parametrize("wait", [True, False])
def test_a_packet_has_the_type_that_it_was_posted_with_however_long_it_waits(wires: Wires, wait: bool) -> None:
    stream = wires.streams[0]
    types = (111, 63, 63, 111, 63)
    for tick, number in enumerate(types):
        stream.payload_type = number
        stream.post(tick, bytes([number]))
        stream.payload_type = 9  # for nothing
        if not wait:
            wires.settle()
    wires.settle()
    assert [one.payload_type for one in map(parse_rtp, wires.heard(0))] == list(types)


def test_more_than_fit_at_once_all_get_theirs() -> None:
    wires = Wires(1)
    ear = wires.ears[0]
    try:
        streams = [TableStream(AGREED, 5000 + number) for number in range(5 * PLACES + 3)]
        for stream in streams:
            stream.attach(wires.table, session(bytes(28), OUT), ear.getsockname())
            stream.post(0, b"all of you")
        wires.settle()
        assert {stream.stats.packets for stream in streams} == {1}
        assert (wires.shared.sent, wires.shared.failed) == (len(streams), 0)
    finally:
        wires.close()


def test_a_moment_has_the_timestamp_that_a_packet_of_that_moment_would_have(wires: Wires) -> None:
    stream = wires.streams[0]
    assert stream.timestamp(5) is None, "nothing was sent yet"
    wires.now_ns = 1_000_000_000
    stream.post(7, b"a")
    wires.settle()
    sent = parse_rtp(wires.heard(0)[0]).timestamp
    for units in (0, 1, 2, 24_000):
        assert stream.timestamp(1_000_000_000 + units * 20_833 + units) == (sent + units) & 0xFFFFFFFF
    wires.now_ns = 1_400_000_000
    wires.streams[1].post(27, b"somebody else's")
    wires.settle()
    assert stream.timestamp(1_500_000_000) == (sent + 24_000) & 0xFFFFFFFF
    stream.close()
    assert stream.timestamp(1_500_000_000) is None


def test_who_leaves_before_the_packets_go_gets_none(wires: Wires) -> None:
    for stream in wires.streams:
        stream.post(0, b"a")
    wires.streams[1].close()
    wires.settle()
    assert [len(wires.heard(number)) for number in range(3)] == [1, 0, 1]
    wires.streams[1].post(1, b"b")
    wires.settle()
    assert wires.heard(1) == []
    assert wires.streams[1].stats.packets == 0


def test_whoever_takes_a_place_that_was_left_gets_nothing_of_the_one_before(wires: Wires) -> None:
    wires.streams[1].post(0, b"for Ben")
    outgoing, ear = wires.table.sessions[wires.streams[1]._index], wires.ears[1]
    assert outgoing is not None
    wires.streams[1].close()
    stream = TableStream(AGREED, 99)
    stream.attach(wires.table, outgoing, ear.getsockname())
    wires.settle()
    assert wires.heard(1) == []


def test_a_stream_goes_on_where_it_was_on_another_path(wires: Wires) -> None:
    stream = wires.streams[0]
    stream.post(0, b"a")
    wires.settle()
    outgoing = wires.table.sessions[stream._index]
    assert outgoing is not None
    other = udp()
    stream.attach(wires.table, outgoing, other.getsockname())
    stream.post(1, b"b")
    wires.settle()
    first = parse_rtp(wires.heard(0)[0])
    protected = other.recv(4096)
    other.close()
    plain = wires.incoming[0].unprotect(protected)
    assert plain is not None
    second = parse_rtp(plain)
    assert (second.sequence - first.sequence) & 0xFFFF == 1
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 960
    assert plain[1] == 111, "no marker: there was no gap"


def test_what_libsrtp_refuses_is_not_sent_in_the_clear(wires: Wires) -> None:
    for_another_stream = session(bytes(28), pylibsrtp.Policy.SSRC_SPECIFIC, ssrc=1)
    wires.streams[1].attach(wires.table, for_another_stream, wires.ears[1].getsockname())
    for stream in wires.streams:
        stream.post(0, b"a")
    wires.settle()
    assert [len(wires.heard(number)) for number in (0, 2)] == [1, 1]
    with pytest.raises(BlockingIOError):
        wires.ears[1].recv(4096)
    assert (wires.streams[1].stats.packets, wires.streams[1].stats.failed) == (0, 1)


def test_a_long_payload_goes_alone(wires: Wires) -> None:
    wires.streams[0].post(0, bytes(MAX_PAYLOAD + 1))
    wires.streams[1].post(0, bytes(MAX_PAYLOAD))
    wires.settle()
    assert [len(parse_rtp(wires.heard(number)[0]).payload) for number in (0, 1)] == [MAX_PAYLOAD + 1, MAX_PAYLOAD]


def test_a_closed_socket_loses_packets_and_nothing_else(wires: Wires) -> None:
    wires.streams[0].post(0, b"a")
    wires.shared.sock.close()
    wires.settle()
    assert wires.streams[0].stats.failed == 1


def test_addresses_are_packed_and_unpacked() -> None:
    for address, family in ((("192.0.2.7", 50000), socket.AF_INET), (("2001:db8::7", 443), socket.AF_INET6)):
        name = datagrams.pack_name(address, family)
        assert len(name) == datagrams.NAME_BYTES
        assert datagrams.unpack_name(name) == address
    with pytest.raises(OSError, match="illegal IP address"):
        datagrams.pack_name(("2001:db8::7", 443), socket.AF_INET)
