"""A connection of the reference: what it answers, what it refuses, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import stun

from conference.iceservers import parse_ice_server
from conference.webrtc.reference.engine import ReferenceWebRtc, without_names
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.settings import WebRtcSettings
from tests.webrtc.stock import StockPeer, eventually, released, resources

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    before = resources()
    yield
    await eventually(lambda: released(before), 30)


@pytest.fixture
async def webrtc() -> AsyncIterator[ReferenceWebRtc]:
    running = ReferenceWebRtc(WebRtcSettings(connect_timeout=0.1))
    await running.start()
    yield running
    await running.close()


@pytest.mark.parametrize(
    ("direction", "speaks", "hears"), [("sendrecv", True, True), ("sendonly", True, False), ("recvonly", False, True)]
)
async def test_who_only_listens_has_no_voice_and_who_only_speaks_no_ear(
    webrtc: ReferenceWebRtc, direction: str, speaks: bool, hears: bool
) -> None:
    client, peer = StockPeer(direction), webrtc.new_peer()
    answer = await peer.accept(await client.offer())
    assert (peer.source is not None, peer.sink is not None) == (speaks, hears)
    assert "m=audio" in answer
    await client.close()
    await peer.close()
    await peer.close()


@pytest.mark.parametrize("offer", ["", "v=0\r\n", "nonsense", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "a" * 100_000])
async def test_what_is_no_offer_is_a_sentence(webrtc: ReferenceWebRtc, offer: str) -> None:
    peer = webrtc.new_peer()
    with pytest.raises(OfferError, match=r"\.$"):
        await peer.accept(offer)
    await peer.close()


async def test_who_never_connects_is_let_go_of(webrtc: ReferenceWebRtc) -> None:
    client, peer = StockPeer(), webrtc.new_peer()
    reasons: list[str] = []
    peer.on_end = reasons.append
    await peer.accept(await client.offer())
    await eventually(lambda: reasons, 30)
    assert reasons == ["The connection did not come up within 0.1 seconds."]
    await client.close()


async def test_candidates_come_later_and_malformed_ones_are_a_sentence(webrtc: ReferenceWebRtc) -> None:
    client, peer = StockPeer(), webrtc.new_peer()
    await peer.accept(await client.offer())
    await peer.add_candidates("a=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n")
    await peer.add_candidates("a=mid:nowhere\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n")
    with pytest.raises(ValueError, match="malformed"):
        await peer.add_candidates("a=candidate:nonsense\r\n")
    assert peer.stats()["state"] in ("new", "connecting")
    assert peer.tally() == {}
    await client.close()


class StunServer(asyncio.DatagramProtocol):
    """Tells everybody that they are at 203.0.113.7."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        asked = stun.parse_message(data)
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=asked.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = ("203.0.113.7", 40_000)
        self.transport.sendto(bytes(answer), address)


async def test_the_servers_own_side_uses_the_servers_of_stun() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(StunServer, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    webrtc = ReferenceWebRtc(WebRtcSettings(), [parse_ice_server(f"stun:127.0.0.1:{port}")])
    client, peer = StockPeer(), webrtc.new_peer()
    assert "203.0.113.7 40000 typ srflx" in await peer.accept(await client.offer())
    await client.close()
    await webrtc.close()
    transport.close()


def test_names_are_left_out_of_an_offer_and_so_is_that_there_are_no_more() -> None:
    kept = "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\na=mid:0\r\n"
    named = "a=candidate:2 1 udp 2130706431 3b8f.local 9 typ host\r\n"
    assert without_names(named + kept + "a=end-of-candidates\r\n") == kept
    assert without_names(kept) == kept
