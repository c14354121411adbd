"""When a session reports, and what it makes of what it is told."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import pytest
from aiortc.rtp import RtcpReceiverInfo

from conference.webrtc.receive.ingress import TAKEOVER_NS, Ingress
from conference.webrtc.rtp.rtcp import NtpClock, build_report, parse_rtcp
from conference.webrtc.rtp_session import CALM_REPORT_NS, MAX_REPORTERS, NEW_REPORTS, REPORT_NS, RtpSession
from tests.webrtc.receive.test_ingress import AMY, BEN, OPUS, PCMU, make, packet

OURS, THEIRS = 7, 9
STEP_NS = 10_000_000


class Channel:
    """Keys that leave everything as it is."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        return packet

    def send_rtcp(self, packet: bytes) -> bool:
        self.sent.append(packet)
        return True


class Strict(Channel):
    """Keys that nothing was made with."""

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        return None


def hearing(fraction_lost: int) -> Ingress:
    """A stream of which so many 256ths get lost."""

    def report(ssrc: int, now_ns: int) -> RtcpReceiverInfo:
        return RtcpReceiverInfo(ssrc, fraction_lost, 0, 0, 0, 0, 0)

    return cast("Ingress", SimpleNamespace(ssrc=THEIRS, reception=SimpleNamespace(report=report)))


def session(channel: Channel, ingress: Ingress | None = None) -> RtpSession:
    return RtpSession(ingress, None, channel, ssrc=OURS, cname="us", ntp=NtpClock(0, 0))


def gaps(ingress: Ingress | None, seconds: int) -> list[int]:
    """Times between the reports of a session."""
    channel = Channel()
    one, times = session(channel, ingress), []
    for now_ns in range(STEP_NS, seconds * 1_000_000_000, STEP_NS):
        before = len(channel.sent)
        one.report_if_due(now_ns)
        if len(channel.sent) > before:
            times.append(now_ns)
            assert one.report_ns > now_ns
    return [after - before for before, after in pairwise(times)]


def about(gap_ns: int, mean_ns: int) -> bool:
    return 0.7 * mean_ns <= gap_ns <= 1.3 * mean_ns + STEP_NS


@pytest.mark.parametrize("ingress", [None, hearing(0)])
def test_reports_are_quick_at_first_and_every_five_seconds_or_so_while_nothing_is_lost(ingress: Ingress | None) -> None:
    found = gaps(ingress, 120)
    assert all(about(gap, REPORT_NS) for gap in found[:NEW_REPORTS])
    assert all(about(gap, CALM_REPORT_NS) for gap in found[NEW_REPORTS:])
    assert CALM_REPORT_NS == 5_000_000_000
    assert len(set(found)) > 5  # drawn anew each time


def test_reports_are_quick_while_packets_are_lost() -> None:
    assert all(about(gap, REPORT_NS) for gap in gaps(hearing(3), 60))


def test_what_is_told_of_our_stream_is_noted_and_what_is_told_of_others_is_not() -> None:
    one = session(Channel())
    for ssrc, lost in ((OURS, 5), (OURS + 1, 77)):
        report = RtcpReceiverInfo(ssrc, 64, lost, 0, 0, 0, 0)
        one.receive(build_report(THEIRS, "them", None, [report]), 123)
    assert (one.peer_report.lost, one.peer_report.fraction_lost, one.heard_ns) == (5, 0.25, 123)


def test_what_was_lost_stays_counted_whatever_stream_follows() -> None:
    ingress, _ = make(announced=BEN)
    one = session(Channel(), ingress)
    streams = [(AMY, 1, OPUS), (AMY, 5, PCMU), (AMY, 30_000, PCMU), (BEN, 9, OPUS)]
    for number, (ssrc, sequence, payload_type) in enumerate(streams, 1):
        one.receive(packet(ssrc, sequence, payload_type), 0)
        one.receive(packet(ssrc, sequence + 1, payload_type), 0)
        one.receive(packet(ssrc, sequence + 3, payload_type), 0)
        assert one.tally()["lost_in"] == number
        assert ingress.reception.report(ssrc, 0).packets_lost == 1, "a report is about one stream"


def test_goodbye_is_said_and_heard() -> None:
    channel = Channel()
    session(channel).goodbye(1)
    listener = session(Channel())
    assert not listener.leaving
    listener.receive(channel.sent[0], 2)
    assert listener.leaving


def test_who_says_goodbye_to_one_stream_and_goes_on_with_another_is_not_leaving() -> None:
    ingress, _ = make()
    one = session(Channel(), ingress)
    goodbye_of_amy, goodbye_of_ben = (build_report(ssrc, "them", None, [], bye=True) for ssrc in (AMY, BEN))
    leaving: list[bool] = []
    for datagram in (packet(AMY, 1), goodbye_of_amy, packet(BEN, 1), goodbye_of_ben):
        one.receive(datagram, len(leaving) * TAKEOVER_NS)
        leaving.append(one.leaving)
    assert leaving == [False, True, False, True]


def test_whatever_is_authentic_is_a_sign_of_life_also_of_a_stream_that_is_not_heard() -> None:
    ingress, _ = make()
    one = session(Channel(), ingress)
    one.receive(packet(AMY, 1), 5)
    one.receive(packet(BEN, 1), 7)
    assert (ingress.ssrc, one.heard_ns) == (AMY, 7)


@pytest.mark.parametrize("datagram", [b"", b"\x80", b"\x80\xc8", b"\x80\x6f"])
@pytest.mark.parametrize("listens", [False, True])
def test_a_datagram_that_is_too_short_for_anything_is_rejected(datagram: bytes, listens: bool) -> None:
    one = session(Channel() if datagram[1:2] != b"\xc8" else Strict(), make()[0] if listens else None)
    one.receive(datagram, 5)
    assert (one.tally()["rejected"], one.heard_ns) == (1, 0)


def test_a_peer_cannot_have_reports_come_from_ever_more_sources() -> None:
    one = session(Channel())
    for ssrc in range(MAX_REPORTERS + 5):
        one.receive(build_report(ssrc, "them", None, []), 1)
    assert one.malformed == 5
    assert parse_rtcp(build_report(1, "them", None, []))
