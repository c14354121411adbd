from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from aiohttp import ClientConnectionResetError, WSMsgType, WSServerHandshakeError, web

from conference.audio.frame import Samples
from conference.audio.g711 import ulaw_encode
from conference.load.client.websocket import upgrade_request
from conference.room.events import DigitPressed, ParticipantLeft, RoomEvent
from conference.settings import Settings
from conference.web.app import hang_up_all
from conference.web.joining.call import Call
from conference.web.joining.stream_connection import WebSocketConnection
from tests.tones import tone
from tests.web.doubles import Site, problem

CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}


def start(**parameters: str) -> dict[str, Any]:
    sid = "MZ" + "0" * 32
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": sid,
        "start": {
            "accountSid": "AC" + "0" * 32,
            "streamSid": sid,
            "callSid": "CA" + "0" * 32,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        },
    }


async def call(site: Site, path: str = "/twilio/stream/tea", **parameters: str) -> Any:
    """A caller who has said ``start``."""
    socket = await site.client.ws_connect(path)
    await socket.send_json(CONNECTED)
    await socket.send_json(start(**parameters))
    return socket


async def until(condition: Any) -> None:
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110 - the other end of a socket tells nothing
            await asyncio.sleep(0.005)


def people(site: Site, room: str = "tea") -> list[str]:
    found = site.server.conference.get(room)
    return [] if found is None else [one.name for one in found.participants.values()]


async def test_a_caller_is_in_the_room_that_the_path_names() -> None:
    async with Site() as site:
        await call(site, "/twilio/stream/tea", name="Amy", room="coffee")
        await until(lambda: people(site) == ["Amy"])
        [participant] = (await (await site.client.get("/rooms/tea")).json())["participants"]
        assert participant["transport"] == "twilio"
        shown = await (await site.client.get(f"/rooms/tea/participants/{participant['id']}")).json()
        assert shown["connection"]["messages_received"] == 2
        assert shown["connection"]["buffered_ms"] is None


async def test_a_caller_is_in_the_room_that_the_parameters_name() -> None:
    async with Site() as site:
        await call(site, "/twilio/stream", room="coffee")
        await until(lambda: people(site, "coffee") == ["CA" + "0" * 32])


async def test_a_caller_hears_the_room_as_paced_media() -> None:
    async with Site() as site:
        socket = await call(site)
        async with asyncio.timeout(3):
            message = json.loads((await socket.receive()).data)
        assert message["event"] == "media"
        assert len(base64.b64decode(message["media"]["payload"])) == 160


