from __future__ import annotations

from aiortc.rtp import RtcpPacket, RtcpRrPacket, RtcpSdesPacket, RtcpSenderInfo, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from conference.load.batch.reports import Reception, Reporter, Transmission
from conference.webrtc.rtp.rtcp import build_report

NOW = 5_000_000_000


def test_a_sender_report_is_read_by_others() -> None:
    reporter = Reporter(1234, "name", 99)
    reporter.take(build_report(99, "server", RtcpSenderInfo(0x1234_5678_9ABC_DEF0, 1, 2, 3), []), NOW - 500_000_000)
    data = reporter.write(Transmission(10, 800, 9600), Reception(95, 100, 70_000, 48), NOW, 10**18)
    report, names = RtcpPacket.parse(data)
    assert isinstance(report, RtcpSrPacket)
    assert (report.ssrc, report.sender_info.packet_count, report.sender_info.octet_count) == (1234, 10, 800)
    assert report.sender_info.rtp_timestamp == 9600
    (block,) = report.reports
    assert (block.ssrc, block.packets_lost, block.highest_sequence, block.jitter) == (99, 5, 70_000, 48)
    assert block.fraction_lost == 5 * 256 // 100
    assert (block.lsr, block.dlsr) == (0x5678_9ABC, 32_768)
    assert isinstance(names, RtcpSdesPacket)
    assert names.chunks[0].items == [(1, b"name")]


def test_who_has_sent_nothing_reports_what_came_since_the_last_time() -> None:
    reporter = Reporter(1, "n", 2)
    reporter.write(None, Reception(50, 100, 100), NOW, 0)
    report = RtcpPacket.parse(reporter.write(None, Reception(150, 200, 200), NOW, 0))[0]
    assert isinstance(report, RtcpRrPacket)
    assert (report.reports[0].fraction_lost, report.reports[0].packets_lost) == (0, 50)


def test_without_anything_received_there_is_no_block() -> None:
    report = RtcpPacket.parse(Reporter(1, "n", 2).write(None, Reception(), NOW, 0))[0]
    assert isinstance(report, RtcpRrPacket)
    assert report.reports == []


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.binary(max_size=60))
def test_any_counts_and_any_packet_fit(received: int, expected: int, packet: bytes) -> None:
    reporter = Reporter(1, "n", 2)
    reporter.take(packet, NOW)
    assert RtcpPacket.parse(reporter.write(None, Reception(received, expected, expected, received), NOW, 0))
