"""RTCP (RFC 3550 section 6): what a peer tells of our stream, and our reports about both.

aiortc's own reports come from its receiver and sender, which we don't run. Its packet classes read the wire format.
Time is an argument: monotonic nanoseconds, and wallclock ("NTP") time derived from them by `NtpClock`, so that round
trips come out right even when the system's clock is set.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeAlias

from aiortc.rtp import (
    RTCP_BYE,
    RTCP_RR,
    RTCP_SDES,
    RTCP_SR,
    AnyRtcpPacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpSenderInfo,
)

ReceiverInfo: TypeAlias = RtcpReceiverInfo
"""A report block."""

SenderInfo: TypeAlias = RtcpSenderInfo
Reports: TypeAlias = list[RtcpReceiverInfo]

SDES_CNAME = 1
"""RFC 3550 section 6.5.1."""

_REPORT = struct.Struct("!BBHL")
_SENDER = struct.Struct("!QLLL")
_BLOCK = struct.Struct("!LLLLLL")

_NTP_EPOCH_SECONDS = 2_208_988_800
_DLSR_UNITS = 65_536


class NtpClock:
    """NTP time (64 bits: seconds since 1900, and 2**-32 fractions) that advances with the monotonic clock.

    Args:
        unix_ns: wallclock time of the same moment as ``monotonic_ns``.
    """

    def __init__(self, unix_ns: int, monotonic_ns: int) -> None:
        self._offset_ns = unix_ns + _NTP_EPOCH_SECONDS * 1_000_000_000 - monotonic_ns

    def at(self, monotonic_ns: int) -> int:
        """The NTP time of a moment."""
        seconds, rest = divmod(monotonic_ns + self._offset_ns, 1_000_000_000)
        return ((seconds << 32) | (rest << 32) // 1_000_000_000) & 0xFFFFFFFFFFFFFFFF


def build_report(ssrc: int, cname: str, sender: RtcpSenderInfo | None, reports: Reports, bye: bool = False) -> bytes:
    """A compound packet: SR or RR first, then SDES with the CNAME (RFC 3550 section 6.1), and perhaps BYE."""
    blocks = b"".join(map(_block, reports))
    count, words = 0x80 | len(reports), len(blocks) // 4
    if sender is None:
        first = _REPORT.pack(count, RTCP_RR, words + 1, ssrc)
    else:
        first = _REPORT.pack(count, RTCP_SR, words + 6, ssrc) + _SENDER.pack(
            sender.ntp_timestamp, sender.rtp_timestamp, sender.packet_count, sender.octet_count
        )
    name = cname.encode()[:255]
    item = bytes((SDES_CNAME, len(name))) + name
    item += bytes(4 - len(item) % 4)  # "terminated by one or more null octets", up to a multiple of four
    source = _REPORT.pack(0x81, RTCP_SDES, len(item) // 4 + 1, ssrc) + item
    goodbye = _REPORT.pack(0x81, RTCP_BYE, 1, ssrc) if bye else b""
    return first + blocks + source + goodbye


def _block(report: RtcpReceiverInfo) -> bytes:
    lost = report.packets_lost & 0xFFFFFF
    return _BLOCK.pack(
        report.ssrc,
        report.fraction_lost << 24 | lost,
        report.highest_sequence,
        report.jitter,
        report.lsr,
        report.dlsr,
    )


@dataclass(slots=True)
class PeerReport:
    """What the peer last told of the stream that we send."""

    fraction_lost: float = 0.0
    """Of the packets since its report before, 0 to 1."""

    lost: int = 0
    jitter: int = 0
    """In timestamp units."""

    round_trip_ms: float | None = None

    def update(self, report: RtcpReceiverInfo, ntp_now: int) -> None:
        """Take in a report block, and the round trip if it echoes a sender report (RFC 3550 section 6.4.1)."""
        self.fraction_lost = report.fraction_lost / 256
        self.lost = report.packets_lost
        self.jitter = report.jitter
        if report.lsr:
            round_trip = ((ntp_now >> 16) - report.lsr - report.dlsr) & 0xFFFFFFFF
            if round_trip < 0x80000000:  # else the peer's clock runs a little fast
                self.round_trip_ms = round_trip * 1000 / _DLSR_UNITS


def parse_rtcp(data: bytes) -> list[AnyRtcpPacket]:
    """Take a compound packet apart; whatever is malformed in it makes it empty."""
    try:
        return RtcpPacket.parse(data)
    except Exception:  # the parser is aiortc's: ValueError and struct.error at least, and it feeds on the network
        return []
