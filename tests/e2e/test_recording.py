"""Recordings of people who are really there: forwarded as before, alive after a crash, and playable by others."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.recording.about import load
from conference.recording.wav_export import export_wav
from conference.settings import Settings
from tests.e2e.people import twilio_person, webrtc_person
from tests.e2e.running import eventually, running_server
from tests.recording.recorded import loudness, read_wav
from tests.tones import tone
from tests.web.process import Running

pytestmark = pytest.mark.e2e

KILLS = 3


def with_pauses(hertz: float) -> Samples:
    """A tone that pauses now and then: between words, listeners go over from the mix to packets."""
    return np.concatenate([tone(hertz, 0.8), np.zeros(SAMPLE_RATE * 2 // 5, dtype=np.int16)])


def played(path: Path) -> list[float]:
    """How many seconds FFmpeg plays of each track of a file: from its first sound to its last."""
    found = []
    with av.open(str(path), mode="r") as container:
        count = len(container.streams.audio)
    for track in range(count):
        with av.open(str(path), mode="r") as container:
            ends = [
                float(frame.pts * frame.time_base) + frame.samples / frame.sample_rate
                for frame in container.decode(audio=track)
                if frame.pts is not None and frame.time_base is not None
            ]
            found.append(max(ends, default=0.0))
    return found


async def test_a_call_of_two_is_forwarded_while_it_is_recorded_and_both_are_in_the_mix(tmp_path: Path) -> None:
    async with running_server(Settings(port=0, recordings=tmp_path)) as server:
        async with (
            webrtc_person(server.url, "tea", "Amy", with_pauses(500.0)),
            webrtc_person(server.url, "tea", "Ben", with_pauses(1300.0)),
            aiohttp.ClientSession(server.url) as http,
        ):
            room = server.live.conference.rooms["tea"]
            await eventually(lambda: len(room.forwarded) == 2, "both are forwarded to each other")
            begun = await http.post("/rooms/tea/recordings", json={})
            place = begun.headers["Location"]
            about = await begun.json()

            recordings = server.live.recordings
            assert recordings is not None
            await eventually(lambda: recordings.all[about["id"]].seconds > 4, "there is something to listen to")
            await eventually(lambda: len(room.forwarded) == 2, "both are forwarded to each other, or are so again")
            await http.patch(
                place, data='{"state": "stopped"}', headers={"Content-Type": "application/merge-patch+json"}
            )
            while recordings.all[about["id"]].status == "finishing":
                await recordings.changed()
            shown = await (await http.get(place)).json()
            assert [one["name"] for one in shown["tracks"]] == ["Amy", "Ben"]
            assert {one["codec"] for one in shown["tracks"]} == {"opus"}
        target = tmp_path / "wav"
        target.mkdir()
        found = {path.name: read_wav(path) for path in export_wav(tmp_path / about["id"], target)}
        middle = slice(2 * SAMPLE_RATE, 3 * SAMPLE_RATE)
        for hertz in (500.0, 1300.0):
            assert loudness(found["mix.wav"][middle], hertz) > 0.1
        assert loudness(found["01-Amy.wav"][middle], 500.0) > 0.1
        assert loudness(found["01-Amy.wav"][middle], 1300.0) < 0.01


def is_ready(folder: Path) -> bool:
    about = load(folder)
    return about is not None and about.status == "ready"


def next_recording(folder: Path, known: set[str]) -> Any:
    new = [load(path) for path in folder.iterdir() if path.name not in known]
    return new[0] if new else None


@pytest.mark.alone
async def test_killed_at_any_moment_all_but_two_seconds_are_there_at_the_next_start(tmp_path: Path) -> None:
    chance = random.Random()
    known: set[str] = set()
    for _ in range(KILLS):
        server = Running("--udp-port", "0", "--recordings", str(tmp_path), "--record", "always")
        try:
            async with twilio_person(server.url.rstrip("/"), "tea", "Amy", tone(500.0, 1.0)):
                await eventually(lambda: next_recording(tmp_path, known), "the recording has begun")
                about = next_recording(tmp_path, known)
                await asyncio.sleep(chance.uniform(1, 4))  # at any moment: this is what is tested
                server.process.send_signal(signal.SIGKILL)
                killed_at = time.time()
        finally:
            server.kill()
        known.add(about.id)
        after = Running("--udp-port", "0", "--recordings", str(tmp_path))
        try:
            await eventually(partial(is_ready, tmp_path / about.id), "it is finished", within=60)
        finally:
            after.kill()
        found = load(tmp_path / about.id)
        assert found is not None
        assert killed_at - found.started_at - found.seconds < 2
        ends = [*played(tmp_path / about.id / "recording.mka"), *played(tmp_path / about.id / "mix.opus")]
        assert all(one == pytest.approx(found.seconds, abs=0.1) for one in ends)
