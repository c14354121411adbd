"""A conference is run by a program that has no HTTP."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


async def test_peers_hear_each_other_where_nothing_of_http_is_imported() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.e2e.conference_without_http",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        said, complaints = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()
    assert said.decode().splitlines() == ["heard", ""]
