"""A server in a program's own event loop: its ports, its rooms, its bots, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

import conference
from conference.audio.frame import SAMPLE_RATE
from tests.e2e.people import webrtc_person
from tests.tones import level_at, tone

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("nothing_is_left")]

HUM = tone(440.0, 1.0, -20.0, fade=0)
PATIENCE = 30


async def test_a_bot_and_somebody_from_outside_hear_each_other_and_nothing_is_left() -> None:
    async with conference.Server(port=0) as server:
        assert server.port > 0
        assert server.udp_port
        assert server.url == f"http://127.0.0.1:{server.port}"
        room = server.room("tea")
        events = room.events()
        async with room.join("Bot") as bot, webrtc_person(server.url, "tea", "Amy", HUM) as amy:
            frames = bot.frames()
            bot.push(np.tile(tone(1000.0, 1.0, -20.0, fade=0), 30))
            async with asyncio.timeout(PATIENCE):
                while level_at(await amy.hear(0.5), SAMPLE_RATE, 1000.0) < -30:
                    pass
                heard = np.concatenate([(await anext(frames)).samples for _ in range(100)])
            assert level_at(heard[-SAMPLE_RATE:], SAMPLE_RATE, 440.0) > -30
            assert level_at(heard[-SAMPLE_RATE:], SAMPLE_RATE, 1000.0) < -60
            assert [one.name for one in room.participants] == ["Bot", "Amy"]
            assert [one.name for one in server.rooms] == ["tea"]
            room.send_message("Hello")
            names = [await anext(events) for _ in range(2)]
            assert [one.data["participant"]["name"] for one in names] == ["Bot", "Amy"]
            async with asyncio.timeout(PATIENCE):
                while (event := await anext(events)).name != "message":
                    pass
            assert event.data["text"] == "Hello"
    assert bot.over
    async with asyncio.timeout(PATIENCE):
        async for _ in events:
            pass


async def test_an_error_in_the_block_comes_out_and_everything_is_closed() -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with conference.Server(port=0) as server:
            server.room("tea").join("Bot")
            raise ZeroDivisionError


async def test_a_program_that_is_cancelled_closes_everything() -> None:
    ready = asyncio.Event()

    async def program() -> None:
        async with conference.Server(port=0) as server, server.room("tea").join("Bot") as bot:
            async for _ in bot.frames():
                ready.set()

    task = asyncio.create_task(program())
    await asyncio.wait_for(ready.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_bot_that_is_in_a_room_as_the_server_stops_is_told_so() -> None:
    async with conference.Server(port=0) as server:
        bot = server.room("tea").join("Bot")
        frames = bot.frames()
    assert "stopped" in await bot.ended()
    async with asyncio.timeout(PATIENCE):
        async for _ in frames:
            pass


async def test_a_port_that_is_taken_is_a_sentence_and_leaves_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(conference.StartError, match=f"TCP port {port} is in use"):
            await conference.Server(port=port).start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as also:
            also.bind(("127.0.0.1", 0))
            with pytest.raises(conference.StartError, match="UDP port"):
                await conference.Server(port=0, udp_port=also.getsockname()[1]).start()


async def test_a_server_runs_once() -> None:
    server = conference.Server(port=0)
    await server.stop()
    await server.start()
    await server.stop()
    await server.stop()
    with pytest.raises(conference.StartError, match="make another"):
        await server.start()


async def test_a_token_opens_the_room_that_it_is_for() -> None:
    secret = "the secret of this test: 32 bytes and more"
    async with conference.Server(port=0, secret=secret) as server, aiohttp.ClientSession() as session:
        token = server.make_token("tea", role="host", name="Amy", seconds=60)
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {token}"}, 200)):
            async with session.get(f"{server.url}/rooms/tea/access", headers=headers) as response:
                assert response.status == status
        assert (await asked(session, f"{server.url}/rooms/tea/access", token))["role"] == "host"


async def asked(session: aiohttp.ClientSession, url: str, token: str) -> Mapping[str, object]:
    async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as response:
        answer: Mapping[str, object] = await response.json()
        return answer


def test_settings_that_cannot_be_are_refused_before_anything_runs() -> None:
    for wrong in ({"port": 70_000}, {"host": "0.0.0.0"}, {"engine": "aiortc", "recordings": Path("kept")}):
        with pytest.raises(conference.SettingsError):
            conference.Server(**wrong)
    with pytest.raises(TypeError, match="no_such_setting"):
        conference.Server(no_such_setting=1)  # type: ignore[call-arg]


async def test_settings_can_be_texts_as_in_the_environment() -> None:
    server = conference.Server.from_environment({"CONFERENCE_PORT": "0", "PATH": "/bin"})
    async with server:
        assert server.port > 0
    with pytest.raises(conference.SettingsError, match="CONFERENCE_PORT"):
        conference.Server.from_environment({"CONFERENCE_PORT": "many"})


def test_what_is_no_setting_or_of_another_type_is_a_sentence() -> None:
    wrong: Any
    for wrong in ({"port": "x"}, {"port": 0.5}, {"port": None}, {"secret": 5}, {"host": 5}):
        with pytest.raises(conference.SettingsError, match=f"{next(iter(wrong))} must be"):
            conference.Server(**wrong)
    wrong = {"prot": 8080}
    with pytest.raises(TypeError, match="no setting 'prot'"):
        conference.Server(**wrong)
    anything: Any = conference.Server
    with pytest.raises(TypeError, match="is a keyword"):
        anything(8080)


async def test_stopping_that_is_cancelled_leaves_nobody_waiting() -> None:
    async with conference.Server(port=0) as server:
        bot = server.room("tea").join("Bot")
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        assert await asyncio.wait_for(bot.ended(), PATIENCE)


@pytest.mark.parametrize("given", [{"udp_port": 5000}, {"announce_ips": ("203.0.113.5",)}])
def test_options_that_the_reference_engine_does_not_have_are_refused(given: Any) -> None:
    with pytest.raises(conference.SettingsError, match="are for engine tables"):
        conference.Server(port=0, engine="aiortc", **given)
