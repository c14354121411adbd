"""What the tests through real sockets share: a server on loopback, in this process, and a browser."""

from __future__ import annotations

import asyncio
import time
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.codecs.base import Codec
from conference.room.participant import Mix, Participant
from conference.settings import Settings
from conference.web.app import build_app, hang_up_all
from conference.web.live import SERVER, Server
from tests.e2e.browser import Page, find_program, open_browser
from tests.tones import tone


@dataclass(slots=True)
class RunningServer:
    """A server that can be reached, and looked into."""

    url: str
    settings: Settings
    app: web.Application
    runner: web.AppRunner
    _stopped: bool = field(default=False)

    @property
    def live(self) -> Server:
        """Its objects."""
        return self.app[SERVER]

    async def stop(self) -> None:
        """End it as Ctrl-C does; doing it twice does no harm."""
        if not self._stopped:
            self._stopped = True
            await hang_up_all(self.app)
            await self.runner.cleanup()


async def start_server(settings: Settings | None = None) -> RunningServer:
    """Start a server on loopback; on a free port unless the settings name one."""
    settings = settings or Settings(port=0)
    app = build_app(settings)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port, reuse_address=True).start()
    port = runner.addresses[0][1]
    return RunningServer(f"http://{settings.host}:{port}", replace(settings, port=port), app, runner)


@asynccontextmanager
async def running_server(settings: Settings | None = None) -> AsyncIterator[RunningServer]:
    """A server for as long as the block runs."""
    server = await start_server(settings)
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    """A server with default settings on a free port of 127.0.0.1, stopped afterwards."""
    async with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; the test is skipped, and says so, when it isn't installed."""
    program = find_program()
    if program is None:
        pytest.skip("MISSING: chromium. Install it to run the browser tests (Debian: apt-get install chromium).")
    return program


@pytest.fixture
async def page(chromium: str) -> AsyncIterator[Page]:
    """A browser's page. Its microphone beeps once a second."""
    async with open_browser() as opened:
        yield opened


@pytest.fixture
async def humming_page(chromium: str, tmp_path: Path) -> AsyncIterator[Page]:
    """A page whose microphone hums 440 Hz at -20 dBFS."""
    wav = write_wav(tmp_path / "amy.wav", tone(440.0, 2.0, -20.0, fade=0))
    async with open_browser(wav) as page:
        yield page


async def eventually(holds: Callable[[], object], what: str, *, within: float = 10) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: it never did.
    """
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"never came true: {what}"
        await asyncio.sleep(0.02)


class LoopedSource:
    """A participant's voice: samples over and over."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._position = 0

    def pull(self, now_ns: int) -> Samples | None:
        del now_ns
        picked = np.arange(self._position, self._position + FRAME_SAMPLES) % self._samples.size
        self._position += FRAME_SAMPLES
        return self._samples[picked]


class Ear:
    """A participant's ear: keeps what it hears."""

    codec: Codec | None = None

    def __init__(self) -> None:
        self._heard: list[Samples] = []

    def deliver(self, mix: Mix) -> None:
        self._heard.append(mix.samples)

    async def listen(self, seconds: float) -> Samples:
        """What is heard from now on."""
        self._heard.clear()
        wanted = round(seconds * SAMPLE_RATE)
        await eventually(
            lambda: len(self._heard) * FRAME_SAMPLES >= wanted, "the room's clock ticks", within=seconds + 10
        )
        return np.concatenate(self._heard)[:wanted]


def seat_local(server: RunningServer, room: str, name: str, frequency: float | None = None, dbfs: float = -20.0) -> Ear:
    """Seat somebody without a connection, who hums a tone if ``frequency`` is given; gives their ear."""
    ear = Ear()
    source = None if frequency is None else LoopedSource(tone(frequency, 1.0, dbfs, fade=0))
    participant = Participant(
        id=f"local-{name}", name=name, transport="local", joined_at=time.time(), source=source, sink=ear
    )
    server.live.conference.join(room, participant)
    return ear


def write_wav(path: Path, samples: Samples, rate: int = SAMPLE_RATE) -> Path:
    """Write 16-bit mono; gives the path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path
