"""What a peer does as time passes and as its transport changes: reports, signs of life, ends. There is no network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conference.audio.frame import SILENCE
from conference.room.participant import Mix
from conference.webrtc.dtls.certificate import Certificate
from conference.webrtc.liveness import GRACE_NS, PROOF_NS
from conference.webrtc.mux import UdpMux
from conference.webrtc.peer import GOODBYE, Peer
from conference.webrtc.receive.stream import ReceiveStream
from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.rtp.rtcp import NtpClock, build_report, parse_rtcp
from conference.webrtc.sdp.candidate import Candidate
from conference.webrtc.sdp.formats import Format
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.sdp.trickle import IceRestartError
from conference.webrtc.send.stream import SendStream, SingleStream
from conference.webrtc.settings import WebRtcSettings
from tests.webrtc.offers import CHROMIUM
from tests.webrtc.receive.test_ingress import packet

OURS = Certificate()
SECOND = 1_000_000_000
THEIR_SSRC = 1234567890
"""As the offer announces it."""

CANDIDATE = "candidate:1 1 udp 2130706431 192.0.2.7 5000 typ host"


class FakeIce:
    """A path of which a test says how it is."""

    def __init__(self) -> None:
        self.ufrag, self.password = "ours", "a password of ours"
        self.heard_ns = 0
        self.ask_ns = 10**18
        self.agrees = True
        self.probes = 0
        self.candidates: list[Candidate] = []
        self.media: Callable[[bytes, int], object]

    def consents(self, now_ns: int) -> bool:
        return self.agrees

    def probe(self) -> None:
        self.probes += 1

    async def add_candidate(self, candidate: Candidate) -> None:
        self.candidates.append(candidate)


class FakeTransport:
    """What lies below a peer, without a socket and without keys; a test says what becomes of it."""

    made: FakeTransport
    """The last one."""

    addresses = (Candidate("1", 1, "127.0.0.1", 5000, "host"),)
    """Where we can be reached."""

    def __init__(self, mux: object, certificate: object, theirs: object, changed: Callable[[], object]) -> None:
        self.ice = FakeIce()
        self.setup = "active"
        self.state = "connecting"
        self.alerted = False
        self.trouble = "no path was found"
        self.sent: list[bytes] = []
        self.reports: list[bytes] = []
        self.closed = self.released = False
        self.hangs = False
        self._changed = changed
        FakeTransport.made = self

    def become(self, state: str) -> None:
        self.state = state
        self._changed()

    def alert(self) -> None:
        self.alerted = True
        self._changed()

    def calm(self) -> None:
        self.alerted = False

    def make_send_stream(self, agreed: Format, ssrc: int, now: Callable[[], int], *, level_id: int = 0) -> SendStream:
        return SingleStream(agreed, ssrc, self._send, now, level_id=level_id)

    def _send(self, packet: bytes) -> bool:
        self.sent.append(packet)
        return True

    def receive_by(self, line: ReceiveStream) -> None: ...

    async def start(self) -> list[Candidate]:
        return list(self.addresses)

    def unprotect(self, packet: bytes) -> bytes | None:
        return packet

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        return packet

    def send_rtcp(self, packet: bytes) -> bool:
        self.reports.append(packet)
        return True

    async def close(self) -> None:
        self.closed = True
        if self.hangs:
            await asyncio.get_running_loop().create_future()

    def release(self) -> None:
        self.released = True


class Call:
    """A peer, what lies below it, and a clock that is set."""

    def __init__(self, **settings: Any) -> None:
        self.now_ns = 1000 * SECOND
        self.ends: list[str] = []
        self.gone: list[Peer] = []
        self.hastened = 0
        self.peer = Peer(
            cast("UdpMux", SimpleNamespace()),
            WebRtcSettings(connect_timeout=15.0, silence_timeout=8.0, close_timeout=0.01, **settings),
            NtpClock(0, 0),
            OURS,
            closed=self.gone.append,
            hasten=self._hasten,
            now=lambda: self.now_ns,
        )
        self.peer.on_end = self.ends.append

    def _hasten(self, peer: Peer) -> None:
        self.hastened += 1

    @property
    def below(self) -> FakeTransport:
        return FakeTransport.made

    async def connect(self, offer: str = CHROMIUM) -> None:
        await self.peer.accept(offer)
        self.below.become("connected")

    def later(self, seconds: float, patience: float = 1.0) -> int:
        """Let time pass, and have the peer do what is due. Returns what it says of when there is more to do."""
        self.now_ns += round(seconds * SECOND)
        return self.peer.housekeep(self.now_ns, patience)

    def hear(self) -> None:
        """Something authentic comes."""
        self.below.ice.heard_ns = self.now_ns


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setattr("conference.webrtc.peer.MediaTransport", FakeTransport)
    return Call()


async def test_a_peer_that_is_connected_sends_reports(call: Call) -> None:
    await call.connect()
    call.later(0)
    assert len(call.below.reports) == 1
    call.hear()
    call.later(0.1)
    assert len(call.below.reports) == 1, "not before the next one is due"
    for _ in range(3):
        call.hear()
        call.later(2)
    assert len(call.below.reports) == 4
    assert {parse_rtcp(one)[0].ssrc for one in call.below.reports} == {parse_rtcp(call.below.reports[0])[0].ssrc}  # type: ignore[union-attr]


async def test_a_connection_ends_when_the_other_side_no_longer_agrees_to_it(call: Call) -> None:
    await call.connect()
    call.below.ice.agrees = False
    assert call.later(1) == call.now_ns
    assert call.ends == ["The connection failed: the other side no longer agrees to it."]
    assert call.below.reports == [], "nothing more is sent to who does not want it"
    await call.peer.close()
    assert call.peer.state == "closed"


async def test_who_could_not_be_heard_is_not_taken_to_have_withdrawn_their_consent(call: Call) -> None:
    await call.connect()
    call.below.ice.agrees = False
    call.hear()
    call.later(1, patience=4.0)
    assert (call.ends, call.peer.state) == ([], "connected")


async def test_who_does_not_connect_in_time_is_given_up_with_a_reason(call: Call) -> None:
    await call.peer.accept(CHROMIUM)
    call.later(15)
    assert call.ends == []
    call.later(0.01)
    assert call.ends == ["The connection did not come up within 15 seconds: no path was found."]


async def test_who_makes_no_offer_in_time_is_given_up_too(call: Call) -> None:
    call.later(15.01)
    assert call.ends == ["The connection did not come up within 15 seconds: no offer has come."]


async def test_the_time_to_connect_begins_with_the_offer(call: Call) -> None:
    call.later(14)
    await call.peer.accept(CHROMIUM)
    call.later(14)
    assert call.ends == []


async def test_a_server_that_is_starved_waits_longer_for_a_connection_and_for_a_sign_of_life(call: Call) -> None:
    await call.peer.accept(CHROMIUM)
    call.later(16, patience=4.0)
    call.below.become("connected")
    call.later(9, patience=4.0)
    assert (call.ends, call.peer.state) == ([], "connected")


async def test_who_is_not_heard_for_long_is_asked_for_a_sign_of_life_and_then_has_vanished(call: Call) -> None:
    await call.connect()
    call.later(2)
    assert call.below.ice.probes == 0
    call.later(0.1)
    assert call.below.ice.probes == 1
    call.later(1.0)
    assert call.below.ice.probes == 1, "an answer takes a while"
    call.later(0.01)
    assert call.below.ice.probes == 2
    call.later(4.88)
    assert call.ends == []
    call.later(0.02)
    assert call.ends == ["Nothing was heard from the connection for 8 seconds."]


async def test_who_is_heard_is_left_in_peace(call: Call) -> None:
    await call.connect()
    for _ in range(40):
        call.hear()
        call.later(1)
    assert (call.ends, call.below.ice.probes) == ([], 0)


@pytest.mark.parametrize("sign", ["ice", "media"])
async def test_any_authentic_sign_counts(call: Call, sign: str) -> None:
    await call.connect()
    for number in range(20):
        call.later(1)
        if sign == "ice":
            call.hear()
        else:
            call.below.ice.media(packet(THEIR_SSRC, number, 111), call.now_ns)
    assert (call.ends, call.below.ice.probes) == ([], 0)


async def test_it_says_when_there_is_something_to_do_again(call: Call) -> None:
    await call.connect()
    due_ns = call.later(0)
    assert call.now_ns + 0.7 * SECOND <= due_ns <= call.now_ns + 1.3 * SECOND, "the next report"
    call.below.ice.ask_ns = call.now_ns + SECOND // 4
    call.later(0)
    assert call.later(0) == call.below.ice.ask_ns
    call.below.ice.ask_ns = 10**18
    for _ in range(10):  # until reports are rare
        call.hear()
        call.later(6)
    heard_ns = call.now_ns
    call.below.ice.heard_ns = heard_ns
    assert call.later(1.99) <= heard_ns + 2 * SECOND, "when it is to be asked whether it is still there"


async def test_who_said_goodbye_to_their_stream_and_falls_silent_has_left(call: Call) -> None:
    await call.connect()
    call.below.ice.media(packet(THEIR_SSRC, 1, 111), call.now_ns)
    call.below.ice.media(build_report(THEIR_SSRC, "them", None, [], bye=True), call.now_ns)
    call.later(4)
    assert call.ends == []
    call.later(0.01)
    assert call.ends == [GOODBYE]


async def test_a_goodbye_that_may_be_anybodys_is_looked_into_and_believed_if_no_answer_comes(call: Call) -> None:
    await call.connect()
    call.below.alert()
    assert (call.hastened, call.ends) == (1, [])
    assert call.later(GRACE_NS / SECOND) == call.now_ns, "to be asked again soon"
    assert call.below.ice.probes == 1
    call.later(PROOF_NS / SECOND)
    assert call.ends == [GOODBYE]


async def test_who_answers_has_not_said_goodbye_and_the_next_one_is_looked_into_as_well(call: Call) -> None:
    await call.connect()
    for _ in range(2):
        call.below.alert()
        call.later(GRACE_NS / SECOND)
        call.hear()
        assert call.later(0.1) > call.now_ns
        assert not call.below.alerted
    assert (call.hastened, call.ends) == (2, [])


async def test_an_alert_after_an_authentic_goodbye_ends_the_connection_at_once(call: Call) -> None:
    await call.connect()
    call.below.ice.media(build_report(THEIR_SSRC, "them", None, [], bye=True), call.now_ns)
    call.below.alert()
    assert (call.ends, call.hastened) == ([GOODBYE], 0)


@pytest.mark.parametrize(
    ("state", "reason"), [("failed", "The connection failed: no path was found."), ("closed", GOODBYE)]
)
@pytest.mark.parametrize("connected", [False, True])
async def test_the_end_of_the_transport_is_the_end_of_the_peer(
    call: Call, state: str, reason: str, connected: bool
) -> None:
    await call.peer.accept(CHROMIUM)
    if connected:
        call.below.become("connected")
    call.below.become(state)
    call.below.become(state)
    assert call.ends == [reason]


async def test_sound_goes_out_once_the_connection_is_up_and_no_more_after_its_end(call: Call) -> None:
    await call.peer.accept(CHROMIUM)
    sink = call.peer.sink
    assert sink is not None
    for tick, state in enumerate(("connecting", "connected", "connected")):
        if call.peer.state != state:
            call.below.become(state)
        sink.deliver(Mix(tick, SILENCE, bytes([tick])))
    await call.peer.close()
    sink.deliver(Mix(3, SILENCE, b"late"))
    assert [parse_rtp(one).payload for one in call.below.sent] == [b"\x01", b"\x02"]


async def test_who_closes_says_goodbye_lets_go_of_everything_and_gives_no_reason(call: Call) -> None:
    await call.connect()
    woken: list[bool] = []
    source = call.peer.source
    assert source is not None
    source.wake = lambda: woken.append(True)
    await asyncio.gather(call.peer.close(), call.peer.close())
    goodbye = call.below.reports[-1]
    assert [type(one).__name__ for one in parse_rtcp(goodbye)][-1] == "RtcpByePacket"
    assert (call.below.closed, call.below.released, call.gone, call.ends) == (True, True, [call.peer], [])
    call.below.ice.media(packet(THEIR_SSRC, 1, 111), call.now_ns)
    source.push(1, 960, b"late", call.now_ns)
    assert woken == []
    assert call.peer.stats().packets_in == 0, "without keys, nothing is authentic"
    assert call.peer.stats().state == "closed"


async def test_a_transport_that_hangs_is_abandoned(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    await call.connect()
    call.below.hangs = True
    await call.peer.close()
    assert (call.peer.state, call.below.released, call.gone) == ("closed", True, [call.peer])
    assert "did not close in time" in caplog.text


async def test_an_end_that_raises_where_it_is_told_ends_the_connection_all_the_same(call: Call) -> None:
    def fail(reason: str) -> None:
        raise RuntimeError(reason)

    await call.connect()
    call.peer.on_end = fail
    call.below.become("failed")
    await call.peer.close()
    assert (call.peer.state, call.below.released) == ("closed", True)


async def test_a_peer_takes_one_offer(call: Call) -> None:
    await call.peer.accept(CHROMIUM)
    with pytest.raises(OfferError, match="has had its offer"):
        await call.peer.accept(CHROMIUM)
    assert call.peer.state == "connecting"


async def test_a_peer_that_is_closed_takes_no_offer(call: Call) -> None:
    await call.peer.close()
    with pytest.raises(OfferError, match="has had its offer"):
        await call.peer.accept(CHROMIUM)


async def test_without_an_address_of_ours_there_is_no_answer(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeTransport, "addresses", ())
    with pytest.raises(OfferError, match="no network address"):
        await call.peer.accept(CHROMIUM)
    assert (call.peer.state, call.below.released) == ("closed", True)


async def test_an_error_of_ours_becomes_a_sentence_and_leaves_nothing_open(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeTransport, "make_send_stream", None)
    with pytest.raises(OfferError, match="something in it is not supported"):
        await call.peer.accept(CHROMIUM)
    assert (call.peer.state, call.below.released) == ("closed", True)


async def test_candidates_are_taken_for_the_sections_in_use_and_no_more_than_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("conference.webrtc.peer.MediaTransport", FakeTransport)
    call = Call(max_candidates=2)
    await call.peer.accept(CHROMIUM)
    await call.peer.add_candidates(f"a=mid:7\r\na={CANDIDATE}\r\n")
    assert call.below.ice.candidates == []
    for _ in range(3):
        await call.peer.add_candidates(f"a=mid:0\r\na={CANDIDATE}\r\n")
    assert [one.address for one in call.below.ice.candidates] == ["192.0.2.7"] * 2


@pytest.mark.parametrize(
    "changed", ["a=ice-ufrag:Other\r\n", "a=ice-ufrag:AbCd\r\na=ice-pwd:another-password-of-22\r\n"]
)
async def test_other_credentials_are_an_ice_restart_which_there_is_not(call: Call, changed: str) -> None:
    await call.peer.accept(CHROMIUM)
    with pytest.raises(IceRestartError, match="join again"):
        await call.peer.add_candidates(f"{changed}a=mid:0\r\na={CANDIDATE}\r\n")
    assert call.below.ice.candidates == []
    await call.peer.add_candidates(f"a=ice-ufrag:AbCd\r\na=mid:0\r\na={CANDIDATE}\r\n")
    assert len(call.below.ice.candidates) == 1


@pytest.mark.parametrize("ended", [False, True])
async def test_there_is_nothing_to_add_candidates_to_before_the_offer_or_after_the_end(call: Call, ended: bool) -> None:
    if ended:
        await call.connect()
        await call.peer.close()
    with pytest.raises(ValueError, match="no connection"):
        await call.peer.add_candidates(f"a=mid:0\r\na={CANDIDATE}\r\n")


@pytest.mark.parametrize(("direction", "speaks", "hears"), [("sendonly", True, False), ("recvonly", False, True)])
async def test_who_only_speaks_has_no_sink_and_who_only_listens_no_source(
    call: Call, direction: str, speaks: bool, hears: bool
) -> None:
    await call.connect(CHROMIUM.replace("a=sendrecv", f"a={direction}"))
    assert (call.peer.source is not None, call.peer.sink is not None) == (speaks, hears)
    call.later(0)
    assert len(call.below.reports) == 1
    call.below.ice.media(packet(THEIR_SSRC, 1, 111), call.now_ns)
    tally = call.peer.tally()
    assert (tally["packets_in"], tally["rejected"]) == ((1, 0) if speaks else (0, 1))
    assert call.peer.stats().packets_in == tally["packets_in"]
