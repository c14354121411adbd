"""People for the tests through real sockets: each speaks samples of their own, and keeps what they hear.

`WebRtcPerson` and `TwilioPerson` keep time themselves, in one task each; `hear` gives what they heard from now on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.audio.resample import Resampler
from conference.engine.clock import Clock
from conference.telephony.caller import Caller, HungUp
from conference.telephony.phone import Phone
from conference.webrtc.client.peer import HeadlessPeer

PHONE_RATE = 8_000


class Voice:
    """Frames of samples, over and over or once, then silence."""

    def __init__(self, samples: Samples, frame: int, *, loop: bool) -> None:
        self._samples = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)
        self._loop = loop
        self._next = 0

    def frame(self) -> Samples | None:
        """The next 20 ms; ``None`` once it is over."""
        if self._next >= len(self._samples) and not self._loop:
            return None
        self._next += 1
        frame: Samples = self._samples[(self._next - 1) % len(self._samples)]
        return frame


class Person:
    """What all of them do: keep what they hear."""

    rate: int

    def __init__(self) -> None:
        self._heard: list[Samples] = []

    def everything(self) -> Samples:
        """All that was heard so far."""
        return np.concatenate(self._heard) if self._heard else SILENCE[:0]

    async def hear(self, seconds: float, within: float = 20.0) -> Samples:
        """What is heard from now on, at `rate`."""
        start = len(self._heard)
        wanted = round(seconds * self.rate)
        async with asyncio.timeout(seconds + within):
            while sum(map(len, self._heard[start:])) < wanted:  # noqa: ASYNC110 - frames come by themselves
                await asyncio.sleep(0.02)
        return np.concatenate(self._heard[start:])[:wanted]


class WebRtcPerson(Person):
    """An aiortc peer."""

    rate = SAMPLE_RATE

    def __init__(self, peer: HeadlessPeer, voice: Samples | None, *, loop: bool = True) -> None:
        super().__init__()
        self.peer = peer
        self._voice = Voice(voice if voice is not None else SILENCE, FRAME_SAMPLES, loop=loop)
        assert peer.codec is not None
        self._encoder = peer.codec.make_encoder()
        self.clock = Clock(self._tick)

    def _tick(self, number: int, now_ns: int) -> None:
        frame = self._voice.frame()
        payload = self._encoder.encode(frame) if frame is not None and frame.any() else self._encoder.encode_silence()
        self.peer.send(payload, number)
        heard = self.peer.source.pull(now_ns) if self.peer.source is not None else None
        self._heard.append(SILENCE if heard is None else heard)


class TwilioPerson(Person):
    """A caller on the media WebSocket."""

    rate = PHONE_RATE

    def __init__(self, url: str, name: str, voice: Samples | None, *, loop: bool = True) -> None:
        super().__init__()
        at_8k = Resampler(SAMPLE_RATE, PHONE_RATE).process(voice if voice is not None else SILENCE)
        self._voice = Voice(at_8k, PHONE_RATE // 50, loop=loop)
        self._over = False
        self.phone = Phone(parameters={"name": name, "prompts": "off"})
        self.caller = Caller(url, self.phone, speak=self._speak, hear=self._hear)

    def hang_up(self) -> None:
        """End the call with the next tick."""
        self._over = True

    def _speak(self) -> bytes | None:
        if self._over:
            raise HungUp
        frame = self._voice.frame()
        return None if frame is None else ulaw_encode(frame).tobytes()

    def _hear(self, payload: bytes) -> None:
        self._heard.append(ulaw_decode(payload))


@asynccontextmanager
async def webrtc_person(
    url: str, room: str, name: str, voice: Samples | None = None, *, loop: bool = True, codec: str = "opus"
) -> AsyncIterator[WebRtcPerson]:
    """Somebody in a room over WebRTC, for as long as the block runs."""
    peer = HeadlessPeer(url, room, name, codec=codec, bitrate=64_000)
    await peer.connect()
    try:
        person = WebRtcPerson(peer, voice, loop=loop)
        async with _running(person.clock.run):
            yield person
    finally:
        await peer.close()


@asynccontextmanager
async def twilio_person(
    url: str, room: str, name: str, voice: Samples | None = None, *, loop: bool = True
) -> AsyncIterator[TwilioPerson]:
    """Somebody in a room on the telephone, for as long as the block runs."""
    person = TwilioPerson(f"{url.replace('http', 'ws', 1)}/twilio/stream/{room}", name, voice, loop=loop)
    async with _running(person.caller.run):
        yield person


@asynccontextmanager
async def _running(run: Callable[[], Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
    task = asyncio.create_task(run())
    try:
        yield
        if task.done():
            task.result()  # it should have gone on: say why it did not
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
