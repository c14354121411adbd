"""A client at the price of its packets: stock aiortc sets the connection up, then media bypasses all of it.

Packets go from SRTP straight to the socket. What arrives is read when somebody looks for it, and isn't decrypted unless
somebody wants it: an RTP header is in the clear. For load tests and benchmarks, where thousands of clients have to be
cheaper than the server that they try.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from conference.webrtc.aiortc_internals import gather_only, ice_connection, run_no_media

CONNECT_SECONDS = 15.0
CLOSE_SECONDS = 5.0
MAX_DRAIN = 256
"""Datagrams that are read at one go."""

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")
_buffer = bytearray(2048)  # one is enough: nothing is kept in it between two datagrams


class ConnectionFailedError(Exception):
    """The connection did not come up. The text is a sentence."""


class BarePeer:
    """One connection.

    Args:
        loopback: gather loopback addresses only: the server is on this machine.
        on_rtp: takes each RTP packet as it came, still encrypted, with the time of its arrival (monotonic, in
            nanoseconds). What it is given is valid only during the call.
    """

    def __init__(self, *, loopback: bool, on_rtp: Callable[[bytes | bytearray, int, int], None]) -> None:
        self._loopback = loopback
        self._on_rtp = on_rtp
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._dtls: Any = None
        self._transport: Any = None
        self._address: tuple[Any, ...] = ()
        self._protect: Callable[[bytes], bytes] | None = None
        self._unprotect: Callable[[bytes], bytes] | None = None
        self._not_ours: Callable[[bytes, tuple[Any, ...]], None] = lambda _data, _address: None
        self._socket: socket.socket | None = None
        self._stamped = False
        self.ssrc = 0
        """Of what is sent."""

    async def offer(self) -> str:
        """The offer to be sent, with all candidates."""
        transceiver = self._pc.addTransceiver("audio", direction="sendrecv")
        run_no_media(transceiver)
        if self._loopback:
            gather_only(ice_connection(transceiver), ["127.0.0.1"])
        await self._pc.setLocalDescription(await self._pc.createOffer())
        self._dtls = transceiver.sender.transport
        self.ssrc = transceiver.sender._ssrc
        return self._pc.localDescription.sdp

    async def accept(self, answer: str) -> None:
        """Take the answer, and return when packets can flow.

        Raises:
            ConnectionFailedError: they can't, or not in time.
        """
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
                while self._pc.connectionState != "connected":
                    if self._pc.connectionState in {"failed", "closed"}:
                        raise ConnectionFailedError("The connection failed.")
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise ConnectionFailedError(f"The connection did not come up within {CONNECT_SECONDS:g} s.") from None
        except ValueError as error:
            raise ConnectionFailedError(f"The server's answer can't be used: {error}.") from error
        self._bypass()

    def _bypass(self) -> None:
        pair = self._dtls.transport._connection._nominated[1]
        protocol = pair.protocol
        self._address = pair.remote_addr
        self._protect, self._unprotect = self._dtls._tx_srtp.protect, self._dtls._rx_srtp.unprotect
        self._not_ours = protocol.datagram_received
        self._transport = protocol.transport
        # A socket of our own for the same port: asyncio's is wrapped so that it cannot be read.
        self._socket = socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno()))
        self._socket.setblocking(False)
        protocol.datagram_received = lambda data, _address: self._received(data, len(data), time.monotonic_ns())

    def stop_waking(self, *, stamped: bool = False) -> None:
        """From now on nothing is read unless :meth:`drain` is called: packets that arrive wake nobody.

        Over loopback, waking a sleeping process is charged to whoever sends to it, tens of microseconds a packet on a
        virtual machine. A network card charges nothing of the kind.

        Args:
            stamped: let the kernel note when each packet came, so that the time is right however late it is read. Where
                it can't (only Linux can), it is the time of reading.
        """
        if self._socket is None or self._transport.is_closing():
            return
        self._transport._loop._remove_reader(self._socket_number())
        if stamped and sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                self._stamped = True

    def _socket_number(self) -> int:
        number: int = self._transport.get_extra_info("socket").fileno()
        return number

    def drain(self) -> None:
        """Read what has arrived since the last time."""
        if self._socket is None:
            return
        read = self._socket.recv_into
        try:
            if self._stamped:
                self._drain_stamped(self._socket)
                return
            now_ns = time.monotonic_ns()
            for _ in range(MAX_DRAIN):
                self._received(_buffer, read(_buffer), now_ns)
        except BlockingIOError:
            pass
        except OSError:  # an ICMP message about something we sent
            pass

    def _drain_stamped(self, own: socket.socket) -> None:
        to_monotonic = time.monotonic_ns() - time.time_ns()
        for _ in range(MAX_DRAIN):
            size, ancillary, _, _ = own.recvmsg_into([_buffer], 64)
            at_ns = time.monotonic_ns()
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
                    seconds, rest = _TIMESPEC.unpack_from(data)
                    at_ns = seconds * 1_000_000_000 + rest + to_monotonic
            self._received(_buffer, size, at_ns)

    def _received(self, data: bytes | bytearray, size: int, at_ns: int) -> None:
        """Tell media from the rest (RFC 7983), and RTP from RTCP (RFC 5761), which we don't answer."""
        if size < 12 or not 128 <= data[0] <= 191:
            if size:  # an empty datagram would end aiortc's DTLS transport
                self._not_ours(bytes(data[:size]), self._address)
        elif not 192 <= data[1] <= 223:
            self._on_rtp(data, size, at_ns)

    def unprotect(self, packet: bytes) -> bytes:
        """Take the SRTP off a packet that came.

        Raises:
            pylibsrtp.Error: it is not authentic.
        """
        if self._unprotect is None:
            raise ConnectionFailedError("There is no connection.")
        return self._unprotect(packet)

    def send(self, packet: bytes) -> bool:
        """Protect an RTP packet and send it; whether it went out."""
        if self._protect is None or self._socket is None:
            return False
        try:
            self._socket.sendto(self._protect(packet), self._address)
        except OSError:  # the server has gone, or its port; the queue is full
            return False
        return True

    @property
    def connected(self) -> bool:
        """Whether packets can flow."""
        return self._protect is not None and self._pc.connectionState == "connected"

    def vanish(self) -> None:
        """Send nothing any more, as a machine that has lost its network."""
        self._protect = None
        if self._transport is not None:
            self._transport.sendto = lambda _data, _address=None: None

    async def close(self) -> None:
        """End the connection. Never raises, and takes a few seconds at most."""
        self.drain()
        self._protect = None
        closing = asyncio.ensure_future(self._pc.close())
        if closing not in (await asyncio.wait({closing}, timeout=CLOSE_SECONDS))[0]:
            closing.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
