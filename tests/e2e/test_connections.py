"""Connections that bring nothing, through real sockets: nobody who comes with a request is kept out by them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from conference.settings import Settings
from tests.e2e.people import twilio_person
from tests.e2e.running import RunningServer, eventually, running_server

pytestmark = pytest.mark.e2e

SLOW = 600.0
"""Longer than any test, so that what ends a connection is what the test is about."""

PATIENT = Settings(port=0, header_timeout=SLOW, body_timeout=SLOW, keep_alive_timeout=SLOW)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Silent:
    """Connections that are opened, and bring no request."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def open(self, count: int, address: str = "127.0.0.1", sent: bytes = b"") -> None:
        """Open some from one address; an attempt that is refused counts for nothing."""
        port = self._server.settings.port
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            self._streams.append((reader, writer))
            writer.write(sent)

    async def all_ended(self) -> None:
        """Wait until the server has ended all of them."""
        async with asyncio.timeout(20):
            for reader, _ in self._streams:
                try:
                    while await reader.read(65536):
                        pass
                except ConnectionError:
                    pass

    def close(self) -> None:
        for _, writer in self._streams:
            writer.transport.abort()


@asynccontextmanager
async def silence(server: RunningServer) -> AsyncIterator[Silent]:
    silent = Silent(server)
    try:
        yield silent
    finally:
        silent.close()


