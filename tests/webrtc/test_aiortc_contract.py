"""What we rely on in aiortc and aioice without being promised it. When an upgrade moves it, this fails first."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from aioice import Connection
from aioice.ice import StunProtocol
from aiortc import RTCConfiguration, RTCDtlsTransport, RTCPeerConnection

from conference.webrtc.client import aiortc_internals


async def test_all_that_is_relied_on_is_there() -> None:
    await aiortc_internals.check()


async def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RTCDtlsTransport, "_handle_rtp_data")
    with pytest.raises(aiortc_internals.IncompatibleLibraryError, match=r"RTCDtlsTransport\._handle_rtp_data is gone"):
        await aiortc_internals.check()


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
