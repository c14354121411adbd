"""What strangers send, and what connections send too much of: what is looked at, and in which order."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator

import numpy as np
import pytest
from aioice import stun

from conference.webrtc import mux as mux_module
from conference.webrtc.ice.stun import StunMessage, parse_stun
from conference.webrtc.mux import WEIGHTS, WINDOW_NS, UdpMux, _kind
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.udp.bindings import Binding
from conference.webrtc.udp.datagrams import AVAILABLE, NAME_BYTES, DatagramBatch, pack_name
from conference.webrtc.udp.policer import MOST_NS
from conference.webrtc.udp.sockets import Address
from tests.webrtc.stock import LOOPBACK
from tests.webrtc.test_mux_routing import DTLS, RTP, Connection, check

pytestmark = pytest.mark.e2e

AMY: Address = ("192.0.2.1", 1000)
EVE: Address = ("192.0.2.66", 6666)
RTCP = bytes([0x80, 200]) + bytes(26)
ALERT = bytes([21, 0xFE, 0xFD, 0, 1]) + bytes(6) + bytes([0, 2, 1, 0])
SETTINGS = WebRtcSettings(max_unproven_datagrams=20, max_unproven_percent=10, max_datagrams=200)


class Wire:
    """A port with a clock that is set; what comes is handed to it as if it had been read."""

    def __init__(self) -> None:
        self.now_ns = 10**12
        self.cost_ns = 0
        self.mux = UdpMux((Binding(LOOPBACK, (LOOPBACK,)),), limits=SETTINGS, now=self.now)
        self.stats = self.mux.stats
        self.amy = Connection("amy1")
        self.mux.add(self.amy)
        self.one(check("amy1"), AMY)
        self.amy.got.clear()

    def now(self) -> int:
        """Each look at the clock takes time."""
        self.now_ns += self.cost_ns
        return self.now_ns

    def one(self, data: bytes, address: Address) -> None:
        self.mux.take_one(data, address, self.mux.sockets[0], self.now_ns)

    def many(self, sent: list[tuple[bytes, Address]]) -> None:
        """All of them with one read."""
        batch = DatagramBatch(len(sent), 2048)
        for place, (data, address) in enumerate(sent):
            batch.data[place, : len(data)] = np.frombuffer(data, np.uint8)
            batch.names[place] = np.frombuffer(pack_name(address, socket.AF_INET), np.uint8)
            batch.lengths[place] = len(data)
        self.mux.take(batch, len(sent), np.full(len(sent), self.now_ns), self.mux.sockets[0])


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    yield wire
    wire.mux.close()
    await asyncio.sleep(0)


def test_a_name_is_as_long_as_the_policer_takes_it_for() -> None:
    assert len(pack_name(AMY, socket.AF_INET)) == NAME_BYTES


async def test_a_stranger_is_looked_at_so_often_a_second(wire: Wire) -> None:
    for _ in range(50):
        wire.one(check("amy1", "a wrong password"), EVE)
    assert (wire.stats.unauthentic, wire.stats.excess) == (20, 30)
    wire.now_ns += 1_000_000_000
    wire.one(check("amy1", "a wrong password"), EVE)
    assert wire.stats.unauthentic == 21


async def test_a_newcomer_elsewhere_gets_in_while_a_stranger_floods(wire: Wire) -> None:
    ben = Connection("ben1")
    wire.mux.add(ben)
    for _ in range(50):
        wire.one(check("nobody"), EVE)
    wire.one(check("ben1"), ("192.0.2.2", 2))
    assert ben.got == ["request"]


async def test_who_has_proven_themselves_is_not_counted_as_a_stranger(wire: Wire) -> None:
    for number in range(60):  # one after the other, all behind one address
        other = Connection(f"c{number:03}")
        wire.mux.add(other)
        wire.one(check(other.ufrag), ("192.0.2.9", 1 + number))
        assert other.got == ["request"]
    assert wire.stats.excess == 0


async def test_strangers_from_everywhere_take_their_part_of_the_time(wire: Wire) -> None:
    wire.cost_ns = MOST_NS
    began_ns = wire.now_ns
    for number in range(3000):
        wire.one(check("nobody"), (f"198.51.{number >> 8}.{number & 255}", 9))
    looked = wire.stats.stray
    wire.cost_ns = 0
    assert 0.05 < looked * MOST_NS / (wire.now_ns - began_ns) < 0.15
    assert wire.stats.excess == 3000 - looked


@pytest.mark.skipif(not AVAILABLE, reason="this system reads one datagram at a time")
async def test_of_what_is_read_together_connections_come_first(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def parse(data: bytes) -> StunMessage | None:
        seen.append("stranger")
        return parse_stun(data)

    monkeypatch.setattr(mux_module, "parse_stun", parse)
    monkeypatch.setattr(wire.amy, "media", lambda *_: seen.append("media"))
    wire.many([(check("nobody"), EVE), (RTP, AMY), (check("nobody"), EVE), (RTP, AMY)])
    assert seen == ["media", "media", "stranger", "stranger"]


@pytest.mark.skipif(not AVAILABLE, reason="this system reads one datagram at a time")
async def test_who_is_found_out_about_in_a_read_is_heard_in_the_same_one(wire: Wire) -> None:
    ben = Connection("ben1")
    wire.mux.add(ben)
    there = ("192.0.2.2", 2)
    wire.many([(check("ben1"), there), (DTLS, there), (RTP, there)])
    assert ben.got == ["request", "dtls", "media"]


async def test_a_connection_that_floods_is_cut_down_and_no_other(wire: Wire) -> None:
    ben = Connection("ben1")
    wire.mux.add(ben)
    wire.one(check("ben1"), ("192.0.2.2", 2))
    for _ in range(400):
        wire.one(RTP, AMY)
    wire.one(RTP, ("192.0.2.2", 2))
    most = SETTINGS.max_datagrams * WINDOW_NS // 1_000_000_000
    assert wire.amy.got == ["media"] * most
    assert wire.stats.excess == 400 - most
    assert ben.got == ["request", "media"]
    wire.now_ns += WINDOW_NS
    wire.one(RTP, AMY)
    assert len(wire.amy.got) == most + 1


@pytest.mark.parametrize(
    "forged",
    [RTP, RTCP, DTLS, ALERT, check("amy1", "another"), check("nobody"), b"", b"\xff"],
    ids=["rtp", "rtcp", "dtls", "alert", "wrong password", "unknown", "empty", "garbage"],  # checks differ each time
)
async def test_whoever_forges_one_kind_of_datagrams_keeps_no_other_out(forged: bytes, wire: Wire) -> None:
    for _ in range(1000):
        wire.one(forged, AMY)
    assert wire.stats.excess > 900
    wire.amy.got.clear()
    for data, got in ((RTP, "media"), (check("amy1"), "request"), (DTLS, "dtls")):
        if _kind(data) != _kind(forged):
            wire.one(data, AMY)
            assert wire.amy.got[-1] == got


async def test_who_has_the_password_may_check_often_but_not_any_number_of_times(wire: Wire) -> None:
    wire.now_ns += WINDOW_NS  # there was a check before
    for number in range(100):
        wire.one(check("amy1"), (AMY[0], AMY[1] + number % 2))
    most = SETTINGS.max_datagrams * WINDOW_NS // 1_000_000_000 // WEIGHTS["check"]
    assert wire.amy.got == ["request"] * most
    wire.one(RTP, AMY)
    assert wire.amy.got[-1] == "media"


STRANGE = {
    "nothing": (b"", "empty"),
    "a byte": (b"\x16", "garbage"),
    "a byte of RTP": (b"\x80", "stray"),
    "RTP": (RTP, "stray"),
    "RTCP": (RTCP, "stray"),
    "a hello": (DTLS, "stray"),
    "a goodbye": (ALERT, "stray"),
    "TURN's channel data": (bytes([0x40, 0, 0, 4]) + bytes(4), "garbage"),
    "STUN's first byte": (b"\0", "garbage"),
    "a check for nobody": (check("nobody"), "stray"),
    "a check with another password": (check("amy1", "another"), "unauthentic"),
    "an answer that nobody waits for": (bytes(stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)), "stray"),
    "an indication": (bytes(stun.Message(stun.Method.BINDING, stun.Class.INDICATION)), "stray"),
    "an allocation": (bytes(stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)), "garbage"),
    "more than fits": (bytes([0]) + bytes(2047), "garbage"),
}


@pytest.mark.parametrize(("data", "reason"), STRANGE.values(), ids=STRANGE.keys())
async def test_what_a_stranger_sends_is_counted_and_neither_read_nor_answered(
    data: bytes, reason: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stun, "parse_message", lambda _: pytest.fail("it was read"))
    sent, before = wire.stats.sent, getattr(wire.stats, reason)
    wire.one(data, EVE)
    assert (getattr(wire.stats, reason), wire.stats.sent, wire.stats.errors) == (before + 1, sent, 0)
    assert wire.amy.got == []


async def test_nothing_that_anybody_sends_is_an_error(wire: Wire) -> None:
    draw = random.Random(11)  # always the same
    for _ in range(3000):
        data = bytes([draw.randrange(256)]) + draw.randbytes(draw.choice((0, 1, 11, 12, 19, 20, 100)))
        if draw.random() < 0.3:
            valid = bytearray(draw.choice((check("amy1"), DTLS, RTP, RTCP, ALERT)))
            valid[draw.randrange(len(valid))] = draw.randrange(256)
            data = bytes(valid)
        wire.one(data, draw.choice((AMY, EVE)))
        wire.now_ns += 10_000_000
    assert wire.stats.errors == 0
