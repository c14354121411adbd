"""``conference join`` as a person runs it: in a process of its own, against a server on loopback."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.prompts.decode import read_audio
from tests.e2e.running import RunningServer, eventually
from tests.tones import level_at, tone
from tests.wav import write_wav

pytestmark = pytest.mark.e2e


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "conference.cli.main", "join", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Its exit status and what it wrote to standard error."""
    try:
        async with asyncio.timeout(30):
            _, error = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, error.decode()


@pytest.mark.alone
async def test_two_headless_peers_record_each_other_and_not_themselves(server: RunningServer, tmp_path: Path) -> None:
    first, second = tmp_path / "first.wav", tmp_path / "second.ogg"
    low = write_wav(tmp_path / "low.wav", tone(440, 4.0, -15))
    high = write_wav(tmp_path / "high.wav", tone(1000, 4.0, -15))
    looped = await start(server.url, "--room", "r", "--play", str(low), "--loop", "--record", str(first))
    try:
        await eventually(lambda: server.live.conference.get("r") is not None, "the first has joined", within=20)
        played = await ended(await start(server.url, "--room", "r", "--play", str(high), "--record", str(second)))
    finally:
        looped.send_signal(signal.SIGINT)
        results = [await ended(looped)]
    results.append(played)

    assert [status for status, _ in results] == [0, 0], results
    assert "packets received" in results[0][1]
    assert read_audio(second).size == pytest.approx(4.5 * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)
    for path, heard, own in ((first, 1000, 440), (second, 440, 1000)):
        pieces = halves_of_seconds(read_audio(path))
        assert max(level_at(one, SAMPLE_RATE, heard) for one in pieces) == pytest.approx(-15, abs=3)
        assert max(level_at(one, SAMPLE_RATE, own) for one in pieces) < -15 - 50
    await eventually(lambda: server.live.conference.get("r") is None, "both have left")


def halves_of_seconds(sound: Samples) -> list[Samples]:
    """Of a recording: some are torn on a busy machine, or from before somebody came."""
    step = SAMPLE_RATE // 2
    return [sound[at : at + step] for at in range(0, sound.size - step + 1, step)]


def size(path: Path) -> int:
    """Of a file, in bytes."""
    return path.stat().st_size if path.exists() else 0


async def test_ctrl_c_leaves_the_room_and_finishes_the_recording(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    process = await start(server.url, "--room", "r", "--name", "Listener", "--record", str(path))
    try:
        await eventually(lambda: server.live.conference.get("r") is not None, "the peer has joined", within=20)
        room = server.live.conference.get("r")
        assert room is not None
        assert [participant.name for participant in room.participants.values()] == ["Listener"]
        await eventually(lambda: size(path) > 2 * SAMPLE_RATE, "a second is recorded", within=20)
    finally:
        process.send_signal(signal.SIGINT)
        status, error = await ended(process)

    assert status == 0, error
    assert "Traceback" not in error
    sound = read_audio(path)
    assert sound.size > SAMPLE_RATE / 2
    assert np.abs(sound.astype(int)).max() < 10, "alone in a room there is nothing to hear but the codec's last bit"
    await eventually(lambda: server.live.conference.get("r") is None, "the peer has left")


@pytest.mark.alone
async def test_a_duration_ends_a_looped_file(server: RunningServer, tmp_path: Path) -> None:
    voice = write_wav(tmp_path / "beep.wav", tone(440, 0.5, -15))
    heard = tmp_path / "heard.wav"
    speaker = await start(server.url, "--room", "r", "--play", str(voice), "--loop")
    try:
        await eventually(lambda: server.live.conference.get("r") is not None, "the speaker has joined", within=20)
        status, error = await ended(await start(server.url, "--room", "r", "--record", str(heard), "--duration", "2.5"))
    finally:
        speaker.terminate()
        await ended(speaker)

    assert status == 0, error
    sound = read_audio(heard)
    assert sound.size == round(2.5 * SAMPLE_RATE)
    later = halves_of_seconds(sound[SAMPLE_RATE:])
    assert max(level_at(one, SAMPLE_RATE, 440) for one in later) > -20, "it still says it after some rounds"


async def test_a_server_that_stops_is_an_end_that_somebody_wanted(server: RunningServer) -> None:
    process = await start(server.url, "--room", "r", "--no-reconnect")
    assert process.stderr is not None
    async with asyncio.timeout(30):
        before = await process.stderr.readuntil(b"In room r")
    await server.stop()
    status, error = await ended(process)
    error = before.decode() + error
    assert status == 0
    assert error.splitlines()[-1].split() == ["ended", "server", "stopped:", "the", "server", "is", "being", "stopped"]
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("http://127.0.0.1:9", "--room", "r"), "cannot be reached"),
        (("{url}", "--room", "r", "--name", "x" * 200), "This name is too long"),
        (("{url}/elsewhere", "--room", "r"), "There is nothing at this address."),
    ],
)
async def test_what_goes_wrong_is_one_sentence(
    server: RunningServer, arguments: tuple[str, ...], sentence: str
) -> None:
    status, error = await ended(await start(*(argument.replace("{url}", server.url) for argument in arguments)))
    assert status == 1
    assert len(error.strip().splitlines()) == 1
    assert error.startswith("conference join: ")
    assert sentence in error
