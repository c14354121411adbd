"""A foreign Twilio client: PyPI ``streamdouble`` joins, is heard and hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from streamdouble import api
from streamdouble.session import SessionConfig

from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.settings import Settings
from conference.telephony.caller import Caller, HungUp
from conference.telephony.phone import Phone
from conference.web.app import build_app
from conference.web.live import SERVER
from tests.tones import level_at, tone

pytestmark = [pytest.mark.interop, pytest.mark.alone]

RATE = 8000
SECONDS = 3.0
THEIRS, OURS = 440.0, 1000.0
LEVEL = -12.0


class NoWebRtc:
    """Only callers come in here."""

    async def start(self) -> None: ...

    def read(self) -> None: ...

    def new_peer(self) -> Any:
        raise AssertionError("nobody joins with WebRTC")

    async def close(self) -> None: ...


def spoken(frequency: float, seconds: float) -> list[bytes]:
    encoded = ulaw_encode(tone(frequency, seconds, LEVEL, rate=RATE)).tobytes()
    return [encoded[start : start + 160] for start in range(0, len(encoded), 160)]


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    server = TestServer(build_app(Settings(phone_prompts=False), webrtc=NoWebRtc()))
    await server.start_server()
    yield server
    await server.close()


def config(**parameters: str) -> SessionConfig:
    # Rooms never fall silent, so the wait for the end of a reply is cut short by its maximum.
    return SessionConfig(custom_parameters=parameters, quiet_period_s=0.5, max_drain_s=0.5)


async def our_call(url: str, frames: list[bytes], heard: list[bytes]) -> None:
    left = iter(frames)

    def speak() -> bytes:
        frame = next(left, None)
        if frame is None:
            raise HungUp
        return frame

    await Caller(url, Phone(parameters={"name": "Ours"}), speak=speak, hear=heard.append).run()


async def test_it_joins_is_heard_and_hears(server: TestServer) -> None:
    url, heard = f"ws://127.0.0.1:{server.port}/twilio/stream/lobby", list[bytes]()
    async with asyncio.timeout(20):
        report, _ = await asyncio.gather(
            api.call(url, frames=spoken(THEIRS, SECONDS), config=config(name="Double")),
            our_call(url, spoken(OURS, SECONDS), heard),
        )
    assert report.passed, report.to_dict()
    assert report.violations == []
    steady = slice(RATE, 2 * RATE + RATE // 2)
    we_hear = ulaw_decode(b"".join(heard))[steady]
    it_hears = ulaw_decode(report.audio_received)[steady]
    assert level_at(we_hear, RATE, THEIRS) == pytest.approx(LEVEL, abs=3)
    assert level_at(it_hears, RATE, OURS) == pytest.approx(LEVEL, abs=3)
    assert level_at(we_hear, RATE, OURS) <= LEVEL - 50
    assert level_at(it_hears, RATE, THEIRS) <= LEVEL - 50


async def test_it_echoes_our_marks_and_hears_a_steady_stream(server: TestServer) -> None:
    url = f"ws://127.0.0.1:{server.port}/twilio/stream"
    buffered = list[float | None]()

    async def watch() -> None:
        def steady() -> bool:
            stats = [call.stats() for call in server.app[SERVER].calls]
            return any(one.media_received >= 100 and one.buffered_ms is not None for one in stats)

        while not steady():  # noqa: ASYNC110 - an echo has no event for us
            await asyncio.sleep(0.01)
        buffered.extend(call.stats().buffered_ms for call in server.app[SERVER].calls)

    async with asyncio.timeout(20):
        report, _ = await asyncio.gather(
            api.call(url, frames=spoken(THEIRS, SECONDS), config=config(name="Double", room="lobby")), watch()
        )
    assert report.result.marks_received == report.result.marks_echoed
    assert len(report.result.marks_echoed) >= 2
    assert report.result.unknown_events == []
    assert len(report.audio_received) / RATE == pytest.approx(SECONDS + 0.5, abs=0.3)
    assert len(buffered) == 1
    assert buffered[0] is not None
    assert buffered[0] < 200


async def test_after_it_hung_up_the_room_is_gone(server: TestServer) -> None:
    url = f"ws://127.0.0.1:{server.port}/twilio/stream/lobby"
    async with asyncio.timeout(20):
        await api.call(url, frames=spoken(THEIRS, 0.3), config=config())
        while server.app[SERVER].calls:  # noqa: ASYNC110 - the server's own end of the hang-up has no event for us
            await asyncio.sleep(0.01)
    assert server.app[SERVER].conference.rooms == {}
