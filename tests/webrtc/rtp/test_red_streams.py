"""Redundant audio on its way: packets that come only inside later ones, and packets sent twice to who loses some."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.playout.fast_path import FastPath
from conference.playout.receive_gate import SilenceBypass
from conference.webrtc.receive.ingress import TAKEOVER_NS, Ingress
from conference.webrtc.rtp.packet import build_rtp, parse_rtp
from conference.webrtc.rtp.red import Block, build_red, parse_red
from conference.webrtc.sdp.codecs import may_repeat
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.stream import SingleStream
from tests.webrtc.receive.test_table import LEVEL_ID, with_level

OPUS, RED, PCMU = 111, 63, 0
SECOND = 1_000_000_000


class Taken:
    """A source that writes down what it is told."""

    def __init__(self) -> None:
        self.pushed: list[tuple[int, int, bytes, bool]] = []
        self.levels: list[int | None] = []
        self.restarts = 0
        self.bypass: SilenceBypass | None = None
        self.fast_path: FastPath | None = None

    def push(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        arrival_ns: int,
        level: int | None = None,
        *,
        redundant: bool = False,
    ) -> None:
        del arrival_ns
        self.levels.append(level)
        self.pushed.append((sequence, timestamp, payload, redundant))

    def restart(self, decoder: object = None) -> None:
        del decoder
        self.restarts += 1


def make() -> tuple[Ingress, Taken]:
    source = Taken()
    return Ingress(source, {OPUS: OpusCodec(), PCMU: PcmuCodec()}, lambda packet: packet, red=RED), source


def payload(number: int) -> bytes:
    """A packet of 20 ms (its first byte says so) that can be told from others."""
    return b"\x78" + number.to_bytes(4, "big")


def red_packet(number: int, depth: int = 1, ssrc: int = 1) -> bytes:
    """The packet of a tick, with those before it inside."""
    blocks = [Block(OPUS, 960 * back, payload(number - back)) for back in range(min(depth, number), 0, -1)]
    data = build_red(OPUS, payload(number), blocks)
    return build_rtp(RED, False, number & 0xFFFF, number * 960 & 0xFFFFFFFF, ssrc, data)


def test_a_stream_that_follows_another_has_numbers_of_its_own() -> None:
    """Or else, what it repeats would be taken for what is here already."""
    ingress, source = make()
    for number in (9, 10, 11, 12):
        ingress.receive(red_packet(number), number)
    before = len(source.pushed)
    for number in (10, 12):
        ingress.receive(red_packet(number, ssrc=2), 2 * TAKEOVER_NS + number)
    assert [(number, redundant) for number, _, _, redundant in source.pushed[before:]] == [
        (9, True),
        (10, False),
        (11, True),
        (12, False),
    ]


def test_a_lost_packet_is_taken_from_the_next_one_with_its_own_number_and_time() -> None:
    ingress, source = make()
    for number in (10, 11, 13):
        ingress.receive(red_packet(number), number)
    assert source.pushed[1:] == [
        (10, 9600, payload(10), False),
        (11, 11 * 960, payload(11), False),
        (12, 12 * 960, payload(12), True),
        (13, 13 * 960, payload(13), False),
    ]
    assert ingress.reception.lost == 1, "the network did lose it"


def test_what_is_taken_from_a_packet_comes_with_the_level_of_that_one() -> None:
    source = Taken()
    ingress = Ingress(source, {OPUS: OpusCodec()}, lambda packet: packet, red=RED, level_id=LEVEL_ID)
    for number, level in ((10, -30), (12, -60)):
        data = build_red(OPUS, payload(number), [Block(OPUS, 960, payload(number - 1))])
        ingress.receive(with_level(number, 1, data, level, RED), number)
    assert list(zip([number for number, *_ in source.pushed], source.levels, strict=True)) == [
        (9, -30), (10, -30), (11, -60), (12, -60),
    ]  # fmt: skip


@given(st.sets(st.integers(1, 60), max_size=40), st.integers(1, 3), st.integers(65_500, 65_530))
def test_what_is_lost_for_no_longer_than_is_repeated_all_arrives_and_once(
    lost: set[int], depth: int, first: int
) -> None:
    ingress, source = make()
    sent = range(first, first + 64)
    missing = {first + one for one in lost}
    for number in sent:
        if number not in missing:
            ingress.receive(red_packet(number, depth), number)
    expected = {n for n in sent if any(n + later in sent and n + later not in missing for later in range(depth + 1))}
    found = [int.from_bytes(data[1:], "big") for _, _, data, _ in source.pushed]
    assert sorted(one for one in found if one >= first) == sorted(expected)
    for sequence, timestamp, data, _ in source.pushed:
        number = int.from_bytes(data[1:], "big")
        assert (sequence, timestamp) == (number & 0xFFFF, number * 960 & 0xFFFFFFFF)


def test_plain_and_redundant_packets_are_one_stream() -> None:
    ingress, source = make()
    ingress.receive(build_rtp(OPUS, True, 1, 960, 1, payload(1)), 0)
    ingress.receive(red_packet(2), 1)
    ingress.receive(build_rtp(OPUS, False, 3, 3 * 960, 1, payload(3)), 2)
    assert [sequence for sequence, *_ in source.pushed] == [1, 2, 3]
    assert source.restarts == 0


def test_redundancy_of_another_format_is_malformed() -> None:
    ingress, source = make()
    data = build_red(OPUS, payload(2), [Block(PCMU, 960, payload(1))])
    assert ingress.receive(build_rtp(RED, False, 2, 1920, 1, data), 0), "authentic all the same"
    assert (source.pushed, ingress.stats.malformed) == ([], 1)


@given(st.lists(st.binary(max_size=80), max_size=30))
def test_no_bytes_inside_make_it_raise(datas: list[bytes]) -> None:
    ingress, source = make()
    for number, data in enumerate(datas):
        ingress.receive(build_rtp(RED, False, number, number * 960, 1, data), number)
        ingress.receive(build_rtp(RED, False, number, number * 960, 1, bytes([0x80 | OPUS]) + data), number)
    assert all(data for _, _, data, _ in source.pushed)


class Wire:
    """A sink whose packets are kept."""

    def __init__(self, red: int | None = RED, fmtp: str = "") -> None:
        parameters = tuple((name, value) for name, _, value in (one.partition("=") for one in fmtp.split(";")))
        self.packets: list[bytes] = []
        agreed = Format(OPUS, "opus", parameters)
        self.sink = EgressSink(OpusCodec(), agreed, SingleStream(agreed, 77, self.transmit, lambda: 1), red=red)
        self.sink.open()

    def transmit(self, packet: bytes) -> bool:
        self.packets.append(packet)
        return True

    def lose(self, fraction: float, seconds: int = 10) -> None:
        for second in range(seconds):
            self.sink.note_loss(fraction, second * SECOND)

    def send(self, *payloads: bytes | None) -> list[tuple[int, bytes]]:
        """Payload type and payload of what went out."""
        self.packets.clear()
        for tick, data in enumerate(payloads):
            self.sink.send(tick, data)
        return [(one.payload_type, one.payload) for one in map(parse_rtp, self.packets)]


def test_who_loses_nothing_gets_plain_packets() -> None:
    assert Wire().send(b"a", b"b") == [(OPUS, b"a"), (OPUS, b"b")]


def test_who_loses_packets_gets_each_twice() -> None:
    wire = Wire()
    wire.lose(0.05)
    first, second, third = wire.send(b"a", b"b", b"c")
    assert first == (OPUS, b"a")
    assert (second[0], parse_red(second[1])) == (RED, [Block(OPUS, 960, b"a"), Block(OPUS, 0, b"b")])
    assert (third[0], parse_red(third[1])) == (RED, [Block(OPUS, 960, b"b"), Block(OPUS, 0, b"c")])
    assert wire.sink.stats.repeated == 2


def test_what_was_sent_before_a_pause_is_not_repeated_after_it() -> None:
    wire = Wire()
    wire.lose(0.05)
    assert wire.send(b"a", None, b"b") == [(OPUS, b"a"), (OPUS, b"b")]


def test_when_loss_ends_repeating_ends() -> None:
    wire = Wire()
    wire.lose(0.05)
    wire.lose(0.0, 60)
    assert wire.send(b"a", b"b") == [(OPUS, b"a"), (OPUS, b"b")]


def test_who_does_not_speak_it_gets_plain_packets_and_wants_fec() -> None:
    wire = Wire(red=None)
    wire.lose(0.05)
    assert wire.send(b"a", b"b") == [(OPUS, b"a"), (OPUS, b"b")]
    assert wire.sink.expected_loss == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize("wire", [Wire(), Wire(red=None, fmtp="useinbandfec=0")])
def test_who_cannot_use_fec_or_has_something_better_costs_the_others_none(wire: Wire) -> None:
    wire.lose(0.2)
    assert wire.sink.expected_loss == 0


@pytest.mark.parametrize(("asked", "room"), [(None, True), ("96000", True), ("64000", False)])
def test_nothing_is_repeated_beyond_what_a_listener_allows(asked: str | None, room: bool) -> None:
    parameters = () if asked is None else (("maxaveragebitrate", asked),)
    assert may_repeat(Format(OPUS, "opus", parameters), 48_000) == room


def test_who_loses_packets_gets_what_is_sent_on_twice_too() -> None:
    wire = Wire()
    wire.lose(0.05)
    for number in (1, 2, 4):  # the third was lost on its way here
        wire.sink.forward(number, number * 960, 960, payload(number), number)
    sent = [parse_rtp(one) for one in wire.packets]
    assert [one.payload_type for one in sent] == [OPUS, RED, OPUS]
    assert parse_red(sent[1].payload) == [Block(OPUS, 960, payload(1)), Block(OPUS, 0, payload(2))]
    assert sent[2].payload == payload(4)
