from __future__ import annotations

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.rtp.rtcp import NtpClock, PeerReport, build_report, parse_rtcp
from conference.webrtc.rtp.statistics import RECEIVED, ReceptionStatistics

TICK_NS = 20_000_000


def received(sequences: list[int], statistics: ReceptionStatistics | None = None) -> ReceptionStatistics:
    statistics = statistics or ReceptionStatistics(48_000)
    for sequence in sequences:
        statistics.add(sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, sequence * TICK_NS)
    return statistics


@given(st.integers(0, 0xFFFF), st.integers(2, 3000), st.data())
def test_what_is_missing_is_lost_across_any_wrap(first: int, count: int, data: st.DataObject) -> None:
    sequences = range(first, first + count)
    missing = data.draw(st.sets(st.sampled_from(sequences[1:-1] or [first]), max_size=20)) - {first}
    statistics = received([one for one in sequences if one not in missing])
    assert statistics.lost == len(missing)
    assert statistics.highest_sequence & 0xFFFF == (first + count - 1) & 0xFFFF
    assert statistics.highest_sequence == first + count - 1


def test_what_is_lost_has_24_bits_with_a_sign() -> None:
    """RFC 3550, section 6.4.1: the cumulative number of packets lost."""
    most, statistics = 2**23, received([0, 1])
    statistics.row[RECEIVED] -= 2 * most
    assert statistics.lost == most - 1
    assert statistics.report(7, 0).packets_lost == most - 1
    statistics.row[RECEIVED] += 4 * most
    assert statistics.lost == -most


def test_reordered_packets_are_not_lost() -> None:
    assert received([1, 2, 5, 3, 4, 6]).lost == 0


def test_the_fraction_lost_covers_the_time_since_the_last_report() -> None:
    statistics = received([0, 1, 2, 3])
    assert statistics.report(7, 0).fraction_lost == 0
    received([4, 6, 8, 10], statistics)  # 3 of 7
    assert statistics.report(7, 0).fraction_lost == 3 * 256 // 7
    assert statistics.report(7, 0).fraction_lost == 0
    assert statistics.report(7, 0).packets_lost == 3


def test_even_arrivals_have_no_jitter_and_uneven_ones_do() -> None:
    assert received(list(range(100))).jitter == 0
    statistics = ReceptionStatistics(48_000)
    for sequence in range(1000):
        statistics.add(sequence, sequence * 960, sequence * TICK_NS + sequence % 2 * 5_000_000)
    assert 4.5 < statistics.jitter_ms < 5.5


def test_a_stream_that_starts_anew_is_not_a_loss_of_thousands() -> None:
    assert received([40_000, 40_001, 10, 11, 12]).lost == 0


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 2**62)), max_size=50))
def test_every_report_fits_its_fields(packets: list[tuple[int, int, int]]) -> None:
    statistics = ReceptionStatistics(8_000)
    statistics.sender_report(2**64 - 1, 0)
    for packet in packets:
        statistics.add(*packet)
        report = bytes(statistics.report(0xFFFFFFFF, packet[2]))
        assert RtcpReceiverInfo.parse(report).ssrc == 0xFFFFFFFF


def test_a_round_trip_is_what_is_left_of_the_time_since_our_report() -> None:
    ntp = NtpClock(1_700_000_000_000_000_000, 0)
    statistics = ReceptionStatistics(48_000)
    statistics.add(1, 1, 0)
    statistics.sender_report(ntp.at(1_000_000_000), 1_030_000_000)  # 30 ms on the way
    block = statistics.report(5, 1_500_000_000)
    told = PeerReport()
    told.update(block, ntp.at(1_560_000_000))  # 60 ms back
    assert told.round_trip_ms is not None
    assert abs(told.round_trip_ms - 90) < 0.1


def test_a_report_without_an_echo_tells_no_round_trip() -> None:
    told = PeerReport()
    told.update(RtcpReceiverInfo(1, 128, 5, 0, 3, 0, 0), 1 << 40)
    assert (told.fraction_lost, told.lost, told.jitter, told.round_trip_ms) == (0.5, 5, 3, None)


def test_a_compound_packet_starts_with_a_report_and_names_its_source() -> None:
    sender = RtcpSenderInfo(ntp_timestamp=1, rtp_timestamp=2, packet_count=3, octet_count=4)
    report, sdes, bye = RtcpPacket.parse(build_report(9, "me", sender, [], bye=True))
    assert isinstance(report, RtcpSrPacket)
    assert report.sender_info == sender
    assert isinstance(sdes, RtcpSdesPacket)
    assert sdes.chunks[0].items == [(1, b"me")]
    assert isinstance(bye, RtcpByePacket)
    assert bye.sources == [9]
    assert isinstance(RtcpPacket.parse(build_report(9, "me", None, []))[0], RtcpRrPacket)


@given(st.binary(max_size=200), st.integers(200, 206))
def test_no_bytes_make_the_parser_raise(data: bytes, kind: int) -> None:
    parse_rtcp(data)
    words = len(data) // 4
    parse_rtcp(bytes([0x81, kind]) + words.to_bytes(2, "big") + data)


@given(st.integers(0, 2**62), st.integers(0, 2**40))
def test_ntp_time_keeps_step_with_the_monotonic_clock(start_ns: int, elapsed_ns: int) -> None:
    clock = NtpClock(1_700_000_000_000_000_000, start_ns)
    passed = (clock.at(start_ns + elapsed_ns) - clock.at(start_ns)) / 2**32
    assert abs(passed - elapsed_ns / 1e9) < 1e-6
