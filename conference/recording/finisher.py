"""Has the files of recordings made, one recording after another, each in a process of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from conference.recording.about import About, load
from conference.recording.finish import BUSY, FAILED
from conference.recording.worker_process import Overdue, run_module

log = logging.getLogger(__name__)

BROKE: Final = "It failed: the server's log says why."

BUSY_S: Final = 15.0
"""How long until it is tried again to finish what another process has."""


class Finisher:
    """Knows nothing of recordings but where they are.

    Args:
        folder: in which each has a folder.
        finished: is told what is known of a recording now: it is ready, or nothing can be made of it.
        failed: is told the id of a recording whose files could not be made, and why.
        overdue: is told the id of one whose files took too long.
        within: seconds that it may take.
    """

    def __init__(
        self,
        folder: Path,
        finished: Callable[[About], None],
        failed: Callable[[str, str], None],
        overdue: Callable[[str], None],
        *,
        within: float,
    ) -> None:
        self._folder = folder
        self._finished = finished
        self._failed = failed
        self._overdue = overdue
        self._within = within
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
        try:
            status, lines = await run_module("conference.recording.finish", [str(folder)], within=self._within)
        except Overdue:
            log.error("recording %s: its files were not made within %g s", recording_id, self._within)
            self._overdue(recording_id)
            return
        if status == BUSY:  # of another server, which may be about to end
            asyncio.get_running_loop().call_later(BUSY_S, self.add, recording_id)
            return
        about = await asyncio.to_thread(load, folder)
        if status == 0 and about is not None and about.status in ("ready", "failed"):
            self._finished(about)
            return
        log.error("recording %s: %s", recording_id, "\n".join(lines))
        self._failed(recording_id, lines[-1] if status == FAILED and lines else BROKE)
