"""Programs in rooms of a server elsewhere, and on its telephones: sound, events, decisions, the way back, the end."""

from __future__ import annotations

import asyncio
import base64
import json
import traceback
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from aiohttp import web

import conference
from conference.audio.frame import SAMPLE_RATE, Samples
from conference.public.line import Line
from tests.e2e.running import eventually, running_server
from tests.tones import level_at, tone

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("nothing_is_left")]

HUM = np.tile(tone(440.0, 1.0, -20.0, fade=0), 50)
SECRET = "the secret of this test: 32 bytes and more"
PATIENCE = 60


async def until_heard(line: Line, frequency: float) -> None:
    """Wait until somebody hums at somebody's ear."""
    frames = line.frames()
    heard: Samples = np.zeros(0, np.int16)
    async with asyncio.timeout(PATIENCE):
        while len(heard) < 9600 or level_at(heard, SAMPLE_RATE, frequency) < -35:
            heard = np.concatenate([(await anext(frames)).samples for _ in range(10)])


async def event_of(events: AsyncIterator[conference.Event], name: str) -> conference.Event:
    """The next event of a name."""
    async with asyncio.timeout(PATIENCE):
        while (event := await anext(events)).name != name:
            pass
        return event


async def until_followed(writer: conference.Call, events: AsyncIterator[conference.Event]) -> None:
    """Wait until the events of a room have begun to come."""
    read = asyncio.ensure_future(event_of(events, "message"))
    while not read.done():
        await writer.send_message("Is anybody there?")
        await asyncio.wait({read}, timeout=0.5)
    await read


async def test_two_programs_hear_each_other_write_and_mute_themselves() -> None:
    async with (
        conference.Server(port=0) as server,
        conference.connect(server.url, room="tea", name="Amy") as amy,
        conference.connect(server.url, room="tea", name="Ben") as ben,
    ):
        assert amy.connected
        assert not amy.over
        amy.push(HUM)
        await until_heard(ben, 440.0)
        people = await ben.participants()
        assert [(one.id, one.name) for one in people] == [(amy.id, "Amy"), (ben.id, "Ben")]
        events = ben.events()
        await until_followed(amy, events)
        await amy.send_message("Hello")
        while (await event_of(events, "message")).data["text"] != "Hello":
            pass
        await amy.mute()
        while not (await event_of(events, "participant.updated")).data["participant"]["muted"]:
            pass
        await amy.unmute()
        await amy.raise_hand()
        await amy.rename("Amelie")
        await eventually(lambda: server.room("tea").participants[0].name == "Amelie", "a new name")
    assert await amy.ended() == "left"
    with pytest.raises(conference.ConnectionLost):
        await amy.send_message("too late")


async def test_a_host_decides_and_others_may_not() -> None:
    async with conference.Server(port=0, secret=SECRET) as server:
        room = server.room("tea")
        host = conference.connect(
            server.url, room="tea", name="Host", token=server.make_token("tea", role="host", seconds=600)
        )
        guest = conference.connect(server.url, room="tea", name="Guest", token=server.make_token("tea", seconds=600))
        async with host, guest:
            with pytest.raises(conference.ApiError) as refused:
                await guest.remove(host.id)
            assert refused.value.status == 403
            await host.hold(guest.id)
            await host.hold(guest.id, False)
            await host.mute(guest.id)
            assert [one.muted for one in room.participants] == [False, True]
            with pytest.raises(conference.ApiError, match="muted you"):
                await guest.unmute()
            await host.lock()
            other = conference.connect(server.url, room="tea", token=server.make_token("tea", seconds=600))
            with pytest.raises(conference.JoinError, match="locked"):
                await other.join()
            frames = guest.frames()
            await host.remove(guest.id)
            async with asyncio.timeout(PATIENCE):
                async for _ in frames:  # it ends, and is no error: somebody wanted it
                    pass
            assert "removed" in await guest.ended()
            await host.end_conference()
            assert await asyncio.wait_for(host.ended(), PATIENCE)


