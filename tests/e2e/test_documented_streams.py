"""What docs/interfaces.md promises of the media WebSocket, from outside, with the document's own messages."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from conference.settings import Settings
from tests.e2e.documented import OFFER, SDP, Reader, call_start, client, documented_messages, section
from tests.e2e.people import twilio_person, webrtc_person
from tests.e2e.running import RunningServer, eventually, running_server

pytestmark = pytest.mark.e2e


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the server."""
    async with client(server) as session:
        yield session


async def close_of(socket: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    """With which code and reason the server closes."""
    async with asyncio.timeout(15):
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
    return socket.close_code, str(message.extra)


async def connection_of(http: aiohttp.ClientSession, path: str, *, at_least: float) -> dict[str, Any]:
    """A caller's connection once it says that they have so many milliseconds buffered."""
    async with asyncio.timeout(15):
        while True:
            connection: dict[str, Any] = (await (await http.get(path)).json())["connection"]
            if connection["buffered_ms"] is not None and connection["buffered_ms"] >= at_least:
                return connection
            await asyncio.sleep(0.05)


async def test_the_documents_own_messages_are_a_call(server: RunningServer, http: aiohttp.ClientSession) -> None:
    """``start`` names the room in its parameters; a caller who stops to echo is cleared."""
    said, theirs = documented_messages("From the client"), documented_messages("From the server")
    seen: dict[str, dict[str, Any]] = {}

    async def until(socket: aiohttp.ClientWebSocketResponse, event: str) -> None:
        async with asyncio.timeout(15):
            while event not in seen:
                message = json.loads((await socket.receive()).data)
                seen.setdefault(message["event"], message)

    async with webrtc_person(server.url, "standup", "Amy"), http.get("/rooms/standup/events") as response:
        reader = Reader(response)
        async with http.ws_connect("/twilio/stream") as socket:
            for event in ("connected", "start", "media", "dtmf"):
                await socket.send_str(said[event])
            told = dict((await reader.until("digit"))[1:])
            ben, digit = told["participant.joined"]["participant"], told["digit"]
            assert (ben["name"], ben["transport"]) == ("Ben", "twilio")
            assert digit == {"id": ben["id"], "digit": "1"}
            await until(socket, "mark")
            await socket.send_str(said["mark"])
            growing = await connection_of(http, f"/rooms/standup/participants/{ben['id']}", at_least=400)
            assert growing["marks_echoed"] == 1
            await until(socket, "clear")  # no further echo came
            await socket.send_str(said["stop"])
            assert await close_of(socket) == (1000, "hung up")
        assert (await reader.until("participant.left"))[-1][1]["reason"] == "hung up"
    for event, message in seen.items():
        example = json.loads(theirs[event])
        assert message == example | {event: message[event]} if event != "clear" else message == example
        assert set(message.get(event, {})) == set(example.get(event, {}))
    assert set(seen) == {"media", "mark", "clear"}
    assert seen["mark"] == json.loads(theirs["mark"])


async def test_how_much_a_caller_has_buffered_is_a_figure_and_their_keys_are_events(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    async with (
        webrtc_person(server.url, "tea", "Amy"),
        http.get("/rooms/tea/events") as response,
        twilio_person(server.url, "tea", "Ben") as ben,
    ):
        reader = Reader(response)
        ben.caller.press("5#")
        digits = [(await reader.until("digit"))[-1][1] for _ in "5#"]
        participants = (await (await http.get("/rooms/tea")).json())["participants"]
        [caller] = [one["id"] for one in participants if one["transport"] == "twilio"]
        assert digits == [{"id": caller, "digit": "5"}, {"id": caller, "digit": "#"}]
        assert 0 <= (await connection_of(http, f"/rooms/tea/participants/{caller}", at_least=0))["buffered_ms"] < 1000
        metrics = await (await http.get("/metrics")).text()
    assert 'conference_participants{transport="twilio"} 1.0' in metrics
    assert "conference_call_streams 1.0" in metrics
    assert re.search(r"^conference_call_buffered_seconds 0\.\d+$", metrics, re.MULTILINE)


@pytest.mark.parametrize(
    ("path", "messages", "code"),
    [
        ("/twilio/stream", [call_start(mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": 16000})], 1003),
        ("/twilio/stream", [call_start(customParameters={})], 1008),
        ("/twilio/stream", [call_start(customParameters={"room": "two words"})], 1008),
        ("/twilio/stream/tea", ["not JSON"] * 60, 1008),
        ("/twilio/stream/tea", ['{"event": "any"}'] * 4500, 1008),
        ("/twilio/stream/tea", ["x" * (1024 * 1024 + 1)], 1009),
        ("/twilio/stream/full", [call_start()], 1013),
        ("/twilio/stream/new", [call_start()], 1013),
    ],
)  # fmt: skip
async def test_a_stream_that_cannot_be_is_closed_with_its_code(path: str, messages: list[str], code: int) -> None:
    settings = Settings(port=0, max_participants_per_room=1, max_rooms=1)
    async with running_server(settings) as server, client(server) as http:
        await http.post("/rooms/full/participants", data=OFFER, headers=SDP)
        async with http.ws_connect(path) as socket:
            for message in messages:
                await socket.send_str(message)
            assert (await close_of(socket))[0] == code
    assert str(code) in section("How a stream ends")


async def test_a_room_in_the_path_wins_and_removing_or_stopping_ends_the_call(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect("/twilio/stream/tea") as removed, http.ws_connect("/twilio/stream/tea") as stopped:
        await removed.send_str(call_start())  # says "standup"
        await eventually(lambda: server.live.conference.get("tea"), "the caller is in the room of the path")
        [caller] = (await (await http.get("/rooms/tea")).json())["participants"]
        await stopped.send_str(call_start())
        assert (await http.delete(f"/rooms/tea/participants/{caller['id']}")).status == 204
        assert await close_of(removed) == (1000, "removed")
        await eventually(lambda: server.live.conference.get("tea"), "the other caller is in the room")
        stopping = asyncio.create_task(server.stop())
        assert (await close_of(stopped))[0] == 1001
        await stopping
