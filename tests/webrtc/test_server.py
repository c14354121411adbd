"""Who looks after all connections, and when: with a clock that is set, and connections that only write it down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from conference.webrtc import server
from conference.webrtc.server import ADDRESSES_NS, STARVED_FOR_NS, STARVED_NS, STARVED_PATIENCE, WebRtc
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.udp.sockets import MuxStats

SECOND = 1_000_000_000


class FakeMux:
    """A port that nothing comes through."""

    def __init__(self, bindings: object, **given: Any) -> None:
        self.bindings = bindings
        self.own_addresses: Callable[[], list[str]] = given["own_addresses"]
        self.port = given["port"] or 40_000
        self.stats = MuxStats()
        self.behind_ns = -STARVED_FOR_NS
        self.reads = self.closed = 0

    def read(self) -> None:
        self.reads += 1

    def close(self) -> None:
        self.closed += 1


class FakePeer:
    """A connection that says when it wants to be looked after, and how it was."""

    def __init__(self, *_: object, closed: Callable[[Any], None], hasten: Callable[[Any], None]) -> None:
        self.asked: list[tuple[int, float]] = []
        self.wait_ns = 10 * SECOND
        self.fails = False
        self.hangs = False
        self._closed, self._hasten = closed, hasten

    def hasten(self) -> None:
        self._hasten(self)

    def housekeep(self, now_ns: int, patience: float) -> int:
        self.asked.append((now_ns, patience))
        if self.fails:
            raise RuntimeError("an error of ours")
        return now_ns + self.wait_ns

    async def close(self) -> None:
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        self._closed(self)


class Side:
    """A `WebRtc` whose time is told by hand; there is no moment between two looks at what is due."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 1000 * SECOND
        self.muxes: list[FakeMux] = []
        self.own = ["192.0.2.7"]
        self.looks = 0
        monkeypatch.setattr(server, "time", SimpleNamespace(monotonic_ns=lambda: self.now_ns, time_ns=lambda: 0))
        monkeypatch.setattr(server, "UdpMux", self._open)
        monkeypatch.setattr(server, "Peer", FakePeer)
        monkeypatch.setattr(server, "HOUSEKEEPING_SECONDS", 0.0)
        monkeypatch.setattr(server, "host_addresses", self._look)
        self.webrtc: Any = WebRtc(WebRtcSettings(close_timeout=0.01))

    def _open(self, bindings: object, **given: Any) -> FakeMux:
        self.muxes.append(FakeMux(bindings, **given))
        return self.muxes[-1]

    def _look(self) -> list[str]:
        self.looks += 1
        return self.own

    def peer(self) -> FakePeer:
        made: Any = self.webrtc.new_peer()
        assert isinstance(made, FakePeer)
        return made

    async def later(self, seconds: float) -> None:
        """Let time pass, and what is due be done."""
        self.now_ns += round(seconds * SECOND)
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def side(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Side]:
    side = Side(monkeypatch)
    await side.webrtc.start()
    yield side
    await side.webrtc.close()


async def test_a_connection_is_looked_after_at_once_and_then_whenever_it_said(side: Side) -> None:
    amy = side.peer()
    await side.later(0.1)
    assert [now_ns for now_ns, _ in amy.asked] == [side.now_ns]
    await side.later(9.9)
    assert len(amy.asked) == 1
    await side.later(0.1)
    assert len(amy.asked) == 2


async def test_who_is_in_a_hurry_is_looked_after_next(side: Side) -> None:
    amy, ben = side.peer(), side.peer()
    await side.later(0.1)
    amy.hasten()
    await side.later(0.1)
    assert (len(amy.asked), len(ben.asked)) == (2, 1)
    await side.later(10)
    assert (len(amy.asked), len(ben.asked)) == (3, 2), "it is on the list once"


