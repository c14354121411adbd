"""What a hostile, broken or unlucky peer can do, through real sockets: it costs nobody else anything."""

from __future__ import annotations

import asyncio
import random
import socket
import struct

import pytest
from aiortc.rtcrtpsender import RTCRtpSender

from conference.webrtc.rtp.packet import build_rtp, parse_rtp
from tests.webrtc.stock import LOOPBACK, Room, StockPeer, eventually, flows, in_call, running, without_candidates

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


def garbage() -> list[bytes]:
    """Datagrams with every first byte there is, of several lengths."""
    draw = random.Random(7)  # always the same
    return [bytes([first]) + draw.randbytes(length) for first in range(256) for length in (0, 1, 11, 12, 13, 40, 300)]


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
        sent: list[bytes] = []

        def mangle(packet: bytes) -> bytes:
            sent.append(with_extension(packet, extension))
            return sent[-1]

        client.mangle(mangle)
        await eventually(lambda: len(sent) > 10)  # those before have been played by then
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
