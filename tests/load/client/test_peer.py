"""A participant of a load test: how it joins, what its packets are, what it reports, and how it goes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conference.load.client import peer as peer_module
from conference.load.client.link import ConnectionFailedError
from conference.load.client.offer import LocalParameters, build_offer
from conference.load.client.peer import FastPeer
from conference.load.signal.arrived import Arrived
from conference.webrtc.client.whip import JoinError, Seat
from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.sdp.offer import parse_offer

ANSWER = build_offer(
    LocalParameters("ufrag", "password" * 3, ":".join(["AB"] * 32), 4711, "server", [("192.0.2.1", 4000)])
)


class Line:
    """A connection that comes up at once, and writes down what is sent."""

    def __init__(self, on_rtp: Any, on_rtcp: Any) -> None:
        self.on_rtp, self.on_rtcp = on_rtp, on_rtcp
        self.ssrc, self.cname = 0xAABBCCDD, "somebody"
        self.answer = ANSWER
        self.failing: str | None = None
        self.connected = False
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.told: list[str] = []
        self.takes = True

    async def offer(self, url: str) -> str:
        return f"an offer for {url}"

    async def accept(self, text: str) -> Any:
        assert text == "an answer"
        if self.failing is not None:
            raise ConnectionFailedError(self.failing)
        self.connected = True
        return parse_offer(self.answer)

    def unprotect(self, packet: bytes) -> bytes | None:
        return packet if packet.endswith(b"real") else None

    def receive(self, datagram: bytes, at_ns: int) -> None:
        self.told.append("other")

    def send(self, packet: bytes) -> bool:
        if self.takes:
            self.rtp.append(packet)
        return self.takes

    def send_rtcp(self, packet: bytes) -> bool:
        self.rtcp.append(packet)
        return True

    def drain(self) -> None:
        self.told.append("drain")

    def close(self) -> None:
        self.told.append("close")

    def vanish(self) -> None:
        self.told.append("vanish")


class Whip:
    """A server that lets everybody in."""

    def __init__(self) -> None:
        self.joined: list[tuple[str, str, str]] = []
        self.left: list[Seat] = []

    async def join(self, room: str, name: str, offer: str) -> Seat:
        self.joined.append((room, name, offer))
        return Seat("an answer", "http://host/rooms/tea/participants/1", "proof")

    async def leave(self, seat: Seat) -> None:
        self.left.append(seat)


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, hear: Any = None) -> None:
        self.whip = Whip()
        monkeypatch.setattr(peer_module, "WhipClient", lambda url, session: self.whip)
        made: list[Line] = []

        def make(on_rtp: Any, on_rtcp: Any) -> Line:
            made.append(Line(on_rtp, on_rtcp))
            return made[-1]

        monkeypatch.setattr(peer_module, "Link", make)
        session: Any = object()
        self.peer = FastPeer(session, "http://host", "tea", "Amy", hear)
        [self.line] = made


async def test_it_takes_from_the_answer_what_its_packets_are_to_be_like(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    peer = scene.peer
    assert (peer.there, peer.answer) == (False, "")
    await peer.connect()
    assert scene.whip.joined == [("tea", "Amy", "an offer for http://host")]
    assert (peer.there, peer.answer, peer.payload_type, peer.level_id) == (True, "an answer", 111, 1)
    assert 0 <= peer.answer_ms <= peer.connected_ms
    peer.send(b"sound", 960, -30)
    peer.send(b"sound", 2**32 + 1920)
    first, second = map(parse_rtp, scene.line.rtp)
    assert (first.payload_type, first.sequence, first.timestamp, first.ssrc) == (111, 0, 960, 0xAABBCCDD)
    assert first.payload == second.payload == b"sound"
    assert (second.sequence, second.timestamp) == (1, 1920)
    assert scene.line.rtp[0][12:20] == bytes((0xBE, 0xDE, 0, 1, 0x10, 30, 0, 0))
    assert scene.line.rtp[1][0] == 0x80
    scene.line.takes = False
    peer.send(b"sound", 2880)
    assert (peer.sent, peer.sequence) == (2, 3), "what the socket does not take has a number, and was not sent"
    await peer.close()


@pytest.mark.parametrize(("level_id", "used"), [(14, 14), (15, 0)])
async def test_levels_are_told_only_where_a_header_of_one_byte_holds_their_id(
    monkeypatch: pytest.MonkeyPatch, level_id: int, used: int
) -> None:
    scene = Scene(monkeypatch)
    scene.line.answer = ANSWER.replace("extmap:1 ", f"extmap:{level_id} ")
    await scene.peer.connect()
    assert scene.peer.level_id == used
    scene.peer.send(b"sound", 0, -30)
    assert (scene.line.rtp[0][0] == 0x90) == (used > 0)
    await scene.peer.close()


async def test_nothing_is_sent_before_there_is_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.peer.send(b"sound", 0)
    assert (scene.line.rtp, scene.peer.sent, scene.peer.sequence) == ([], 0, 0)


async def test_who_cannot_connect_has_not_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.line.failing = "No path."
    with pytest.raises(JoinError, match=r"^No path\.$"):
        await scene.peer.connect()
    without_opus = Scene(monkeypatch)
    without_opus.line.answer = (
        ANSWER.replace("opus/48000/2", "PCMU/8000").replace(" 111\r\n", " 0\r\n").replace("rtpmap:111", "rtpmap:0")
    )
    with pytest.raises(JoinError, match="no Opus"):
        await without_opus.peer.connect()
    for one in (scene, without_opus):
        await one.peer.close()
        assert len(one.whip.left) == 1, "the seat is given back"


async def test_what_comes_is_counted_and_heard_only_by_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Arrived] = []
    listener, deaf = Scene(monkeypatch, heard.append), Scene(monkeypatch)
    packet = bytes((0x80, 111, 0, 7)) + (960).to_bytes(4, "big") + bytes(4) + b"real"
    for scene in (listener, deaf):
        for datagram in (packet, packet[:2] + b"\0\x09" + packet[4:], packet[:-4] + b"fake"):
            scene.line.on_rtp(datagram, 5)
        assert (scene.peer.received, scene.peer.lost, scene.peer.gaps) == (3, 0, 0)
    assert [(one.sequence, one.timestamp, one.payload, one.at_ns) for one in heard] == [
        (7, 960, b"real", 5),
        (9, 960, b"real", 5),
    ]
    for scene in (listener, deaf):
        scene.peer.take(packet, 6)
        scene.peer.take(bytes((0x80, 200)) + bytes(10), 6)
        scene.peer.take(b"\x80", 6)
    assert len(heard) == 3
    assert (listener.line.told, deaf.line.told) == (["other"] * 2, ["other"] * 3)


async def test_it_reports_of_what_it_sends_and_gets_until_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "REPORT_SECONDS", (0.0, 0.0))
    scene = Scene(monkeypatch)
    await scene.peer.connect()
    scene.line.on_rtp(bytes((0x80, 111, 0, 7)) + bytes(8), 5)
    async with asyncio.timeout(10):
        while not scene.line.rtcp:  # noqa: ASYNC110 - nobody calls
            await asyncio.sleep(0)
        scene.peer.send(b"sound", 960)
        sent = len(scene.line.rtcp)
        while len(scene.line.rtcp) <= sent:  # noqa: ASYNC110 - nobody calls
            await asyncio.sleep(0)
    receiver, sender = scene.line.rtcp[0], scene.line.rtcp[-1]
    assert (receiver[1], sender[1]) == (201, 200)
    assert receiver[8:12] == (4711).to_bytes(4, "big")
    assert sender[20:28] == (1).to_bytes(4, "big") + (5).to_bytes(4, "big")
    timestamp = int.from_bytes(sender[16:20], "big")
    assert timestamp >= 960
    await scene.peer.close()
    told = len(scene.line.rtcp)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(scene.line.rtcp) == told
    assert scene.whip.left == [scene.peer.seat]
    assert scene.line.told == ["drain", "close"]


async def test_who_vanishes_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "REPORT_SECONDS", (0.0, 0.0))
    scene = Scene(monkeypatch)
    await scene.peer.connect()
    scene.peer.vanish()
    told = len(scene.line.rtcp)
    await scene.peer.close()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (len(scene.line.rtcp), scene.whip.left, scene.line.told[0]) == (told, [], "vanish")
