"""Two transports that find each other: keys come up, what is sent can be read, and after the end nothing is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from conference.webrtc import transport
from conference.webrtc.dtls.certificate import Certificate
from conference.webrtc.rtp.packet import build_rtp
from conference.webrtc.rtp.rtcp import build_report
from conference.webrtc.sdp.formats import Format
from conference.webrtc.sdp.offer import parse_offer
from conference.webrtc.send.stream import SingleStream
from conference.webrtc.send.table_stream import TableStream
from conference.webrtc.transport import MediaTransport
from tests.webrtc.offers import CHROMIUM

RTP, RTCP = build_rtp(111, False, 1, 960, 7, b"voice"), build_report(7, "us", None, [])
OPUS = Format(111, "opus")


class FakeIce:
    """A path that is there as soon as a test says so; what goes over it waits for the other side to take it."""

    def __init__(self, mux: object, theirs: object, routed: Callable[[], None], dtls: Callable[[bytes], None]) -> None:
        self.route: tuple[object, object] | None = None
        self.routed, self.dtls = routed, dtls
        self.sent: deque[bytes] = deque()
        self.works = True
        self.detached = self.released = False

    def send(self, datagram: bytes) -> bool:
        if self.route is None or not self.works:
            return False
        self.sent.append(datagram)
        return True

    def find(self) -> None:
        self.route = ("socket", ("192.0.2.7", 5000))
        self.routed()

    def detach(self) -> None:
        self.detached = True

    def release(self) -> None:
        self.released = True

    async def close(self) -> None: ...


class Pair:
    """Two sides of one connection; the second begins the handshake."""

    def __init__(self, *, tables: bool = False) -> None:
        certificates = Certificate(), Certificate()
        self.changes = [0, 0]
        self.sides: list[Any] = []
        setups: tuple[Literal["active", "actpass"], ...] = ("active", "actpass")
        for number, setup in enumerate(setups):
            theirs = replace(
                parse_offer(CHROMIUM).transport,
                setup=setup,
                fingerprints=(("sha-256", certificates[1 - number].fingerprint),),
            )
            mux: Any = SimpleNamespace(send_tables={"socket": None} if tables else {})
            self.sides.append(MediaTransport(mux, certificates[number], theirs, self._changed(number)))

    def _changed(self, number: int) -> Callable[[], None]:
        def changed() -> None:
            self.changes[number] += 1

        return changed

    def talk(self) -> None:
        """Have both take what the other has sent, until nobody has anything more to say."""
        passive, active = self.sides
        while passive.ice.sent or active.ice.sent:
            for one, other in ((passive, active), (active, passive)):
                while one.ice.sent:
                    other.ice.dtls(one.ice.sent.popleft())

    def connect(self) -> None:
        for one in self.sides:
            one.ice.find()
        self.talk()


@pytest.fixture
async def pair(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    monkeypatch.setattr(transport, "MuxedIce", FakeIce)
    pair = Pair()
    yield pair
    for one in pair.sides:
        one.release()


async def test_both_get_keys_and_read_what_the_other_sends(pair: Pair) -> None:
    assert [one.setup for one in pair.sides] == ["passive", "active"]
    pair.connect()
    assert [one.state for one in pair.sides] == ["connected", "connected"]
    assert pair.changes == [1, 1]
    for one, other in (pair.sides, pair.sides[::-1]):
        assert one.send_rtp(RTP) is True
        assert one.send_rtcp(RTCP) is True
        protected = [one.ice.sent.popleft() for _ in range(2)]
        assert b"voice" not in protected[0]
        assert other.unprotect(protected[0]) == RTP
        assert other.unprotect_rtcp(protected[1]) == RTCP
        one.ice.works = False
        assert one.send_rtp(RTP) is False, "it did not go out"


async def test_before_there_are_keys_nothing_is_sent_and_nothing_authentic(pair: Pair) -> None:
    for one in pair.sides:
        one.ice.find()
        one.ice.sent.clear()
        assert (one.send_rtp(RTP), one.send_rtcp(RTCP)) == (False, False)
        assert (one.unprotect(RTP), one.unprotect_rtcp(RTCP)) == (None, None)
        assert not one.ice.sent


async def test_a_handshake_that_begins_before_our_path_is_found_is_not_lost(pair: Pair) -> None:
    passive, active = pair.sides
    active.ice.find()
    while active.ice.sent:
        passive.ice.dtls(active.ice.sent.popleft())
    assert passive.state == "connecting"
    passive.ice.find()
    pair.talk()
    assert [one.state for one in pair.sides] == ["connected", "connected"]


async def test_another_path_changes_neither_keys_nor_state(pair: Pair) -> None:
    pair.connect()
    for one in pair.sides:
        one.ice.find()
        assert not one.ice.sent, "no other handshake begins"
    assert [one.state for one in pair.sides] == ["connected", "connected"]
    assert pair.changes == [1, 1]


async def test_after_the_end_nothing_is_sent_and_no_handshake_begins(pair: Pair) -> None:
    pair.connect()
    one, _ = pair.sides
    await one.close()
    one.ice.sent.clear()
    assert (one.state, one.ice.detached) == ("closed", True)
    one.ice.find()
    assert (one.send_rtp(RTP), one.send_rtcp(RTCP), one.unprotect_rtcp(RTCP)) == (False, False, None)
    assert not one.ice.sent


async def test_who_was_closed_before_a_path_was_found_begins_no_handshake(pair: Pair) -> None:
    _, active = pair.sides
    await active.close()
    active.ice.find()
    await asyncio.sleep(0)
    assert not active.ice.sent
    assert active.state == "closed"


async def test_a_stream_goes_with_all_others_where_the_system_can_do_that_and_else_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "MuxedIce", FakeIce)
    for tables, kind in ((False, SingleStream), (True, TableStream)):
        one, other = Pair(tables=tables).sides
        assert type(one.make_send_stream(OPUS, 7, lambda: 0)) is kind
        one.release()
        other.release()


async def test_why_there_is_no_connection_is_said(pair: Pair) -> None:
    passive, _ = pair.sides
    assert "no network path" in passive.trouble
    passive.ice.find()
    assert "did not complete the DTLS handshake" in passive.trouble
