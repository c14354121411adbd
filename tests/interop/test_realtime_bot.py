"""A bot as Twilio's Python sample for OpenAI's Realtime API is one, called into a room with two people.

Its model is a stand-in on this machine. FastAPI, uvicorn and websockets may live in an environment of their own:
``REALTIME_PYTHON`` names the Python of that.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.interop.called import CalledBot, Listener, hum, python_with, running_bot, until
from tests.web.doubles import Site
from tests.web.joining.test_calling import call
from tests.web.joining.test_dialing import leavings, place, site

PYTHON = os.environ.get("REALTIME_PYTHON", os.environ.get("PIPECAT_PYTHON", sys.executable))
PEER = Path(__file__).with_name("realtime_peer.py")

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def python() -> str:
    """One that has what the bot is made of."""
    return python_with(PYTHON, "fastapi, uvicorn, websockets", "fastapi uvicorn websockets", "REALTIME_PYTHON")


@pytest.mark.parametrize("ended_by", ["the bot", "the room"])
async def test_a_realtime_bot_is_heard_and_hears_and_is_interrupted_and_hung_up(python: str, ended_by: str) -> None:
    async with site() as here, running_bot(python, PEER) as bot:
        amy, ben = await call(here, name="Amy"), await call(here, name="Ben")
        listener = Listener(ben)
        listening, humming = asyncio.create_task(listener.run()), asyncio.create_task(hum(amy))
        try:
            await _hold_a_call(here, bot, amy, listener, humming, ended_by)
        finally:
            listening.cancel()
            await asyncio.wait([listening])
            await amy.close()
            await ben.close()

        async def is_gone() -> bool:
            return not list(here.server.dialing.calls) and not here.server.calls

        await until(is_gone)


async def _hold_a_call(
    here: Site, bot: CalledBot, amy: Any, listener: Listener, humming: asyncio.Task[None], ended_by: str
) -> None:
    left = leavings(here)
    response = await place(here, f"{bot.address}/media-stream", parameters={"lang": "en"})
    where = response.headers["Location"]

    async def connection() -> dict[str, Any]:
        return dict((await (await here.client.get(where)).json())["connection"])

    async def hears() -> bool:
        return bool((await bot.state())["heard"] > 5)

    async def answers() -> bool:
        return bool((await bot.state())["answers"] == 1)

    async def is_heard() -> bool:
        return listener.loud > before + 50

    async def is_interrupted() -> bool:
        now = await connection()
        return bool(now["clears"] == 1 and now["buffered_ms"] == 0)

    async def is_told_of_marks() -> bool:
        return bool((await bot.state())["marks"] == 100)

    await until(hears)
    assert (await bot.state())["parameters"] == {"lang": "en"}
    humming.cancel()
    await asyncio.wait([humming])
    before = listener.loud  # Amy is silent now
    await until(answers)
    await until(is_heard)
    again = asyncio.create_task(hum(amy))
    try:
        await until(is_interrupted)
        await until(is_told_of_marks)  # one for each piece that the model had sent, played or not
    finally:
        again.cancel()
        await asyncio.wait([again])
    state = await bot.state()
    assert state["cleared"] == 1
    assert len(state["truncated"]) == 1
    assert 500 < state["truncated"][0] < 20_000, "so much of the answer was heard, by the stream's own time"
    assert not (await connection())["warnings"]
    if ended_by == "the bot":
        await bot.post("/end")
    else:
        assert (await here.client.delete(where)).status == 204

    async def has_left() -> bool:
        return bool(left) and (await bot.state())["open"] == 0

    await until(has_left)
    assert left[0].departure == "left" if ended_by == "the bot" else left[0].departure in ("left", "removed")
