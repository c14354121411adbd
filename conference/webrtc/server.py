"""`WebRtc`: all WebRTC connections of a server, their one UDP port, and the one timer that looks after them."""

from __future__ import annotations

import asyncio
import logging
import time

from conference.webrtc.compatibility import refuse_missing
from conference.webrtc.deadlines import Deadlines
from conference.webrtc.dtls.certificate import Certificate
from conference.webrtc.ice.connection import missing
from conference.webrtc.mux import UdpMux
from conference.webrtc.peer import Peer
from conference.webrtc.rtp.rtcp import NtpClock
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.udp.bindings import host_addresses, plan_bindings
from conference.webrtc.udp.sockets import MuxStats

logger = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 0.25
HOUSEKEEPING_PEERS = 100
"""With more connections than that, it comes as much more often, up to ten times: the event loop is held as briefly."""

STARVED_NS = 500_000_000
"""Housekeeping that comes so much too late, or packets that could not all be read so lately: the server is starved."""

STARVED_FOR_NS = 10_000_000_000
STARVED_PATIENCE = 4.0
"""For so long after it was, silences may last so many times as long as usual."""

ADDRESSES_NS = 1_000_000_000
"""So long the machine's addresses are believed to stay as they were: a crowd that joins need not look each time."""

LOOPBACK = "127.0.0.1"


class WebRtc:
    """The WebRTC side of a server.

    Args:
        settings: port, addresses, timeouts, bit rate.
    """

    def __init__(self, settings: WebRtcSettings | None = None) -> None:
        self._settings = settings or WebRtcSettings()
        self._mux: UdpMux | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ntp = NtpClock(time.time_ns(), time.monotonic_ns())
        self._peers: set[Peer] = set()
        self._deadlines: Deadlines[Peer] = Deadlines()
        self._certificate = Certificate()
        self._own: list[str] = []
        self._own_until_ns = 0
        self._due_ns = 0
        self._starved_ns = -STARVED_FOR_NS

    @property
    def port(self) -> int | None:
        """The UDP port; ``None`` while there is none."""
        return self._mux.port if self._mux is not None else None

    @property
    def peers(self) -> frozenset[Peer]:
        """Those that are not closed yet."""
        return frozenset(self._peers)

    @property
    def mux_stats(self) -> MuxStats:
        """What came in through the port, and what became of it."""
        return self._mux.stats if self._mux is not None else MuxStats()

    async def start(self) -> None:
        """Open the port.

        Raises:
            OSError: the port is taken, or an address is not this machine's.
            ValueError: something in ``announce_ips`` is no address.
            IncompatibleLibraryError: the installed aioice does not fit.
        """
        if self._mux is not None:
            return
        refuse_missing(missing())
        self._mux = UdpMux(
            plan_bindings(self._settings.announce_ips, self._addresses()),
            port=self._settings.udp_port,
            buffer_bytes=self._settings.receive_buffer_bytes,
            own_addresses=self._addresses,
            limits=self._settings,
        )
        self._schedule()

    def new_peer(self) -> Peer:
        """A connection for one participant.

        Raises:
            RuntimeError: not started, or closed.
        """
        if self._mux is None:
            raise RuntimeError("the WebRTC side is not running")
        peer = Peer(self._mux, self._settings, self._ntp, self._certificate, closed=self._forget, hasten=self._hasten)
        self._peers.add(peer)
        self._deadlines.add(peer, 0)
        return peer

    def read(self) -> None:
        """Take in what has come: to be called right before each tick, which then misses nothing."""
        if self._mux is not None:
            self._mux.read()

    def _forget(self, peer: Peer) -> None:
        self._peers.discard(peer)
        self._deadlines.discard(peer)

    def _hasten(self, peer: Peer) -> None:
        """Look after a connection at the next opportunity."""
        if peer in self._peers:
            self._deadlines.discard(peer)
            self._deadlines.add(peer, 0)

    async def close(self) -> None:
        """End all connections, telling each peer, and close the port; takes at most three times the close timeout."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        mux, self._mux = self._mux, None
        if self._peers:
            closing = [asyncio.ensure_future(peer.close()) for peer in self._peers]
            await asyncio.wait(closing, timeout=3 * self._settings.close_timeout)
        if mux is not None:
            mux.close()

    def _addresses(self) -> list[str]:
        """The machine's own addresses; loopback if it was asked for, or if there is no other."""
        now_ns = time.monotonic_ns()
        if now_ns >= self._own_until_ns:
            self._own, self._own_until_ns = host_addresses(), now_ns + ADDRESSES_NS
        return [*self._own, LOOPBACK] if self._settings.loopback or not self._own else self._own

    def _patience(self, now_ns: int) -> float:
        """By how much longer than usual a silence may last.

        A server with too much to do does not hear what is said: then it is not the peers who have vanished.
        """
        late_ns = now_ns - self._due_ns
        if late_ns > STARVED_NS or (self._mux is not None and now_ns - self._mux.behind_ns < STARVED_NS):
            self._starved_ns = now_ns
        return STARVED_PATIENCE if now_ns - self._starved_ns < STARVED_FOR_NS else 1.0

    def _schedule(self) -> None:
        seconds = HOUSEKEEPING_SECONDS / min(max(1.0, len(self._peers) / HOUSEKEEPING_PEERS), 10.0)
        self._due_ns = time.monotonic_ns() + int(seconds * 1e9)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._housekeep)

    def _housekeep(self) -> None:
        now_ns = time.monotonic_ns()
        patience = self._patience(now_ns)
        for peer in self._deadlines.take_due(now_ns):
            due_ns = now_ns
            try:
                due_ns = peer.housekeep(now_ns, patience)
            except Exception:
                logger.exception("housekeeping failed for a peer")
            if peer in self._peers:
                self._deadlines.add(peer, due_ns)
        self._schedule()
