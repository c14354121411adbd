"""A WebRTC client that costs next to nothing: stock aiortc sets the call up, then packets bypass all of it.

Packets come pre-encoded and go from SRTP straight to the socket; what arrives is counted, or handed on still
encrypted to whoever wants it. So one core can play a hundred clients against a server on another.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from conference.webrtc.aiortc_internals import gather_only, ice_connection, run_no_media

CONNECT_SECONDS = 15.0
MAX_DRAIN = 64
RTP_HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class Arrived:
    """An RTP packet that came."""

    sequence: int
    timestamp: int
    payload: bytes
    at_ns: int
    """``time.monotonic_ns()`` when the socket was read."""


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
        self._session = session
        self._endpoint = f"{url}/rooms/{room}/participants"
        self._name = name
        self._on_rtp = on_rtp
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._location: str | None = None
        self._send_datagram: Callable[[bytes], None] | None = None
        self._received: Callable[[bytes, tuple[Any, ...]], None]
        self._transport: Any = None
        self._socket: socket.socket | None = None
        self._payload_type = 96
        self._level_id: int | None = None
        self._ssrc = 0
        self._sequence = 0
        self.received = 0
        self.sent = 0
        self.asked_ns = 0
        """When the request was made, in ``time.monotonic_ns()``."""
        self.answer_ms = 0.0
        """From the start of the request to the end of its answer."""

    async def connect(self) -> None:
        """Join, and return when packets can flow.

        Raises:
            RuntimeError: refused, or not connected in time.
        """
        transceiver = self._pc.addTransceiver("audio", direction="sendrecv")
        run_no_media(transceiver)
        gather_only(ice_connection(transceiver), ["127.0.0.1"])
        await self._pc.setLocalDescription(await self._pc.createOffer())
        self.asked_ns = time.monotonic_ns()
        async with self._session.post(
            self._endpoint,
            params={"name": self._name},
            data=self._pc.localDescription.sdp,
            headers={"Content-Type": "application/sdp"},
        ) as response:
            answer = await response.text()
            self.answer_ms = (time.monotonic_ns() - self.asked_ns) / 1e6
            if response.status != 201:
                raise RuntimeError(f"The server answered {response.status}: {answer[:200]}")
            self._location = urljoin(self._endpoint, response.headers["Location"])
        found = re.search(r"^a=rtpmap:(\d+) opus/48000", answer, re.MULTILINE | re.IGNORECASE)
        if found is None:
            raise RuntimeError("The answer has no Opus.")
        self._payload_type = int(found[1])
        level = re.search(r"^a=extmap:(\d+)\S* urn:ietf:params:rtp-hdrext:ssrc-audio-level", answer, re.MULTILINE)
        self._level_id = int(level[1]) if level and int(level[1]) < 15 else None
        await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await asyncio.wait_for(self._connected(), CONNECT_SECONDS)
        self._bypass(transceiver.sender)

    async def _connected(self) -> None:
        while self._pc.connectionState != "connected":
            if self._pc.connectionState in {"failed", "closed"}:
                raise RuntimeError(f"The connection is {self._pc.connectionState}.")
            await asyncio.sleep(0.005)

    def _bypass(self, sender: Any) -> None:
        dtls = sender.transport
        pair = dtls.transport._connection._nominated[1]
        protocol = pair.protocol
        address = pair.remote_addr
        protect, unprotect = dtls._tx_srtp.protect, dtls._rx_srtp.unprotect
        stock_received = protocol.datagram_received
        self._ssrc = sender._ssrc

        def received(data: bytes, source: tuple[Any, ...]) -> None:
            if not data or not 128 <= data[0] <= 191:
                stock_received(data, source)
            elif not 192 <= data[1] <= 223:  # RFC 5761: the rest is RTCP, which we don't answer
                self.received += 1
                if self._on_rtp is not None:
                    now = time.monotonic_ns()
                    self._on_rtp(_arrived(unprotect(data), now))

        protocol.datagram_received = received
        self._received = received
        self._transport = protocol.transport
        self._send_datagram = lambda data: protocol.transport.sendto(protect(data), address)

    def stop_waking(self) -> None:
        """From now on nothing is read unless :meth:`drain` is called: packets that arrive wake nobody.

        Over loopback, waking a sleeping process is charged to whoever sends to it, tens of microseconds a packet on a
        virtual machine. A network card charges nothing of the kind.
        """
        file = self._transport.get_extra_info("socket").fileno()
        self._transport._loop._remove_reader(file)
        self._socket = socket.socket(fileno=os.dup(file))
        self._socket.setblocking(False)

    def drain(self) -> None:
        """Read what has arrived since the last time."""
        if self._socket is None:
            return
        with contextlib.suppress(BlockingIOError):
            for _ in range(MAX_DRAIN):
                self._received(*self._socket.recvfrom(2048))

    def send(self, payload: bytes, timestamp: int, level: int | None = None, *, sequence: int | None = None) -> None:
        """Send one packet now.

        Args:
            payload: Opus.
            timestamp: at 48 kHz.
            level: what the sender says of its loudness (RFC 6464), 0 to -127 dBov; ``None`` says nothing.
            sequence: of the packet, for whoever plays a network that loses and reorders; ``None``: the next one.
        """
        if self._send_datagram is None or self._pc.connectionState != "connected":
            return
        first_byte, extension = 0x80, b""
        if level is not None and self._level_id is not None:
            # RFC 8285, section 4.2: one-byte headers; ID and length less one, then V and the level, then padding.
            first_byte, extension = 0x90, bytes((0xBE, 0xDE, 0, 1, self._level_id << 4, -level & 0x7F, 0, 0))
        header = RTP_HEADER.pack(
            first_byte,
            self._payload_type,
            (self._sequence if sequence is None else sequence) & 0xFFFF,
            timestamp & 0xFFFF_FFFF,
            self._ssrc,
        )
        self._sequence += 1
        self.sent += 1
        self._send_datagram(header + extension + payload)

    async def close(self) -> None:
        """Leave."""
        if self._location is not None:
            async with self._session.delete(self._location):
                pass
        self.drain()
        await asyncio.wait_for(self._pc.close(), 5)
        if self._socket is not None:
            self._socket.close()


def _arrived(packet: bytes, now_ns: int) -> Arrived:
    """Read an RTP packet (RFC 3550, section 5.1)."""
    _, _, sequence, timestamp, _ = RTP_HEADER.unpack_from(packet)
    start = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    return Arrived(sequence, timestamp, packet[start:], now_ns)
