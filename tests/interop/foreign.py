"""Foreign WebRTC stacks for the tests, each in a process of its own that tells in lines of JSON what happens."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from conference.audio.frame import SILENCE, Samples
from conference.codecs.opus import OpusCodec
from tests.e2e.running import eventually

HERE = Path(__file__).parent
GSTREAMER_PACKAGES = (
    "python3-gst-1.0 gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
    " gstreamer1.0-plugins-bad gstreamer1.0-nice"
)


class ForeignPeer:
    """A process that has joined a room, or is about to."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._decoder = OpusCodec().make_decoder()
        self._heard: list[Samples] = [SILENCE[:0]]
        self._told: dict[str, dict[str, Any]] = {}
        self._reader = asyncio.create_task(self._read(), name="foreign peer")

    def everything(self) -> Samples:
        """All that it has heard so far: 48 kHz, mono."""
        return np.concatenate(self._heard)

    async def says(self, event: str) -> dict[str, Any]:
        """Wait until it tells this; gives what it tells with it.

        Raises:
            AssertionError: it ended, or took too long.
        """
        await eventually(lambda: event in self._told or self._reader.done(), f"the peer is {event}", within=20)
        if event not in self._told:
            assert self._process.stderr is not None
            complaint = (await self._process.stderr.read()).decode()
            raise AssertionError(f"the peer ended before it was {event}: {complaint}")
        return self._told[event]

    async def leave(self) -> dict[str, Any]:
        """Ask it to leave; gives what it tells when it has."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return await self.says("left")

    async def end(self) -> None:
        """End the process, whatever it does."""
        if self._process.returncode is None:
            self._process.kill()
        await self._reader
        await self._process.communicate()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = json.loads(line)
            match event["event"]:
                case "packet":
                    self._heard.append(self._decoder.decode(base64.b64decode(event["payload"])))
                case "sound":
                    self._heard.append(np.frombuffer(base64.b64decode(event["samples"]), np.dtype("<i2")))
                case name:
                    self._told[name] = event


@asynccontextmanager
async def foreign_peer(*command: str) -> AsyncIterator[ForeignPeer]:
    """A peer for as long as the block runs."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    peer = ForeignPeer(process)
    try:
        yield peer
    finally:
        await peer.end()


# Where they are, or a test that is skipped and says what is missing ------------------------------------------------


def node(package: str) -> str:
    """Node.js, with an npm package."""
    program = shutil.which("node")
    if program is None:
        pytest.skip(f"MISSING: node. Install Node.js 20 to meet {package} (Debian: apt-get install nodejs npm).")
    if not (HERE / "node_modules" / package).is_dir():
        pytest.skip(
            f"MISSING: the npm package {package}. Install it to meet it: "
            "npm install --prefix tests/interop --no-package-lock"
        )
    return program


def gstreamer() -> tuple[str, str]:
    """The system's Python, with GStreamer's webrtcbin, and the peer that is to run in it."""
    program, script = "/usr/bin/python3", str(HERE / "gstreamer_peer.py")
    if not Path(program).exists() or subprocess.run([program, script], capture_output=True, check=False).returncode:
        pytest.skip(
            f"MISSING: GStreamer. Install it to meet its webrtcbin (Debian: apt-get install {GSTREAMER_PACKAGES})."
        )
    return program, script


def ffmpeg() -> str:
    """Our own Python, with an FFmpeg in PyAV that can do WHIP."""
    if "whip" not in av.formats_available:
        pytest.skip("MISSING: FFmpeg's WHIP muxer. It came with FFmpeg 8; install PyAV 16 or newer to meet it.")
    return sys.executable
