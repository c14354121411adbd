"""A client's RTCP (RFC 3550, section 6): what it tells of what it gets and of what it sends. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

CLOCK_RATE = 48_000

_SR, _RR, _SDES = 200, 201, 202
_CNAME = 1
_HEADER = struct.Struct("!BBHI")
_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")
_NTP_EPOCH_SECONDS = 2_208_988_800


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
        block = b"" if self.heard_ssrc is None or not got.received else self._block(self.heard_ssrc, got, now_ns)
        first = 0x80 | (1 if block else 0)
        if sent is None:
            report = _HEADER.pack(first, _RR, 1 + len(block) // 4, self.ssrc)
        else:
            seconds, rest = divmod(unix_ns, 1_000_000_000)
            ntp = (seconds + _NTP_EPOCH_SECONDS) << 32 | (rest << 32) // 1_000_000_000
            report = _HEADER.pack(first, _SR, 6 + len(block) // 4, self.ssrc)
            report += _SENDER.pack(ntp, sent.timestamp & 0xFFFFFFFF, sent.packets, sent.octets & 0xFFFFFFFF)
        name = self.cname.encode()[:255]
        item = bytes((_CNAME, len(name))) + name
        item += bytes(4 - len(item) % 4)  # section 6.5: ended by a zero, and filled up
        return report + block + _HEADER.pack(0x81, _SDES, 1 + len(item) // 4, self.ssrc) + item

    def _block(self, ssrc: int, got: Reception, now_ns: int) -> bytes:
        expected, received = got.expected - self._expected, got.received - self._received
        self._expected, self._received = got.expected, got.received
        fraction = max(0, expected - received) * 256 // expected if expected > 0 else 0
        lost = max(-0x800000, min(0x7FFFFF, got.expected - got.received)) & 0xFFFFFF
        delay = (now_ns - self._last_report_ns) * 65_536 // 1_000_000_000 if self._last_report else 0
        return _BLOCK.pack(
            ssrc,
            min(255, fraction) << 24 | lost,
            got.highest & 0xFFFFFFFF,
            min(got.jitter, 0xFFFFFFFF),
            self._last_report,
            min(max(0, delay), 0xFFFFFFFF),
        )
