"""How a participant of a load test follows the events: what it asks, what it counts, and when the stream is over."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from conference.load.client.event_follower import EventFollower
from conference.webrtc.client.whip import JoinError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The server's end of the connection that a follower opens."""
    ours, theirs = socket.socketpair()
    asked: list[Any] = []

    def connect(address: Any, timeout: float) -> socket.socket:
        asked.append(address)
        theirs.settimeout(timeout)
        return theirs

    monkeypatch.setattr(socket, "create_connection", connect)
    yield ours
    ours.close()
    theirs.close()
    assert asked in ([], [("host", 8080)])


async def test_it_asks_as_the_page_does_and_counts_what_it_is_told(server: socket.socket) -> None:
    follower = EventFollower("http://host:8080/here", "tea & milk", "seat.1", token="secret")
    server.sendall(HEAD + b"retry: 1000\n\nid: 1\nevent: room\ndata: {}\n\nevent: lev")
    assert not follower.there
    await follower.open()
    asked = server.recv(4096).decode()
    assert asked.startswith(
        "GET /here/rooms/tea%20%26%20milk/events?batch=1&seat=seat.1 HTTP/1.1\r\nHost: host:8080\r\n"
    )
    assert "Authorization: Bearer secret\r\n" in asked
    assert asked.endswith("\r\n\r\n")
    follower.drain()
    assert (follower.there, follower.events) == (True, 2)
    server.sendall(b"els\ndata: {}\n\neve")
    follower.drain()
    server.sendall(b"nt: digit\ndata: {}\n\n")
    follower.drain()
    assert (follower.there, follower.events) == (True, 3)


async def test_a_stream_that_the_server_ends_is_over(server: socket.socket) -> None:
    follower = EventFollower("http://host:8080", "tea", None)
    server.sendall(HEAD)
    await follower.open()
    assert "seat" not in server.recv(4096).decode()
    server.sendall(b"event: room\n")
    server.close()
    follower.drain()
    assert (follower.there, follower.events) == (False, 1)
    follower.drain()
    follower.close()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP status 403."),
        (b"HTTP/1.1 429 Too Many\r\n\r\n", "HTTP status 429: start the server with --max-event-streams-per-address 0."),
        (b"", "does not answer in HTTP"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "HTTP status"),
        (b"x" * 40_000, "does not answer in HTTP"),
    ],
)
async def test_an_answer_that_is_no_stream_is_refused_with_a_sentence(
    server: socket.socket, answer: bytes, why: str
) -> None:
    server.sendall(answer)
    server.shutdown(socket.SHUT_WR)
    follower = EventFollower("http://host:8080", "tea", None)
    with pytest.raises(JoinError) as refused:
        await follower.open()
    assert str(refused.value).startswith("The events cannot be followed: ")
    assert why in str(refused.value)
    assert not follower.there


async def test_a_server_that_cannot_be_reached_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(JoinError, match="refused"):
        await EventFollower("http://host:8080", "tea", None).open()
