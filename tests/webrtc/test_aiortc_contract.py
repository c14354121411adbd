"""What we rely on in aiortc and aioice without being promised it. When an upgrade moves it, this fails first."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator

import pytest
from aioice import Connection
from aioice.ice import StunProtocol
from aiortc import RTCConfiguration, RTCDtlsTransport, RTCPeerConnection, RTCRtpTransceiver

from conference.webrtc import server
from conference.webrtc.client import aiortc_internals
from conference.webrtc.client.peer import HeadlessPeer, JoinError
from conference.webrtc.compatibility import IncompatibleLibraryError
from conference.webrtc.ice import connection as ice


@pytest.fixture
async def transceiver() -> AsyncIterator[RTCRtpTransceiver]:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield pc.addTransceiver("audio")
    await pc.close()


async def test_all_that_is_relied_on_is_there(transceiver: RTCRtpTransceiver) -> None:
    aiortc_internals.check(transceiver)
    assert ice.missing() == []


async def test_what_a_client_misses_is_named(transceiver: RTCRtpTransceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RTCDtlsTransport, "_handle_rtp_data")
    with pytest.raises(IncompatibleLibraryError, match=r"RTCDtlsTransport\._handle_rtp_data is gone"):
        aiortc_internals.check(transceiver)


async def test_a_client_that_misses_something_does_not_join_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RTCDtlsTransport, "_handle_rtp_data")
    peer = HeadlessPeer("http://127.0.0.1:1", "tea")
    with pytest.raises(JoinError, match=r"RTCDtlsTransport\._handle_rtp_data is gone"):
        await peer.connect()


async def test_a_server_needs_nothing_of_what_only_clients_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RTCDtlsTransport, "_handle_rtp_data")
    monkeypatch.setattr(server, "UdpMux", lambda *_, **__: Unused())
    webrtc = server.WebRtc()
    await webrtc.start()
    assert webrtc.port == Unused.port
    await webrtc.close()


async def test_what_a_server_misses_is_named_before_it_opens_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Connection, "query_consent")
    monkeypatch.setattr(server, "UdpMux", lambda *_, **__: pytest.fail("it opened one"))
    with pytest.raises(IncompatibleLibraryError, match=r"Connection\.query_consent is gone"):
        await server.WebRtc().start()


class Unused:
    """In place of a port."""

    port = 5004

    def close(self) -> None: ...


def test_the_signatures_are_as_they_were() -> None:
    def parameters(function: object) -> list[str]:
        assert callable(function)
        return list(inspect.signature(function).parameters)

    assert parameters(Connection.get_component_candidates) == ["self", "component", "addresses", "timeout"]
    assert parameters(Connection.request_received) == ["self", "message", "addr", "protocol"]
    assert parameters(Connection.data_received) == ["self", "data", "component"]
    assert parameters(Connection.build_request) == ["self", "pair", "nominate"]
    assert parameters(StunProtocol.send_stun) == ["self", "message", "addr"]
    assert parameters(RTCDtlsTransport._handle_rtp_data) == ["self", "data", "arrival_time_ms"]
    assert parameters(RTCDtlsTransport._handle_rtcp_data) == ["self", "data"]


async def test_what_a_bare_client_takes_over_is_there() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        sender = pc.addTransceiver("audio").sender
        assert isinstance(sender._ssrc, int)
        assert {"_rx_srtp", "_tx_srtp", "_state"} <= vars(sender.transport).keys()
        assert isinstance(sender.transport.transport._connection._nominated, dict)
    finally:
        await pc.close()
    assert callable(asyncio.get_running_loop()._remove_reader)  # type: ignore[attr-defined]
    assert list(inspect.signature(StunProtocol.datagram_received).parameters) == ["self", "data", "addr"]