async def test_a_lost_connection_comes_back_into_its_seat() -> None:
    async with running_server() as server, conference.connect(server.url, room="tea", name="Amy") as amy:
        before = amy.id
        frames = amy.frames()
        events = amy.events()
        assert (await event_of(events, "room")).data["name"] == "tea"
        server.live.conference.end("tea", "The line broke.", "lost")
        await event_of(events, "participant.left")
        await event_of(events, "room")  # told anew by the connection that takes its place
        await eventually(lambda: server.live.conference.get("tea") is not None, "she is back", within=PATIENCE)
        assert amy.id == before
        numbers = [(await anext(frames)).number for _ in range(20)]
        assert numbers == sorted(numbers)


async def test_a_server_that_is_gone_for_good_is_an_error_at_the_end_of_the_frames() -> None:
    server = conference.Server(port=0)
    await server.start()
    amy = conference.connect(server.url, room="tea", reconnect=0.5)
    await amy.join()
    frames = amy.frames()
    await server.stop()
    with pytest.raises(conference.ConnectionLost, match=r"^[A-Z].*\.$"):  # noqa: PT012
        async with asyncio.timeout(PATIENCE):
            async for _ in frames:
                pass
    assert amy.over
    await amy.leave()


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", ""])
def test_what_is_no_address_is_a_sentence(url: str) -> None:
    with pytest.raises(conference.JoinError, match="http"):
        conference.connect(url, room="tea")


async def test_who_cannot_join_is_told_why_and_leaves_nothing() -> None:
    with pytest.raises(conference.JoinError, match="cannot be reached") as refused:
        async with conference.connect("http://127.0.0.1:9", room="tea"):
            pass
    shown = "".join(traceback.format_exception(refused.value))
    assert shown.splitlines()[-1].startswith(
        "conference.JoinError: The server at http://127.0.0.1:9/ cannot be reached"
    )
    assert "aiohttp" not in shown
    with pytest.raises(conference.InvalidRoomName):
        conference.connect("http://127.0.0.1:9", room="no room")


