"""What a hostile, broken or unlucky peer can do, through real sockets: it costs nobody else anything."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time

import pytest
from aiortc.rtcrtpsender import RTCRtpSender

from conference.webrtc.ice.connection import MuxedIce
from conference.webrtc.rtp.packet import build_rtp, parse_rtp
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.server import HOUSEKEEPING_SECONDS, STARVED_NS
from tests.webrtc.stock import LOOPBACK, Room, StockPeer, eventually, flows, in_call, resources, running

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


def garbage() -> list[bytes]:
    """Datagrams with every first byte there is, of several lengths."""
    draw = random.Random(7)  # always the same
    return [bytes([first]) + draw.randbytes(length) for first in range(256) for length in (0, 1, 11, 12, 13, 40, 300)]


def without_candidates(offer: str) -> str:
    return "".join(line for line in offer.splitlines(keepends=True) if "candidate" not in line)


def with_extension(packet: bytes, extension: bytes) -> bytes:
    one = parse_rtp(packet)
    built = build_rtp(one.payload_type, False, one.sequence, one.timestamp, one.ssrc, extension + one.payload)
    return bytes([built[0] | 0x10]) + built[1:]


def without_payload(packet: bytes) -> bytes:
    one = parse_rtp(packet)
    return build_rtp(one.payload_type, False, one.sequence, one.timestamp, one.ssrc, b"")


async def test_an_empty_datagram_ends_no_call_before_dtls_or_after() -> None:
    async with running() as webrtc:
        client, peer = StockPeer(), webrtc.new_peer()
        answer = await peer.accept(await client.offer())
        assert webrtc.port is not None
        client.datagram(b"", webrtc.port)
        await client.take(answer)
        room = Room(peer)
        for _ in range(20):
            client.datagram(b"", webrtc.port)
            await asyncio.sleep(0.005)
        await flows(client, room)
        assert webrtc.mux_stats.empty >= 20
        assert peer.state == "connected"
        await room.close()
        await client.close()


async def test_garbage_of_every_kind_ends_no_call_before_dtls_or_after() -> None:
    async with running() as webrtc:
        client, peer = StockPeer(), webrtc.new_peer()
        answer = await peer.accept(await client.offer())
        assert webrtc.port is not None
        await client.take(answer)
        room = Room(peer)
        for datagram in garbage():
            client.datagram(datagram, webrtc.port)
        await flows(client, room)
        for datagram in garbage():
            client.datagram(datagram, webrtc.port)
        await flows(client, room)
        assert webrtc.mux_stats.errors == 0
        assert webrtc.mux_stats.garbage > 100
        await room.close()
        await client.close()


async def test_garbage_from_a_stranger_is_dropped_and_not_answered() -> None:
    async with running() as webrtc, in_call(webrtc) as (client, _, room):
        assert webrtc.port is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            for datagram in garbage():
                stranger.sendto(datagram, (LOOPBACK, webrtc.port))
            await flows(client, room)
            with pytest.raises(BlockingIOError):
                stranger.recv(2048)
        assert webrtc.mux_stats.errors == 0


async def test_sixty_foreign_ssrcs_are_not_heard_and_the_call_closes_in_time() -> None:
    async with running() as webrtc, in_call(webrtc) as (client, peer, room):
        await flows(client, room)
        for ssrc in range(1, 61):
            await client.rtp(build_rtp(96, False, 1, 1, ssrc, bytes(20)))
            await client.rtp(struct.pack("!BBHL", 0x80, 201, 1, ssrc))  # a receiver report of each
        await flows(client, room)
        assert peer.stats().rejected >= 60
        assert peer.stats().lost_in == 0
        async with asyncio.timeout(1.0):
            await peer.close()


async def test_a_peer_with_only_mdns_candidates_connects() -> None:
    async with running() as webrtc:
        client, peer = StockPeer(), webrtc.new_peer()
        offer = without_candidates(await client.offer())
        offer += "a=candidate:1 1 udp 2130706431 0a1b2c3d-1111-2222-3333-444455556666.local 5000 typ host\r\n"
        offer += "a=end-of-candidates\r\n"
        started = asyncio.get_running_loop().time()
        answer = await peer.accept(offer)
        assert asyncio.get_running_loop().time() - started < 0.5
        await client.take(answer)
        room = Room(peer)
        await flows(client, room)
        await room.close()
        await client.close()


async def test_a_stream_that_goes_on_with_another_ssrc_costs_a_packet_or_two() -> None:
    async with running() as webrtc, in_call(webrtc) as (client, peer, room):
        await flows(client, room)
        sent, turn = 0, 25

        def renamed(packet: bytes) -> bytes:
            nonlocal sent
            sent += 1
            return packet[:8] + (77_000 + sent // turn).to_bytes(4, "big") + packet[12:]

        before = peer.tally()
        client.mangle(renamed)
        await eventually(lambda: sent >= 5 * turn + 2)
        await eventually(lambda: peer.tally()["packets_in"] - before["packets_in"] >= sent - 2 * 5)
        assert peer.tally()["rejected"] - before["rejected"] <= 2 * 5
        await flows(client, room)


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


@pytest.mark.parametrize(
    "extension",
    [
        struct.pack("!HHBBBB", 0xBEDE, 1, 0x21, 30, 0, 0),  # one-byte header, two bytes of level
        struct.pack("!HHBBBB", 0x1000, 1, 2, 2, 30, 0),  # two-byte header
        struct.pack("!HHBBBB", 0xBEDE, 1, 0x2F, 1, 2, 3),  # longer than the extension
    ],
)
async def test_odd_audio_level_extensions_do_no_harm(extension: bytes) -> None:
    async with running() as webrtc, in_call(webrtc) as (client, peer, room):
        await flows(client, room)
        client.mangle(lambda packet: with_extension(packet, extension))
        await asyncio.sleep(0.2)  # those before have been played by then
        await flows(client, room)
        assert peer.stats().rejected == 0


async def test_empty_opus_payloads_do_not_end_the_decoder() -> None:
    async with running() as webrtc, in_call(webrtc) as (client, peer, room):
        await flows(client, room)
        client.mangle(lambda packet: without_payload(packet) if packet[3] % 4 == 0 else packet)
        await eventually(lambda: peer.stats().rejected >= 5)
        await flows(client, room)


async def test_video_and_a_data_channel_are_declined_and_audio_flows() -> None:
    async with running() as webrtc:
        client, peer = StockPeer(), webrtc.new_peer()
        offer = await client.offer()
        transport = "".join(
            line for line in offer.splitlines(keepends=True) if line.startswith(("a=ice-", "a=fingerprint", "a=setup"))
        )
        offer = offer.replace("a=group:BUNDLE 0", "a=group:BUNDLE 0 1 2")
        offer += "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:97 VP8/90000\r\n" + transport
        offer += "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n" + transport
        answer = await peer.accept(offer)
        assert "a=group:BUNDLE 0\r\n" in answer
        assert "m=video 0 UDP/TLS/RTP/SAVPF 97\r\n" in answer
        assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in answer
        await client.take(answer[: answer.index("m=video")])
        room = Room(peer)
        await flows(client, room)
        await room.close()
        await client.close()


@pytest.mark.parametrize(("direction", "up", "down"), [("sendonly", True, False), ("recvonly", False, True)])
async def test_one_way_peers_have_one_way_only(direction: str, up: bool, down: bool) -> None:
    async with running() as webrtc, in_call(webrtc, direction) as (client, peer, room):
        await flows(client, room, up=up, down=down)
        assert (peer.source is not None) == up
        assert (peer.sink is not None) == down


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_a_peer_without_opus_talks_g711(codec: str) -> None:
    async with running() as webrtc:
        client, peer = StockPeer(), webrtc.new_peer()
        known = RTCRtpSender.getCapabilities("audio").codecs
        client.transceiver.setCodecPreferences([one for one in known if one.name == codec])
        await client.take(await peer.accept(await client.offer()))
        room = Room(peer)
        await flows(client, room)
        assert peer.sink is not None
        assert peer.sink.codec is not None
        assert peer.sink.codec.name == codec
        await room.close()
        await client.close()


async def test_trickled_candidates_are_taken() -> None:
    async with running() as webrtc:
        client, peer = StockPeer(), webrtc.new_peer()
        offer = await client.offer()
        candidate = next(line for line in offer.splitlines() if line.startswith("a=candidate"))
        answer = await peer.accept(without_candidates(offer))
        await peer.add_candidates(f"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n{candidate}\r\na=end-of-candidates\r\n")
        with pytest.raises(ValueError, match="malformed"):
            await peer.add_candidates("a=candidate:nonsense\r\n")
        with pytest.raises(ValueError, match="restart"):
            await peer.add_candidates("a=ice-ufrag:other\r\n")
        await client.take(answer)
        room = Room(peer)
        await flows(client, room)
        await room.close()
        await client.close()


async def test_a_stun_request_with_a_wrong_password_is_not_answered() -> None:
    from aioice import stun

    async with running() as webrtc, in_call(webrtc) as (client, _, room):
        assert webrtc.port is not None
        ufrag = client.pc.remoteDescription.sdp.split("a=ice-ufrag:")[1].split("\r\n")[0]
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes.update({"USERNAME": f"{ufrag}:abcd", "PRIORITY": 1, "ICE-CONTROLLING": 1})
        request.add_message_integrity(b"a guess of 22 characters")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            stranger.sendto(bytes(request), (LOOPBACK, webrtc.port))
            await eventually(lambda: webrtc.mux_stats.unauthentic == 1)
            with pytest.raises(BlockingIOError):
                stranger.recv(2048)
        await flows(client, room)


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
