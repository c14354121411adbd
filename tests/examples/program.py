"""An example that runs as a reader of the documents would run it, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def running_example(name: str, *arguments: str) -> AsyncIterator[list[str]]:
    """The lines that an example prints, as it goes on; it is ended after the block."""
    process = await asyncio.create_subprocess_exec(
        *_interpreter(name), str(ROOT / "examples" / name), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    lines: list[str] = []

    async def read() -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            lines.append(line.decode().rstrip())

    reading = asyncio.ensure_future(read())
    try:
        yield lines
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


def _interpreter(name: str) -> list[str]:
    """What an example is run with, by the end of its name."""
    if name.endswith(".py"):
        return [sys.executable]
    program = shutil.which("node")
    if program is None:
        pytest.skip("MISSING: node. Install Node.js 20 for the example in JavaScript (Debian: apt-get install nodejs).")
    return [program, "--experimental-websocket"]
