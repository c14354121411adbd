"""How WebRTC connections end: by either side, by a break, by a time that is up; and that nothing is left of them."""

from __future__ import annotations

import asyncio
import time

import pytest

from conference.webrtc.ice.connection import MuxedIce
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.server import HOUSEKEEPING_SECONDS, STARVED_NS
from tests.webrtc.stock import StockPeer, eventually, flows, in_call, resources, running, without_candidates

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


async def test_a_peer_that_never_connects_is_given_up_with_a_reason() -> None:
    async with running(connect_timeout=0.3) as webrtc:
        before = resources()
        client, peer = StockPeer(), webrtc.new_peer()
        reasons: list[str] = []
        peer.on_end = reasons.append
        await peer.accept(without_candidates(await client.offer()))
        await client.close()
        await eventually(lambda: reasons and peer not in webrtc.peers, within=2)
        why = "no network path to the other side was found (ICE)"
        assert reasons == [f"The connection did not come up within 0.3 seconds: {why}."]
        await eventually(lambda: resources() == before, within=1)


async def test_a_peer_that_vanishes_is_noticed() -> None:
    async with running(silence_timeout=1.0) as webrtc, in_call(webrtc) as (client, peer, room):
        reasons: list[str] = []
        peer.on_end = reasons.append
        await flows(client, room)
        client.vanish()
        await eventually(lambda: reasons, within=2.5)
        assert reasons == ["Nothing was heard from the connection for 1 seconds."]


async def test_who_is_silent_while_the_server_is_starved_has_more_time() -> None:
    async with running(silence_timeout=60.0) as webrtc, in_call(webrtc) as (client, peer, room):
        reasons: list[str] = []
        peer.on_end = reasons.append
        await flows(client, room)
        client.vanish()
        much_later_ns = time.monotonic_ns() + 100_000_000_000
        peer.housekeep(much_later_ns, patience=4.0)
        assert peer.state == "connected"
        peer.housekeep(much_later_ns)
        assert reasons


async def test_a_loop_that_was_held_up_is_noticed() -> None:
    async with running() as webrtc:
        assert webrtc._patience(time.monotonic_ns()) == 1.0
        time.sleep(STARVED_NS / 1e9 + HOUSEKEEPING_SECONDS)  # noqa: ASYNC251 - this is the hold-up
        assert webrtc._patience(time.monotonic_ns()) > 1.0


async def test_a_peer_that_says_nothing_but_is_there_is_kept() -> None:
    async with running(silence_timeout=1.0) as webrtc, in_call(webrtc, "recvonly") as (_, peer, room):
        await room.close()  # we send it nothing either, so it has nothing to report
        await asyncio.sleep(2.5)
        assert peer.state == "connected"


async def test_a_peer_that_hangs_up_is_noticed_at_once() -> None:
    async with running() as webrtc, in_call(webrtc) as (client, peer, _):
        reasons: list[str] = []
        peer.on_end = reasons.append
        await client.close()
        await eventually(lambda: reasons, within=0.5)
        assert reasons == ["The participant left."]


async def test_a_peer_that_says_goodbye_in_dtls_alone_is_noticed_soon() -> None:
    async with running(silence_timeout=60.0) as webrtc, in_call(webrtc) as (client, peer, room):
        reasons: list[str] = []
        peer.on_end = reasons.append
        await flows(client, room)
        dtls = client.transceiver.sender.transport
        assert dtls._ssl is not None
        dtls._ssl.shutdown()
        await dtls._write_ssl()
        client.vanish()
        await eventually(lambda: reasons, within=6)
        assert reasons == ["The participant left."]


@pytest.mark.parametrize("direction", ["sendrecv", "recvonly"])
async def test_a_goodbye_that_somebody_else_has_sent_parts_nobody(direction: str) -> None:
    async with running() as webrtc, in_call(webrtc, direction) as (client, peer, room):
        assert webrtc.port is not None
        if direction == "recvonly":
            await room.close()
        for _ in range(6):
            client.datagram(bytes([21, 0xFE, 0xFD, 0, 1]) + bytes(6) + bytes([0, 26]) + bytes(26), webrtc.port)
            await asyncio.sleep(0.6)
        assert peer.state == "connected"


