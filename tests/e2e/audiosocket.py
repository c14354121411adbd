"""Somebody who calls in on AudioSocket, as Asterisk does: plain TCP, sound of 20 ms a frame."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from conference.audio.frame import SAMPLE_RATE, SILENCE, Samples
from conference.audio.resample import Resampler
from conference.codecs.linear import LinearCodec
from conference.engine.clock import Clock
from conference.telephony.audiosocket_frames import HANG_UP, UUID, audiosocket_frame
from tests.e2e.people import Person, Voice
from tests.e2e.running import RunningServer

KINDS = {8_000: 0x10, 16_000: 0x12, 24_000: 0x13, 48_000: 0x16}


class AsteriskCall(Person):
    """A call that is open."""

    def __init__(
        self, rate: int, voice: Samples | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__()
        self.rate = rate
        samples = Resampler(SAMPLE_RATE, rate).process(SILENCE if voice is None else voice)
        self._voice = Voice(samples, rate // 50, loop=True)
        self._codec = LinearCodec(rate, "little")
        self._reader, self.writer = reader, writer
        self.frames: list[tuple[int, int]] = []
        """Of each that came, its kind and the length of its payload."""
        self.clock = Clock(self._tick)

    def send(self, kind: int, payload: bytes = b"") -> None:
        self.writer.write(audiosocket_frame(kind, payload))

    def _tick(self, number: int, now_ns: int) -> None:
        del number, now_ns
        frame = self._voice.frame()
        if frame is not None and not self.writer.is_closing():
            self.send(KINDS[self.rate], self._codec.encode_samples(frame))

    async def listen(self) -> None:
        """Take what comes, until the other end closes."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await self._reader.readexactly(3)
                payload = await self._reader.readexactly(int.from_bytes(header[1:], "big"))
                self.frames.append((header[0], len(payload)))
                if header[0] == KINDS[self.rate]:
                    self._heard.append(self._codec.decode_samples(payload))

    @property
    def was_hung_up(self) -> bool:
        return bool(self.frames) and self.frames[-1][0] == HANG_UP


async def announce(
    server: RunningServer, room: str, headers: dict[str, str] | None = None, **body: object
) -> uuid.UUID:
    """Have a room expect a call."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.url}/rooms/{room}/audiosocket-calls", json=body, headers=headers) as answer,
    ):
        assert answer.status == 201, await answer.text()
        return uuid.UUID((await answer.json())["uuid"])


async def connect(server: RunningServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    assert server.live.audiosocket is not None
    return await asyncio.open_connection(*server.live.audiosocket)


@asynccontextmanager
async def asterisk_call(
    server: RunningServer, call: uuid.UUID, voice: Samples | None = None, *, rate: int = 8_000, speaks: bool = True
) -> AsyncIterator[AsteriskCall]:
    """A call for as long as the block runs."""
    reader, writer = await connect(server)
    person = AsteriskCall(rate, voice, reader, writer)
    person.send(UUID, call.bytes)
    tasks = [asyncio.create_task(person.listen())]
    if speaks:
        tasks.append(asyncio.create_task(person.clock.run()))
    try:
        yield person
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
