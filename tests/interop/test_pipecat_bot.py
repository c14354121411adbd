"""A bot made of a whole pipecat pipeline is called into a room with two people: heard, hearing, interrupted, hung up.

pipecat brings a hundred packages along, and so it may live in an environment of its own: ``PIPECAT_PYTHON`` names the
Python of that.
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

PYTHON = os.environ.get("PIPECAT_PYTHON", sys.executable)
PEER = Path(__file__).with_name("pipecat_peer.py")

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def python() -> str:
    """One that has pipecat."""
    modules = "fastapi, pipecat.transports.websocket.fastapi, uvicorn"
    return python_with(PYTHON, modules, "'pipecat-ai[websocket]' uvicorn", "PIPECAT_PYTHON")


async def test_a_pipeline_is_heard_and_hears_and_is_interrupted_and_hung_up(python: str) -> None:
    async with site() as here, running_bot(python, PEER, str(here.client.make_url("/")).rstrip("/")) as bot:
        await _hold_a_call(here, bot)


async def _hold_a_call(here: Site, bot: CalledBot) -> None:
    amy, ben = await call(here, name="Amy"), await call(here, name="Ben")
    listener = Listener(ben)
    running = [asyncio.create_task(hum(amy)), asyncio.create_task(listener.run())]
    left = leavings(here)
    try:
        response = await place(here, f"{bot.address}/ws", parameters={"lang": "en"})
        where = response.headers["Location"]

        async def connection() -> dict[str, Any]:
            return dict((await (await here.client.get(where)).json())["connection"])

        async def hears() -> bool:
            return bool((await bot.state())["heard"] > 1)

        await until(hears)
        assert (await bot.state())["body"] == {"lang": "en"}
        running[0].cancel()
        await asyncio.wait([running[0]])
        before = listener.loud  # Amy is silent now

        async def is_heard() -> bool:
            return listener.loud > before + 50

        await bot.post("/say?seconds=3")
        await until(is_heard)
        await bot.post("/say?seconds=60")

        async def is_said() -> bool:
            return bool((await connection())["buffered_ms"] > 0)

        await until(is_said)
        await bot.post("/interrupt")

        async def is_silent() -> bool:
            now = await connection()
            return bool(now["clears"] > 0 and now["buffered_ms"] == 0)

        await until(is_silent)
        assert not (await connection())["warnings"]
        await bot.post("/end")

        async def has_left() -> bool:
            return bool(left)

        await until(has_left)
        assert (left[0].reason, left[0].departure) == ("hung up", "left")
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await amy.close()
        await ben.close()

    async def is_gone() -> bool:
        return not list(here.server.dialing.calls) and not here.server.calls

    await until(is_gone)
