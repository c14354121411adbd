"""What lies below one participant's media: ICE finds the path, DTLS the keys, SRTP uses both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

from conference.webrtc.dtls.certificate import Certificate
from conference.webrtc.dtls.handshake import Dtls
from conference.webrtc.ice.connection import MuxedIce
from conference.webrtc.mux import UdpMux
from conference.webrtc.receive.stream import ReceiveStream
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.sdp.candidate import Candidate
from conference.webrtc.sdp.formats import Format
from conference.webrtc.sdp.transport_attributes import PeerTransport
from conference.webrtc.send.stream import SendStream, SingleStream
from conference.webrtc.send.table_stream import TableStream

TransportState: TypeAlias = Literal["connecting", "connected", "closed", "failed"]

MAX_EARLY = 16
"""DTLS datagrams that may come before our side of ICE has found the path."""


class MediaTransport:
    """One connection. Satisfies `webrtc.rtp_session.SecureChannel`.

    Before DTLS is through, nothing is authentic and nothing is sent.

    Args:
        mux: the shared port.
        certificate: ours.
        theirs: what the peer says about its side.
        changed: called when :attr:`state` has changed.
    """

    def __init__(
        self, mux: UdpMux, certificate: Certificate, theirs: PeerTransport, changed: Callable[[], object]
    ) -> None:
        self.state: TransportState = "connecting"
        self.ice = MuxedIce(mux, theirs, routed=self._routed, dtls=self._datagram)
        # "The answerer ... SHOULD use setup:active" (RFC 5763 section 5): the first flight is a round trip earlier.
        self.setup: Literal["active", "passive"] = "passive" if theirs.setup == "active" else "active"
        self._dtls = Dtls(
            certificate, client=self.setup == "active", fingerprints=theirs.fingerprints, send=self.ice.send
        )
        self._offered = theirs.candidates
        self._changed = changed
        self._early: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self.unprotect: Callable[[bytes], bytes | None] = _nothing
        """Takes the SRTP off an RTP packet; ``None`` if it is forged, or replayed."""

        self._incoming: SrtpSession | None = None
        self._outgoing: SrtpSession | None = None
        self._mux = mux
        self._send_stream: TableStream | None = None
        self._receive_stream: ReceiveStream | None = None

    @property
    def alerted(self) -> bool:
        """Whether something has come that may be the peer's goodbye, or anybody's; see `Dtls`."""
        return self._dtls.alerted

    @property
    def trouble(self) -> str:
        """Why there is no connection, or not yet, for people: which part of it did not come up, and what it said."""
        if self.ice.route is None:
            return "no network path to the other side was found (ICE)"
        if self._dtls.state == "failed":
            return f"the DTLS handshake failed: {self._dtls.reason}"
        return "the other side did not complete the DTLS handshake"

    def calm(self) -> None:
        """It was not the peer's."""
        self._dtls.alerted = False

    def make_send_stream(self, agreed: Format, ssrc: int, now: Callable[[], int], *, level_id: int = 0) -> SendStream:
        """The stream that goes over this connection; there is one at most."""
        if not self._mux.send_tables:
            return SingleStream(agreed, ssrc, self.send_rtp, now, level_id=level_id)
        self._send_stream = TableStream(agreed, ssrc, level_id=level_id)
        return self._send_stream

    def receive_by(self, stream: ReceiveStream) -> None:
        """Remember the peer's stream, to attach it once there are keys; there is one at most."""
        self._receive_stream = stream

    async def start(self) -> list[Candidate]:
        """Begin to look for a path. Returns where we can be reached."""
        offered, self._offered = self._offered, ()
        await self.ice.start(offered)
        return self.ice.candidates

    def stop(self) -> None:
        """Tell the peer that it is over, and forget the keys: nothing is authentic and nothing is sent any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._send_stream is not None:
            self._send_stream.close()
        if self._receive_stream is not None:
            self._receive_stream.detach()
        self._dtls.close()
        self._incoming = self._outgoing = None
        self.unprotect = _nothing
        self.state = "closed"

    async def close(self) -> None:
        """End it for good."""
        self.stop()
        self.ice.detach()
        await self.ice.close()

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The same for RTCP."""
        return None if self._incoming is None else self._incoming.unprotect_rtcp(packet)

    def release(self) -> None:
        """Let go of all that is held: the garbage collector does not see what OpenSSL and libsrtp keep."""
        self.stop()
        self.ice.detach()
        self.ice.release()
        self._dtls.release()
        self._changed = _nothing_changed

    def send_rtp(self, packet: bytes) -> bool:
        """Protect and send an RTP packet. Returns whether it went out."""
        return self._outgoing is not None and self._send(self._outgoing.protect(packet))

    def send_rtcp(self, packet: bytes) -> bool:
        """The same for RTCP."""
        return self._outgoing is not None and self._send(self._outgoing.protect_rtcp(packet))

    def _send(self, packet: bytes | None) -> bool:
        return packet is not None and self.ice.send(packet)

    def _routed(self) -> None:
        self._attach_send_stream()
        if self._dtls.state == "new" and self.state == "connecting":
            self._dtls.start()
            early, self._early = self._early, []
            for datagram in early:
                self._dtls.receive(datagram)
            self._follow()

    def _datagram(self, datagram: bytes) -> None:
        if self._dtls.state == "new":
            self._early = [*self._early[1 - MAX_EARLY :], datagram]
            return
        alerted = self._dtls.alerted
        self._dtls.receive(datagram)
        self._follow()
        if self._dtls.alerted and not alerted:
            self._changed()

    def _follow(self) -> None:
        """Go along with what DTLS has come to."""
        dtls = self._dtls
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (seconds := dtls.timeout()) is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)
        if self.state == "connecting" and dtls.incoming is not None and dtls.outgoing is not None:
            self._incoming, self._outgoing = SrtpSession(dtls.incoming), SrtpSession(dtls.outgoing)
            dtls.incoming = dtls.outgoing = None  # only they hold the keys from now on
            self.unprotect = self._incoming.unprotect
            self.state = "connected"
            self._attach_send_stream()
            if self._receive_stream is not None:
                self._receive_stream.attach(self._mux.receive_table, self._incoming, partial(self._mux.carry, self.ice))
            self._changed()
        if self.state in ("connecting", "connected") and dtls.state in ("closed", "failed"):
            self.state = "closed" if dtls.state == "closed" else "failed"
            self._changed()

    def _attach_send_stream(self) -> None:
        """Attach our stream to the send table, once there are a path and a key to send with."""
        route = self.ice.route
        if self._send_stream is not None and route is not None and self._outgoing is not None:
            self._send_stream.attach(self._mux.send_tables[route[0]], self._outgoing, route[1])

    def _expire(self) -> None:
        self._timer = None
        self._dtls.expire()
        self._follow()


def _nothing_changed() -> None:
    """Nobody wants to know any more."""


def _nothing(_: bytes) -> None:
    """Without keys, nothing is authentic."""
