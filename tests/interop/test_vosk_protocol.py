"""The protocol of Vosk's server, with a stand-in that follows what it documents, and with servers that are no help.

Vosk's own server would be better; it is in no registry of packages.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from conference.audio.frame import Samples
from conference.captions.engines.base import RATE, EngineError, Heard
from conference.captions.engines.vosk import load_vosk
from tests.captions.captioned import Tones

pytestmark = pytest.mark.interop

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


async def recognizes(socket: web.WebSocketResponse) -> None:
    """What Vosk's server does: an answer to each message, and the last one after ``eof``; then it closes."""
    tones = Tones()
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            heard = tones.hear(np.frombuffer(message.data, dtype="<i2"))
            await socket.send_str(json.dumps({"partial": heard[-1].text if heard else ""}))
            continue
        told = json.loads(message.data)
        if "config" in told:
            assert told["config"]["sample_rate"] == RATE
        elif told.get("eof") == 1:
            words = [{"conf": 1.0, "word": one.text, "start": one.begins_s, "end": one.ends_s} for one in tones.end()]
            await socket.send_str(json.dumps({"result": words, "text": " ".join(str(one["word"]) for one in words)}))
            return


async def hangs_up(socket: web.WebSocketResponse) -> None:
    await socket.receive()


async def talks_nonsense(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            for nonsense in ("", "[]", '{"partial": 1}', '{"text": null}'):
                await socket.send_str(nonsense)
        elif "eof" in message.data:
            await socket.send_str('{"text": "all the same", "result": [1]}')
            return


@asynccontextmanager
async def vosk(talk: Talk) -> AsyncIterator[str]:
    """A server's address."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await talk(socket)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestServer(app) as server:
        yield f"ws://127.0.0.1:{server.port}"


def sound(hertz: float, seconds: float) -> Samples:
    moments = np.arange(round(seconds * RATE)) / RATE
    samples: Samples = np.rint(6000 * np.sin(2 * np.pi * hertz * moments)).astype(np.int16)
    return samples


def recognize(address: str) -> list[Heard]:
    """Have half a second of silence and a second of a tone recognised."""
    recognizer, heard = load_vosk(address)(), list[Heard]()
    for piece in (np.zeros(RATE // 2, dtype=np.int16), sound(900.0, 0.5), sound(900.0, 0.5)):
        heard += recognizer.hear(piece)
    return [*heard, *recognizer.end()]


async def test_what_a_server_understands_comes_with_when_it_was_said() -> None:
    async with vosk(recognizes) as address:
        heard: Sequence[Heard] = await asyncio.to_thread(recognize, address)
    assert heard[-1] == Heard("900", final=True, begins_s=0.5, ends_s=1.5)
    assert {one.text for one in heard} == {"900"}


async def test_nonsense_is_left_out() -> None:
    async with vosk(talks_nonsense) as address:
        heard = await asyncio.to_thread(recognize, address)
    assert heard == [Heard("all the same", final=True)]


async def test_a_server_that_hangs_up_has_understood_nothing() -> None:
    async with vosk(hangs_up) as address:
        with suppress(EngineError):  # unless that is noticed too late
            assert await asyncio.to_thread(recognize, address) == []


async def test_a_server_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(EngineError, match="cannot be reached"):
        await asyncio.to_thread(recognize, "ws://127.0.0.1:9")
