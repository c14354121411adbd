"""A caller of a load test: how it calls, what it answers, and how it hangs up. Its socket is a list."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from conference.load.client import phone as phone_module
from conference.load.client.phone import MAX_UNSENT, FastPhone
from conference.load.client.websocket import CLOSE, MAX_HEAD, PING, PONG, TEXT
from conference.telephony.twilio.messages import (
    Connected,
    Mark,
    Start,
    Stop,
    build,
    parse_client_message,
)
from conference.webrtc.client.whip import JoinError
from tests.load.client.test_websocket import server_frame

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Wire(asyncio.Transport):
    """Takes what is written; a test says what comes back."""

    def __init__(self, protocol: FastPhone) -> None:
        super().__init__()
        self.protocol = protocol
        self.head = b""
        self.frames: list[tuple[int, bytes]] = []
        self.unsent = 0
        self.reading = True
        self.closing = self.aborted = False

    def write(self, data: Any) -> None:
        if not self.head:
            self.head = bytes(data)
            return
        assert data[1] & 0x80, "what a client sends is masked"
        size, first = data[1] & 0x7F, 2
        if size == 126:
            size, first = int.from_bytes(data[2:4], "big"), 4
        assert len(data) == first + 4 + size
        self.frames.append((data[0] & 0x0F, bytes(data[first + 4 :])))

    def answer(self, status: str = "101 Switching Protocols") -> bytes:
        key = re.search(rb"Sec-WebSocket-Key: (\S+)\r\n", self.head)
        assert key is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest()).decode()
        return f"HTTP/1.1 {status}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()

    def said(self) -> list[Any]:
        return [parse_client_message(payload.decode()) for opcode, payload in self.frames if opcode == TEXT]

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True


class Line:
    """A phone, and the wire that it gets when it calls."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, url: str = "http://talk.example.org:8080/base/", **given: Any
    ) -> None:
        self.asked: tuple[str, int, bool] | None = None
        self.phone = FastPhone(url, "two words", "Amy", **given)
        self.refused: OSError | None = None
        self.wire: Any = None
        self.on_wire: Callable[[Wire], None] = lambda wire: self.phone.data_received(wire.answer())
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", self._connect)

    async def _connect(self, make: Callable[[], FastPhone], host: str, port: int, ssl: Any = None) -> None:
        self.asked = host, port, ssl is not None
        if self.refused is not None:
            raise self.refused
        self.wire = Wire(make())
        self.phone.connection_made(self.wire)
        self.on_wire(self.wire)

    async def connect(self) -> Wire:
        await self.phone.connect()
        assert isinstance(self.wire, Wire)
        return self.wire


async def test_it_asks_for_the_room_and_then_says_who_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, token="secret")
    wire = await line.connect()
    assert line.asked == ("talk.example.org", 8080, False)
    assert wire.head.startswith(b"GET /base/twilio/stream/two%20words HTTP/1.1\r\nHost: talk.example.org:8080\r\n")
    assert b"Authorization: Bearer secret\r\n" in wire.head
    connected, start = wire.said()
    assert isinstance(connected, Connected)
    assert isinstance(start, Start)
    assert start.custom_parameters == {"name": "Amy", "prompts": "off", "token": "secret"}
    assert line.phone.there
    assert line.phone.answer_ms == line.phone.connected_ms > 0


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://talk.example.org", ("talk.example.org", 80, False)),
        ("https://talk.example.org", ("talk.example.org", 443, True)),
        ("https://talk.example.org:8443", ("talk.example.org", 8443, True)),
    ],
)
async def test_it_calls_where_the_address_says(
    monkeypatch: pytest.MonkeyPatch, url: str, asked: tuple[str, int, bool]
) -> None:
    line = Line(monkeypatch, url, verify=False)
    wire = await line.connect()
    assert line.asked == asked
    assert b"Authorization" not in wire.head
    assert "token" not in wire.said()[1].custom_parameters


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", 429, "does not take the call: HTTP status 429"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", 0, "does not answer in HTTP"),
        (b"x" * (MAX_HEAD + 1), 0, "does not answer in HTTP"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", 0, "belongs to another request"),
    ],
)
async def test_why_a_call_is_not_taken_is_said(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, status: int, words: str
) -> None:
    line = Line(monkeypatch)
    line.on_wire = lambda wire: line.phone.data_received(answer)
    with pytest.raises(JoinError, match=words) as refused:
        await line.connect()
    assert refused.value.status == status


