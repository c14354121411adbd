"""A WebRTC participant that costs next to nothing: its packets come pre-encoded, and what arrives is counted."""

from __future__ import annotations

import ipaddress
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from conference.load.arrivals import Arrivals
from conference.webrtc.bare import BarePeer, ConnectionFailedError
from conference.webrtc.rtp import parse_rtp
from conference.webrtc.whip import JoinError, Seat, WhipClient

_HEADER = struct.Struct("!BBHII")
_OPUS = re.compile(r"^a=rtpmap:(\d+) opus/48000", re.MULTILINE | re.IGNORECASE)
_LEVEL = re.compile(r"^a=extmap:(\d+)\S* urn:ietf:params:rtp-hdrext:ssrc-audio-level", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Arrived:
    """An RTP packet that came."""

    sequence: int
    timestamp: int
    payload: bytes
    at_ns: int
    """``time.monotonic_ns()`` when the socket was read, or when the kernel had it."""


class FastPeer:
    """One participant.

    Args:
        session: to make requests with.
        url: of the server.
        room: to join.
        name: to be seen as.
        on_rtp: takes each RTP packet as it arrives; ``None``: they are only counted, and never decrypted.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        room: str,
        name: str,
        on_rtp: Callable[[Arrived], None] | None = None,
    ) -> None:
        self._whip = WhipClient(url, session=session)
        self._room, self._name = room, name
        self._on_rtp = on_rtp
        self._bare = BarePeer(loopback=is_loopback(url), on_rtp=self._count if on_rtp is None else self._take)
        self._seat: Seat | None = None
        self._payload_type = 96
        self._level_id = 0
        self._sequence = 0
        self._arrivals = Arrivals()
        self.sent = 0
        self.asked_ns = 0
        """When the request was made, in ``time.monotonic_ns()``."""
        self.answer_ms = 0.0
        """From the start of the request to the end of its answer."""
        self.connected_ms = 0.0
        """From the start of the request until packets could flow."""

    @property
    def received(self) -> int:
        """RTP packets that came."""
        return self._arrivals.received

    @property
    def lost(self) -> int:
        """RTP packets that are missing."""
        return self._arrivals.lost

    @property
    def there(self) -> bool:
        """Whether the connection is up."""
        return self._bare.connected

    async def connect(self) -> None:
        """Join, and return when packets can flow.

        Raises:
            JoinError: refused, or not connected in time.
        """
        offer = await self._bare.offer()
        self.asked_ns = time.monotonic_ns()
        self._seat = await self._whip.join(self._room, self._name, offer)
        self.answer_ms = (time.monotonic_ns() - self.asked_ns) / 1e6
        answer = self._seat.answer
        opus, level = _OPUS.search(answer), _LEVEL.search(answer)
        if opus is None:
            raise JoinError("The server's answer has no Opus.")
        self._payload_type = int(opus[1])
        self._level_id = int(level[1]) if level and int(level[1]) < 15 else 0
        try:
            await self._bare.accept(answer)
        except ConnectionFailedError as error:
            raise JoinError(str(error)) from error
        self.connected_ms = (time.monotonic_ns() - self.asked_ns) / 1e6

    def stop_waking(self, *, stamped: bool = False) -> None:
        """From now on nothing is read unless :meth:`drain` is called, as in `BarePeer.stop_waking`."""
        self._bare.stop_waking(stamped=stamped)

    def drain(self) -> None:
        """Read what has arrived since the last time."""
        self._bare.drain()

    def _count(self, data: bytes | bytearray, _size: int, _at_ns: int) -> None:
        self._arrivals.add(data[2] << 8 | data[3])

    def _take(self, data: bytes | bytearray, size: int, at_ns: int) -> None:
        self._arrivals.add(data[2] << 8 | data[3])
        if self._on_rtp is not None:
            packet = parse_rtp(self._bare.unprotect(bytes(data[:size])))
            self._on_rtp(Arrived(packet.sequence, packet.timestamp, packet.payload, at_ns))

    def send(self, payload: bytes, timestamp: int, level: int | None = None, *, sequence: int | None = None) -> None:
        """Send one packet now.

        Args:
            payload: Opus.
            timestamp: at 48 kHz.
            level: what the sender says of its loudness (RFC 6464), 0 to -127 dBov; ``None`` says nothing.
            sequence: of the packet, for whoever plays a network that loses and reorders; ``None``: the next one.
        """
        if not self._bare.connected:
            return
        first_byte, extension = 0x80, b""
        if level is not None and self._level_id:
            # RFC 8285, section 4.2: one-byte headers; ID and length less one, then V and the level, then padding.
            first_byte, extension = 0x90, bytes((0xBE, 0xDE, 0, 1, self._level_id << 4, -level & 0x7F, 0, 0))
        number = (self._sequence if sequence is None else sequence) & 0xFFFF
        header = _HEADER.pack(first_byte, self._payload_type, number, timestamp & 0xFFFF_FFFF, self._bare.ssrc)
        self._sequence += 1
        self.sent += 1
        self._bare.send(header + extension + payload)

    def vanish(self) -> None:
        """Be as good as gone: nobody is told, not even by :meth:`close`, and nothing is sent any more."""
        self._seat = None
        self._bare.vanish()

    async def close(self) -> None:
        """Leave. Never raises, and takes a few seconds at most."""
        if self._seat is not None:
            await self._whip.leave(self._seat)
        await self._bare.close()


def is_loopback(url: str) -> bool:
    """Whether the server is on this machine, as its address says."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