async def test_the_peer_is_told_when_we_close() -> None:
    async with running() as webrtc, in_call(webrtc) as (client, peer, _):
        await peer.close()
        await eventually(lambda: client.pc.connectionState == "closed", within=0.5)


async def test_a_close_that_hangs_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(close_timeout=0.2) as webrtc:
        before = resources()
        async with in_call(webrtc) as (_, peer, room):

            async def hang(_: MuxedIce) -> None:
                await asyncio.Event().wait()

            with monkeypatch.context() as patched:
                patched.setattr(MuxedIce, "close", hang)
                async with asyncio.timeout(1.0):
                    await peer.close()
            assert not webrtc.peers
            await room.close()
        await eventually(lambda: resources() == before, within=1.0)


async def test_an_offer_that_cannot_be_accepted_leaves_nothing_behind() -> None:
    async with running() as webrtc:
        before = resources()
        client, peer = StockPeer(), webrtc.new_peer()
        offer = (await client.offer()).replace("a=fingerprint", "a=x-fingerprint")
        with pytest.raises(OfferError, match="fingerprint"):
            await peer.accept(offer)
        await peer.close()
        await client.close()
        assert not webrtc.peers
        assert resources() == before


async def test_a_peer_that_is_closed_while_it_is_answered_leaves_nothing_behind() -> None:
    async with running() as webrtc:
        before = resources()
        client = StockPeer()
        offer = await client.offer()
        for turns in range(12):  # close it at each step of the way
            peer = webrtc.new_peer()
            accepting = asyncio.create_task(peer.accept(offer))
            for _ in range(turns):
                await asyncio.sleep(0)
            await peer.close()
            await asyncio.wait([accepting])
            assert accepting.exception() is None or isinstance(accepting.exception(), OfferError)
            assert peer.state == "closed"
        await client.close()
        await eventually(lambda: resources() == before and not webrtc.peers, within=1)


async def test_a_cancelled_answer_leaves_nothing_behind() -> None:
    async with running() as webrtc:
        before = resources()
        client = StockPeer()
        offer = await client.offer()
        for turns in range(8):
            accepting = asyncio.create_task(webrtc.new_peer().accept(offer))
            for _ in range(turns):
                await asyncio.sleep(0)
            accepting.cancel()
            await asyncio.wait([accepting])
        await client.close()
        for peer in webrtc.peers:  # those that were cancelled before they began, or answered all the same
            await peer.close()
        await eventually(lambda: resources() == before and not webrtc.peers, within=1)


async def test_a_peer_without_an_offer_is_given_up_too() -> None:
    async with running(connect_timeout=0.2) as webrtc:
        webrtc.new_peer()
        await eventually(lambda: not webrtc.peers, within=2)


async def test_twenty_calls_leave_no_task_thread_or_socket_behind() -> None:
    async with running() as webrtc:
        before = resources()

        async def call() -> None:
            async with in_call(webrtc) as (client, _, room):
                await flows(client, room)

        for _ in range(5):
            await asyncio.gather(*(call() for _ in range(4)))
        await eventually(lambda: resources() == before and not webrtc.peers, within=1.0)


async def test_closing_the_server_ends_every_call_in_time() -> None:
    async with running() as webrtc, in_call(webrtc) as (one, _, _), in_call(webrtc) as (other, _, _):
        async with asyncio.timeout(2.0):
            await webrtc.close()
        await eventually(lambda: one.pc.connectionState == other.pc.connectionState == "closed", within=0.5)
        with pytest.raises(RuntimeError):
            webrtc.new_peer()


async def test_a_connection_in_which_all_is_well_is_looked_at_now_and_then() -> None:
    async with running(silence_timeout=8.0) as webrtc, in_call(webrtc) as (client, peer, room):
        await flows(client, room)
        now_ns = time.monotonic_ns()
        first = peer.housekeep(now_ns)
        assert now_ns < first <= now_ns + 2_000_000_000
        assert peer.housekeep(first - 1) == first  # there was nothing to do before
        client.vanish()
        later_ns = now_ns + 4_000_000_000
        assert peer.housekeep(later_ns) == later_ns  # who does not answer is watched closely
