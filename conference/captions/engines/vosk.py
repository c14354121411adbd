"""The protocol of Vosk's WebSocket server (https://github.com/alphacep/vosk-server), which others speak, too.

A connection is an utterance. We say how many samples a second there are, send sound as binary messages, and at the end
``{"eof": 1}``. The server answers with what it understands so far, ``{"partial": "…"}``, and with what it has
understood for good, ``{"text": "…", "result": [{"word": "…", "start": 0.1, "end": 0.4}, …]}``.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import aiohttp

from conference.audio.frame import Samples
from conference.captions.engines.base import RATE, Engine, EngineError, Heard, Recognizer, read_seconds

CONNECT_S: Final = 5.0
ANSWER_S: Final = 20.0
"""How long is waited for what the server has understood, after the last of the sound."""

_CLOSE_S: Final = 1.0

MAX_MESSAGE_BYTES: Final = 256 * 1024
_MAX_WAITING: Final = 1000
"""Answers that may wait until they are read: a server that says more is not listened to any longer."""

T = TypeVar("T")


def load_vosk(address: str) -> Engine:
    """Get ready to talk to a server. Whether there is one turns out with the first utterance.

    Args:
        address: of its WebSocket, ``ws://`` or ``wss://``.
    """
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="vosk", daemon=True).start()
    return lambda: _Vosk(address, loop)


class _Vosk:
    """One utterance. Satisfies `Recognizer`."""

    def __init__(self, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connection = _Connection(address)
        self._do(self._connection.open(), CONNECT_S)

    def hear(self, samples: Samples) -> Sequence[Heard]:
        """See `Recognizer.hear`."""
        return self._do(self._connection.send(samples.astype("<i2", copy=False).tobytes()), ANSWER_S)

    def end(self) -> Sequence[Heard]:
        """See `Recognizer.end`."""
        return self._do(self._connection.end(), ANSWER_S)

    def _do(self, doing: Coroutine[Any, Any, T], seconds: float) -> T:
        """Have something done by the thread of the connections."""

        async def do() -> T:
            try:
                async with asyncio.timeout(seconds):
                    return await doing
            except BaseException as error:
                await self._connection.close()
                if isinstance(error, TimeoutError):
                    raise EngineError("the Vosk server does not answer.") from None
                if isinstance(error, (aiohttp.ClientError, OSError)):
                    raise EngineError(f"the Vosk server cannot be reached ({type(error).__name__}).") from None
                raise

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result()


class _Connection:
    """A connection to the server."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: list[Heard] = []
        self._final = asyncio.Event()  # something for good has come since the end was told

    async def open(self) -> None:
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(self._address, max_msg_size=MAX_MESSAGE_BYTES)
        await self._socket.send_str(json.dumps({"config": {"sample_rate": RATE, "words": True}}))
        self._reading = asyncio.create_task(self._read(self._socket))

    async def send(self, sound: bytes) -> list[Heard]:
        """Say more. Returns what has come meanwhile."""
        if self._socket is None or self._socket.closed:
            raise EngineError("the Vosk server has closed the connection.")
        await self._socket.send_bytes(sound)
        return self._take()

    async def end(self) -> list[Heard]:
        """Say that this was all. Returns what has come, and what the server answers to that."""
        if self._socket is not None and self._reading is not None and not self._socket.closed:
            self._final.clear()
            await self._socket.send_str('{"eof" : 1}')
            final = asyncio.create_task(self._final.wait())
            await asyncio.wait([self._reading, final], return_when=asyncio.FIRST_COMPLETED)
            final.cancel()
            # Vosk's own server closes the connection after its last answer. Others may leave that to us.
            await asyncio.wait([self._reading], timeout=_CLOSE_S)
        await self.close()
        return self._take()

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        if self._session is not None:
            await self._session.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            answer = read_answer(message.data)
            if answer is None:
                continue
            if len(self._answers) >= _MAX_WAITING:
                break
            if answer.text:
                self._answers.append(answer)
            if answer.final:
                self._final.set()

    def _take(self) -> list[Heard]:
        taken, self._answers = self._answers, []
        return taken


def read_answer(text: str) -> Heard | None:
    """What the server says, with an empty text if it has understood nothing; ``None`` if it makes no sense."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    partial, final = answer.get("partial"), answer.get("text")
    if isinstance(final, str):
        words = answer.get("result")
        words = words if isinstance(words, list) else []
        begins = _moment(words[0], "start") if words else None
        ends = _moment(words[-1], "end") if words else None
        return Heard(final.strip(), final=True, begins_s=begins, ends_s=ends)
    return Heard(partial.strip(), final=False) if isinstance(partial, str) else None


def _moment(word: object, field: str) -> float | None:
    return read_seconds(word.get(field)) if isinstance(word, dict) else None


_: Callable[[str, asyncio.AbstractEventLoop], Recognizer] = _Vosk
