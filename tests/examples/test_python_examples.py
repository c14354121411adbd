"""The examples of the Python API do what they say. They are typed: mypy checks the folder with everything else."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest

from conference.audio.frame import SAMPLE_RATE
from conference.room.events import DigitPressed, MessageSent
from tests.e2e.people import webrtc_person
from tests.e2e.running import eventually, running_server
from tests.examples.program import running_example
from tests.tones import level_at, tone

pytestmark = pytest.mark.e2e

HUM = tone(700.0, 1.0, -20.0, fade=0)
PATIENCE = 60


async def address(lines: list[str], number: int = 0) -> str:
    """The first address in a line that an example prints."""
    await eventually(lambda: len(lines) > number, "it starts", within=PATIENCE)
    found = re.search(r"https?://[\w.:]+", lines[number])
    assert found is not None, lines
    return found[0]


async def test_the_bot_in_process_says_everything_again() -> None:
    async with running_example("bot_in_process.py", "0") as lines:
        url = await address(lines)
        async with webrtc_person(url, "echo", "Amy", HUM) as amy, asyncio.timeout(PATIENCE):
            while level_at(await amy.hear(0.5), SAMPLE_RATE, 700.0) < -30:
                pass


async def test_a_site_beside_its_conferences_shows_who_is_there_and_rings() -> None:
    async with running_example("beside_aiohttp.py", "0", "0") as lines:
        site, conferences = await address(lines), await address(lines, 1)
        async with webrtc_person(conferences, "lobby", "Amy") as amy, aiohttp.ClientSession() as session:
            async with session.get(site) as response:
                assert await response.json() == {"join": f"{conferences}/join/lobby", "there": ["Amy"]}
            async with asyncio.timeout(PATIENCE):
                ringing = asyncio.create_task(session.post(f"{site}/gong").__aenter__())
                while level_at(await amy.hear(0.2), SAMPLE_RATE, 440.0) < -40:
                    pass
                assert (await (await ringing).json()) == {"rang": True}


async def test_the_bot_over_the_network_greets_and_says_everything_again() -> None:
    async with running_server() as server, running_example("bot_over_network.py", server.url, "echo") as lines:
        await eventually(lambda: lines, "it joins", within=PATIENCE)
        assert lines[0].startswith("In room echo as ")
        messages: list[MessageSent] = []
        server.live.conference.subscribe(
            "echo", lambda event: messages.append(event) if isinstance(event, MessageSent) else None
        )
        async with webrtc_person(server.url, "echo", "Amy", HUM) as amy, asyncio.timeout(PATIENCE):
            while level_at(await amy.hear(0.5), SAMPLE_RATE, 700.0) < -30:
                pass
        await eventually(lambda: "Hello, Amy!" in [one.text for one in messages], "it greets", within=PATIENCE)
        server.live.conference.end("echo", "That was it.")
        await eventually(lambda: "It is over: That was it." in lines, "it ends", within=PATIENCE)


async def test_the_caller_hears_the_room_and_its_keys_are_told() -> None:
    async with running_server() as server:
        digits: list[str] = []
        server.live.conference.subscribe(
            "tea", lambda event: digits.append(event.digit) if isinstance(event, DigitPressed) else None
        )
        async with webrtc_person(server.url, "tea", "Amy", HUM):
            url = server.url.replace("http", "ws") + "/twilio/stream/tea"
            async with running_example("phone_caller.py", url, "7") as lines:
                await eventually(lambda: any("loudest" in one for one in lines), "it is over", within=PATIENCE)
        assert digits == ["7"]
        assert int(lines[-1].rpartition(" ")[2]) > 1000
