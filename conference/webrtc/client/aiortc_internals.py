"""What headless clients touch of aiortc that it does not document.

It has no public way to see packets before they are buffered and decoded, or to send without a task. What is needed for
it is gathered here, each name once; `check` says before a client connects which of them have moved, and
``tests/webrtc/test_aiortc_contract.py`` fails first when an upgrade moves them. What a server touches is checked by
`webrtc.server`. pyproject.toml pins the versions that this was written against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from aioice import Candidate as IceCandidate
from aioice import Connection
from aiortc import RTCDtlsTransport, RTCRtpTransceiver

from conference.webrtc.compatibility import refuse_missing
from conference.webrtc.rtp.srtp import SrtpSession

_COMPONENT = 1


def check(transceiver: RTCRtpTransceiver) -> None:
    """Make sure that all that a headless client relies on is there.

    Args:
        transceiver: of a connection that is not set up yet.

    Raises:
        IncompatibleLibraryError: naming what is missing, and what to do.
    """
    dtls = transceiver.receiver.transport
    missing = _missing(transceiver.receiver, "receive") + _missing(transceiver.sender, "send")
    missing += _missing(dtls, "_rx_srtp", "_tx_srtp", "_handle_rtp_data", "_handle_rtcp_data")
    missing += _missing(dtls.transport, "_connection")
    if not missing:
        missing += _missing(_connection(dtls), "get_component_candidates", "data_received", "_nominated")
    refuse_missing(missing)


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


class SrtpChannel:
    """A connection's SRTP keys, and its way out. Satisfies `webrtc.rtp_session.SecureChannel`.

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
