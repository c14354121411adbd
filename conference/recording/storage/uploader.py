"""Has recordings put into an object storage, one after another, each tried again until it is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from conference.recording.storage.upload import FAILED, OK

log = logging.getLogger(__name__)

BROKE: Final = "The upload failed: the server's log says why."

FIRST_WAIT_S: Final = 1.0
"""How long until it is tried again the first time; twice as long after each time that it failed."""

RunUpload: TypeAlias = Callable[[str], Awaitable[tuple[int, list[str]]]]
"""Uploads the recording of this id; gives the exit status of `upload`, and what it said."""


class Uploader:
    """Knows nothing of recordings but their ids.

    Args:
        run_upload: uploads one.
        stored: called when one is there. It is not uploaded any more when this is through.
        not_stored: told why one is not there yet, each time that it failed.
        longest_wait: seconds between two tries, at most.
    """

    def __init__(
        self,
        run_upload: RunUpload,
        stored: Callable[[str], Awaitable[None]],
        not_stored: Callable[[str, str], None],
        *,
        longest_wait: float,
    ) -> None:
        self._run_upload = run_upload
        self._stored = stored
        self._not_stored = not_stored
        self._longest_wait = longest_wait
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._failures: dict[str, int] = {}  # in a row; of all that are to be uploaded
        self._now: str | None = None
        self._upload: asyncio.Task[tuple[int, list[str]]] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How many are to be uploaded."""
        return len(self._failures)

    def add(self, recording_id: str) -> None:
        """Have a recording uploaded, soon."""
        self._failures.setdefault(recording_id, 0)
        self._waiting.put_nowait(recording_id)

    async def drop(self, recording_id: str) -> None:
        """Do not upload a recording, or not any further. When this returns, nothing of it is under way."""
        self._failures.pop(recording_id, None)
        while self._now == recording_id:
            if self._upload is not None:
                self._upload.cancel()
            await self._idle.wait()

    async def run(self) -> None:
        """Upload until this is cancelled."""
        while True:
            recording_id = await self._waiting.get()
            if recording_id not in self._failures:
                continue
            self._now = recording_id
            self._idle.clear()
            try:
                await self._try(recording_id)
            except Exception:  # the next one is to be uploaded all the same
                log.exception("recording %s could not be uploaded", recording_id)
                self._failed(recording_id, BROKE)
            finally:
                self._now = None
                self._idle.set()

    async def _try(self, recording_id: str) -> None:
        self._upload = upload = asyncio.ensure_future(self._run_upload(recording_id))
        try:
            await asyncio.wait([upload])
        finally:
            self._upload = None
            if not upload.done():
                upload.cancel()
                await asyncio.wait([upload])
        if upload.cancelled() or recording_id not in self._failures:  # it is to be deleted
            return
        try:
            status, said = upload.result()
        except OSError as error:
            self._failed(recording_id, f"The upload could not begin: {(error.strerror or str(error)).lower()}.")
            return
        if status == OK:
            self._failures.pop(recording_id, None)
            await self._stored(recording_id)
        elif status == FAILED and said:
            self._failed(recording_id, said[-1], "; ".join(said[:-1]))
        else:
            self._failed(recording_id, BROKE, "\n".join(said))

    def _failed(self, recording_id: str, reason: str, detail: str = "") -> None:
        failures = self._failures.get(recording_id)
        if failures is None:
            return
        self._failures[recording_id] = failures + 1
        if not failures:
            log.warning("recording %s is not in the object storage yet: %s %s", recording_id, reason, detail)
        wait = min(FIRST_WAIT_S * 2 ** min(failures, 20), self._longest_wait)
        asyncio.get_running_loop().call_later(wait, self._again, recording_id)
        self._not_stored(recording_id, reason)

    def _again(self, recording_id: str) -> None:
        if recording_id in self._failures:
            self._waiting.put_nowait(recording_id)
