"""Connectivity and consent checks of one connection, with a shared port that only writes down what is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import pytest
from aioice import stun
from aioice.stun import Class, Message, Method

from conference.webrtc.ice.check_pacing import CheckPacer
from conference.webrtc.ice.connection import CONSENT_EXPIRES_NS, CONSENT_NS, MAX_REQUESTS, MuxedIce, missing
from conference.webrtc.ice.stun import parse_stun
from conference.webrtc.mux import UdpMux
from conference.webrtc.sdp.candidate import Candidate, can_be_reached
from conference.webrtc.sdp.offer import parse_offer
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.udp.sockets import Address, SharedSocket
from tests.webrtc.offers import CHROMIUM
from tests.webrtc.stock import eventually

HERE = "192.0.2.1"
PEER: Address = ("192.0.2.7", 40_000)
UFRAG, PASSWORD = "theirs", "the peer's password, no less"
TIE_BREAKER = 0x0102030405060708


class Wire:
    """A shared socket, and the port that it belongs to."""

    def __init__(self) -> None:
        self.port = 5000
        self.sent: list[tuple[bytes, Address]] = []
        self.expected: list[bytes] = []
        self.removed: list[object] = []
        self.checks = CheckPacer(WebRtcSettings())

    def sendto(self, data: bytes, address: Address) -> bool:
        self.sent.append((data, address))
        return True

    def announced(self) -> list[tuple[Wire, tuple[str, ...]]]:
        return [(self, (HERE,))]

    def add(self, _: object) -> None:
        pass

    def remove(self, endpoint: object) -> None:
        self.removed.append(endpoint)

    def expect(self, transaction_id: bytes, _: object) -> None:
        self.expected.append(transaction_id)

    def take(self) -> list[Message]:
        """What was sent since the last time."""
        sent, self.sent = self.sent, []
        return [stun.parse_message(data) for data, _ in sent]


class Connection:
    """One connection, and its peer's part in it."""

    def __init__(self, *, ice_lite: bool = False) -> None:
        self.wire = Wire()
        self.routes = 0
        theirs = replace(parse_offer(CHROMIUM).transport, ufrag=UFRAG, password=PASSWORD, ice_lite=ice_lite)
        self.ice = MuxedIce(cast("UdpMux", self.wire), theirs, routed=self._routed, dtls=lambda _: None)

    def _routed(self) -> None:
        self.routes += 1

    @property
    def goes_to(self) -> Address | None:
        return None if self.ice.route is None else self.ice.route[1]

    def check(
        self, *, username: str | None = None, address: Address = PEER, key: str | None = None, **attributes: int | None
    ) -> Message:
        """Have the peer send a check. Returns what it was."""
        request = Message(Method.BINDING, Class.REQUEST)
        request.attributes = {"USERNAME": username or f"{self.ice.ufrag}:{UFRAG}", "PRIORITY": 1}
        request.attributes |= {name.replace("_", "-"): value for name, value in attributes.items()}
        request.add_message_integrity((key or self.ice.password).encode())
        parsed = parse_stun(bytes(request))
        assert parsed is not None
        if self.ice.authenticates(parsed, address):
            self.ice.stun_request(parsed, address, cast("SharedSocket", self.wire))
        return request

    def respond(self, request: Message, now_ns: int = 1, *, key: str = PASSWORD) -> None:
        """Have the peer answer a check of ours."""
        response = Message(Method.BINDING, Class.RESPONSE, request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = (HERE, self.wire.port)
        response.add_message_integrity(key.encode())
        parsed = parse_stun(bytes(response))
        assert parsed is not None
        if self.ice.authenticates(parsed, PEER):
            self.ice.stun_response(parsed, PEER, cast("SharedSocket", self.wire), now_ns)

    async def come_up(self) -> None:
        """The peer checks and nominates; we check in return."""
        await self.ice.start(())
        async with asyncio.timeout(5):
            while not self.ice.route:
                self.check(ICE_CONTROLLING=TIE_BREAKER, USE_CANDIDATE=None)
                await asyncio.sleep(0)
                for message in self.wire.take():
                    if message.message_class == Class.REQUEST:
                        self.respond(message)
                await asyncio.sleep(0)


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    connection = Connection()
    await connection.come_up()
    yield connection
    connection.ice.detach()
    await connection.ice.close()
    connection.ice.release()


async def test_when_it_has_ended_none_of_its_tasks_is_left() -> None:
    before = asyncio.all_tasks()
    one = Connection()
    await one.ice.start((Candidate("1", 1, "192.0.2.7", 40_000, "host"),))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() - before
    one.ice.detach()
    await one.ice.close()
    assert asyncio.all_tasks() == before
    never_started = Connection()
    await never_started.ice.close()


async def test_when_it_is_detached_nothing_comes_and_nothing_goes(connection: Connection) -> None:
    assert connection.ice.send(b"\x80 media")
    connection.wire.sent.clear()
    connection.ice.detach()
    assert connection.wire.removed == [connection.ice]
    assert connection.goes_to is None
    assert not connection.ice.send(b"\x80 media")
    connection.ice.probe()
    connection.check(ICE_CONTROLLING=TIE_BREAKER, USE_CANDIDATE=None, address=("192.0.2.8", 40_001))
    await asyncio.sleep(0)
    assert [one for one in connection.wire.take() if one.message_class == Class.REQUEST] == []


async def test_all_that_is_relied_on_is_there() -> None:
    assert missing() == []


def answer_to(request: Message, address: Address, key: str) -> Message:
    response = Message(Method.BINDING, Class.RESPONSE, request.transaction_id)
    response.attributes["XOR-MAPPED-ADDRESS"] = address
    response.add_message_integrity(key.encode())
    return response


async def test_a_check_of_the_path_in_use_is_answered_and_changes_nothing(connection: Connection) -> None:
    for _ in range(3):
        request = connection.check(ICE_CONTROLLING=TIE_BREAKER, USE_CANDIDATE=None)
        ((data, address),) = connection.wire.sent
        connection.wire.take()
        assert (data, address) == (bytes(answer_to(request, PEER, connection.ice.password)), PEER)
    await asyncio.sleep(0)
    assert connection.wire.sent == []
    assert connection.routes == 1


async def test_a_check_from_elsewhere_opens_another_path(connection: Connection) -> None:
    elsewhere = ("192.0.2.8", 40_001)
    connection.check(address=elsewhere, ICE_CONTROLLING=TIE_BREAKER, USE_CANDIDATE=None)
    await eventually(lambda: len(connection.wire.sent) >= 2)  # on a busy machine, the check is repeated before we look
    response, request = connection.wire.take()[:2]
    assert response.attributes["XOR-MAPPED-ADDRESS"] == elsewhere
    assert request.message_class == Class.REQUEST
    answer = parse_stun(bytes(answer_to(request, (HERE, connection.wire.port), PASSWORD)))
    assert answer is not None
    connection.ice.stun_response(answer, elsewhere, cast("SharedSocket", connection.wire), 1)
    await eventually(lambda: connection.goes_to == elsewhere)
    assert connection.routes == 2
    connection.check(ICE_CONTROLLING=TIE_BREAKER, USE_CANDIDATE=None)  # and back again
    assert connection.goes_to == PEER


async def test_a_check_that_another_password_made_is_not_answered(connection: Connection) -> None:
    connection.check(key="guessed it, perhaps, have we", ICE_CONTROLLING=TIE_BREAKER)
    assert connection.wire.sent == []


async def test_a_copy_of_a_check_is_taken_from_where_the_check_came_from_and_from_nowhere_else(
    connection: Connection,
) -> None:
    request = parse_stun(bytes(connection.check(ICE_CONTROLLING=TIE_BREAKER)))
    assert request is not None
    assert connection.ice.authenticates(request, PEER), "it is repeated if the answer is lost"
    assert not connection.ice.authenticates(request, ("192.0.2.66", 6))
    for _ in range(2 * MAX_REQUESTS):
        connection.check(ICE_CONTROLLING=TIE_BREAKER)
    assert len(connection.ice._senders) == MAX_REQUESTS


async def test_an_authentic_check_with_a_malformed_attribute_is_dropped(connection: Connection) -> None:
    request = Message(Method.BINDING, Class.REQUEST)
    request.attributes = {"USERNAME": f"{connection.ice.ufrag}:{UFRAG}", "PRIORITY": 1}
    data = bytes(request) + bytes([0, 0x24, 0, 2, 1, 1, 0, 0])  # a priority of two bytes
    data = stun.set_body_length(data, len(data) - 20)
    data += bytes([0, 8, 0, 20]) + stun.message_integrity(data, connection.ice.password.encode())
    message = parse_stun(stun.set_body_length(data, len(data) - 20))
    assert message is not None
    assert connection.ice.authenticates(message, PEER)
    connection.ice.stun_request(message, PEER, cast("SharedSocket", connection.wire))
    assert connection.wire.sent == []


async def test_a_check_that_names_somebody_else_is_refused(connection: Connection) -> None:
    connection.check(username=f"{connection.ice.ufrag}:other", ICE_CONTROLLING=TIE_BREAKER)
    (refusal,) = connection.wire.take()
    assert refusal.error_code == 401


async def test_a_peer_in_our_role_is_told_so_or_gets_it(connection: Connection) -> None:
    connection.check(ICE_CONTROLLED=2**64 - 1)
    (answer,) = connection.wire.take()
    assert answer.error_code == 487
    connection.check(ICE_CONTROLLED=0)
    (answer,) = connection.wire.take()
    assert answer.message_class == Class.RESPONSE
    connection.ice.probe()
    (request,) = connection.wire.take()
    assert "ICE-CONTROLLING" in request.attributes
    connection.check(ICE_CONTROLLING=0)
    (answer,) = connection.wire.take()
    assert answer.error_code == 487


async def test_consent_is_asked_for_every_five_seconds_or_so_and_lasts_for_thirty(connection: Connection) -> None:
    ice, step = connection.ice, CONSENT_NS // 100
    assert ice.consents(1)
    asked: list[int] = []
    now_ns = 1
    while ice.consents(now_ns := now_ns + step):
        for request in connection.wire.take():
            asked.append(now_ns)
            if len(asked) <= 20:
                connection.respond(request, now_ns)
    gaps = [after - before for before, after in pairwise(asked)]
    assert all(0.8 * CONSENT_NS <= gap <= 1.2 * CONSENT_NS + step for gap in gaps)
    assert len(set(gaps)) > 3
    assert CONSENT_EXPIRES_NS <= now_ns - asked[19] <= CONSENT_EXPIRES_NS + 1.2 * CONSENT_NS + step


async def test_a_consent_check_says_what_a_connectivity_check_does(connection: Connection) -> None:
    connection.ice.probe()
    (request,) = connection.wire.take()
    assert request.transaction_id == connection.wire.expected[-1]
    assert request.attributes["USERNAME"] == f"{UFRAG}:{connection.ice.ufrag}"
    assert set(request.attributes) == {"USERNAME", "PRIORITY", "ICE-CONTROLLED", "MESSAGE-INTEGRITY", "FINGERPRINT"}
    assert request.check_message_integrity(PASSWORD.encode())
    connection.respond(request, 77)
    assert connection.ice.heard_ns == 77


async def test_a_response_that_somebody_else_made_is_no_consent(connection: Connection) -> None:
    connection.ice.probe()
    (request,) = connection.wire.take()
    heard_ns = connection.ice.heard_ns
    connection.respond(request, 99, key="a password that is not theirs")
    assert connection.ice.heard_ns == heard_ns


async def test_nobody_is_asked_where_there_is_no_path() -> None:
    connection = Connection()
    connection.ice.probe()
    assert connection.wire.sent == []


async def test_of_a_peer_that_only_answers_we_are_the_controlling_side_and_nominate() -> None:
    connection = Connection(ice_lite=True)
    await connection.ice.start((Candidate("1", 1, *PEER, "host"),))
    checks: list[Message] = []
    async with asyncio.timeout(5):
        while not connection.ice.route:
            for message in connection.wire.take():
                checks.append(message)
                connection.respond(message)
            await asyncio.sleep(0)
    first, second = checks
    assert all("ICE-CONTROLLING" in one.attributes for one in checks)
    # "the controlling agent MUST include it" in the second, and a lite agent can do without it in the first
    assert ["USE-CANDIDATE" in one.attributes for one in (first, second)] == [False, True]
    assert connection.goes_to == PEER
    connection.ice.probe()
    (request,) = connection.wire.take()
    assert "ICE-CONTROLLING" in request.attributes
    connection.ice.detach()
    await connection.ice.close()
    connection.ice.release()


def candidates(count: int, address: str = "198.51.100.1") -> tuple[Candidate, ...]:
    return tuple(Candidate(f"f{number}", 1000 - number, address, 1000 + number, "host") for number in range(count))


def tried(connection: Connection) -> set[Address]:
    """Where checks were to go, whether they did or not."""
    (protocol,) = connection.ice._protocols.values()
    return set(cast("Any", protocol.transport)._checks)


async def test_of_many_addresses_that_an_offer_names_few_are_checked() -> None:
    connection = Connection()
    await connection.ice.start(candidates(40))
    await eventually(lambda: len(tried(connection)) == 40)
    assert len(connection.wire.sent) == WebRtcSettings().max_checks_per_connection
    await finish(connection)


async def test_a_check_that_is_under_way_is_repeated_at_once_when_the_peer_s_comes() -> None:
    connection = Connection()
    await connection.ice.start((Candidate("f", 1, *PEER, "host"),))
    await eventually(lambda: connection.wire.sent)
    (first,) = connection.wire.take()
    for _ in range(2):
        connection.check(ICE_CONTROLLING=TIE_BREAKER)
        response, again = connection.wire.take()
        assert response.message_class == Class.RESPONSE
        assert bytes(again) == bytes(first)
    connection.respond(first)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    connection.check(ICE_CONTROLLING=TIE_BREAKER, USE_CANDIDATE=None)
    assert [one.message_class for one in connection.wire.take()] == [Class.RESPONSE]
    assert connection.goes_to == PEER
    await finish(connection)


async def test_who_is_checked_no_more_gets_in_by_their_own_check() -> None:
    connection = Connection()
    await connection.ice.start(candidates(40))
    await eventually(lambda: len(tried(connection)) == 40)
    connection.wire.take()
    last = ("198.51.100.1", 1039)
    connection.check(address=last, ICE_CONTROLLING=TIE_BREAKER, USE_CANDIDATE=None)
    response, request = connection.wire.sent
    assert response[1] == request[1] == last
    answer = parse_stun(bytes(answer_to(stun.parse_message(request[0]), (HERE, connection.wire.port), PASSWORD)))
    assert answer is not None
    connection.ice.stun_response(answer, last, cast("SharedSocket", connection.wire), 1)
    await eventually(lambda: connection.goes_to == last)
    await finish(connection)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "169.254.169.254", "fe80::1"])
async def test_what_is_here_or_on_this_link_is_checked_only_by_who_is_there_too(address: str) -> None:
    for ours, checked in ((HERE, False), ("2001:db8::1", False), ("127.0.0.1", True), ("::1", True)):
        assert can_be_reached(Candidate("f", 1, address, 1000, "host"), [ours]) is checked
    connection = Connection()
    await connection.ice.start((Candidate("f", 1, address, 1000, "host"),))
    assert connection.ice._connection.remote_candidates == []
    await finish(connection)


async def test_the_server_does_not_check_itself() -> None:
    connection = Connection()
    await connection.ice.start((Candidate("f", 1, HERE, connection.wire.port, "host"),))
    assert connection.ice._connection.remote_candidates == []
    await finish(connection)


async def finish(connection: Connection) -> None:
    connection.ice.detach()
    await connection.ice.close()
    connection.ice.release()