async def test_a_server_that_cannot_be_reached_or_hangs_up_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.refused = ConnectionRefusedError("refused.")
    with pytest.raises(JoinError, match=r"^The call could not be placed: refused\.$"):
        await line.connect()
    line = Line(monkeypatch)
    line.on_wire = lambda wire: line.phone.connection_lost(None)
    with pytest.raises(JoinError, match="The server closed the connection"):
        await line.connect()
    monkeypatch.setattr(phone_module, "CONNECT_SECONDS", 0.01)
    line = Line(monkeypatch)
    line.on_wire = lambda wire: None
    with pytest.raises(JoinError, match="no answer in time"):
        await line.connect()


async def test_an_answer_in_pieces_is_one_and_what_comes_with_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_pieces(wire: Wire) -> None:
        answer = wire.answer() + server_frame(PING, b"x")
        for place in range(0, len(answer), 7):
            line.phone.data_received(answer[place : place + 7])

    line = Line(monkeypatch)
    line.on_wire = in_pieces
    wire = await line.connect()
    assert (PONG, b"x") in wire.frames


async def test_sound_is_counted_marks_are_echoed_and_pings_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    wire = await line.connect()
    said = len(wire.frames)
    media = server_frame(TEXT, b'{"event":"media","media":{"payload":"AAAA"}}')
    mark = server_frame(TEXT, build(Mark("MZ1", "here", None)).encode())
    other = server_frame(TEXT, b'{"event":"clear","streamSid":"MZ1"}')
    line.phone.data_received(media + mark + other + media + server_frame(PING, b"there?"))
    assert line.phone.received == 2
    echo, pong = wire.frames[said:]
    assert pong == (PONG, b"there?")
    message = parse_client_message(echo[1].decode())
    assert isinstance(message, Mark)
    assert (message.name, message.sequence_number) == ("here", 2)


async def test_a_server_that_closes_is_left_with_what_was_said_and_one_that_sends_nonsense_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[tuple[bool, bool]] = []
    for data in (server_frame(CLOSE, b""), b"\x81\x81masked"):
        line = Line(monkeypatch)
        wire = await line.connect()
        line.phone.data_received(data)
        left.append((wire.closing, wire.aborted))
        line.phone.connection_lost(None)
        line.phone.send(bytes(160), 0)
        assert line.phone.sent == 0
    assert left == [(True, False), (True, True)]


async def test_who_is_not_to_be_woken_reads_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    wire = await line.connect()
    reads: list[bool] = []
    for step in ("awake", "asleep", "drained", "closing"):
        if step == "asleep":
            line.phone.stop_waking()
        if step == "drained":
            line.phone.drain()
        else:
            wire.closing = step == "closing"
            line.phone.data_received(server_frame(PING, b""))
        reads.append(wire.reading)
    assert reads == [True, False, True, True], "a connection that is closing is read to its end"


async def test_a_caller_whose_server_takes_nothing_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch)
    line.phone.send(bytes(160), 0)
    assert line.phone.sent == 0
    wire = await line.connect()
    said = len(wire.frames)
    for unsent in (0, MAX_UNSENT, MAX_UNSENT + 1):
        wire.unsent = unsent
        line.phone.send(bytes(160), 0)
    assert (line.phone.sent, len(wire.frames) - said) == (2, 2)


async def test_it_says_that_it_hangs_up_and_waits_for_the_server_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_module, "CLOSE_SECONDS", 0.01)
    line = Line(monkeypatch)
    await line.phone.close()  # it has not called yet
    wire = await line.connect()
    line.phone.stop_waking()
    wire.pause_reading()
    await line.phone.close()
    (_, stop), close = wire.frames[-2:]
    assert isinstance(parse_client_message(stop.decode()), Stop)
    assert close == (CLOSE, (1000).to_bytes(2, "big"))
    assert (wire.reading, wire.aborted) == (True, True)
    line = Line(monkeypatch)
    wire = await line.connect()
    asyncio.get_running_loop().call_soon(line.phone.connection_lost, None)
    await line.phone.close()
    assert not wire.aborted, "the server has answered"
