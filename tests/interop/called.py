"""A bot that is a process of its own, and two people in the room that it is called into."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.telephony.fields import from_base64, to_base64
from tests.tones import tone

START_SECONDS = 120
PATIENCE_SECONDS = 60


class CalledBot:
    """A bot that answers on a port of this machine, and tells at ``/state`` what it has heard and done."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.address = f"ws://127.0.0.1:{port}"
        self._session = session

    async def state(self) -> dict[str, Any]:
        async with self._session.get("/state") as response:
            return dict(await response.json())

    async def post(self, path: str) -> None:
        async with self._session.post(path):
            pass


@asynccontextmanager
async def running_bot(python: str, program: Path, *arguments: str) -> AsyncIterator[CalledBot]:
    """A program that is given a port to answer on, and those arguments, for as long as the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(python, str(program), str(port), *arguments)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            bot = CalledBot(port, session)
            async with asyncio.timeout(START_SECONDS):
                while True:
                    try:
                        await bot.state()
                        break
                    except aiohttp.ClientError:
                        assert process.returncode is None, "the bot does not start"
                        await asyncio.sleep(0.2)
            yield bot
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def python_with(python: str, modules: str, package: str, variable: str) -> str:
    """A Python that has what a bot is made of; the test is skipped, and says so, where it does not.

    Args:
        python: its path.
        modules: as ``import`` takes them.
        package: as ``pip install`` takes it.
        variable: of the environment, which names another Python.
    """
    look = [python, "-c", f"import {modules}"]
    if subprocess.run(look, capture_output=True, timeout=120, check=False).returncode:
        pytest.skip(f"MISSING: pip install {package}, here or where {variable} is.")
    return python


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
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
