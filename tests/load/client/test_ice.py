"""A client's way to the server, against a server of values: no socket, and no time but the first retry's."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.load.client import ice
from conference.load.client.ice import Address, Ice
from conference.webrtc.ice.stun import (
    CHECK_PRIORITY,
    Class,
    StunMessage,
    build_request,
    build_response,
    new_transaction_id,
    parse_stun,
)

UFRAG, PASSWORD = "serverfrag", "the server's password, 24"
SERVER, ELSEWHERE = ("192.0.2.1", 4000), ("192.0.2.9", 4000)


@dataclass
class Wire:
    """A socket that keeps what it is given."""

    own: Address = ("198.51.100.1", 5000)
    family: int = int(socket.AF_INET)
    sent: list[tuple[StunMessage, Address | None]] = field(default_factory=list)
    connected: Address | None = None
    closed: bool = False
    on_sent: Callable[[], None] = lambda: None

    def getsockname(self) -> Address:
        return self.own

    def connect(self, address: Address) -> None:
        self.connected = address

    def send(self, datagram: bytes) -> None:
        self._keep(datagram, None)

    def sendto(self, datagram: bytes, address: Address) -> None:
        self._keep(datagram, address)

    def close(self) -> None:
        self.closed = True

    def _keep(self, datagram: bytes, address: Address | None) -> None:
        message = parse_stun(datagram)
        assert message is not None
        self.sent.append((message, address))
        self.on_sent()


class Client:
    """An `Ice` with one wire, looking for its way."""

    def __init__(self, *candidates: Address) -> None:
        self.wire = Wire()
        self.via = cast("socket.socket", self.wire)
        self.ice = Ice([self.via])
        self.search = asyncio.create_task(self.ice.find(UFRAG, PASSWORD, candidates))

    async def __aenter__(self) -> Self:
        await asyncio.sleep(0)  # the search begins
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ice.close()
        self.search.cancel()
        await asyncio.wait([self.search])

    def answer(self, number: int, address: Address | None, *, key: str = PASSWORD) -> None:
        """Answer the request with this number, as if from there."""
        request, _ = self.wire.sent[number]
        response = build_response(request.transaction_id, self.wire.own, key.encode())
        self.ice.receive(response, self.via, address)

    def check(self, address: Address | None, *, key: str | None = None) -> None:
        """The server checks us from there."""
        password = (key or self.ice.password).encode()
        username = f"{self.ice.ufrag}:{UFRAG}"
        request = build_request(new_transaction_id(), username, CHECK_PRIORITY, 1, password, controlling=False)
        self.ice.receive(request, self.via, address)


def attributes(one: StunMessage) -> dict[str, Any]:
    """What is in a message."""
    message = one.message()
    assert message is not None
    return message.attributes


async def test_the_path_is_the_one_that_answers_and_we_nominate_it() -> None:
    async with Client(ELSEWHERE, SERVER) as client:
        (first, to_first), (second, to_second) = client.wire.sent
        assert (to_first, to_second) == (ELSEWHERE, SERVER)
        for request in (first, second):
            assert request.message_class == Class.REQUEST
            assert request.check_message_integrity(PASSWORD.encode())
            assert request.username == f"{UFRAG}:{client.ice.ufrag}"
            assert "USE-CANDIDATE" in attributes(request)
        client.answer(1, SERVER)
        await client.search
        assert client.wire.connected == SERVER
        assert client.ice.socket is client.via


async def test_an_answer_from_elsewhere_or_with_another_key_is_no_path() -> None:
    async with Client(SERVER) as client:
        client.answer(0, SERVER, key="somebody else's password")
        assert client.wire.connected is None
        client.answer(0, ELSEWHERE)
        assert client.wire.connected is None
        client.answer(0, SERVER)
        assert client.wire.connected is None, "each request is answered once"


async def test_who_checks_us_is_answered_and_checked_in_turn() -> None:
    async with Client() as client:
        assert client.wire.sent == []
        client.check(SERVER)
        (response, where), (request, back) = client.wire.sent
        assert where == back == SERVER
        assert response.message_class == Class.RESPONSE
        assert response.check_message_integrity(client.ice.password.encode())
        assert attributes(response)["XOR-MAPPED-ADDRESS"] == SERVER
        assert request.message_class == Class.REQUEST
        client.answer(1, SERVER)
        await client.search
        assert client.wire.connected == SERVER


async def test_who_does_not_know_our_password_is_not_answered() -> None:
    async with Client() as client:
        client.check(SERVER, key="a guess")
        assert client.wire.sent == []


async def test_it_asks_again_until_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "FIRST_RETRY_SECONDS", 0.001)
    async with Client(SERVER) as client:
        third = asyncio.Event()
        client.wire.on_sent = lambda: third.set() if len(client.wire.sent) >= 3 else None
        await asyncio.wait_for(third.wait(), 10)
        client.answer(2, SERVER)
        await client.search
        assert client.wire.connected == SERVER


async def test_consent_lasts_30_s_and_is_renewed_by_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 1_000_000_000_000
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)
    async with Client(SERVER) as client:
        client.answer(0, SERVER)
        await client.search
        assert client.ice.consented(now_ns + 29_000_000_000)
        assert not client.ice.consented(now_ns + 30_000_000_000)
        client.ice._ask_again()
        assert client.wire.sent[-1][1] is None, "by the connected socket"
        now_ns += 20_000_000_000
        client.answer(-1, None)
        assert client.ice.consented(now_ns + 29_000_000_000)


async def test_a_search_that_was_ended_asks_no_more_and_closes_its_sockets() -> None:
    client = Client(SERVER)
    await asyncio.sleep(0)
    client.ice.close()
    await asyncio.wait([client.search])
    assert isinstance(client.search.exception(), ConnectionAbortedError)
    assert client.wire.closed
    assert client.ice._timer is None
    assert client.ice.addresses == []


@given(st.binary(max_size=200))
def test_whatever_comes_nothing_is_raised(data: bytes) -> None:
    async def receive() -> None:
        async with Client(SERVER) as client:
            client.ice.receive(data, client.via, SERVER)
            client.ice.receive(b"\0\1" + data, client.via, None)

    asyncio.run(receive())
