"""The one module that touches what aiortc and aioice don't document (`bare`, for load tests only, does so too).

They have no public way to share a UDP port between connections, to see packets before they are buffered and decoded,
or to send without a task. What is needed for it is gathered here, each name once; `check` says at start-up which of
them have moved, and ``tests/webrtc/test_aiortc_contract.py`` fails first when an upgrade moves them. pyproject.toml
pins the versions that this was written against.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, cast

from aioice import Candidate as IceCandidate
from aioice import Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol, get_host_addresses
from aioice.stun import Message
from aiortc import RTCConfiguration, RTCDtlsTransport, RTCPeerConnection, RTCRtpTransceiver

from conference.webrtc.candidate import Candidate
from conference.webrtc.mux import Address, SharedSocket, UdpMux
from conference.webrtc.srtp import SrtpSession

MAX_DTLS_BACKLOG = 256
"""DTLS datagrams of one connection that wait for its task; more are a flood."""

_COMPONENT = 1
_STUN_BINDING_REQUEST = b"\x00\x01"


class IncompatibleLibraryError(RuntimeError):
    """The installed aiortc or aioice lacks something that this module relies on."""


async def check() -> None:
    """Make sure that all we rely on is there.

    Raises:
        IncompatibleLibraryError: naming what is missing, and what to do.
    """
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        transceiver = pc.addTransceiver("audio")
        dtls = transceiver.receiver.transport
        missing = _missing(pc, "_RTCPeerConnection__closeTask")
        missing += _missing(transceiver.receiver, "receive") + _missing(transceiver.sender, "send")
        missing += _missing(dtls, "_rx_srtp", "_tx_srtp", "_handle_rtp_data", "_handle_rtcp_data")
        missing += _missing(dtls.transport, "_connection")
        if not missing:
            connection = _connection(dtls)
            missing += _missing(connection, "_local_username", "_protocols", "_nominated", "_queue")
            missing += _missing(connection, "get_component_candidates", "request_received", "data_received")
            missing += _missing(connection, "build_request", "remote_password")
            missing += _missing(StunProtocol(connection), "transactions", "connection_made", "connection_lost")
    finally:
        await pc.close()
    if missing:
        raise IncompatibleLibraryError(
            f"The installed aiortc or aioice does not fit: {', '.join(missing)} is gone. "
            "Install the versions that this package asks for: pip install --force-reinstall conference"
        )


def host_addresses() -> list[str]:
    """The machine's own addresses, without loopback and link-local ones."""
    return get_host_addresses(use_ipv4=True, use_ipv6=True)


def _missing(thing: object, *names: str) -> list[str]:
    return [f"{type(thing).__name__}.{name}" for name in names if not hasattr(thing, name)]


def _connection(dtls: RTCDtlsTransport) -> Connection:
    return dtls.transport._connection


def ice_connection(transceiver: RTCRtpTransceiver) -> Connection:
    """The ICE connection below a transceiver."""
    return _connection(transceiver.receiver.transport)


def run_no_media(transceiver: RTCRtpTransceiver, *, receiver: bool = True, sender: bool = True) -> None:
    """Keep aiortc's own receiver (a thread) or sender (two tasks) from starting: we do what they would."""

    async def nothing(_: object) -> None:
        return

    if receiver:
        transceiver.receiver.receive = nothing  # type: ignore[method-assign,assignment]
    if sender:
        transceiver.sender.send = nothing  # type: ignore[method-assign,assignment]


def cancel_own_close(pc: RTCPeerConnection) -> None:
    """Cancel the close that aiortc starts by itself when DTLS has ended, for when closing hangs."""
    task: asyncio.Task[None] | None = getattr(pc, "_RTCPeerConnection__closeTask")  # noqa: B009 - mangled here, else
    if task is not None:
        task.cancel()


