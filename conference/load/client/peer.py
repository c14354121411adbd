"""A WebRTC participant that costs next to nothing: its packets come pre-encoded, and what arrives is counted."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import Callable

import aiohttp

from conference.load.batch.arrivals import SequenceCounts
from conference.load.batch.peers import PeerBatch, PeerRow
from conference.load.batch.pool import extension
from conference.load.batch.reports import Reception, Reporter, Transmission
from conference.load.client.link import ConnectionFailedError, Link
from conference.load.signal.arrived import Arrived
from conference.load.signal.scripts import Script
from conference.webrtc.client.whip import JoinError, Seat, WhipClient
from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.rtp.srtp import SrtpSession

REPORT_SECONDS = (2.5, 7.5)
"""Between two RTCP reports, at random: 5 s on average, as browsers do it (RFC 3550, section 6.2)."""

_HEADER = struct.Struct("!BBHII")
_NS_PER_SAMPLE = 1e9 / 48_000


class FastPeer:
    """One participant. Satisfies `load.batch.peers.BatchPeer`.

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
        self._url, self._room, self._name = url, room, name
        self._on_rtp = on_rtp
        self._link = Link(on_rtp=self._receive, on_rtcp=self._receive_rtcp)
        self.seat: Seat | None = None
        """What the server gave; ``None`` before that, and for one who has vanished."""
        self.offer = ""
        """Ours, as SDP; empty before there is one."""
        self._row: PeerRow | None = None
        self._reporter = Reporter(self._link.ssrc, self._link.cname)
        self._report_timer: asyncio.TimerHandle | None = None
        self._sent = self._octets = self._timestamp = self._sent_ns = 0
        self.ssrc = self._link.ssrc
        self.payload_type = 96
        self.level_id = 0
        self.sequence = 0
        """Of the next packet."""
        self.listens = on_rtp is not None
        self.arrivals = SequenceCounts()
        self.asked_ns = 0
        """When the request was made, in ``time.monotonic_ns()``."""
        self.answer_ms = 0.0
        """From the start of the request to the end of its answer."""
        self.connected_ms = 0.0
        """From the start of the request until packets could flow."""

    @property
    def sent(self) -> int:
        """RTP packets that went out."""
        return self._sent + (self._row.sent if self._row is not None else 0)

    @property
    def received(self) -> int:
        """RTP packets that came."""
        return self._reception.received

    @property
    def lost(self) -> int:
        """RTP packets that are missing."""
        return self._reception.lost

    @property
    def gaps(self) -> int:
        """Times that this listener had nothing to play, as far as that is looked for: in a batch (`join_batch`)."""
        return self._row.gaps if self._row is not None else 0

    @property
    def answer(self) -> str:
        """The server's, as SDP; empty before there is one."""
        return "" if self.seat is None else self.seat.answer

    @property
    def there(self) -> bool:
        """Whether the connection is up."""
        return self._link.connected

    @property
    def session(self) -> SrtpSession | None:
        """Protects what is sent, once connected."""
        return self._link.outgoing

    @property
    def descriptor(self) -> int:
        """Of the socket that is connected to the server; -1: there is none."""
        return -1 if self._link.udp is None else self._link.udp.fileno()

    @property
    def _reception(self) -> Reception:
        return self.arrivals.reception if self._row is None else self._row.reception

    async def connect(self) -> None:
        """Join, and return when packets can flow.

        Raises:
            JoinError: refused, or not connected in time.
        """
        try:
            self.offer = await self._link.offer(self._url)
            self.asked_ns = time.monotonic_ns()
            self.seat = await self._whip.join(self._room, self._name, self.offer)
            self.answer_ms = (time.monotonic_ns() - self.asked_ns) / 1e6
            answer = await self._link.accept(self.seat.answer)
        except ConnectionFailedError as error:
            raise JoinError(str(error)) from error
        opus = next((one for one in answer.first.formats if one.codec == "opus"), None)
        if opus is None:
            raise JoinError("The server's answer has no Opus.")
        self.payload_type = opus.payload_type
        self.level_id = answer.first.wanted_level_id if answer.first.wanted_level_id < 15 else 0
        self._reporter.heard_ssrc = answer.first.ssrc
        self.connected_ms = (time.monotonic_ns() - self.asked_ns) / 1e6
        self._report_later()

    def join_batch(self, batch: PeerBatch, script: Script, *, slot: int, offset: int) -> None:
        """From now on let a batch send and read for this peer, as in `PeerBatch.enter`.

        Raises:
            ValueError: this one can't be.
        """
        self._row = batch.enter(self, script, slot=slot, offset=offset)
        self._link.stop_waking(stamped=True)

    def leave_batch(self) -> None:
        """From now on send and read by this peer's own calls, if it was in a batch."""
        row, self._row = self._row, None
        if row is not None:
            row.leave()
            self._sent += row.sent

    def stop_waking(self, *, stamped: bool = False) -> None:
        """From now on nothing is read unless :meth:`drain` is called, as in `Link.stop_waking`."""
        self._link.stop_waking(stamped=stamped)

    def drain(self) -> None:
        """Read what has arrived since the last time."""
        self._link.drain()

    def take(self, datagram: bytes, at_ns: int) -> None:
        """Take a datagram that the batch has read and counted: what is no RTP, or everything if this peer listens."""
        if self._on_rtp is not None and len(datagram) >= 12 and _is_rtp(datagram):
            self._hear(datagram, at_ns)
        else:
            self._link.receive(datagram, at_ns)

    def check(self, datagram: bytes) -> bool:
        """Whether an RTP packet is authentic."""
        return self._link.unprotect(datagram) is not None

    def _receive(self, datagram: bytes, at_ns: int) -> None:
        self.arrivals.add(datagram[2] << 8 | datagram[3])
        self._hear(datagram, at_ns)

    def _hear(self, datagram: bytes, at_ns: int) -> None:
        if self._on_rtp is None:
            return
        plain = self._link.unprotect(datagram)
        if plain is not None:
            packet = parse_rtp(plain)
            self._on_rtp(Arrived(packet.sequence, packet.timestamp, packet.payload, at_ns))

    def _receive_rtcp(self, packet: bytes, at_ns: int) -> None:
        self._reporter.take(packet, at_ns)

    def send(self, payload: bytes, timestamp: int, level: int | None = None, *, sequence: int | None = None) -> None:
        """Send one packet now.

        Args:
            payload: Opus.
            timestamp: at 48 kHz.
            level: what the sender says of its loudness (RFC 6464), 0 to -127 dBov; ``None`` says nothing.
            sequence: of the packet, for whoever plays a network that loses and reorders; ``None``: the next one.
        """
        if not self.there:
            return
        first_byte, more = 0x80, b""
        if level is not None and self.level_id:
            first_byte, more = 0x90, extension(level, self.level_id)
        number = (self.sequence if sequence is None else sequence) & 0xFFFF
        header = _HEADER.pack(first_byte, self.payload_type, number, timestamp & 0xFFFF_FFFF, self.ssrc)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self._timestamp, self._sent_ns = timestamp, time.monotonic_ns()
        if self._link.send(header + more + payload):
            self._sent += 1
            self._octets += len(payload)

    def _report_later(self) -> None:
        wait = random.uniform(*REPORT_SECONDS)  # noqa: S311 - not a secret
        self._report_timer = asyncio.get_running_loop().call_later(wait, self._report)

    def _report(self) -> None:
        now_ns = time.monotonic_ns()
        self._link.send_rtcp(self._reporter.write(self._transmission(now_ns), self._reception, now_ns, time.time_ns()))
        self._report_later()

    def _transmission(self, now_ns: int) -> Transmission | None:
        if self._row is not None:
            return self._row.transmission(now_ns)
        if not self._sent:
            return None
        timestamp = self._timestamp + round((now_ns - self._sent_ns) / _NS_PER_SAMPLE)
        return Transmission(self._sent, self._octets, timestamp)

    def vanish(self) -> None:
        """Be as good as gone: nobody is told, not even by :meth:`close`, and nothing is sent any more."""
        self.seat = None
        self.leave_batch()
        self._end_reports()
        self._link.vanish()

    async def close(self) -> None:
        """Leave. Never raises, and takes a few seconds at most."""
        self.leave_batch()
        self._end_reports()
        if self.seat is not None:
            await self._whip.leave(self.seat)
        self._link.drain()
        self._link.close()

    def _end_reports(self) -> None:
        if self._report_timer is not None:
            self._report_timer.cancel()
            self._report_timer = None


def _is_rtp(datagram: bytes) -> bool:
    return 128 <= datagram[0] <= 191 and not 192 <= datagram[1] <= 223
