"""A client's connection at the price of its packets: ICE and DTLS to set it up, then SRTP straight to the socket.

What arrives is read when somebody looks for it, and isn't decrypted unless somebody wants it: an RTP header is in the
clear. For load tests and benchmarks, where a thousand clients have to be cheaper than the server that they try.
"""

from __future__ import annotations

import asyncio
import functools
import random
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence

from conference.load.client.ice import Address, Ice, open_sockets
from conference.load.client.offer import LocalParameters, build_offer
from conference.webrtc.dtls.certificate import Certificate
from conference.webrtc.dtls.handshake import Dtls
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.sdp.offer import AudioOffer, parse_offer

CONNECT_SECONDS = 15.0
MAX_DRAIN = 256
"""Datagrams that are read at one go."""

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")
_MAX_DATAGRAM = 2048


class ConnectionFailedError(Exception):
    """The connection did not come up. The text is a sentence."""


@functools.cache
def _certificate() -> Certificate:
    """One for all clients of a process: nobody compares them with each other."""
    return Certificate()


class Link:
    """One connection.

    Args:
        on_rtp: takes each RTP packet as it came, still encrypted, with the time of its arrival (monotonic, in
            nanoseconds).
        on_rtcp: takes each authentic RTCP packet, decrypted.
    """

    def __init__(self, on_rtp: Callable[[bytes, int], object], on_rtcp: Callable[[bytes, int], object]) -> None:
        self._on_rtp, self._on_rtcp = on_rtp, on_rtcp
        self.ssrc = random.getrandbits(32)
        """Of what is sent."""
        self.cname = f"{random.getrandbits(64):016x}"
        self.stamped = False
        """Whether the kernel notes when each datagram came."""
        self.outgoing: SrtpSession | None = None
        """Protects what is sent, once connected."""
        self._incoming: SrtpSession | None = None
        self._ice: Ice | None = None
        self._dtls: Dtls | None = None
        self._early: list[bytes] = []
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._repeat: asyncio.TimerHandle | None = None
        self._silent = False

    async def offer(self, url: str) -> str:
        """The offer to be sent to a server, with all candidates.

        Raises:
            ConnectionFailedError: there is no way to it.
        """
        try:
            sockets = await open_sockets(url)
        except OSError as error:
            raise ConnectionFailedError(f"The server cannot be reached: {error}.") from error
        self._ice = ice = Ice(sockets)
        for one in sockets:
            asyncio.get_running_loop().add_reader(one, self._readable, one)
        return build_offer(
            LocalParameters(ice.ufrag, ice.password, _certificate().fingerprint, self.ssrc, self.cname, ice.addresses)
        )

    async def accept(self, text: str) -> AudioOffer:
        """Take the answer, and return when packets can flow.

        Returns:
            What is in the answer.

        Raises:
            ConnectionFailedError: they can't, or not in time.
        """
        if self._ice is None:
            raise ConnectionFailedError("There was no offer.")
        try:
            answer = parse_offer(text)
        except OfferError as error:
            raise ConnectionFailedError(f"The server's answer can't be used: {error}") from error
        self._dtls = Dtls(
            _certificate(),
            client=answer.transport.setup == "passive",  # "the answerer is passive": the handshake is ours to begin
            fingerprints=answer.transport.fingerprints,
            send=self._send,
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                candidates = [(one.address, one.port) for one in answer.transport.candidates]
                await self._ice.find(answer.transport.ufrag, answer.transport.password, candidates)
                self._dtls.start()
                for datagram in self._early:
                    self._dtls.receive(datagram)
                self._early.clear()
                self._look_at_dtls()
                await self._settled
        except TimeoutError:
            raise ConnectionFailedError(f"The connection did not come up within {CONNECT_SECONDS:g} s.") from None
        except ConnectionAbortedError:
            raise ConnectionFailedError("The connection was closed before it came up.") from None
        return answer

    @property
    def connected(self) -> bool:
        """Whether packets can flow."""
        return (
            self.outgoing is not None
            and self._dtls is not None
            and self._dtls.state == "connected"
            and self._ice is not None
            and self._ice.consented(time.monotonic_ns())
        )

    @property
    def udp(self) -> socket.socket | None:
        """Connected to the server; ``None`` while there is no path."""
        return None if self._ice is None else self._ice.socket

    def stop_waking(self, *, stamped: bool = False) -> None:
        """From now on nothing is read unless :meth:`drain` is called: packets that arrive wake nobody.

        Over loopback, waking a sleeping process is charged to whoever sends to it, tens of microseconds a packet on a
        virtual machine. A network card charges nothing of the kind.

        Args:
            stamped: let the kernel note when each packet came, so that the time is right however late it is read. Where
                it can't (only Linux can), it is the time of reading.
        """
        if self._ice is None:
            return
        for one in self._ice.sockets:
            asyncio.get_running_loop().remove_reader(one)
        if stamped and sys.platform == "linux" and self._ice.socket is not None:
            self._ice.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self.stamped = True

    def drain(self) -> None:
        """Read what has arrived since the last time."""
        own = self.udp
        if own is None:
            return
        to_monotonic = time.monotonic_ns() - time.time_ns()
        try:
            for _ in range(MAX_DRAIN):
                if self.stamped:
                    datagram, ancillary, _, _ = own.recvmsg(_MAX_DATAGRAM, 64)
                    self.receive(datagram, _stamp(ancillary, to_monotonic))
                else:
                    self.receive(own.recv(_MAX_DATAGRAM), time.monotonic_ns())
        except OSError:  # nothing more; or an ICMP message about something we sent
            pass

    def receive(
        self, datagram: bytes, at_ns: int, via: socket.socket | None = None, address: Address | None = None
    ) -> None:
        """Tell media from the rest (RFC 7983), and RTP from RTCP (RFC 5761). Never raises.

        Args:
            datagram: as it came.
            at_ns: when, monotonic.
            via: through which socket; ``None``: the connected one.
            address: where from; ``None``: from where that socket is connected to.
        """
        if not datagram or self._ice is None:
            return
        first = datagram[0]
        if 128 <= first <= 191:
            if len(datagram) < 12:
                return
            if not 192 <= datagram[1] <= 223:
                self._on_rtp(datagram, at_ns)
            elif self._incoming is not None:
                plain = self._incoming.unprotect_rtcp(datagram)
                if plain is not None:
                    self._on_rtcp(plain, at_ns)
        elif first < 4:
            via = via or self._ice.socket
            if via is not None and not self._silent:
                self._ice.receive(datagram, via, address)
        elif 20 <= first <= 63 and self._dtls is not None:
            self._receive_dtls(self._dtls, datagram)

    def unprotect(self, packet: bytes) -> bytes | None:
        """Take the SRTP off a packet that came; ``None``: it is not authentic."""
        return None if self._incoming is None else self._incoming.unprotect(packet)

    def send(self, packet: bytes) -> bool:
        """Protect an RTP packet and send it; whether it went out."""
        protected = None if self.outgoing is None or self._silent else self.outgoing.protect(packet)
        return protected is not None and self._ice is not None and self._ice.send(protected)

    def send_rtcp(self, packet: bytes) -> bool:
        """The same for RTCP."""
        protected = None if self.outgoing is None or self._silent else self.outgoing.protect_rtcp(packet)
        return protected is not None and self._ice is not None and self._ice.send(protected)

    def vanish(self) -> None:
        """Send nothing any more, as a machine that has lost its network."""
        self._silent = True
        self.outgoing = None
        if self._ice is not None:
            self._ice.ask_no_more()

    def close(self) -> None:
        """End the connection, and tell the server unless we have vanished."""
        if self._repeat is not None:
            self._repeat.cancel()
        if self._dtls is not None:
            self._dtls.close()
            self._dtls.release()
        self.outgoing = self._incoming = self._dtls = None
        if self._ice is not None:
            for one in self._ice.sockets:
                asyncio.get_running_loop().remove_reader(one)
            self._ice.close()
            self._ice = None
        if not self._settled.cancel() and not self._settled.cancelled():
            self._settled.exception()  # whoever waited for it may have given up before

    def _send(self, datagram: bytes) -> None:
        if self._ice is not None and not self._silent:
            self._ice.send(datagram)

    def _readable(self, one: socket.socket) -> None:
        try:
            for _ in range(MAX_DRAIN):
                datagram, address = one.recvfrom(_MAX_DATAGRAM)
                self.receive(datagram, time.monotonic_ns(), one, address[:2])
        except OSError:
            pass

    def _receive_dtls(self, dtls: Dtls, datagram: bytes) -> None:
        if dtls.state == "new":
            self._early.append(datagram)
            return
        dtls.receive(datagram)
        self._look_at_dtls()

    def _look_at_dtls(self) -> None:
        dtls = self._dtls
        if dtls is None or self._settled.done():
            return
        if dtls.state == "connected" and dtls.incoming is not None and dtls.outgoing is not None:
            self._incoming, self.outgoing = SrtpSession(dtls.incoming), SrtpSession(dtls.outgoing)
            self._settled.set_result(None)
        elif dtls.state in ("failed", "closed"):
            why = f"The connection failed: {dtls.reason or 'the server ended it'}."
            self._settled.set_exception(ConnectionFailedError(why))
        if self._repeat is not None:
            self._repeat.cancel()
        wait = dtls.timeout()
        self._repeat = None if wait is None else asyncio.get_running_loop().call_later(wait, self._expire)

    def _expire(self) -> None:
        if self._dtls is not None:
            self._dtls.expire()
            self._look_at_dtls()


def _stamp(ancillary: Sequence[tuple[int, int, bytes]], to_monotonic: int) -> int:
    """When the kernel had a datagram."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, rest = map(int, _TIMESPEC.unpack_from(data))
            return seconds * 1_000_000_000 + rest + to_monotonic
    return time.monotonic_ns()