async def answered(server: RunningServer, address: str) -> bool:
    """Whether somebody from this address gets an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.settings.port, local_addr=(address, 0))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    try:
        async with asyncio.timeout(20):
            return b" 200 " in await reader.readline()
    except ConnectionError:
        return False
    finally:
        writer.transport.abort()


async def test_a_newcomer_gets_in_whoever_has_opened_all_connections() -> None:
    settings = Settings(port=0, max_connections=40, max_connections_per_address=20, header_timeout=SLOW)
    async with running_server(settings) as server, silence(server) as silent:
        live = server.live.connections
        for number in range(2, 10):
            await silent.open(25, f"127.0.0.{number}")
        await eventually(lambda: live.refused > 0, "some were refused")
        assert await answered(server, "127.0.0.100")
        assert len(live) <= 41
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/metrics") as response:
            told = await response.text()
        assert f"conference_tcp_connections_refused_total {live.refused:.1f}" in told
        assert 'conference_tcp_connections{state="works"} 1.0' in told


async def test_who_is_in_a_room_stays_while_others_open_connections() -> None:
    settings = Settings(port=0, max_connections=30, max_connections_per_address=10, header_timeout=SLOW)
    async with (
        running_server(settings) as server,
        silence(server) as silent,
        aiohttp.ClientSession() as session,
        twilio_person(server.url, "tea", "Ben"),
    ):
        live, rooms = server.live.connections, server.live.conference.rooms
        await eventually(lambda: "tea" in rooms, "Ben is in the room")
        events = await session.get(f"{server.url}/rooms/tea/events")
        await eventually(lambda: live.staying == 2, "both are known to stay")
        for number in range(2, 12):
            await silent.open(12, f"127.0.0.{number}")
        await eventually(lambda: live.refused + live.dropped > 0, "some found no place")
        assert await answered(server, "127.0.0.100")
        assert (len(rooms["tea"].participants), live.staying) == (1, 2)
        events.close()


async def test_a_request_that_does_not_come_to_its_end_is_not_waited_for() -> None:
    settings = Settings(port=0, header_timeout=0.2, keep_alive_timeout=SLOW)
    async with running_server(settings) as server, silence(server) as silent:
        for sent in (b"", b"GET", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"\r\n"):
            await silent.open(1, sent=sent)
        await silent.all_ended()
        await eventually(lambda: not len(server.live.connections), "nothing is left")


async def test_a_body_that_does_not_come_to_its_end_is_not_waited_for() -> None:
    head = b"POST /twilio/voice HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    settings = Settings(port=0, body_timeout=0.2, keep_alive_timeout=SLOW)
    async with running_server(settings) as server, silence(server) as silent:
        await silent.open(1, sent=head + b"Content-Length: 100\r\n\r\nFrom=")
        await silent.open(1, sent=head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nFrom=")
        await silent.open(1, sent=b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nx")
        await silent.all_ended()


async def test_a_connection_that_is_not_used_again_is_closed() -> None:
    async with running_server(Settings(port=0, keep_alive_timeout=0.2)) as server, silence(server) as silent:
        await silent.open(1, sent=b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await silent.all_ended()


async def test_who_does_not_take_an_answer_is_not_waited_for() -> None:
    settings = Settings(port=0, response_timeout=1.0, keep_alive_timeout=1.0)
    async with running_server(settings) as server:
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            greedy.connect(("127.0.0.1", server.settings.port))
            greedy.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 30)
            await eventually(lambda: len(server.live.connections) == 1, "it is being answered")
            await eventually(lambda: not len(server.live.connections), "it is closed")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 400),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_not_http_is_told_so_and_is_nothing_for_the_log(
    sent: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_server() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.settings.port)
        writer.write(sent)
        async with asyncio.timeout(20):
            assert f" {status} ".encode() in await reader.readline()
        writer.transport.abort()
    assert not [one for one in caplog.records if one.levelname in ("WARNING", "ERROR", "CRITICAL")]


MISCODED = (
    (b"Content-Encoding: gzip\r\nContent-Length: 5\r\n", b"hello"),
    (b"Content-Encoding: deflate\r\nContent-Length: 5\r\n", b"hello"),
    (b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\n", b"zz\r\n"),
    (b"Transfer-Encoding: chunked\r\n", b"5\r\nhelloXX\r\n"),
    (b"Transfer-Encoding: chunked\r\n", b"FFFFFFFFFFFFFFFFF\r\n"),
    (b"Transfer-Encoding: chunked\r\n", b"5;" + b"a" * 20_000 + b"\r\nhello\r\n"),
)
"""Header fields, and a body that is not what they say."""


@pytest.mark.parametrize("together", [True, False], ids=["at once", "one after the other"])
async def test_a_body_that_is_not_what_its_header_says_is_the_senders_fault(
    together: bool, caplog: pytest.LogCaptureFixture
) -> None:
    form, sdp = b"application/x-www-form-urlencoded", b"application/sdp"
    async with running_server(Settings(port=0, body_timeout=0.5)) as server:  # of some, the end never comes
        for path, kind in ((b"/twilio/voice", form), (b"/rooms/tea/participants", sdp), (b"/nowhere", form)):
            for fields, body in MISCODED:
                head = b"POST " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: " + kind + b"\r\n" + fields
                reader, writer = await asyncio.open_connection("127.0.0.1", server.settings.port)
                writer.write(head + b"\r\n" + body * together)
                await eventually(lambda: len(server.live.connections) == 1, "it is there")
                writer.write(body * (not together))
                async with asyncio.timeout(20):
                    status = int((await reader.readline()).split()[1])
                assert 400 <= status < 500, (path, fields, body)
                writer.transport.abort()
                await eventually(lambda: not len(server.live.connections), "it is gone")
    assert not [one for one in caplog.records if one.levelname in ("WARNING", "ERROR", "CRITICAL")]


async def test_a_client_that_goes_in_the_middle_of_a_body_is_nothing_for_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running_server(PATIENT) as server, silence(server) as silent:
        head = b"POST /rooms/tea/participants HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\n"
        await silent.open(3, sent=head + b"Content-Length: 100\r\n\r\nv=0")
        await eventually(lambda: server.live.connections.waiting == 3, "the bodies are waited for")
        silent.close()
        await eventually(lambda: not len(server.live.connections), "they are gone")
    assert not [one for one in caplog.records if one.levelname in ("WARNING", "ERROR", "CRITICAL")]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_however_little_is_read_at_a_time_everything_arrives_in_order(tls: bool) -> None:
    async def text() -> AsyncIterator[bytes]:
        for number in range(40):
            yield b"".join(b"%d," % (number * 100 + one) for one in range(100))

    settings = Settings(port=0, tls_self_signed=tls, max_read_time=0.0005, max_connections_per_address=0)
    async with running_server(settings) as server, aiohttp.ClientSession(headers=FORM) as session:

        async def post() -> str:
            async with session.post(f"{server.url}/twilio/voice", data=text(), ssl=False) as response:
                return f"{response.status} {await response.text()}"

        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(post() for _ in range(20)))
        assert {one[:3] for one in answers} == {"200"}


async def test_chunks_of_one_byte_from_many_at_once_are_read_to_their_end() -> None:
    form = b"From=" + b"%2B1555" + b"0" * 3000
    body = b"".join(b"1\r\n%c\r\n" % one for one in form) + b"0\r\n\r\n"
    head = b"POST /twilio/voice HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: " + FORM["Content-Type"].encode() + b"\r\n"
    settings = Settings(port=0, max_read_time=0.0005)

    async def post(server: RunningServer) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.settings.port)
        for _ in range(3):
            writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        async with asyncio.timeout(60):
            found = b""
            while found.count(b"</Response>") < 3:
                found += await reader.read(65536)
        writer.transport.abort()
        return found

    async with running_server(settings) as server:
        for found in await asyncio.gather(*(post(server) for _ in range(20))):
            assert found.count(b" 200 OK") == found.count(b"+1555000000") == 3


async def test_a_handshake_that_does_not_come_to_its_end_is_not_waited_for() -> None:
    settings = Settings(port=0, tls_self_signed=True, header_timeout=0.5, keep_alive_timeout=SLOW)
    async with running_server(settings) as server, silence(server) as silent:
        await silent.open(3)
        await silent.open(1, sent=b"\x16\x03\x01\x02\x00\x01")
        await silent.open(1, sent=b"GET / HTTP/1.1\r\n\r\n")
        await silent.all_ended()
        await eventually(lambda: not len(server.live.connections), "nothing is left")