async def test_two_callers_hear_each_other() -> None:
    async with Site() as site:
        amy, ben = await call(site, name="Amy"), await call(site, name="Ben")
        sound = ulaw_encode(tone(440.0, 1.0)[::6])
        heard = bytearray()
        async with asyncio.timeout(5):
            for position in range(0, len(sound), 160):
                payload = base64.b64encode(sound[position : position + 160].tobytes()).decode()
                await amy.send_json(
                    {
                        "event": "media",
                        "streamSid": "MZ" + "0" * 32,
                        "media": {"track": "inbound", "timestamp": str(position // 8), "payload": payload},
                    }
                )
                await asyncio.sleep(0.02)
            while len(heard) < 160 * 50:
                message = json.loads((await ben.receive()).data)
                if message["event"] == "media":
                    heard += base64.b64decode(message["media"]["payload"])
        assert len(set(heard)) > 50


async def test_hanging_up_in_any_way_is_leaving() -> None:
    async with Site() as site:
        stopping, closing, breaking = [await call(site) for _ in range(3)]
        await until(lambda: len(people(site)) == 3)
        await stopping.send_json({"event": "stop", "stop": {}})
        await until(lambda: len(people(site)) == 2)
        await closing.close()
        await until(lambda: len(people(site)) == 1)
        breaking._response.connection.transport.abort()
        await until(lambda: not site.server.conference.rooms)
        await until(lambda: not site.server.calls)


async def test_digits_are_events() -> None:
    async with Site() as site:
        seen: list[RoomEvent] = []
        site.server.conference.subscribe("tea", seen.append)
        socket = await call(site)
        await socket.send_json({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": "#"}})
        await until(lambda: any(isinstance(event, DigitPressed) and event.digit == "#" for event in seen))


@pytest.mark.parametrize(
    ("asked", "before", "after"),
    [({}, False, True), ({"prompts": "off"}, False, False), ({"prompts": "on"}, True, True)],
)
async def test_who_presses_a_key_is_told_from_then_on_what_happens_unless_they_want_it_otherwise(
    asked: dict[str, str], before: bool, after: bool
) -> None:
    async with Site() as site:
        events: list[RoomEvent] = []
        site.server.conference.subscribe(None, events.append)
        socket = await call(site, **asked)
        await until(lambda: len(site.server.calls) == 1 and people(site))
        [there] = site.server.calls
        assert there.prompted is before
        await socket.send_json({"event": "dtmf", "dtmf": {"digit": "7"}})
        await until(lambda: any(isinstance(one, DigitPressed) for one in events))
        assert there.prompted is after


async def test_a_binary_message_is_noted_as_one_that_makes_no_sense() -> None:
    async with Site() as site:
        socket = await call(site)
        await until(lambda: people(site))
        [one] = site.server.calls
        await socket.send_bytes(b"sound")
        await until(lambda: one.stats().messages_received == 3)
        assert one.stats().malformed == 1
        assert people(site) != []


async def test_whoever_is_removed_is_hung_up() -> None:
    async with Site() as site:
        seen: list[RoomEvent] = []
        site.server.conference.subscribe("tea", seen.append)
        socket = await call(site, prompts="off")  # or else they are told before
        await until(lambda: people(site))
        [participant_id] = site.server.conference.rooms["tea"].participants
        assert (await site.client.delete(f"/rooms/tea/participants/{participant_id}")).status == 204
        assert await close_code(socket) == 1000
        assert [event.reason for event in seen if isinstance(event, ParticipantLeft)] == ["removed"]


async def close_code(socket: Any) -> int | None:
    async with asyncio.timeout(3):
        while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
            pass
    return int(socket.close_code)


@pytest.mark.parametrize(
    ("settings", "path", "parameters", "code"),
    [
        (Settings(), "/twilio/stream", {}, 1008),
        (Settings(), "/twilio/stream", {"room": "two words"}, 1008),
        (Settings(max_participants_per_room=1, phone_prompts=False), "/twilio/stream/tea", {}, 1013),
    ],
    ids=["no room", "no name of a room", "full room"],
)
async def test_a_call_that_cannot_be_put_through_says_why(
    settings: Settings, path: str, parameters: dict[str, str], code: int
) -> None:
    async with Site(settings) as site:
        await site.join("tea")
        socket = await call(site, path, **parameters)
        assert await close_code(socket) == code
        await until(lambda: not site.server.calls)
        assert people(site) == ["Amy"]


async def test_a_client_that_never_starts_is_closed() -> None:
    async with Site(Settings(connect_timeout=0.1)) as site:
        socket = await site.client.ws_connect("/twilio/stream/tea")
        assert await close_code(socket) == 1008


async def test_callers_are_told_when_the_server_stops() -> None:
    async with Site() as site:
        socket = await call(site)
        await until(lambda: people(site))
        closing = asyncio.create_task(site.app.shutdown())
        assert await close_code(socket) == 1001
        await closing
        assert people(site) == []


@pytest.mark.parametrize("how", ["the server stops", "they are removed"])
async def test_a_client_that_takes_nothing_any_more_is_let_go(how: str) -> None:
    async with Site(Settings(shutdown_timeout=0.4)) as site:
        await call(site)
        await until(lambda: people(site))
        [one] = site.server.calls
        await flood(socket_of(one))
        async with asyncio.timeout(5):
            if how == "the server stops":
                await hang_up_all(site.app)
            else:
                one.end(1000, "removed")
                await one.closed()
        await until(lambda: not site.server.calls)


def socket_of(one: Call) -> web.WebSocketResponse:
    assert isinstance(one._connection, WebSocketConnection)
    return one._connection._socket


async def flood(socket: web.WebSocketResponse) -> None:
    """Send to a client that reads nothing, until it is too much for the connection."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while True:
                await socket.send_bytes(bytes(1 << 20))


class Broken:
    def pull(self, now_ns: int) -> Samples | None:
        raise OSError


async def test_a_call_that_fails_here_is_closed_as_an_error_of_ours() -> None:
    async with Site() as site:
        socket = await call(site)
        await until(lambda: people(site))
        [caller] = site.server.conference.rooms["tea"].participants.values()
        caller.source = Broken()
        assert await close_code(socket) == 1011


@pytest.mark.parametrize("kind", ["ping", "unknown events", "fragments", "keys"])
async def test_who_sends_too_much_of_anything_for_too_long_is_closed(kind: str) -> None:
    """Whatever it is, it is read no faster than the limits say, and others are served meanwhile."""

    async def send(socket: Any) -> None:
        writer = socket._writer
        with suppress(ConnectionError):
            while True:
                for _ in range(100):
                    match kind:
                        case "ping":
                            await socket.ping(b"x")
                        case "unknown events":
                            await socket.send_json({"event": "telepathy"})
                        case "fragments":
                            writer.transport.write(b"\x01\x80mask" if first else b"\x00\x80mask")
                            first.clear()
                        case _:
                            await socket.send_json({"event": "dtmf", "dtmf": {"digit": "1"}})
                await asyncio.sleep(0.01)

    first = [True]
    settings = Settings(max_call_frames_per_second=60, call_flood_timeout=1)
    async with Site(settings) as site:
        digits: list[RoomEvent] = []
        other, flooding = await call(site, name="Ben"), await call(site, name="Amy")
        await until(lambda: people(site) == ["Ben", "Amy"])
        site.server.conference.subscribe("tea", digits.append)
        sending = asyncio.create_task(send(flooding))
        async with asyncio.timeout(20):
            while (message := await flooding.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED):
                pass
        sending.cancel()
        await asyncio.wait([sending])
        assert flooding.close_code == 1008
        assert message.extra == "Far more than this server reads was sent for too long."
        assert sum(isinstance(event, DigitPressed) for event in digits) < 200
        await until(lambda: people(site) == ["Ben"])
        assert not other.closed


async def test_how_much_a_caller_may_get_wrong_is_a_setting() -> None:
    async with Site(Settings(max_malformed=1)) as site:
        socket = await call(site, name="Amy")
        await until(lambda: people(site) == ["Amy"])
        for _ in range(2):
            await socket.send_str("?")
        async with asyncio.timeout(10):
            while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED):
                pass
        assert socket.close_code == 1008


async def test_what_comes_before_the_answer_to_the_handshake_is_refused() -> None:
    """Its frames could not be counted: nobody would know where they begin."""
    async with Site() as site:
        reader, writer = await asyncio.open_connection(site.client.host, site.client.port)
        request = upgrade_request("127.0.0.1", "/twilio/stream/tea", bytes(16))
        writer.write(request + b"\x89\x80mask" * 1000)
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        assert not site.server.calls


async def test_what_was_held_back_is_told_of_a_caller() -> None:
    async with Site(Settings(max_call_frames_per_second=60)) as site:
        socket = await call(site, name="Amy")
        await until(lambda: people(site) == ["Amy"])
        [participant] = (await (await site.client.get("/rooms/tea")).json())["participants"]
        path = f"/rooms/tea/participants/{participant['id']}"
        assert (await (await site.client.get(path)).json())["connection"]["held_back_ms"] == 0
        for _ in range(200):
            await socket.ping()
        async with asyncio.timeout(20):
            while not (await (await site.client.get(path)).json())["connection"]["held_back_ms"] > 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_stream_that_breaks_while_a_ping_is_answered_is_lost_and_no_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(message: bytes = b"") -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")

    async with Site() as site:
        seen: list[RoomEvent] = []
        site.server.conference.subscribe("tea", seen.append)
        socket = await call(site)
        await until(lambda: people(site))
        [one] = site.server.calls
        monkeypatch.setattr(socket_of(one), "pong", breaks)
        await socket.ping()
        await until(lambda: not site.server.calls)
        assert [event.departure for event in seen if isinstance(event, ParticipantLeft)] == ["lost"]
    assert "a call failed" not in caplog.text


async def test_a_handshake_that_cannot_be_is_a_problem() -> None:
    async with Site() as site:
        response = await site.client.get("/twilio/stream/tea")
        assert response.status == 400
        await problem(response)
        response = await site.client.get("/twilio/stream/two%20words")
        assert response.status == 400
        await problem(response)


async def test_pages_of_other_sites_cannot_call() -> None:
    foreign = {"Origin": "https://evil.example"}
    async with Site() as site:
        with pytest.raises(WSServerHandshakeError) as refused:
            await site.client.ws_connect("/twilio/stream/tea", headers=foreign)
        assert refused.value.status == 403
    async with Site(Settings(allowed_origins=("https://evil.example",))) as site:
        await site.client.ws_connect("/twilio/stream/tea", headers=foreign)


async def test_too_many_calls_from_one_address_have_to_wait() -> None:
    async with Site(Settings(max_joins_per_minute=1)) as site:
        await site.client.ws_connect("/twilio/stream/tea")
        with pytest.raises(WSServerHandshakeError) as refused:
            await site.client.ws_connect("/twilio/stream/tea")
        assert refused.value.status == 429


async def voice(site: Site, query: str = "", **more: Any) -> Any:
    response = await site.client.post(f"/twilio/voice{query}", **more)
    assert response.status == 200
    assert response.content_type == "text/xml"
    stream = ET.fromstring(await response.text()).find("Connect/Stream")
    assert stream is not None
    return stream


async def test_the_webhook_connects_a_call_to_a_room() -> None:
    async with Site(Settings(public_url="https://talk.example.org")) as site:
        stream = await voice(site, "?room=tea", data={"From": "+15551234"})
        assert stream.get("url") == "wss://talk.example.org/twilio/stream/tea"
        parameters = {one.get("name"): one.get("value") for one in stream.findall("Parameter")}
        assert parameters == {"name": "+15551234", "prompts": "on"}


async def test_a_call_that_names_no_room_goes_to_the_default() -> None:
    async with Site(Settings(twilio_default_room="reception")) as site:
        stream = await voice(site)
        assert stream.get("url").endswith("/twilio/stream/reception")
        assert stream.get("url").startswith("ws://127.0.0.1:")


async def test_a_webhook_that_cannot_be_read_is_refused() -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}
    async with Site() as site:
        for response in (
            await site.client.post("/twilio/voice?room=two%20words"),
            await site.client.post("/twilio/voice", data=b"a=%ff", headers=form),
        ):
            assert response.status == 400
            await problem(response)


async def test_a_form_of_too_many_fields_is_refused_unread() -> None:
    async with Site() as site:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await site.client.post("/twilio/voice", data="a=1&" * 400, headers=form)).status == 200
        assert (await site.client.post("/twilio/voice", data="a=1&" * 600, headers=form)).status == 400
