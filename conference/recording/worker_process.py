"""Work on a recording that takes a while, in a process of its own, so that no tick waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PATH: Final = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
"""Where another process finds this program, however this one found it."""


class Overdue(Exception):
    """It took longer than it may, and was ended."""


async def run_module(module: str, arguments: Sequence[str], *, within: float | None = None) -> tuple[int, list[str]]:
    """Run a module of this program, and wait for its end. If this is cancelled, the process is killed.

    Args:
        module: its name.
        arguments: of the command line.
        within: seconds that it may take; ``None`` for any time.

    Returns:
        Its exit status, and the lines of its standard error.

    Raises:
        Overdue: it took longer.
        OSError: it could not be started.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": _PATH},
    )  # fmt: skip
    try:
        async with asyncio.timeout(within):
            _, said = await process.communicate()
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise Overdue from None
        raise
    return process.returncode or 0, said.decode(errors="replace").strip().splitlines()
