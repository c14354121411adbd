from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.codecs.base import Codec, Decoder
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.playout.gate import SilenceBypass
from conference.webrtc.receive.ingress import MAX_STREAMS, TAKEOVER_NS, Ingress
from conference.webrtc.rtp.packet import build_rtp

OPUS, PCMU = 111, 0
AMY, BEN, EVE = 1, 2, 3


class Taken:
    """A source that writes down what it is told."""

    def __init__(self) -> None:
        self.pushed: list[tuple[int, int, bytes, int, int | None]] = []
        self.restarts: list[Decoder | None] = []
        self.bypass: SilenceBypass | None = None

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
        del redundant
        self.pushed.append((sequence, timestamp, payload, arrival_ns, level))

    def restart(self, decoder: Decoder | None = None) -> None:
        self.restarts.append(decoder)


def make(announced: int | None = None, key: bytes = b"") -> tuple[Ingress, Taken]:
    """An ingress whose "SRTP" is a secret at the end of each packet."""

    def unprotect(packet: bytes) -> bytes | None:
        return packet[: len(packet) - len(key)] if packet.endswith(key) else None

    source = Taken()
    codecs: dict[int, Codec] = {OPUS: OpusCodec(), PCMU: PcmuCodec()}
    return Ingress(source, codecs, unprotect, level_id=1, announced=announced), source


def packet(ssrc: int, sequence: int = 1, payload_type: int = OPUS, payload: bytes = b"voice") -> bytes:
    return build_rtp(payload_type, False, sequence, sequence * 960, ssrc, payload)


def test_a_packet_reaches_its_source() -> None:
    ingress, source = make()
    assert ingress.receive(packet(AMY, 7), 5)
    assert source.pushed == [(7, 7 * 960, b"voice", 5, None)]
    assert source.restarts == []


def test_a_forged_packet_binds_nobody() -> None:
    ingress, source = make(key=b"secret")
    assert not ingress.receive(packet(EVE), 0)
    assert (source.pushed, ingress.stats.unauthentic) == ([], 1)
    assert ingress.receive(packet(AMY) + b"secret", 0)
    assert (ingress.ssrc, len(source.pushed)) == (AMY, 1)


def test_a_foreign_stream_is_not_heard_while_the_first_one_lives() -> None:
    ingress, source = make()
    for sequence in range(100):
        ingress.receive(packet(AMY, sequence), sequence * 20_000_000)
        ingress.receive(packet(EVE, sequence), sequence * 20_000_000)
    assert (len(source.pushed), ingress.stats.foreign, source.restarts) == (100, 100, [])


def test_another_stream_takes_over_when_the_first_has_fallen_silent() -> None:
    ingress, source = make()
    ingress.receive(packet(AMY), 0)
    ingress.receive(packet(BEN), TAKEOVER_NS - 1)
    assert ingress.ssrc == AMY
    ingress.receive(packet(BEN), TAKEOVER_NS)
    assert ingress.ssrc == BEN
    assert source.restarts == [None]


def test_the_announced_stream_takes_over_at_once() -> None:
    ingress, _ = make(announced=BEN)
    ingress.receive(packet(EVE), 0)
    ingress.receive(packet(BEN), 1)
    ingress.receive(packet(EVE), 2)
    assert ingress.ssrc == BEN


def test_a_change_of_codec_brings_its_decoder() -> None:
    ingress, source = make()
    ingress.receive(packet(AMY, 1), 0)
    ingress.receive(packet(AMY, 2, PCMU), 1)
    (decoder,) = source.restarts
    assert decoder is not None
    assert decoder.clock_rate == 8_000


def test_a_stream_that_starts_in_the_second_codec_gets_its_decoder() -> None:
    ingress, source = make()
    ingress.receive(packet(AMY, 1, PCMU), 0)
    assert [one.clock_rate for one in source.restarts if one is not None] == [8_000]


def test_payload_types_that_were_not_agreed_on_are_dropped() -> None:
    ingress, source = make()
    ingress.receive(packet(AMY, payload_type=13), 0)
    assert (source.pushed, ingress.stats.unknown_payload, ingress.ssrc) == ([], 1, None)


def test_an_empty_payload_is_not_handed_on() -> None:
    ingress, source = make()
    assert ingress.receive(packet(AMY, payload=b""), 0)
    assert (source.pushed, ingress.stats.malformed) == ([], 1)


def test_the_number_of_streams_is_bounded() -> None:
    ingress, _ = make()
    for ssrc in range(1, 10 * MAX_STREAMS):
        ingress.receive(packet(ssrc), ssrc * TAKEOVER_NS)
    assert ingress.ssrc == MAX_STREAMS


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 10**12)), max_size=40))
def test_nothing_that_arrives_makes_it_raise(arrivals: list[tuple[bytes, int]]) -> None:
    ingress, source = make()
    for data, now_ns in arrivals:
        ingress.receive(data, now_ns)
        ingress.receive(bytes([0x80, OPUS]) + data, now_ns)
        ingress.receive(bytes([0xB0, PCMU]) + data, now_ns)
    assert all(payload for _, _, payload, _, _ in source.pushed)