async def test_a_program_that_is_cancelled_while_it_joins_or_talks_leaves_nothing() -> None:
    async with conference.Server(port=0) as server:

        async def program() -> None:
            async with conference.connect(server.url, room="tea") as amy:
                async for _ in amy.frames():
                    pass

        for turns in (1, 30, 2000):
            task = asyncio.create_task(program())
            for _ in range(turns):
                await asyncio.sleep(0.0005 if turns > 1 else 0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await eventually(lambda: not server.rooms, "nobody is left", within=PATIENCE)


async def test_a_phone_call_is_heard_hears_and_presses_keys() -> None:
    async with conference.Server(port=0) as server:
        room = server.room("tea")
        events = room.events()
        bot = room.join("Bot")
        bot.push(np.tile(tone(1000.0, 1.0, -20.0, fade=0), 50))
        url = server.url.replace("http", "ws") + "/twilio/stream/tea"
        async with conference.call(url, name="Ben", parameters={"prompts": "off"}) as phone:
            assert phone.call_sid.startswith("CA")
            phone.push(HUM)
            await until_heard(phone, 1000.0)
            await until_heard(bot, 440.0)
            phone.press("1#")
            assert [(await event_of(events, "digit")).data["digit"] for _ in "1#"] == ["1", "#"]
            with pytest.raises(conference.CallError, match="is not a key"):
                phone.press("x")
        assert phone.over
        assert await phone.ended() == "hung up"
        await eventually(lambda: [one.name for one in room.participants] == ["Bot"], "he has left")


class BotServer:
    """A bot that speaks Twilio Media Streams: says something, marks it, says more, and takes that back."""

    def __init__(self) -> None:
        self.marks: list[str] = []

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        stream = ""
        async for message in socket:
            said = json.loads(message.data)
            if said["event"] == "start":
                stream = said["start"]["streamSid"]
                await self._say(socket, stream, 0.1, "heard")
                await self._say(socket, stream, 60.0, "unheard")
            elif said["event"] == "mark":
                self.marks.append(said["mark"]["name"])
                if said["mark"]["name"] == "heard":
                    await socket.send_json({"event": "clear", "streamSid": stream})
                else:
                    await socket.close()
        return socket

    async def _say(self, socket: web.WebSocketResponse, stream: str, seconds: float, mark: str) -> None:
        media = {"payload": base64.b64encode(bytes([0x20]) * round(seconds * 8000)).decode()}
        await socket.send_json({"event": "media", "streamSid": stream, "media": media})
        await socket.send_json({"event": "mark", "streamSid": stream, "mark": {"name": mark}})


async def test_marks_and_clears_of_a_bot_are_told_and_answered() -> None:
    bot, app = BotServer(), web.Application()
    app.router.add_get("/bot", bot.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    phone = conference.call(f"ws://127.0.0.1:{runner.addresses[0][1]}/bot")
    events = phone.events()
    async with phone, asyncio.timeout(PATIENCE):
        told = [(one.name, dict(one.data)) async for one in events]
    assert told == [("mark", {"name": "heard"}), ("clear", {}), ("mark", {"name": "unheard"})]
    assert bot.marks == ["heard", "unheard"]
    assert await phone.ended()
    await runner.cleanup()


async def test_a_call_that_is_not_taken_is_a_sentence() -> None:
    for url in ("ws://127.0.0.1:9/", "nonsense"):
        with pytest.raises(conference.CallError):
            await conference.call(url).dial()
    async with conference.Server(port=0) as server:
        with pytest.raises(conference.CallError):
            await conference.call(server.url.replace("http", "ws") + "/nowhere").dial()


async def test_who_leaves_before_being_in_the_room_waits_for_nothing() -> None:
    async with conference.Server(port=0) as server:
        call = conference.connect(server.url, room="tea")
        frames = call.frames()
        await call.leave()
        async with asyncio.timeout(PATIENCE):
            assert [frame async for frame in frames] == []
        assert (call.over, await call.ended()) == (True, "left")
        with pytest.raises(conference.JoinError, match="make another"):
            await call.join()


async def test_a_call_joins_once_and_can_be_left_while_it_joins() -> None:
    async with conference.Server(port=0) as server:
        call = conference.connect(server.url, room="tea")
        results = await asyncio.gather(call.join(), call.join(), return_exceptions=True)
        assert [type(one) for one in results] == [type(None), conference.JoinError]
        await call.leave()
    silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        call = conference.connect(f"http://127.0.0.1:{port}", room="tea")
        joining = asyncio.create_task(call.join())
        await asyncio.sleep(0)
        await call.leave()
        with pytest.raises(conference.JoinError, match="left before"):
            await asyncio.wait_for(joining, PATIENCE)
        phone = conference.call(f"ws://127.0.0.1:{port}/bot")
        dialing = asyncio.create_task(phone.dial())
        await asyncio.sleep(0)
        await phone.hang_up()
        with pytest.raises(conference.CallError, match="hung up before"):
            await asyncio.wait_for(dialing, PATIENCE)


async def test_a_phone_that_is_hung_up_before_it_is_dialed_is_over() -> None:
    phone = conference.call("ws://127.0.0.1:9/bot")
    await phone.hang_up()
    assert (phone.over, await asyncio.wait_for(phone.ended(), PATIENCE)) == (True, "hung up")
    with pytest.raises(conference.CallError, match="make another"):
        await phone.dial()


def test_parameters_and_headers_of_a_call_are_texts() -> None:
    wrong: Any = {"token": 5}
    with pytest.raises(conference.ArgumentError, match="parameter"):
        conference.call("ws://127.0.0.1:9/bot", parameters=wrong)
    with pytest.raises(conference.ArgumentError, match="header"):
        conference.call("ws://127.0.0.1:9/bot", headers=wrong)
