"""A small ICE-lite peer (RFC 8445 section 2.5), for tests: it answers checks, sends none, and speaks PCMU."""

from __future__ import annotations

import asyncio
import secrets
from typing import cast

from aioice import stun

from conference.webrtc.dtls.certificate import Certificate
from conference.webrtc.dtls.handshake import Dtls
from conference.webrtc.rtp.packet import build_rtp
from conference.webrtc.rtp.srtp import SrtpSession
from tests.webrtc.offers import crlf
from tests.webrtc.stock import LOOPBACK

Address = tuple[str, int]
SSRC = 0x1234_5678
SAMPLES = 160
"""Of 20 ms."""


class LitePeer(asyncio.DatagramProtocol):
    """One connection, on a socket of its own. It says where it is, and waits to be asked.

    Attributes:
        checks: the attributes of the checks that came, in order.
        heard: RTP packets that came and were authentic.
    """

    def __init__(self) -> None:
        self.checks: list[dict[str, object]] = []
        self.heard = 0
        self._certificate = Certificate()
        self._password = secrets.token_hex(16)
        self._transport: asyncio.DatagramTransport | None = None
        self._selected: Address | None = None
        self._dtls: Dtls | None = None
        self._incoming: SrtpSession | None = None
        self._outgoing: SrtpSession | None = None
        self._packets = 0

    async def offer(self, *, setup: str = "actpass") -> str:
        """Open the socket. Returns an offer with its address.

        Args:
            setup: its part in the DTLS handshake.
        """
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, (LOOPBACK, 0))
        assert self._transport is not None
        port = self._transport.get_extra_info("sockname")[1]
        return crlf(
            f"v=0\no=- 1 1 IN IP4 {LOOPBACK}\ns=-\nt=0 0\na=ice-lite\na=group:BUNDLE a\n"
            f"m=audio {port} UDP/TLS/RTP/SAVPF 0\nc=IN IP4 {LOOPBACK}\na=mid:a\na=sendrecv\na=rtcp-mux\n"
            f"a=ice-ufrag:lite\na=ice-pwd:{self._password}\na=setup:{setup}\n"
            f"a=fingerprint:sha-256 {self._certificate.fingerprint}\n"
            f"a=candidate:1 1 udp 2130706431 {LOOPBACK} {port} typ host\na=end-of-candidates\n"
        )

    def take(self, answer: str) -> None:
        """Take the answer: from then on, the handshake may come."""
        fingerprint = answer.partition("a=fingerprint:sha-256 ")[2].partition("\r\n")[0]
        self._dtls = Dtls(
            self._certificate,
            client="a=setup:passive\r\n" in answer,
            fingerprints=(("sha-256", fingerprint),),
            send=self._send_selected,
        )

    def speak(self) -> None:
        """Send 20 ms of full-scale sound, if there are keys."""
        if self._outgoing is not None:
            packet = build_rtp(0, False, self._packets, self._packets * SAMPLES, SSRC, bytes([0, 0x80] * 80))
            self._packets += 1
            protected = self._outgoing.protect(packet)
            assert protected is not None
            self._send_selected(protected)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if data[0] <= 3:
            self._answer(stun.parse_message(data), addr)
        elif 20 <= data[0] <= 63 and self._dtls is not None:
            self._dtls.receive(data)
            if self._dtls.incoming is not None and self._dtls.outgoing is not None and self._outgoing is None:
                self._incoming, self._outgoing = SrtpSession(self._dtls.incoming), SrtpSession(self._dtls.outgoing)
        elif self._incoming is not None and not 192 <= data[1] <= 223:
            self.heard += self._incoming.unprotect(data) is not None

    def _answer(self, request: stun.Message, address: Address) -> None:
        if request.message_class != stun.Class.REQUEST or self._transport is None:
            return
        self.checks.append(dict(request.attributes))
        if "ICE-CONTROLLING" in request.attributes and "USE-CANDIDATE" in request.attributes:
            self._selected = address
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = address
        response.add_message_integrity(self._password.encode())
        self._transport.sendto(bytes(response), address)
        if self._selected is not None and self._dtls is not None:
            self._dtls.start()

    def _send_selected(self, datagram: bytes) -> None:
        """Send to the selected pair; nothing goes before one is."""
        if self._selected is not None and self._transport is not None:
            self._transport.sendto(datagram, self._selected)
