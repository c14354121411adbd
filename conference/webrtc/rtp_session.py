"""One peer's RTP session (RFC 3550): its stream in, our stream out, and the reports about both.

The same for a server's peer and for the headless client. Sans I/O: datagrams and times are handed in; what is to be
sent goes to a `SecureChannel`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from aiortc.rtp import AnyRtcpPacket, RtcpByePacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSenderInfo, RtcpSrPacket

from conference.webrtc.receive.ingress import Ingress, IngressStats
from conference.webrtc.rtp.rtcp import NtpClock, PeerReport, build_report, parse_rtcp
from conference.webrtc.send.egress import EgressSink, EgressStats

REPORT_NS = 1_000_000_000
CALM_REPORT_NS = 5_000_000_000
"""Time between our reports while packets are being lost or the connection is new, and when neither is so; on average,
the exact one is drawn anew each time (RFC 3550 section 6.2, which recommends 5 s)."""

NEW_REPORTS = 5
"""So many reports go quickly: the peer wants to know how long the way is."""

MAX_REPORTERS = 256
"""SSRCs that one peer's RTCP may come from: SRTP keeps a state for each."""


class SecureChannel(Protocol):
    """SRTP keys, and the way out. ``None`` or ``False``: it could not be done, and nothing happened."""

    def unprotect_rtcp(self, packet: bytes) -> bytes | None: ...

    def send_rtcp(self, packet: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class SessionStats:
    """One peer's media, counted since it connected."""

    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    lost_in: int = 0
    """Of the peer's stream, on the way here."""

    lost_out: int = 0
    """Of ours, on the way there, as the peer says."""

    fraction_lost_out: float = 0.0
    """The same, over the last second or so: 0 to 1."""

    jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    """``None`` as long as it is unknown."""

    recovered_in: int = 0
    """Packets of the peer that were lost, and came inside a later one (RFC 2198)."""

    repeated_out: int = 0
    """Packets of ours that carried the one before as well."""

    rejected: int = 0
    """Packets in that were malformed, forged, replayed, or of no stream that is heard."""


class RtpSession:
    """What flows between us and one peer.

    Args:
        ingress: for the peer's stream; ``None`` if it only listens.
        egress: for ours; ``None`` if it only speaks.
        channel: protects and sends.
        ssrc: ours, also if we send nothing but reports.
        cname: ours.
        ntp: for the reports.
    """

    def __init__(
        self,
        ingress: Ingress | None,
        egress: EgressSink | None,
        channel: SecureChannel,
        *,
        ssrc: int,
        cname: str,
        ntp: NtpClock,
    ) -> None:
        self._ingress = ingress
        self._egress = egress
        self._channel = channel
        self._ssrc = ssrc
        self._cname = cname
        self._ntp = ntp
        self.report_ns = 0
        """When the next report is due."""

        self._reports = 0
        self._reporters: set[bytes] = set()
        self._heard_ns = 0
        self._left: tuple[int | None] | None = None  # the stream to which the peer has said BYE
        self.peer_report = PeerReport()
        self.malformed = 0

    @property
    def heard_ns(self) -> int:
        """When something authentic last came from the peer; 0 before."""
        return self._heard_ns if self._ingress is None else max(self._heard_ns, self._ingress.heard_ns)

    @property
    def leaving(self) -> bool:
        """The peer has said BYE to its stream, and goes on with no other."""
        return self._left == (self._heard,)

    @property
    def _heard(self) -> int | None:
        return self._ingress.ssrc if self._ingress is not None else None

    def receive(self, datagram: bytes, now_ns: int) -> None:
        """Take an SRTP or SRTCP packet, as it came. Never raises."""
        # RFC 5761 section 4: with the marker bit in front, RTCP's packet types are 192 to 223.
        if len(datagram) > 1 and 192 <= datagram[1] <= 223:
            self._receive_srtcp(datagram, now_ns)
        elif self._ingress is None:
            self.malformed += 1
        elif self._ingress.receive(datagram, now_ns):
            self._heard_ns = now_ns

    def receive_rtp(self, datagram: bytes, now_ns: int) -> None:
        """Take an RTP packet, as `Ingress` expects it. Never raises."""
        if self._ingress is None:
            self.malformed += 1
        elif self._ingress.receive(datagram, now_ns):
            self._heard_ns = now_ns

    def _receive_srtcp(self, datagram: bytes, now_ns: int) -> None:
        reporter = datagram[4:8]
        admitted = reporter in self._reporters or len(self._reporters) < MAX_REPORTERS
        plain = self._channel.unprotect_rtcp(datagram) if admitted else None
        if plain is None:
            self.malformed += 1
            return
        self._reporters.add(reporter)
        self.receive_rtcp(plain, now_ns)

    def receive_rtcp(self, packet: bytes, now_ns: int) -> None:
        """Take an authentic compound RTCP packet. Never raises."""
        self._heard_ns = now_ns
        for one in parse_rtcp(packet):
            self._note(one, now_ns)

    def _note(self, packet: AnyRtcpPacket, now_ns: int) -> None:
        ingress = self._ingress
        if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
            if isinstance(packet, RtcpSrPacket) and ingress is not None and packet.ssrc == ingress.ssrc:
                ingress.reception.sender_report(packet.sender_info.ntp_timestamp, now_ns)
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self.peer_report.update(report, self._ntp.at(now_ns))
                    if self._egress is not None:
                        self._egress.note_loss(self.peer_report.fraction_lost, now_ns)
        elif isinstance(packet, RtcpByePacket):
            heard = self._heard
            if heard is None or heard in packet.sources:
                self._left = (heard,)

    def report_if_due(self, now_ns: int) -> None:
        """Send a report if it is time for one."""
        if now_ns >= self.report_ns:
            calm = not self._report(now_ns) and self._reports > NEW_REPORTS
            interval_ns = CALM_REPORT_NS if calm else REPORT_NS
            self.report_ns = now_ns + int(interval_ns * random.uniform(0.7, 1.3))  # noqa: S311 - not a secret

    def goodbye(self, now_ns: int) -> None:
        """Tell the peer that our stream has ended."""
        if self._egress is not None:
            self._egress.close()
        self._report(now_ns, bye=True)

    def _report(self, now_ns: int, bye: bool = False) -> bool:
        """Send a report. Returns whether it tells of loss."""
        ingress, egress = self._ingress, self._egress
        sender: RtcpSenderInfo | None = egress.sender_info(self._ntp, now_ns) if egress is not None else None
        reports: list[RtcpReceiverInfo] = []
        if ingress is not None and ingress.ssrc is not None:
            reports.append(ingress.reception.report(ingress.ssrc, now_ns))
        self._channel.send_rtcp(build_report(self._ssrc, self._cname, sender, reports, bye))
        self._reports += 1
        return any(one.fraction_lost for one in reports)

    def tally(self) -> dict[str, int]:
        """What was counted, by the names that it has in `SessionStats`."""
        ingress, egress = self._ingress, self._egress
        came = ingress.stats if ingress is not None else IngressStats()
        went = egress.stats if egress is not None else EgressStats()
        return {
            "packets_in": came.packets,
            "packets_out": went.packets,
            "bytes_in": came.bytes,
            "bytes_out": went.bytes,
            "lost_in": ingress.reception.lost_ever if ingress is not None else 0,
            "lost_out": max(0, self.peer_report.lost),
            "recovered_in": came.recovered,
            "repeated_out": went.repeated,
            "rejected": self.malformed + came.foreign + came.unknown_payload + came.unauthentic + came.malformed,
        }

    def stats(self) -> SessionStats:
        """A snapshot."""
        ingress, told = self._ingress, self.peer_report
        return SessionStats(
            **self.tally(),
            fraction_lost_out=round(told.fraction_lost, 4),
            jitter_ms=round(ingress.reception.jitter_ms, 2) if ingress is not None else 0.0,
            round_trip_ms=None if told.round_trip_ms is None else round(told.round_trip_ms, 2),
        )
