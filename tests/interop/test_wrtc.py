"""A foreign WebRTC stack: libwebrtc, through npm's @roamhq/wrtc, meets a headless peer of ours."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, SILENCE, TICK_NS, Samples
from conference.webrtc.client.peer import HeadlessPeer
from tests.e2e.running import RunningServer, eventually, running_server
from tests.tones import frames, level_at, loudest_steady, tone

pytestmark = [pytest.mark.interop, pytest.mark.alone]

HERE = Path(__file__).parent
THEIRS, OURS = 440.0, 1000.0
"""The tones in Hz: libwebrtc's and the headless peer's."""

SENT_DBFS = -15.0
SECONDS = 4.0
ROOM = "interop"


@pytest.fixture
def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("MISSING: node. Install Node.js 20 to meet libwebrtc (Debian: apt-get install nodejs npm).")
    if not (HERE / "node_modules" / "@roamhq" / "wrtc").is_dir():
        pytest.skip(
            "MISSING: the npm package @roamhq/wrtc. Install it to meet libwebrtc: "
            "npm install --prefix tests/interop --no-package-lock"
        )
    return program


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running_server() as running:
        yield running


class Wrtc:
    """The libwebrtc peer in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self, event: str) -> dict[str, object]:
        """Wait for an event; events before it are passed over."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while line := await self._process.stdout.readline():
                heard: dict[str, object] = json.loads(line)
                if heard["event"] == event:
                    return heard
        assert self._process.stderr is not None
        complaint = (await self._process.stderr.read()).decode()
        raise AssertionError(f"the libwebrtc peer ended before it was {event}: {complaint}")


@asynccontextmanager
async def wrtc_peer(node: str, url: str, out: Path, seconds: float = SECONDS) -> AsyncIterator[Wrtc]:
    endpoint = f"{url}/rooms/{ROOM}/participants?name=libwebrtc"
    process = await asyncio.create_subprocess_exec(
        node, str(HERE / "wrtc_peer.mjs"), endpoint, str(THEIRS), str(SENT_DBFS), str(seconds), str(out),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Wrtc(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def hum(peer: HeadlessPeer, seconds: float) -> Samples:
    """Send our tone in real time; gives what is heard meanwhile."""
    assert peer.codec is not None
    assert peer.source is not None
    encoder = peer.codec.make_encoder()
    heard: list[Samples] = []
    start = time.monotonic_ns()
    for number, frame in enumerate(frames(tone(OURS, seconds, SENT_DBFS))):
        due = start + number * TICK_NS
        await asyncio.sleep(max(0, due - time.monotonic_ns()) / 1e9)
        peer.send(encoder.encode(frame), number)
        pulled = peer.source.pull(due)
        heard.append(SILENCE if pulled is None else pulled)
    return np.concatenate(heard)


def read_pcm(path: Path) -> Samples:
    return np.fromfile(path, np.dtype("<i2")).astype(np.int16)


async def test_libwebrtc_and_a_headless_peer_hear_each_other_and_not_themselves(
    node: str, server: RunningServer, tmp_path: Path
) -> None:
    out = tmp_path / "heard.pcm"
    async with wrtc_peer(node, server.url, out) as theirs:
        await theirs.says("connected")
        ours = HeadlessPeer(server.url, ROOM, "headless")
        try:
            await ours.connect()
            we_heard = await hum(ours, SECONDS + 1)
            left = await theirs.says("left")
        finally:
            await ours.close()

    assert left["status"] == 204
    they_heard = read_pcm(out)
    assert they_heard.size > (SECONDS - 1) * SAMPLE_RATE
    theirs_from = round(1.0 * SAMPLE_RATE), round(SECONDS * SAMPLE_RATE) - SAMPLE_RATE // 2
    in_their_ear = they_heard[slice(*theirs_from)]
    in_our_ear = we_heard[slice(*theirs_from)]

    assert level_at(in_our_ear, SAMPLE_RATE, THEIRS) == pytest.approx(SENT_DBFS, abs=3)
    assert level_at(in_our_ear, SAMPLE_RATE, OURS) < SENT_DBFS - 60
    heard_by_them = loudest_steady([in_their_ear], SAMPLE_RATE, seconds=1.0, frequency=OURS)
    assert heard_by_them == pytest.approx(SENT_DBFS, abs=3)
    assert level_at(in_their_ear, SAMPLE_RATE, THEIRS) < SENT_DBFS - 50


async def test_the_room_shows_libwebrtc_as_a_participant_that_talks_and_leaves(
    node: str, server: RunningServer, tmp_path: Path
) -> None:
    async with wrtc_peer(node, server.url, tmp_path / "heard.pcm", seconds=2.0) as theirs:
        await theirs.says("connected")
        room = server.live.conference.get(ROOM)
        assert room is not None
        (participant,) = room.participants.values()
        assert (participant.name, participant.transport) == ("libwebrtc", "webrtc")
        # The room's level is RMS: 3 dB below a sine's peak.
        await eventually(
            lambda: participant.talking and abs(participant.level - (SENT_DBFS - 3)) <= 3, "it talks, at its level"
        )
        await theirs.says("left")
    assert server.live.conference.get(ROOM) is None
