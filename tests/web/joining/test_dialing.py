"""A room calls a bot: what the bot is told, what it may do, and what it cannot do to anybody."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import ClientConnectionResetError, ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestServer

from conference.access.grants import make_grant
from conference.access.tokens import sign
from conference.audio.g711 import ulaw_encode
from conference.room.events import BotInterrupted, ParticipantLeft, RoomEvent
from conference.settings import Settings
from conference.telephony.connecting import send_message
from conference.telephony.destinations import read_destination
from conference.web.app import hang_up_all
from tests.tones import tone
from tests.web.doubles import Site, problem
from tests.web.joining.humming import Hummer

LOOPBACK = (read_destination("127.0.0.1"),)
SECRET = "a secret that is long enough to sign with"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def site(**settings: Any) -> Site:
    return Site(Settings(dial_allow=LOOPBACK, **settings))


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_get("/bot", handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)  # bots whose call goes on are left in the middle of it
    try:
        yield f"ws://127.0.0.1:{server.port}/bot"
    finally:
        await server.close()


class Bot:
    """Notes what it is told, and says what a script has it say."""

    def __init__(self, script: Callable[[web.WebSocketResponse, str], Awaitable[None]] | None = None) -> None:
        self.told: list[dict[str, Any]] = []
        self.ended = asyncio.Event()
        self._script = script

    async def __call__(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        running = None
        with suppress(ClientConnectionResetError):
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                self.told.append(json.loads(message.data))
                if self.told[-1]["event"] == "start" and self._script is not None:
                    running = asyncio.ensure_future(self._script(socket, self.told[-1]["streamSid"]))
        if running is not None:
            running.cancel()
        self.ended.set()
        return socket

    def events(self, *names: str) -> list[dict[str, Any]]:
        return [one for one in self.told if one["event"] in names]


def heard(bot: Bot) -> list[bytes]:
    return [base64.b64decode(one["media"]["payload"]) for one in bot.events("media")]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the other end of a socket tells nothing
            await asyncio.sleep(0.005)


async def place(here: Site, url: str, *, room: str = "tea", status: int = 201, token: str = "", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = await here.client.post(f"/rooms/{room}/calls", json={"url": url, **more}, headers=headers)
    assert response.status == status, await response.text()
    return response


def leavings(here: Site) -> list[ParticipantLeft]:
    left: list[ParticipantLeft] = []

    def note(event: RoomEvent) -> None:
        if isinstance(event, ParticipantLeft):
            left.append(event)

    here.server.conference.subscribe(None, note)
    return left


async def gone(here: Site) -> None:
    await until(lambda: not list(here.server.dialing.calls))
    assert not [one for one in here.server.registry._open if one.transport == "twilio"]


async def test_a_bot_is_shown_while_it_is_called_and_told_what_twilio_tells() -> None:
    bot = Bot()
    async with site() as here, serving(bot) as url:
        await here.join()
        response = await place(here, url, name="Assistant", parameters={"lang": "en"})
        shown = await response.json()
        assert (shown["name"], shown["transport"], shown["call"]) == ("Assistant", "twilio", {"state": "dialing"})
        await until(lambda: len(bot.events("media")) > 5)
        now = await (await here.client.get(response.headers["Location"])).json()
        assert now["call"] == {"state": "answered"}
        assert now["connection"]["media_sent"] > 5
        assert [one["event"] for one in bot.told[:3]] == ["connected", "start", "media"]
        assert bot.told[1]["start"]["customParameters"] == {"lang": "en"}
        times = [int(one["media"]["timestamp"]) for one in bot.events("media")]
        assert times == list(range(0, 20 * len(times), 20))
        assert (await here.client.delete(response.headers["Location"])).status == 204
        await asyncio.wait_for(bot.ended.wait(), 10)
        assert bot.told[-1]["event"] == "stop"
        await gone(here)


async def test_a_bot_hears_the_others_and_never_itself_and_is_heard() -> None:
    async def speak(socket: web.WebSocketResponse, sid: str) -> None:
        payload = base64.b64encode(ulaw_encode(tone(440.0, 2.0, rate=8000)).tobytes()).decode()  # at once
        await socket.send_json({"event": "media", "streamSid": sid, "media": {"payload": payload}})
        await socket.send_json({"event": "mark", "streamSid": sid, "mark": {"name": "said"}})

    speaker, listener = Bot(speak), Bot()
    async with site() as here, serving(speaker) as one, serving(listener) as other:
        await here.join()
        await place(here, one)
        await place(here, other)
        await until(lambda: speaker.events("mark"))
        assert speaker.events("mark")[0]["mark"] == {"name": "said"}
        assert set(heard(speaker)) == {b"\xff" * 160}
        assert sum(len(set(one)) > 3 for one in heard(listener)) > 50


async def test_a_bot_that_is_interrupted_has_its_marks_back_and_says_no_more() -> None:
    async def speak(socket: web.WebSocketResponse, sid: str) -> None:
        payload = base64.b64encode(ulaw_encode(tone(440.0, 60.0, rate=8000)).tobytes()).decode()  # at once
        await socket.send_json({"event": "media", "streamSid": sid, "media": {"payload": payload}})
        for name in ("one", "two"):
            await socket.send_json({"event": "mark", "streamSid": sid, "mark": {"name": name}})

    bot, stubborn = Bot(speak), Bot(speak)
    async with site() as here, serving(bot) as one, serving(stubborn) as other:
        amy = Hummer(here.server, "Amy", 1000)
        told: list[RoomEvent] = []
        here.server.conference.subscribe("tea", told.append)
        first = (await (await place(here, one, interruptible=True)).json())["id"]
        second = (await (await place(here, other)).json())["id"]
        room = here.server.conference.rooms["tea"]
        await until(lambda: room.participants[first].talking and room.participants[second].talking)
        assert not bot.events("mark")
        amy.on = True
        await until(lambda: len(bot.events("mark")) == 2)
        assert [event["mark"]["name"] for event in bot.events("mark")] == ["one", "two"]
        await until(lambda: not room.participants[first].talking)
        assert room.participants[second].talking
        assert not stubborn.events("mark")
        interruptions = [event for event in told if isinstance(event, BotInterrupted)]
        assert {(event.participant_id, event.by) for event in interruptions} == {(first, "Amy"), (second, "Amy")}


async def test_keys_are_told_to_those_who_asked_for_them() -> None:
    told, untold = Bot(), Bot()
    async with site() as here, serving(told) as one, serving(untold) as other:
        joined = await here.join()
        await place(here, one, dtmf=True)
        await place(here, other)
        await until(lambda: told.events("media") and untold.events("media"))
        amy = joined.headers["Location"].rpartition("/")[2]
        here.server.conference.rooms["tea"].press_digit(amy, "7")
        await until(lambda: told.events("dtmf"))
        assert told.events("dtmf")[0]["dtmf"]["digit"] == "7"
        assert not untold.events("dtmf")


async def test_a_bot_that_closes_has_left_and_the_call_ends_when_everybody_else_has_gone() -> None:
    async def close(socket: web.WebSocketResponse, _: str) -> None:
        await socket.close()

    closing, staying = Bot(close), Bot()
    async with site() as here, serving(closing) as one, serving(staying) as other:
        left = leavings(here)
        joined = await here.join()
        await place(here, one)
        await place(here, other)
        await until(lambda: left)
        assert (left[0].reason, left[0].departure) == ("hung up", "left")
        await until(lambda: staying.events("media"))
        assert (await here.client.delete(joined.headers["Location"])).status == 204
        await asyncio.wait_for(staying.ended.wait(), 10)
        await gone(here)
        assert not here.server.conference.rooms


async def answer(status: int, **headers: str) -> web.Response:
    return web.Response(status=status, headers=headers)


@pytest.mark.parametrize(
    ("handler", "word"),
    [
        (lambda _: answer(500), "status 500"),
        (lambda _: answer(200), "no WebSocket"),
        (lambda _: answer(302, Location="http://127.0.0.1:1/"), "redirected"),
        (lambda _: answer(404), "no such stream"),
    ],
    ids=["500", "200", "redirect", "404"],
)
async def test_a_bot_that_does_not_take_the_call_leaves_with_the_reason(handler: Handler, word: str) -> None:
    async with site() as here, serving(handler) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert word in left[0].reason
        assert left[0].participant.call == "dialing"
        await gone(here)
        assert list(here.server.conference.rooms) == ["tea"]


async def test_a_bot_that_never_answers_is_given_up_and_may_be_hung_up_on_before() -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    async with site(dial_timeout=1.0) as here, serving(hang) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        response = await place(here, url)
        assert (await here.client.delete(response.headers["Location"])).status == 204
        await until(lambda: len(left) == 2)
        assert left[0].departure == "removed"
        assert "did not answer within 1 s" in left[1].reason
        await gone(here)


async def test_a_reason_says_nothing_that_would_let_others_in_at_the_bots() -> None:
    async with site() as here, serving(lambda _: answer(403)) as url:
        await here.join()
        left = leavings(here)
        await place(here, url.replace("127", "amy:hush@127") + "?key=hush")
        await place(here, "ws://amy:hush@127.0.0.1:1/hush?key=hush#hush")
        response = await here.client.post(
            "/rooms/tea/calls", json={"webhook": "http://amy:hush@127.0.0.1:1/hush?key=hush"}
        )
        assert response.status == 201
        await until(lambda: len(left) == 3)
        assert not [one.reason for one in left if "hush" in one.reason or "127.0.0.1:" not in one.reason]
        await gone(here)


async def test_nobody_there_is_a_reason_too() -> None:
    async with site() as here:
        await here.join()
        left = leavings(here)
        await place(here, "ws://127.0.0.1:1/")
        await until(lambda: left)
        assert "cannot be reached" in left[0].reason
        await gone(here)


AMISS: dict[str, list[Any]] = {
    "text": ["\x00 not JSON"],
    "binary": [b"\x00" * 320],
    "json": ['{"event": "media", "streamSid": 7, "media": {"payload": 3}}'],
    "flood": ['{"event": "dance"}'] * 3000,
}


def saying(messages: list[Any]) -> Bot:
    async def script(socket: web.WebSocketResponse, sid: str) -> None:
        with suppress(ConnectionError):
            for one in messages:
                await send_message(socket, one.replace("SID", sid) if isinstance(one, str) else one)

    return Bot(script)


@pytest.mark.parametrize("what", AMISS)
async def test_what_a_bot_sends_amiss_is_told_and_does_nothing_to_the_room(what: str) -> None:
    bot = saying(AMISS[what])
    async with site() as here, serving(bot) as url:
        await here.join()
        response = await place(here, url)
        await until(lambda: len(bot.events("media")) > 20)
        warnings = (await (await here.client.get(response.headers["Location"])).json())["connection"]["warnings"]
        assert len(warnings) == 1
        assert list(here.server.conference.rooms) == ["tea"]
        await hang_up_all(here.app)
        await gone(here)


async def test_a_message_that_is_too_large_ends_the_call_with_the_reason() -> None:
    async with site(max_dialed_message_bytes=100_000) as here, serving(saying(["x" * 200_000])) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert "larger than is taken" in left[0].reason
        await gone(here)


async def test_many_marks_come_back_in_order() -> None:
    marks = [json.dumps({"event": "mark", "streamSid": "SID", "mark": {"name": str(one)}}) for one in range(200)]
    bot = saying(marks)
    async with site() as here, serving(bot) as url:
        await here.join()
        await place(here, url)
        await until(lambda: len(bot.events("mark")) == 200)
        assert [one["mark"]["name"] for one in bot.events("mark")] == [str(number) for number in range(200)]


async def test_a_call_lasts_no_longer_than_it_may() -> None:
    bot = Bot()
    async with site(max_dialed_seconds=1.0) as here, serving(bot) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert "as long as it may" in left[0].reason
        await asyncio.wait_for(bot.ended.wait(), 10)
        assert bot.told[-1]["event"] == "stop"
        await gone(here)


async def test_there_are_no_more_calls_than_there_may_be() -> None:
    bot = Bot()
    async with site(max_dialed_calls=3, max_dialed_calls_per_room=2) as here, serving(bot) as url:
        await place(here, url)
        await place(here, url)
        assert "room" in (await problem(await place(here, url, status=409)))["title"]
        await place(here, url, room="coffee")
        response = await place(here, url, room="milk", status=503)
        assert response.headers["Retry-After"]
        assert set(here.server.conference.rooms) == {"tea", "coffee"}


async def test_only_where_the_operator_allows_and_nowhere_without() -> None:
    async with Site() as here:
        assert "--dial-allow" in (await problem(await place(here, "ws://127.0.0.1:9/", status=403)))["title"]
    named = (read_destination("bot.example.org"), read_destination("10.0.0.0/8"))
    async with Site(Settings(dial_allow=named)) as here:
        await here.join()
        for host in ("127.0.0.1:9", "[::1]", "93.184.216.34", "10.1.2.3@127.0.0.1", "[::ffff:127.0.0.1]"):
            await problem(await place(here, f"ws://{host}/", status=403))
        assert not list(here.server.dialing.calls)


async def test_a_name_that_leads_to_this_machine_is_not_called() -> None:
    bot = Bot()
    async with Site(Settings(dial_allow=(read_destination("*"),))) as here, serving(bot) as url:
        await here.join()
        left = leavings(here)
        await place(here, url.replace("127.0.0.1", "localhost"))
        await until(lambda: left)
        assert "may not be called" in left[0].reason
        assert bot.told == []
        await gone(here)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"url": "http://127.0.0.1/"}, 400),
        ({"url": "ws://"}, 400),
        ({"url": "ws://127.0.0.1:99999/"}, 400),
        ({"url": "ws://a..b/"}, 400),
        ({"url": "ws://./"}, 400),
        ({"url": f"ws://{'a' * 64}.example/"}, 400),
        ({"url": "ws://127.0.0.1:1/", "parameters": {"": "x"}}, 400),
        ({"url": "ws://127.0.0.1:1/", "parameters": {"x": "y" * 500}}, 400),
        ({"url": "ws://127.0.0.1:1/", "role": "king"}, 400),
        ({"url": "ws://127.0.0.1:1/", "name": "\u202e"}, 400),
        ({"url": "ws://127.0.0.1:1/", "dtmf": "yes"}, 400),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_sentence(body: dict[str, Any], status: int) -> None:
    async with site() as here:
        response = await here.client.post("/rooms/tea/calls", json=body)
        assert response.status == status
        await problem(response)
        assert not list(here.server.dialing.calls)


async def test_calling_needs_the_right_to() -> None:
    async with site(secret=SECRET) as here:
        speaker = sign(make_grant("speaker", room="tea", expires_at=4e9), SECRET)
        dialer = sign(make_grant("speaker", room="tea", expires_at=4e9, rights={"speak", "listen", "dial"}), SECRET)
        await place(here, "ws://127.0.0.1:1/", status=401)
        await place(here, "ws://127.0.0.1:1/", status=403, token=speaker)
        await place(here, "ws://127.0.0.1:1/", status=403, token=dialer, role="host")
        await place(here, "ws://127.0.0.1:1/", status=201, token=dialer)
        await place(here, "ws://127.0.0.1:1/", room="coffee", status=403, token=dialer)


def account(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"AC1:{password}".encode()).decode()}


async def test_a_bot_ends_its_call_with_twilios_own_request() -> None:
    bot = Bot()
    async with site() as here, serving(bot) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: bot.events("media"))
        address = f"/2010-04-01/Accounts/AC1/Calls/{bot.told[1]['start']['callSid']}.json"
        await problem(await here.client.post(address, data={"Status": "in-progress"}))
        response = await here.client.post(address, data={"Status": "completed"}, headers=account("any"))
        assert (response.status, (await response.json())["status"]) == (200, "completed")
        await until(lambda: left)
        assert left[0].reason == "hung up"
        await gone(here)
        assert (await here.client.post(address, data={"Status": "completed"})).status == 404


async def test_nobody_else_ends_it_where_tokens_are_asked_for() -> None:
    bot = Bot()
    settings = {"secret": SECRET, "twilio_auth_token": "12345", "public_url": "https://a.example"}
    dialer = sign(make_grant("host", room="tea", expires_at=4e9), SECRET)
    speaker = sign(make_grant("speaker", room="tea", expires_at=4e9), SECRET)
    stranger = sign(make_grant("host", room="milk", expires_at=4e9), SECRET)
    async with site(**settings) as here, serving(bot) as url:
        await place(here, url, token=dialer)
        await until(lambda: bot.events("media"))
        address = f"/2010-04-01/Accounts/AC1/Calls/{bot.told[1]['start']['callSid']}.json"
        for headers in ({}, account("54321"), account(speaker), account(stranger), {"Authorization": "Basic !"}):
            response = await here.client.post(address, data={"Status": "completed"}, headers=headers)
            assert response.status == 401
            await problem(response)
        for password, status in (("12345", 200), (dialer, 401), ("12345", 404)):
            response = await here.client.post(address, data={"Status": "completed"}, headers=account(password))
            assert response.status == status
            await gone(here)


async def test_a_host_of_the_room_ends_it_with_their_token() -> None:
    bot = Bot()
    dialer = sign(make_grant("host", room="tea", expires_at=4e9), SECRET)
    async with site(secret=SECRET) as here, serving(bot) as url:
        await place(here, url, token=dialer)
        await until(lambda: bot.events("media"))
        address = f"/2010-04-01/Accounts/AC1/Calls/{bot.told[1]['start']['callSid']}.json"
        response = await here.client.post(address, data={"Status": "completed"}, headers=account(dialer))
        assert response.status == 200
        await gone(here)


@pytest.mark.parametrize(
    "path", ["/twilio/stream/tea", "/twilio/stream/milk", "/media/vonage/tea", "/twilio/voice?room=tea"]
)
@pytest.mark.parametrize("public_url", [None, "https://talk.example.org"])
async def test_a_room_does_not_call_its_own_server(path: str, public_url: str | None) -> None:
    async with site(public_url=public_url) as here:
        await here.join()
        left = leavings(here)
        address = str(here.client.make_url(path))
        kind = "webhook" if "voice" in path else "url"
        target = address if kind == "webhook" else address.replace("http", "ws", 1)
        response = await here.client.post("/rooms/tea/calls", json={kind: target})
        assert response.status == 201
        await until(lambda: left)
        assert "508" in left[0].reason
        await gone(here)
        assert list(here.server.conference.rooms) == ["tea"]


async def test_a_room_does_not_call_back_whom_it_is_called_by_from_another_server() -> None:
    async with site(public_url="https://a.example.org") as first, site(public_url="https://b.example.org") as second:
        for here in (first, second):
            await here.join()
        there = str(second.client.make_url("/twilio/stream/tea")).replace("http", "ws", 1)
        back = str(first.client.make_url("/twilio/stream/tea")).replace("http", "ws", 1)
        assert (await first.client.post("/rooms/tea/calls", json={"url": there})).status == 201
        await until(lambda: len(second.server.conference.rooms["tea"].participants) == 2)
        left = leavings(second)
        assert (await second.client.post("/rooms/tea/calls", json={"url": back})).status == 201
        await until(lambda: left)
        assert "is where this call comes from: HTTP status 508" in left[0].reason
        assert len(first.server.conference.rooms["tea"].participants) == 2


async def test_a_bot_that_goes_on_sending_as_much_as_it_can_is_let_go() -> None:
    sent = 0

    async def flood(socket: web.WebSocketResponse, sid: str) -> None:
        nonlocal sent
        payload = base64.b64encode(b"\xff" * 48_000).decode()
        with suppress(ConnectionError):
            while sent < 100_000_000:  # 100 MB
                await socket.send_json({"event": "media", "streamSid": sid, "media": {"payload": payload}})
                sent += len(payload)

    limits = {"max_dialed_bytes_per_second": 100_000, "call_flood_timeout": 1.0, "max_dialed_ahead_ms": 10_000}
    async with site(**limits) as here, serving(Bot(flood)) as url:
        await here.join()
        left = leavings(here)
        response = await place(here, url)
        await until(lambda: left)
        assert "far more was sent than is read" in left[0].reason
        assert sent < 50_000_000  # the rest was never taken
        assert (await here.client.get(response.headers["Location"])).status == 404
        await gone(here)
        assert list(here.server.conference.rooms) == ["tea"]


async def test_a_connection_that_breaks_while_a_ping_is_answered_is_lost_and_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def pong(*_: object) -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")

    async def ping(socket: web.WebSocketResponse, _stream: str) -> None:
        await socket.ping()

    monkeypatch.setattr(ClientWebSocketResponse, "pong", pong)
    async with serving(Bot(ping)) as url, site() as here:
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        await gone(here)
        assert left[0].departure == "lost"
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
