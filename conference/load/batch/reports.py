"""A client's RTCP (RFC 3550, section 6): what it tells of what it gets and of what it sends. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from conference.webrtc.rtp.rtcp import NtpClock, ReceiverInfo, SenderInfo, build_report

_SR = 200  # sender report


class Reception(NamedTuple):
    """What came of a stream, so far."""

    received: int = 0
    expected: int = 0
    """From the first sequence number to the highest."""
    highest: int = 0
    """Sequence number, with the wraps counted."""
    jitter: int = 0
    """In timestamp units."""

    @property
    def lost(self) -> int:
        """Packets that are missing. A duplicate makes up for one."""
        return max(0, self.expected - self.received)


class Transmission(NamedTuple):
    """What was sent, so far."""

    packets: int
    octets: int
    timestamp: int
    """Of now."""


@dataclass(slots=True)
class Reporter:
    """Writes the reports of one client.

    Args:
        ssrc: of the client.
        cname: of the client.
        heard_ssrc: of the stream that it gets; ``None`` if it is not known.
    """

    ssrc: int
    cname: str
    heard_ssrc: int | None = None
    _expected: int = 0
    _received: int = 0
    _last_report: int = 0
    """Middle 32 bits of the NTP time of the peer's last report (section 6.4.1)."""
    _last_report_ns: int = 0

    def take(self, packet: bytes, now_ns: int) -> None:
        """Take a compound packet of the peer, without its SRTP: its sender report is to be echoed."""
        if len(packet) >= 28 and packet[1] == _SR:
            self._last_report = int.from_bytes(packet[10:14], "big")
            self._last_report_ns = now_ns

    def write(self, sent: Transmission | None, got: Reception, now_ns: int, unix_ns: int) -> bytes:
        """A compound packet.

        Args:
            sent: ``None``: nothing, and this is a receiver report.
            got: since the start.
            now_ns: monotonic.
            unix_ns: the same moment by the clock on the wall.
        """
        sender = None
        if sent is not None:
            ntp = NtpClock(unix_ns, now_ns).at(now_ns)
            sender = SenderInfo(ntp, sent.timestamp & 0xFFFFFFFF, sent.packets, sent.octets & 0xFFFFFFFF)
        heard = self.heard_ssrc
        blocks = [] if heard is None or not got.received else [self._block(heard, got, now_ns)]
        return build_report(self.ssrc, self.cname, sender, blocks)

    def _block(self, ssrc: int, got: Reception, now_ns: int) -> ReceiverInfo:
        expected, received = got.expected - self._expected, got.received - self._received
        self._expected, self._received = got.expected, got.received
        fraction = max(0, expected - received) * 256 // expected if expected > 0 else 0
        delay = (now_ns - self._last_report_ns) * 65_536 // 1_000_000_000 if self._last_report else 0
        return ReceiverInfo(
            ssrc=ssrc,
            fraction_lost=min(255, fraction),
            packets_lost=max(-0x800000, min(0x7FFFFF, got.expected - got.received)),
            highest_sequence=got.highest & 0xFFFFFFFF,
            jitter=min(got.jitter, 0xFFFFFFFF),
            lsr=self._last_report,
            dlsr=min(max(0, delay), 0xFFFFFFFF),
        )
