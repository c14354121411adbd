"""``conference join`` and ``conference call`` after a lost connection; and how each of them ends."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from conference.audio.frame import SAMPLE_RATE
from conference.prompts.decode import read_audio
from conference.room.participant import Participant
from conference.settings import Settings
from conference.telephony.outlet import Outlet
from tests.e2e.running import RunningServer, eventually, running_server, start_server

pytestmark = pytest.mark.e2e

WAYS = ["join", "call"]

OUTAGE_S = 1.0
"""How long a server is away at least: longer than what a recording may be off by."""

SOME_SOUND = 20_000
"""Bytes of a recording: a fifth of a second."""


class Client:
    """A command in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.said += line.decode()

    async def ended(self, within: float = 40) -> int:
        """Its exit status."""
        async with asyncio.timeout(within):
            await self._reading
            return await self.process.wait()

    async def says(self, words: str) -> None:
        await eventually(lambda: words in self.said, f"{words!r} in {self.said!r}", within=30)


@asynccontextmanager
async def client(way: str, *arguments: str) -> AsyncIterator[Client]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "conference.cli.main", way, *arguments, "--name", "Amy", stderr=asyncio.subprocess.PIPE
    )
    one = Client(process)
    try:
        yield one
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def here(server: RunningServer) -> list[Participant]:
    room = server.live.conference.get("tea")
    return [] if room is None else list(room.participants.values())


async def is_in(server: RunningServer) -> Participant:
    await eventually(lambda: here(server), "somebody is in the room", within=30)
    return here(server)[0]


async def is_connected(server: RunningServer, way: str, amy: Client, words: str = "In room tea") -> None:
    """Wait until she knows that she is in: the server's end from then on is a lost connection, and not a failed try."""
    sink = (await is_in(server)).sink
    if way == "join":
        await amy.says(words)
    else:
        assert isinstance(sink, Outlet)
        await eventually(lambda: sink.sent_frames > 0, "the call has media")


@pytest.mark.parametrize("way", WAYS)
async def test_a_restart_of_the_server_is_survived_and_the_recording_goes_on(way: str, tmp_path: Path) -> None:
    first = await start_server()
    heard = tmp_path / "heard.wav"
    try:
        async with client(way, f"{first.url}/join/tea", "--record", str(heard)) as amy:
            await is_connected(first, way, amy)
            await eventually(lambda: heard.exists() and heard.stat().st_size > SOME_SOUND, "the recording has begun")
            begun = asyncio.get_running_loop().time()
            await first.stop()
            await amy.says("Reconnecting…")
            recorded = heard.stat().st_size
            await asyncio.sleep(OUTAGE_S)
            async with running_server(first.settings) as second:
                await is_in(second)
                away = asyncio.get_running_loop().time() - begun
                await is_connected(second, way, amy, "Back in the room.")
                await eventually(lambda: heard.stat().st_size > recorded + SOME_SOUND, "the recording goes on")
                amy.process.send_signal(signal.SIGTERM)
                assert await amy.ended() == 0, amy.said
                await eventually(lambda: not here(second), "Amy has left")
    finally:
        await first.stop()
    assert "econnected" in amy.said
    assert "stopped: by Ctrl-C or SIGTERM" in amy.said
    assert "Traceback" not in amy.said
    assert read_audio(heard).size / SAMPLE_RATE > away, "the gap is kept as silence"


async def test_a_lost_peer_comes_back_into_its_seat(server: RunningServer) -> None:
    async with client("join", f"{server.url}/join/tea") as amy:
        seat = (await is_in(server)).id
        await amy.says("In room tea")
        peer = server.peer("tea", seat)
        assert peer is not None
        await peer.close()
        await amy.says("Back in the room.")
        assert [one.id for one in here(server)] == [seat]
        amy.process.send_signal(signal.SIGINT)
        assert await amy.ended() == 0, amy.said


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("end", "word", "how"),
    [("remove", "removed", "removed"), ("end", "ended", "ended"), ("stop", "server stopped", "lost")],
)
async def test_an_end_that_somebody_wanted_is_the_same_whichever_way_one_is_there(
    way: str, end: str, word: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "conference.audit")
    reconnect = ["--no-reconnect"] if end == "stop" else []
    async with running_server() as server, client(way, f"{server.url}/join/tea", *reconnect) as amy:
        one = await is_in(server)
        if way == "join":
            await amy.says("In room tea")
        if end == "remove":
            server.live.conference.dismiss("tea", one.id, "removed", by="Hana")
        elif end == "end":
            server.live.conference.end("tea", "The conference was ended.", by="Hana")
        else:
            await server.stop()
        assert await amy.ended() == 0, amy.said
    assert re.search(rf"[Ee]nded +{word}: ", amy.said)
    [line] = [text for text in caplog.messages if "how=" in text]
    assert f"how={how} " in line


@pytest.mark.parametrize("way", WAYS)
async def test_an_end_of_ones_own_is_the_same_whichever_way_one_is_there(
    way: str, server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "conference.audit")
    async with client(way, f"{server.url}/join/tea", "--duration", "1") as amy:
        assert await amy.ended() == 0, amy.said
    assert "done: the time was up" in amy.said
    await eventually(lambda: any("how=" in text for text in caplog.messages), "Amy has left")
    [line] = [text for text in caplog.messages if "how=" in text]
    assert "how=left " in line


@pytest.mark.parametrize("way", WAYS)
async def test_a_refusal_on_the_way_back_is_final(way: str) -> None:
    first = await start_server()
    try:
        async with client(way, f"{first.url}/join/tea") as amy:
            await is_connected(first, way, amy)
            await first.stop()
            await amy.says("Reconnecting…")
            async with running_server(Settings(port=first.settings.port, secret="0123456789abcdef" * 2)):
                assert await amy.ended() == 1, amy.said
    finally:
        await first.stop()
    assert re.search(r"[Ee]nded +refused: ", amy.said)
    assert "token" in amy.said.splitlines()[-1]


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_stays_away_is_given_up(way: str) -> None:
    first = await start_server()
    async with client(way, f"{first.url}/join/tea", "--reconnect-for", "1") as amy:
        try:
            await is_connected(first, way, amy)
        finally:
            await first.stop()
        assert await amy.ended() == 1, amy.said
    assert "there was no way back within 1 s" in amy.said.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("join", "https://127.0.0.1:{port}/join/tea"), "it does not speak TLS there"),
        (("call", "wss://127.0.0.1:{port}/twilio/stream/tea"), "it does not speak TLS there"),
        (("join", "http://127.0.0.1:1/join/tea"), "cannot be reached: connection refused."),
        (("call", "ws://127.0.0.1:1/twilio/stream/tea"), "cannot be reached: connection refused."),
    ],
)
async def test_why_there_is_no_connection_is_said_in_words(
    server: RunningServer, arguments: tuple[str, ...], reason: str
) -> None:
    way, url = arguments
    async with client(way, url.replace("{port}", str(server.settings.port))) as amy:
        assert await amy.ended() == 1
    [line] = amy.said.splitlines()
    assert reason in line
    assert "Errno" not in line
    assert "ssl" not in line
