"""Writes journals, in a thread of its own, so that no tick ever waits for a disk."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from conference.capture.files import WritingThread
from conference.recording.journal_format import MAGIC, frame, lock

log = logging.getLogger(__name__)

FULL: Final = "It is as large as a recording may be (--recording-max-bytes)."
SLOW: Final = "The disk did not keep up."


class JournalWriter(WritingThread):
    """The thread. Files that were written to are brought to the disk when nothing is waiting."""

    def __init__(self) -> None:
        super().__init__("recordings", "a recording")
        self._dirty: set[JournalFile] = set()

    def touched(self, file: JournalFile) -> None:
        """Something was written. Called in the thread."""
        self._dirty.add(file)

    def _idle(self) -> None:
        """Bring what was written to the disk, once for all that was waiting."""
        dirty, self._dirty = self._dirty, set()
        for file in dirty:
            file.sync()


class JournalFile:
    """One journal.

    Args:
        path: a file that does not exist yet, in a folder that may not exist yet; both are made for their owner alone.
        writer: writes it.
        max_bytes: it never gets larger.
        max_waiting: bytes that may wait for a slow disk.
        failed: called in the writing thread, once, with a sentence that says why no more is written.
    """

    def __init__(
        self, path: Path, writer: JournalWriter, *, max_bytes: int, max_waiting: int, failed: Callable[[str], None]
    ) -> None:
        self.size = 0
        """What was written so far, in bytes."""

        self._path = path
        self._writer = writer
        self._max_bytes = max_bytes
        self._max_waiting = max_waiting
        self._failed = failed
        self._closed = False
        self._waiting = 0  # bytes handed to the thread so far
        self._done = 0  # of these, those that it is through with
        self._descriptor: int | None = None
        self._over = False

    def write(self, kind: int, block: bytes) -> None:
        """Have a block appended, soon. Never blocks, and never raises."""
        if self._closed:
            return
        if self._waiting - self._done > self._max_waiting:
            self._closed = True
            self._failed(SLOW)
            return
        self._waiting += len(block)
        self._writer.do(lambda: self._write(kind, block))

    def close(self, then: Callable[[], None]) -> None:
        """Take nothing more, and have ``then`` called in the writing thread when all is on the disk."""
        self._closed = True
        self._writer.do(lambda: self._close(then))

    def sync(self) -> None:
        """Bring what was written to the disk. Called in the writing thread."""
        if self._descriptor is not None:
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                self._fail(error)

    def _write(self, kind: int, block: bytes) -> None:
        try:
            if not self._over:
                self._append(frame(kind, block))
        except OSError as error:
            self._fail(error)
        finally:
            self._done += len(block)

    def _append(self, data: bytes) -> None:
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            lock(self._descriptor)  # until it is closed, by whatever end of this process
            self._put(self._descriptor, MAGIC)
        if self.size + len(data) > self._max_bytes:
            self._end(FULL)
            return
        self._put(self._descriptor, data)
        self._writer.touched(self)

    def _put(self, descriptor: int, data: bytes) -> None:
        while data:
            written = os.write(descriptor, data)
            self.size += written
            data = data[written:]

    def _fail(self, error: OSError) -> None:
        self._end(f"It could not be written: {(error.strerror or str(error)).lower()}.")

    def _end(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._failed(reason)

    def _close(self, then: Callable[[], None]) -> None:
        self._over = True
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                os.fdatasync(descriptor)
            except OSError as error:
                log.warning("%s may be incomplete: %s", self._path, error.strerror or error)
            os.close(descriptor)
        then()
