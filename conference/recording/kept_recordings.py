"""The recordings that are over: their files are made, found, put into an object storage, and deleted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from conference.recording.about import ABOUT, GOING_ON, JOURNAL, About, load
from conference.recording.finisher import Finisher
from conference.recording.settings import RecordingSettings
from conference.recording.storage.objects import ObjectStorage, StorageError
from conference.recording.storage.threads import StorageThreads
from conference.recording.storage.uploader import FIRST_WAIT_S, Uploader
from conference.recording.total_bytes import TotalBytes
from conference.recording.worker_process import run_module
from conference.room.events import (
    RecordingFailed,
    RecordingNotStored,
    RecordingOver,
    RecordingReady,
    RecordingStored,
)

log = logging.getLogger(__name__)

OVERDUE: Final = "Making its files took longer than it may (--recording-max-finish-seconds)."
MOST_OVERDUE: Final = 2
"""So often the files of a recording are not made in time; then they are not tried again."""

_LOOK_EVERY_S: Final = 3600.0
_DAY_S: Final = 86_400.0


class RecordingError(Exception):
    """It cannot be done; the text is a sentence for people."""


class ObjectsStay(RecordingError):
    """The object storage does not delete it now."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a recording that is in an object storage."""

    recording_id: str
    name: str
    size: int
    threads: StorageThreads

    async def read(self, part: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
        """Begin to read it, or from one byte to another; see `StorageThreads.open`."""
        return await self.threads.open(self.recording_id, self.name, part)


class KeptRecordings:
    """All recordings of a server that are not going on. To be used within a running event loop.

    Args:
        settings: with a folder.
        storage: where they go when their files are made; ``None``: they stay in the folder.
        tell: is told what has become of one.
        save: has what is known of one written.
        wallclock: unix time in seconds.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        storage: ObjectStorage | None,
        *,
        tell: Callable[[type[RecordingOver], About], None],
        save: Callable[[About], None],
        wallclock: Callable[[], float],
    ) -> None:
        folder = settings.recording_folder
        if folder is None:
            raise ValueError("recordings need a folder")
        self.folder = folder
        self.known: dict[str, About] = {}
        """All recordings, by id; those that go on, too."""

        self.total = TotalBytes(settings.recording_total_bytes)
        """What those in the folder take up."""

        self.failures = 0
        """How often the files of one could not be made, so far."""

        self._keep_days = settings.recording_keep_days
        self._longest_wait = settings.recording_upload_max_wait
        self._tell = tell
        self._save = save
        self._wallclock = wallclock
        self._finisher = Finisher(
            folder,
            self._finished,
            self._failed,
            self._overdue,
            within=settings.recording_max_finish_seconds,
        )
        self._threads: StorageThreads | None = None
        self._uploader: Uploader | None = None
        if storage is not None:
            self._threads = StorageThreads(storage)
            where = (str(storage.address), *filter(None, [settings.recording_endpoint]))
            self._uploader = Uploader(
                partial(self._upload, where), self._stored, self._not_stored, longest_wait=self._longest_wait
            )
        self._all_known = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def to_upload(self) -> int:
        """How many are yet to be put into the object storage."""
        return 0 if self._uploader is None else len(self._uploader)

    async def open(self) -> None:
        """Look at what is there; finish what was cut short, and upload and delete what is to be, from now on."""
        for about in await asyncio.to_thread(self._look):
            self.known[about.id] = about
            self.total.note(about.id, about.bytes)
            unfinished = about.status in (*GOING_ON, "finishing") or (self.folder / about.id / JOURNAL).exists()
            if unfinished and about.overdue >= MOST_OVERDUE:
                about.status, about.reason = "failed", OVERDUE
            elif unfinished:
                about.status = "finishing"
                self._finisher.add(about.id)
            else:
                self._upload_if_ready(about)
        work = {"finish": self._finisher.run(), "delete old": self._delete_old()}
        if self._uploader is not None and self._threads is not None:
            work |= {"upload": self._uploader.run(), "list": self._look_into_storage(self._threads)}
        else:
            self._all_known.set()
        self._tasks = [asyncio.create_task(one, name=f"{name} recordings") for name, one in work.items()]

    async def close(self) -> None:
        """Do nothing more; the next start goes on with it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._threads is not None:
            self._threads.close()

    def finish(self, recording_id: str) -> None:
        """Have the files of a recording made that is over and written."""
        self._finisher.add(recording_id)

    # What is there

    def file(self, recording_id: str, name: str) -> Path | StoredFile | None:
        """Where a file of a recording is; ``None`` if there is none of that name, or a link in its place."""
        about = self.known[recording_id]
        sizes = {one["name"]: int(one["bytes"]) for one in about.files if about.status == "ready"}
        if name not in sizes:
            return None
        if about.stored and self._threads is not None:
            return StoredFile(recording_id, name, sizes[name], self._threads)
        path = self.folder / recording_id / name
        return path if path.is_file() and not path.is_symlink() else None

    async def delete(self, recording_id: str) -> None:
        """Delete a recording that is over, with its files. One that is gone already is no error.

        Raises:
            RecordingError: it goes on, or its files are being made.
            ObjectsStay: the object storage does not delete it.
            OSError: they cannot be deleted.
        """
        about = self.known.get(recording_id)
        if about is None:
            return
        if about.status in GOING_ON:
            raise RecordingError("It is still going on: stop it first.")
        if about.status == "finishing":
            raise RecordingError("Its files are being made: delete it when they are there.")
        if self._uploader is not None:
            await self._uploader.drop(recording_id)
        try:
            if self._threads is not None:
                await self._threads.ask(self._threads.storage.delete, recording_id)
            await asyncio.to_thread(remove, self.folder / recording_id)
        except (StorageError, OSError) as error:
            if recording_id in self.known and not about.stored:
                self._upload_if_ready(about)
            if isinstance(error, StorageError):
                raise ObjectsStay(f"It could not be deleted. {error}") from None
            raise
        self.known.pop(recording_id, None)
        self.total.note(recording_id, 0)

    def _look(self) -> list[About]:
        found = [load(path) for path in sorted(self.folder.iterdir()) if path.is_dir()]
        known = sorted((one for one in found if one is not None), key=lambda one: one.started_at)
        for about in known:
            about.stored = False  # whatever it says: it is here
            journal = self.folder / about.id / JOURNAL
            try:
                if about.status == "ready":  # a crash may have left it, and it holds more than the files do
                    journal.unlink(missing_ok=True)
                elif journal.exists():
                    about.bytes = journal.stat().st_size
            except OSError as error:
                log.warning("recording %s: its journal stays: %s", about.id, error.strerror or error)
        return known

    async def _look_into_storage(self, threads: StorageThreads) -> None:
        """Find the recordings that are in the object storage: not until it can be asked."""
        wait = FIRST_WAIT_S
        while True:
            try:
                found = await threads.ask(lambda: list(threads.storage.all()))
            except StorageError as error:
                log.warning(
                    "the recordings in %s are not known yet: %s %s", threads.storage.address, error, error.detail
                )
                await asyncio.sleep(wait)
                wait = min(2 * wait, self._longest_wait)
                continue
            for about in found:
                self.known.setdefault(about.id, about)
            self._all_known.set()
            return

    async def _delete_old(self) -> None:
        await self._all_known.wait()
        while self._keep_days:
            oldest = self._wallclock() - self._keep_days * _DAY_S
            for about in list(self.known.values()):
                over = about.status in ("ready", "failed")
                if over and (about.ended_at or about.started_at) < oldest:
                    log.info("recording %s is deleted: it is older than --recording-keep-days", about.id)
                    try:
                        await self.delete(about.id)
                    except OSError as error:
                        log.warning("recording %s cannot be deleted: %s", about.id, error.strerror or error)
                    except RecordingError as error:
                        log.warning("recording %s: %s", about.id, error)
            await asyncio.sleep(_LOOK_EVERY_S)

    # What becomes of it

    def _finished(self, about: About) -> None:
        """Its files are there, or nothing can be made of it."""
        self.known[about.id] = about
        self.total.note(about.id, about.bytes)
        log.info("recording %s: %s, %d bytes", about.id, about.status, about.bytes)
        self.failures += about.status != "ready"
        self._tell(RecordingReady if about.status == "ready" else RecordingFailed, about)
        self._upload_if_ready(about)

    def _failed(self, recording_id: str, reason: str) -> None:
        """Its files could not be made now; the next start tries again."""
        about = self.known.get(recording_id)
        if about is not None:
            about.status, about.reason = "failed", reason
            self.failures += 1
            self._tell(RecordingFailed, about)

    def _overdue(self, recording_id: str) -> None:
        """Its files could not be made in time: its journal stays, and one more start tries again."""
        about = self.known.get(recording_id)
        if about is not None:
            about.overdue += 1
            self._save(about)
            self._failed(recording_id, OVERDUE)

    def _upload_if_ready(self, about: About) -> None:
        if self._uploader is not None and about.status == "ready":
            self._uploader.add(about.id)

    async def _upload(self, where: Sequence[str], recording_id: str) -> tuple[int, list[str]]:
        return await run_module("conference.recording.storage.upload", [str(self.folder / recording_id), *where])

    async def _stored(self, recording_id: str) -> None:
        """It is in the object storage, whole."""
        about = self.known[recording_id]
        about.stored, about.not_stored = True, None
        log.info("recording %s is in the object storage", recording_id)
        self._tell(RecordingStored, about)
        try:
            await asyncio.to_thread(remove, self.folder / recording_id)
        except OSError as error:  # the next start finds that it is there already, and tries again
            log.warning("recording %s stays in the folder, too: %s", recording_id, error.strerror or error)
            return
        self.total.note(recording_id, 0)

    def _not_stored(self, recording_id: str, reason: str) -> None:
        """It is not in the object storage yet. It stays in the folder, and is tried again."""
        about = self.known.get(recording_id)
        if about is None or about.not_stored == reason:
            return
        about.not_stored = reason
        self._tell(RecordingNotStored, replace(about, reason=reason))


def remove(folder: Path) -> None:
    """Delete the folder of a recording, and last what is known of it: if some of it stays, it can be deleted later.

    Raises:
        OSError: something is left.
    """
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != ABOUT:
                path.unlink(missing_ok=True)
        shutil.rmtree(folder)
