"""Whose datagram is whose, through loopback sockets and with connections that only write down what they get."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import asdict

import pytest
from aioice import stun

from conference.webrtc.endpoints import MAX_ADDRESSES, TAKEOVER_NS
from conference.webrtc.ice.stun import StunMessage
from conference.webrtc.mux import UdpMux
from conference.webrtc.udp import datagrams
from conference.webrtc.udp.bindings import Binding
from conference.webrtc.udp.reader import LATEST_NS
from conference.webrtc.udp.sockets import Address, SharedSocket
from tests.webrtc.stock import LOOPBACK, eventually

pytestmark = pytest.mark.e2e

RTP = bytes([0x80, 96]) + bytes(30)
DTLS = bytes([22, 0xFE, 0xFD]) + bytes(8) + (4).to_bytes(2, "big") + bytes(4)


class Connection:
    """An endpoint that notes what comes."""

    def __init__(self, ufrag: str) -> None:
        self.ufrag = ufrag
        self.heard_ns = 0
        self.got: list[str] = []

    def authenticates(self, message: StunMessage, address: Address) -> bool:
        return message.check_message_integrity(self.ufrag.encode())

    def stun_request(self, request: StunMessage, address: Address, via: SharedSocket) -> None:
        self.got.append("request")

    def stun_response(self, response: StunMessage, address: Address, via: SharedSocket, now_ns: int) -> None:
        self.got.append("response")

    def dtls(self, datagram: bytes) -> None:
        self.got.append("dtls")

    def media(self, datagram: bytes, now_ns: int) -> None:
        self.got.append("media")


class Wire:
    """A mux with a clock that is set, and sockets to send to it from."""

    def __init__(self) -> None:
        self.now_ns = 1
        self.mux = UdpMux((Binding(LOOPBACK, (LOOPBACK,)),), now=lambda: self.now_ns)
        self.sockets: list[socket.socket] = []

    def client(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect((LOOPBACK, self.mux.port))
        self.sockets.append(sock)
        return sock

    async def send(self, sock: socket.socket, data: bytes) -> None:
        received = self.mux.stats.received
        sock.send(data)
        await eventually(lambda: self.mux.stats.received > received)

    def close(self) -> None:
        self.mux.close()
        for sock in self.sockets:
            sock.close()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


def check(ufrag: str, password: str | None = None) -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes.update({"USERNAME": f"{ufrag}:them", "PRIORITY": 1, "ICE-CONTROLLING": 1})
    request.add_message_integrity((password or ufrag).encode())
    return bytes(request)


async def test_what_is_nobodys_is_counted_by_what_it_is(wire: Wire) -> None:
    assert set(asdict(wire.mux.stats).values()) == {0}
    sock = wire.client()
    for datagram in (RTP, b"\xff", b"\x40 none of them", RTP):
        await wire.send(sock, datagram)
    stats = wire.mux.stats
    assert (stats.received, stats.stray, stats.garbage, stats.empty, stats.errors) == (4, 2, 2, 0, 0)


async def test_an_address_is_known_once_it_has_proven_whose_it_is(wire: Wire) -> None:
    amy = Connection("amy1")
    wire.mux.add(amy)
    sock = wire.client()
    await wire.send(sock, RTP)
    await wire.send(sock, check("amy1", "a wrong password"))
    await wire.send(sock, RTP)
    assert (amy.got, wire.mux.stats.stray, wire.mux.stats.unauthentic) == ([], 2, 1)
    for datagram in (check("amy1"), DTLS, RTP):
        await wire.send(sock, datagram)
    assert amy.got == ["request", "dtls", "media"]


async def test_connections_are_told_apart_by_their_ufrag(wire: Wire) -> None:
    amy, ben = Connection("amy1"), Connection("ben1")
    wire.mux.add(amy)
    wire.mux.add(ben)
    one, other = wire.client(), wire.client()
    await wire.send(one, check("amy1"))
    await wire.send(other, check("ben1"))
    await wire.send(other, RTP)
    assert (amy.got, ben.got) == (["request"], ["request", "media"])


async def test_nobody_takes_over_the_address_of_a_living_connection(wire: Wire) -> None:
    amy, eve = Connection("amy1"), Connection("eve1")
    wire.mux.add(amy)
    wire.mux.add(eve)
    sock = wire.client()
    await wire.send(sock, check("amy1"))
    wire.now_ns += TAKEOVER_NS - datagrams.MAX_AGE_NS  # what comes counts as no older than that
    await wire.send(sock, check("eve1"))
    await wire.send(sock, RTP)
    assert (amy.got, eve.got) == (["request", "media"], [])
    wire.now_ns += 2 * datagrams.MAX_AGE_NS
    await wire.send(sock, check("eve1"))
    await wire.send(sock, RTP)
    assert (amy.got, eve.got) == (["request", "media"], ["request", "media"])
    wire.mux.remove(amy)
    await wire.send(sock, RTP)
    assert eve.got[-1] == "media"


async def test_an_address_that_was_taken_over_is_no_longer_one_of_its_old_owners(wire: Wire) -> None:
    amy, eve = Connection("amy1"), Connection("eve1")
    wire.mux.add(amy)
    wire.mux.add(eve)
    sock = wire.client()
    await wire.send(sock, check("amy1"))
    for _ in range(MAX_ADDRESSES - 1):
        await wire.send(wire.client(), check("amy1"))
    wire.now_ns += TAKEOVER_NS + datagrams.MAX_AGE_NS
    await wire.send(sock, check("eve1"))
    assert (len(amy.got), eve.got) == (MAX_ADDRESSES, ["request"])
    await wire.send(wire.client(), check("amy1"))
    assert len(amy.got) == MAX_ADDRESSES + 1, "there is room for another one again"
    wire.mux.remove(amy)
    await wire.send(sock, RTP)
    assert eve.got == ["request", "media"]


async def test_a_connection_has_a_bounded_number_of_addresses(wire: Wire) -> None:
    amy = Connection("amy1")
    wire.mux.add(amy)
    for _ in range(MAX_ADDRESSES + 5):
        await wire.send(wire.client(), check("amy1"))
    assert len(amy.got) == MAX_ADDRESSES


async def test_a_removed_connection_gets_nothing_more(wire: Wire) -> None:
    amy = Connection("amy1")
    wire.mux.add(amy)
    sock = wire.client()
    await wire.send(sock, check("amy1"))
    wire.mux.remove(amy)
    wire.mux.remove(amy)
    for datagram in (check("amy1"), RTP, DTLS):
        await wire.send(sock, datagram)
    assert (amy.got, len(wire.mux)) == (["request"], 0)


async def test_datagrams_in_quick_succession_all_come_and_so_does_one_after_a_pause(wire: Wire) -> None:
    """The clock stands still here, so that everything is in quick succession: read by the clock, then woken again."""
    amy = Connection("amy1")
    wire.mux.add(amy)
    sock = wire.client()
    await wire.send(sock, check("amy1"))
    for burst in (1, 200, 1, 3):
        before = len(amy.got)
        for _ in range(burst):
            sock.send(RTP)
        await eventually(lambda wanted=before + burst: len(amy.got) == wanted)  # type: ignore[misc]
        await asyncio.sleep(3 * LATEST_NS / 1e9)
    assert wire.mux.behind_ns < 0, "there was never more than could be read"


async def test_a_mux_that_is_closed_while_it_reads_by_the_clock_reads_no_more(wire: Wire) -> None:
    amy = Connection("amy1")
    wire.mux.add(amy)
    sock = wire.client()
    await wire.send(sock, check("amy1"))
    await wire.send(sock, RTP)
    received = wire.mux.stats.received
    wire.mux.close()
    await asyncio.sleep(3 * LATEST_NS / 1e9)
    assert wire.mux.stats.received == received


async def test_a_response_goes_to_who_asked_wherever_it_comes_from(wire: Wire) -> None:
    amy = Connection("amy1")
    wire.mux.add(amy)
    response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
    response.add_message_integrity(b"amy1")
    forged = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, response.transaction_id)
    sock = wire.client()
    await wire.send(sock, bytes(response))
    assert amy.got == []
    wire.mux.expect(response.transaction_id, amy)
    await wire.send(sock, bytes(forged))
    assert (amy.got, wire.mux.stats.unauthentic) == ([], 1)
    await wire.send(sock, bytes(response))
    await wire.send(sock, bytes(response))
    assert amy.got == ["response"]


async def test_an_authentic_response_proves_whose_an_address_is_too(wire: Wire) -> None:
    amy = Connection("amy1")
    wire.mux.add(amy)
    sock = wire.client()
    for password, got in (("a wrong one", []), ("amy1", ["response", "dtls", "media"])):
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
        response.attributes["XOR-MAPPED-ADDRESS"] = (LOOPBACK, 5000)
        response.add_message_integrity(password.encode())
        wire.mux.expect(response.transaction_id, amy)
        for datagram in (bytes(response), DTLS, RTP):
            await wire.send(sock, datagram)
        assert amy.got == got


async def test_a_handler_that_raises_stops_nothing(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    amy = Connection("amy1")
    wire.mux.add(amy)
    sock = wire.client()
    await wire.send(sock, check("amy1"))
    with monkeypatch.context() as patched:
        patched.setattr(amy, "dtls", None)
        await wire.send(sock, DTLS)
    await wire.send(sock, RTP)
    assert (wire.mux.stats.errors, amy.got) == (1, ["request", "media"])


async def test_two_connections_cannot_have_one_ufrag(wire: Wire) -> None:
    wire.mux.add(Connection("amy1"))
    with pytest.raises(ValueError, match="taken"):
        wire.mux.add(Connection("amy1"))


async def test_a_taken_port_is_an_error_and_leaves_no_socket_open(wire: Wire) -> None:
    with pytest.raises(OSError, match="in use"):
        UdpMux((Binding(LOOPBACK, (LOOPBACK,)),), port=wire.mux.port)


async def test_both_ip_versions_share_one_port() -> None:
    mux = UdpMux((Binding(LOOPBACK, (LOOPBACK,)), Binding("::1", ("::1",))))
    try:
        assert {one.port for one in mux.sockets} == {mux.port}
        amy = Connection("amy1")
        mux.add(amy)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.sendto(check("amy1"), ("::1", mux.port))
            await eventually(lambda: amy.got == ["request"])
    finally:
        mux.close()
        mux.close()


async def test_a_closed_mux_sends_nothing_and_says_so(wire: Wire) -> None:
    shared = wire.mux.sockets[0]
    wire.mux.close()
    assert not shared.sendto(b"x", (LOOPBACK, 9))
    assert wire.mux.stats.failed_sends == 1
    await asyncio.sleep(0)
