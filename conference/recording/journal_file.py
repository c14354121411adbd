"""Writes journals, in threads of their own, so that no tick ever waits for a disk.

One thread writes, and another brings to the disk what was written: that takes seconds where others use the disk, too.
What is written meanwhile is with the system, and there even if this process is killed.
"""

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
    """The threads. Files that were written to are brought to the disk when nothing is waiting."""

    def __init__(self) -> None:
        super().__init__("recordings", "a recording")
        self.syncing = WritingThread("recordings sync", "a recording")
        """Brings files to the disk, and closes them."""

        self._dirty: set[JournalFile] = set()
        self._busy = False

    def touched(self, file: JournalFile) -> None:
        """Something was written. Called in the thread."""
        self._dirty.add(file)

    def _idle(self) -> None:
        """Have what was written brought to the disk, once for all that was waiting."""
        if self._busy or not self._dirty:
            return  # what is left is brought there after the next second's blocks, or when the file is closed
        dirty, self._dirty, self._busy = self._dirty, set(), True
        self.syncing.do(lambda: self._sync(dirty))

    def _sync(self, dirty: set[JournalFile]) -> None:
        try:
            for file in dirty:
                file.sync()
        finally:
            self._busy = False

    def close(self) -> None:
        """Wait until all is done; not for ever, if the disk hangs. Blocks."""
        super().close()
        self.syncing.close()


class JournalFile:
    """One journal.

    Args:
        path: a file that does not exist yet, in a folder that may not exist yet; both are made for their owner alone.
        writer: writes it.
        max_bytes: it never gets larger.
        max_waiting: bytes that may wait for a slow disk.
        failed: called in one of the threads, with a sentence that says why no more is written.
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

    @property
    def waiting(self) -> int:
        """Bytes that wait for the disk."""
        return self._waiting - self._done

    def write(self, kind: int, block: bytes) -> None:
        """Have a block appended, soon. Never blocks, and never raises."""
        if self._closed:
            return
        if self.waiting > self._max_waiting:
            self._closed = True
            self._failed(SLOW)
            return
        self._waiting += len(block)
        self._writer.do(lambda: self._write(kind, block))

    def close(self, then: Callable[[], None]) -> None:
        """Take nothing more, and have ``then`` called in a thread when all is on the disk."""
        self._closed = True
        self._writer.do(lambda: self._writer.syncing.do(lambda: self._close(then)))

    def sync(self) -> None:
        """Bring what was written to the disk. Called in the thread that does that, and closes the file."""
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
