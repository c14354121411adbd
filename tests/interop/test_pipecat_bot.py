"""A bot made of a whole pipecat pipeline is called into a room with two people: heard, hearing, interrupted, hung up.

pipecat brings a hundred packages along, and so it may live in an environment of its own: ``PIPECAT_PYTHON`` names the
Python of that.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.telephony.fields import from_base64, to_base64
from tests.tones import tone
from tests.web.doubles import Site
from tests.web.joining.test_calling import call
from tests.web.joining.test_dialing import leavings, place, site

PYTHON = os.environ.get("PIPECAT_PYTHON", sys.executable)
PEER = Path(__file__).with_name("pipecat_peer.py")

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def python() -> str:
    """One that has pipecat."""
    look = [PYTHON, "-c", "import fastapi, pipecat.transports.websocket.fastapi, uvicorn"]
    if subprocess.run(look, capture_output=True, timeout=120, check=False).returncode:
        pytest.skip("MISSING: pip install 'pipecat-ai[websocket]' uvicorn, here or where PIPECAT_PYTHON is.")
    return PYTHON


@asynccontextmanager
async def running_bot(python: str, hang_up_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(python, str(PEER), str(port), hang_up_url)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            async with asyncio.timeout(120):
                while True:
                    try:
                        await session.get("/state")
                        break
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.2)
            yield session
    finally:
        process.terminate()
        await process.wait()


async def heard_of(session: aiohttp.ClientSession) -> dict[str, Any]:
    return dict(await (await session.get("/state")).json())


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - the other end of a socket tells nothing
            await asyncio.sleep(0.1)


async def hum(stream: Any) -> None:
    """Say a tone, on and on."""
    payload = to_base64(ulaw_encode(tone(1000.0, 0.02, rate=8000)).tobytes())
    for number in range(1, 100_000):
        media = {"track": "inbound", "chunk": str(number), "timestamp": str(20 * number), "payload": payload}
        await stream.send_json({"event": "media", "streamSid": "MZ" + "0" * 32, "media": media})
        await asyncio.sleep(0.02)


class Listener:
    """Somebody who notes how many frames were loud."""

    def __init__(self, stream: Any) -> None:
        self.loud = 0
        self._stream = stream

    async def run(self) -> None:
        async for message in self._stream:
            told = json.loads(message.data)
            if told["event"] == "media":
                self.loud += int(abs(ulaw_decode(from_base64(told["media"]["payload"])).astype(int)).max() > 2000)


async def test_a_pipeline_is_heard_and_hears_and_is_interrupted_and_hung_up(python: str) -> None:
    async with site() as here, running_bot(python, str(here.client.make_url("/")).rstrip("/")) as bot:
        await _hold_a_call(here, bot)


async def _hold_a_call(here: Site, bot: aiohttp.ClientSession) -> None:
    amy, ben = await call(here, name="Amy"), await call(here, name="Ben")
    listener = Listener(ben)
    running = [asyncio.create_task(hum(amy)), asyncio.create_task(listener.run())]
    left = leavings(here)
    try:
        response = await place(
            here, str(bot._base_url).replace("http", "ws").rstrip("/") + "/ws", parameters={"lang": "en"}
        )
        where = response.headers["Location"]

        async def connection() -> dict[str, Any]:
            return dict((await (await here.client.get(where)).json())["connection"])

        async def hears() -> bool:
            return bool((await heard_of(bot))["heard"] > 1)

        await until(hears)
        assert (await heard_of(bot))["body"] == {"lang": "en"}
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