def tap_media(
    transceiver: RTCRtpTransceiver, on_rtp: Callable[[bytes], object], on_rtcp: Callable[[bytes], object]
) -> None:
    """See every RTP and RTCP packet of a connection with sockets of its own, decrypted, before aiortc parses it."""
    dtls = transceiver.receiver.transport
    connection = _connection(dtls)
    rtcp = dtls._handle_rtcp_data
    received = connection.data_received

    async def handle_rtp(data: bytes, arrival_time_ms: int) -> None:
        on_rtp(data)

    async def handle_rtcp(data: bytes) -> None:
        on_rtcp(data)
        await rtcp(data)

    def data_received(data: bytes, component: int) -> None:
        if data:  # an empty datagram ends aiortc's DTLS transport
            received(data, component)

    dtls._handle_rtp_data = handle_rtp  # type: ignore[method-assign]
    dtls._handle_rtcp_data = handle_rtcp  # type: ignore[method-assign]
    connection.data_received = data_received  # type: ignore[method-assign]


def gather_only(connection: Connection, addresses: list[str]) -> None:
    """Make a connection with sockets of its own use these local addresses, loopback ones too."""
    gather = connection.get_component_candidates

    async def get_component_candidates(component: int, **_: object) -> list[IceCandidate]:
        return await gather(component, addresses)

    connection.get_component_candidates = get_component_candidates  # type: ignore[method-assign,assignment]


class _ProtocolTransport:
    """What aioice takes for the transport of its own socket: a view of a shared one."""

    def __init__(self, endpoint: MuxedIce, shared: SharedSocket, protocol: StunProtocol) -> None:
        self._endpoint = endpoint
        self._shared = shared
        self._protocol = protocol
        self._closed = False

    def sendto(self, data: bytes, address: Address) -> bool:
        if self._closed:
            return False
        if data[:2] == _STUN_BINDING_REQUEST:
            self._endpoint.expect(data[8:20])
        return self._shared.sendto(data, address)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._protocol.connection_lost(None)

    def is_closing(self) -> bool:
        return self._closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._shared.binding.bind, self._shared.port) if name == "sockname" else default


class MuxedIce:
    """An ICE connection whose datagrams go through the shared port. Satisfies `mux.Endpoint`.

    Make it before the local description is set, which is when aiortc gathers candidates.

    Args:
        connection: aioice's.
        mux: the shared port.
        media: takes SRTP and SRTCP packets, with the time of their arrival.
    """

    def __init__(self, connection: Connection, mux: UdpMux, media: Callable[[bytes, int], None]) -> None:
        self._connection = connection
        self._mux = mux
        self._protocols: dict[SharedSocket, StunProtocol] = {}
        self.media = media
        self.heard_ns = 0
        # aioice draws four characters, which is too few to tell thousands of connections apart.
        self.ufrag = connection._local_username = secrets.token_hex(8)
        self._password = connection.local_password.encode()
        self.candidates: list[Candidate] = []
        """Where we can be reached, for the answer."""

        connection.get_component_candidates = self._gather  # type: ignore[method-assign,assignment]
        mux.add(self)

    async def _gather(self, **_: object) -> list[IceCandidate]:
        found: list[IceCandidate] = []
        for shared, announced in self._mux.announced():
            first = len(found)
            for address in announced:
                found.append(_host_candidate(address, shared.port, len(found)))
            protocol = StunProtocol(self._connection)
            transport = _ProtocolTransport(self, shared, protocol)
            protocol.connection_made(cast("asyncio.DatagramTransport", transport))
            protocol.local_candidate = found[first]
            self._protocols[shared] = protocol
            self._connection._protocols.append(protocol)
        self.candidates = [Candidate(one.foundation, one.priority, one.host, one.port, one.type) for one in found]
        return found

    def detach(self) -> None:
        """Leave the mux: from now on, nothing comes and nothing goes."""
        self._mux.remove(self)
        for protocol in self._protocols.values():
            protocol.transport.close()

    def expect(self, transaction_id: bytes) -> None:
        """A STUN request of ours is about to be sent."""
        self._mux.expect(transaction_id, self)

    def authenticates(self, request: Message) -> bool:
        """Whether a request was made for us, with our password."""
        return request.check_message_integrity(self._password)

    def stun_request(self, request: Message, address: Address, via: SharedSocket) -> None:
        """Answer an authentic connectivity check, and do what it brings about."""
        protocol = self._protocols.get(via)
        if protocol is not None:
            self._connection.request_received(request, address, protocol)

    def stun_response(self, response: Message, address: Address, via: SharedSocket, now_ns: int) -> None:
        """Take the response to a request of ours."""
        password = self._connection.remote_password
        if password is not None and response.check_message_integrity(password.encode()):
            self.heard_ns = now_ns
        protocol = self._protocols.get(via)
        transaction = protocol.transactions.get(response.transaction_id) if protocol is not None else None
        if transaction is not None:
            transaction.response_received(response, address)

    def dtls(self, datagram: bytes) -> None:
        """Queue a DTLS datagram for the connection's task."""
        if self._connection._queue.qsize() < MAX_DTLS_BACKLOG:
            self._connection.data_received(datagram, _COMPONENT)

    def probe(self) -> None:
        """Ask the peer for a sign of life: a consent check (RFC 7675) out of turn."""
        pair = self._connection._nominated.get(_COMPONENT)
        password = self._connection.remote_password
        if pair is not None and password is not None:
            request = self._connection.build_request(pair, nominate=False)
            request.add_message_integrity(password.encode())
            pair.protocol.send_stun(request, pair.remote_addr)

    async def close(self) -> None:
        """End the ICE connection itself: every task of aioice, and with it of aiortc, that waits on it."""
        await self._connection.close()


