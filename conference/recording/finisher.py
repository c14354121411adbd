"""Has the files of recordings made, one recording after another, each in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from conference.recording.about import About, load
from conference.recording.finish import BUSY, FAILED

log = logging.getLogger(__name__)

BROKE: Final = "It failed: the server's log says why."

BUSY_S: Final = 15.0
"""How long until it is tried again to finish what another process has."""

_PATH: Final = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
"""Where another process finds this program, however this one found it."""


class Finisher:
    """Knows nothing of recordings but where they are.

    Args:
        folder: in which each has a folder.
        finished: is told what is known of a recording now: it is ready, or nothing can be made of it.
        failed: is told the id of a recording whose files could not be made, and why.
    """

    def __init__(self, folder: Path, finished: Callable[[About], None], failed: Callable[[str, str], None]) -> None:
        self._folder = folder
        self._finished = finished
        self._failed = failed
        self._unfinished: asyncio.Queue[str] = asyncio.Queue()

    def add(self, recording_id: str) -> None:
        """Have the files of a recording made, soon."""
        self._unfinished.put_nowait(recording_id)

    async def run(self) -> None:
        """Make files until this is cancelled."""
        while True:
            recording_id = await self._unfinished.get()
            try:
                await self._finish(recording_id)
            except OSError as error:
                self._failed(recording_id, f"Its files could not be made: {(error.strerror or str(error)).lower()}.")
            except Exception:  # the next one is to be finished all the same
                log.exception("recording %s could not be finished", recording_id)
                self._failed(recording_id, BROKE)

    async def _finish(self, recording_id: str) -> None:
        folder = self._folder / recording_id
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "conference.recording.finish", str(folder),
            stderr=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": _PATH},
        )  # fmt: skip
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode == BUSY:  # of another server, which may be about to end
            asyncio.get_running_loop().call_later(BUSY_S, self.add, recording_id)
            return
        about = await asyncio.to_thread(load, folder)
        if process.returncode == 0 and about is not None and about.status in ("ready", "failed"):
            self._finished(about)
            return
        lines = said.decode(errors="replace").strip().splitlines()
        log.error("recording %s: %s", recording_id, "\n".join(lines))
        self._failed(recording_id, lines[-1] if process.returncode == FAILED and lines else BROKE)
