from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.codecs.base import Codec, Decoder
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.playout.fast_path import FastPath
from conference.playout.receive_gate import SilenceBypass
from conference.webrtc.receive.ingress import TAKEOVER_NS, Ingress
from conference.webrtc.receive.successor import STAY_NS
from conference.webrtc.rtp.packet import build_rtp
from conference.webrtc.settings import WebRtcSettings

OPUS, PCMU = 111, 0
AMY, BEN, EVE = 1, 2, 3


class Taken:
    """A source that writes down what it is told."""

    def __init__(self) -> None:
        self.pushed: list[tuple[int, int, bytes, int, int | None]] = []
        self.restarts: list[Decoder | None] = []
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


TICK_NS = 20_000_000


def play(ingress: Ingress, ssrc: int, first: int, count: int, now_ns: int) -> int:
    """Have packets of a stream come, one every 20 ms. Returns when the next one would."""
    for sequence in range(first, first + count):
        ingress.receive(packet(ssrc, sequence & 0xFFFF), now_ns)
        now_ns += TICK_NS
    return now_ns


def test_a_stream_that_follows_without_a_pause_loses_nothing() -> None:
    ingress, source = make()
    now_ns = play(ingress, AMY, 1, 50, 0)
    now_ns = play(ingress, BEN, 65_530, 50, now_ns)
    now_ns = play(ingress, AMY, 500, 50, now_ns)
    assert (len(source.pushed), ingress.stats.foreign, len(source.restarts)) == (150, 0, 2)
    assert ingress.ssrc == AMY
    assert [arrival for *_, arrival, _ in source.pushed] == [TICK_NS * number for number in range(150)]


def test_one_packet_of_another_stream_is_not_enough_and_two_are() -> None:
    ingress, _ = make()
    now_ns = play(ingress, AMY, 1, 5, 0)
    now_ns = play(ingress, BEN, 1, 1, now_ns)
    assert ingress.ssrc == AMY
    play(ingress, BEN, 2, 1, now_ns)
    assert ingress.ssrc == BEN


def test_packets_that_are_not_in_a_row_are_not_enough() -> None:
    ingress, _ = make()
    now_ns = play(ingress, AMY, 1, 5, 0)
    for sequence in (1, 1, 500, 100, 99):
        now_ns = play(ingress, BEN, sequence, 1, now_ns)
    now_ns = play(ingress, EVE, 100, 1, now_ns)
    assert (ingress.ssrc, ingress.stats.foreign) == (AMY, 6)


def test_a_stream_whose_packets_came_in_between_has_not_ended() -> None:
    """However they were read: those of known streams are handled first, whenever they came (see `table`)."""
    ingress, _ = make()
    ingress.receive(packet(AMY, 1), 0)
    ingress.receive(packet(BEN, 1), 20)
    ingress.receive(packet(AMY, 2), 30)
    ingress.receive(packet(BEN, 2), 40)
    assert ingress.ssrc == AMY
    ingress.receive(packet(AMY, 3), 70)
    ingress.receive(packet(BEN, 3), 60)
    ingress.receive(packet(BEN, 4), 80)
    assert ingress.ssrc == AMY


def test_forged_packets_take_nothing_over_and_keep_nobody_from_it() -> None:
    ingress, _ = make(key=b"secret")
    ingress.receive(packet(AMY, 1) + b"secret", 0)
    for sequence in range(1, 9):
        assert not ingress.receive(packet(EVE, sequence), TICK_NS)
    assert (ingress.ssrc, ingress.stats.unauthentic) == (AMY, 8)
    ingress.receive(packet(BEN, 1) + b"secret", 2 * TICK_NS)
    ingress.receive(packet(EVE, 7), 2 * TICK_NS)
    ingress.receive(packet(BEN, 9), 2 * TICK_NS)
    ingress.receive(packet(BEN, 2) + b"secret", 3 * TICK_NS)
    assert ingress.ssrc == BEN


def test_a_payload_type_that_was_not_agreed_on_takes_nothing_over() -> None:
    ingress, _ = make()
    ingress.receive(packet(AMY, 1), 0)
    for sequence in range(1, 9):
        ingress.receive(packet(BEN, sequence, payload_type=13), TICK_NS)
    assert (ingress.ssrc, ingress.stats.unknown_payload) == (AMY, 8)


def test_streams_that_take_turns_make_us_begin_anew_ten_times_a_second_at_most() -> None:
    ingress, source = make()
    now_ns = 0
    for turn in range(250):
        now_ns = play(ingress, (AMY, BEN)[turn % 2], 1 + 2 * turn, 2, now_ns)
    assert 0 < len(source.restarts) <= now_ns // STAY_NS + 1


def test_sixty_streams_one_after_the_other_are_all_heard() -> None:
    ingress, source = make()
    now_ns = 0
    for ssrc in range(1, 61):
        now_ns = play(ingress, ssrc, 7, 10, now_ns)
    assert (len(source.pushed), ingress.stats.foreign, ingress.ssrc) == (600, 0, 60)


def test_sixty_streams_at_once_are_one_that_is_heard() -> None:
    ingress, source = make()
    for sequence in range(1, 51):
        for ssrc in range(1, 61):
            ingress.receive(packet(ssrc, sequence), sequence * TICK_NS + ssrc)
    assert (ingress.ssrc, len(source.pushed), source.restarts) == (1, 50, [])


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
    for ssrc in range(1, 10 * WebRtcSettings.max_streams):
        ingress.receive(packet(ssrc), ssrc * TAKEOVER_NS)
    assert ingress.ssrc == WebRtcSettings.max_streams


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 10**12)), max_size=40))
def test_nothing_that_arrives_makes_it_raise(arrivals: list[tuple[bytes, int]]) -> None:
    ingress, source = make()
    for data, now_ns in arrivals:
        ingress.receive(data, now_ns)
        ingress.receive(bytes([0x80, OPUS]) + data, now_ns)
        ingress.receive(bytes([0xB0, PCMU]) + data, now_ns)
    assert all(payload for _, _, payload, _, _ in source.pushed)