def _host_candidate(address: str, port: int, index: int) -> IceCandidate:
    return IceCandidate(
        foundation=candidate_foundation("host", "udp", address),
        component=_COMPONENT,
        transport="udp",
        priority=candidate_priority(_COMPONENT, "host", 65_535 - index),
        host=address,
        port=port,
        type="host",
    )


class SrtpChannel:
    """A connection's SRTP keys, and its way out. Satisfies `session.SecureChannel`.

    Before DTLS is through, nothing is authentic and nothing is sent.
    """

    def __init__(self, transceiver: RTCRtpTransceiver) -> None:
        self._dtls = transceiver.receiver.transport
        self._nominated = _connection(self._dtls)._nominated
        self._incoming: SrtpSession | None = None
        self._outgoing: SrtpSession | None = None

    def open(self) -> None:
        """DTLS is through: take its keys."""
        self._incoming, self._outgoing = SrtpSession(self._dtls._rx_srtp), SrtpSession(self._dtls._tx_srtp)

    def close(self) -> None:
        """Forget the keys: nothing is authentic and nothing is sent any more."""
        self._incoming = self._outgoing = None

    def unprotect(self, packet: bytes) -> bytes | None:
        """Take the SRTP off an RTP packet; ``None`` if it is forged, or replayed."""
        return None if self._incoming is None else self._incoming.unprotect(packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The same for RTCP."""
        return None if self._incoming is None else self._incoming.unprotect_rtcp(packet)

    def send_rtp(self, packet: bytes) -> bool:
        """Protect and send an RTP packet. Returns whether it went out."""
        return self._outgoing is not None and self._send(self._outgoing.protect(packet))

    def send_rtcp(self, packet: bytes) -> bool:
        """The same for RTCP."""
        return self._outgoing is not None and self._send(self._outgoing.protect_rtcp(packet))

    def _send(self, data: bytes | None) -> bool:
        pair = self._nominated.get(_COMPONENT)
        if pair is None or data is None:
            return False
        transport = pair.protocol.transport
        if transport.is_closing():
            return False
        # Ours says whether it was sent; asyncio's says nothing.
        return cast("object", transport.sendto(data, pair.remote_addr)) is not False
