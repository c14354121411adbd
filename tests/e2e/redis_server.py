"""A Redis for one test: a real one, on a Unix socket in a folder of its own, which keeps nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.running import eventually


class RedisServer:
    """A Redis that can be stopped, frozen, and started anew with nothing in it."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._socket = folder / "redis.sock"
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"unix://{self._socket}"

    async def start(self) -> None:
        options = ("--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no")
        self._process = await asyncio.create_subprocess_exec(
            self._program, *options, stdout=asyncio.subprocess.DEVNULL, cwd=self._socket.parent
        )
        await eventually(self._socket.exists, "Redis takes connections", within=30)

    async def stop(self) -> None:
        """End it at once; all that it knew is lost."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            self._socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Have it answer nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@asynccontextmanager
async def running_redis(folder: Path) -> AsyncIterator[RedisServer]:
    """A Redis for as long as the block runs; the test is skipped, and says so, where there is none."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("MISSING: redis-server. Install it to test several nodes (Debian: apt-get install redis-server).")
    pytest.importorskip("redis", reason="MISSING: redis. pip install 'conference[cluster]' to test several nodes.")
    server = RedisServer(program, folder)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