async def test_who_has_gone_is_looked_after_no_more_whatever_they_say(side: Side) -> None:
    amy = side.peer()
    assert side.webrtc.peers == {amy}
    await side.later(0.1)
    await amy.close()
    amy.hasten()
    await side.later(20)
    assert (side.webrtc.peers, len(amy.asked)) == (frozenset(), 1)


async def test_an_error_about_one_connection_keeps_nobody_from_being_looked_after(
    side: Side, caplog: pytest.LogCaptureFixture
) -> None:
    amy, ben = side.peer(), side.peer()
    amy.fails = True
    await side.later(0.1)
    asked = len(amy.asked)
    await side.later(0.1)
    assert len(ben.asked) == 1
    assert len(amy.asked) > asked, "it is tried again"
    assert "housekeeping failed" in caplog.text
    amy.fails = False


async def test_a_server_that_was_held_up_is_patient_for_a_while(side: Side) -> None:
    amy = side.peer()
    amy.wait_ns = 1
    await side.later(STARVED_NS / SECOND)
    assert {patience for _, patience in amy.asked} == {1.0}
    await side.later(STARVED_NS / SECOND + 0.001)
    assert amy.asked[-1] == (side.now_ns, STARVED_PATIENCE)
    for _ in range(STARVED_FOR_NS // SECOND * 4 - 1):
        await side.later(0.25)
    assert amy.asked[-1] == (side.now_ns, STARVED_PATIENCE)
    await side.later(0.25)
    assert amy.asked[-1] == (side.now_ns, 1.0)


async def test_a_server_that_could_not_read_all_that_came_is_patient_as_well(side: Side) -> None:
    amy = side.peer()
    amy.wait_ns = 1
    await side.later(0.1)
    assert amy.asked[-1][1] == 1.0
    side.muxes[0].behind_ns = side.now_ns
    await side.later(0.1)
    assert amy.asked[-1][1] == STARVED_PATIENCE


async def test_there_is_one_port_however_often_it_is_started_and_none_before_or_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    side = Side(monkeypatch)
    ports = [side.webrtc.port]
    side.webrtc.read()
    for _ in range(2):
        await side.webrtc.start()
    ports.append(side.webrtc.port)
    side.webrtc.read()
    for _ in range(2):
        await side.webrtc.close()
    ports.append(side.webrtc.port)
    side.webrtc.read()
    assert (ports, len(side.muxes)) == ([None, 40_000, None], 1)
    with pytest.raises(RuntimeError, match="not running"):
        side.webrtc.new_peer()
    assert (side.muxes[0].reads, side.muxes[0].closed) == (1, 1)


async def test_whoever_closes_ends_every_connection_and_waits_for_none_that_hangs(side: Side) -> None:
    amy, ben = side.peer(), side.peer()
    amy.hangs = True
    await side.later(0.1)
    await side.webrtc.close()
    assert side.webrtc.peers == {amy}
    assert side.muxes[0].closed == 1
    await side.later(20)
    assert (len(amy.asked), len(ben.asked)) == (1, 1)


async def test_the_machines_addresses_are_looked_up_again_after_a_while_and_are_never_none(side: Side) -> None:
    own, before = side.muxes[0].own_addresses, side.looks
    assert own() == ["192.0.2.7"]
    side.own = ["192.0.2.8"]
    await side.later(ADDRESSES_NS / SECOND / 2)
    assert (own(), side.looks) == (["192.0.2.7"], before)
    await side.later(ADDRESSES_NS / SECOND / 2)
    assert own() == ["192.0.2.8"]
    side.own = []
    await side.later(ADDRESSES_NS / SECOND)
    assert own() == ["127.0.0.1"]


async def test_loopback_is_one_of_the_addresses_if_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side(monkeypatch)
    side.webrtc = WebRtc(WebRtcSettings(loopback=True))
    await side.webrtc.start()
    assert side.muxes[0].own_addresses() == ["192.0.2.7", "127.0.0.1"]
    await side.webrtc.close()
