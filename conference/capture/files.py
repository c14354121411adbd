"""Captures on disk: a file for each room, written by a thread of its own, never larger than allowed."""

from __future__ import annotations

import logging
import os
import threading
import weakref
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from conference.capture.format import MAGIC, encode
from conference.capture.records import Ended
from conference.capture.room_capture import RoomCapture
from conference.room.room import Room

log = logging.getLogger(__name__)

SUFFIX: Final = ".capture"
MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""What may wait for a slow disk, of one room; with more, its capture ends."""

CLOSE_TIMEOUT: Final = 5.0
"""Seconds that the disk gets when the server stops."""

_NOTE_BYTES: Final = 256  # enough for the last record and the end of the stream
_LEAST_BYTES: Final = 16 * 1024  # a capture that must end before that is not worth beginning
_FULL = "The capture is as large as it may be."
_FOLDER_FULL = "All captures together are as large as they may be."
_SLOW = "The disk did not keep up."


class WritingThread:
    """A thread that does what it is given, in order, so that no tick ever waits for a disk.

    Args:
        name: of the thread.
        what: it writes, for the log.
    """

    def __init__(self, name: str, what: str) -> None:
        self._name = name
        self._what = what
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Have something done, soon. It should not raise."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._queue.put(work)

    def close(self) -> None:
        """Wait until all is done; not for ever, if the disk hangs. Blocks."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(CLOSE_TIMEOUT)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except Exception:
                log.exception("%s could not be written", self._what)
            if self._queue.empty():
                self._idle()
        self._idle()

    def _idle(self) -> None:
        """All that was waiting is done. Called in the thread; here it does nothing."""


class Shelf:
    """How much all captures of a folder take up together. Asked in the writing thread only.

    Args:
        folder: where they are, those of earlier runs too.
        max_bytes: what they may take up.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._taken = 0
        self.writing = 0
        """Files that are being written, and may have to say why they end."""

    def look(self) -> None:
        """Measure the files that are there: somebody may have deleted some."""
        self._taken = 0
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                self._taken += path.stat().st_size
            except OSError:  # it was deleted just now
                continue

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more are allowed."""
        return self._taken + size + self.writing * _NOTE_BYTES <= self._max_bytes

    def take(self, size: int) -> None:
        """So many bytes more have been written."""
        self._taken += size


class CaptureFile:
    """The file of one room. Satisfies `room_capture.CaptureOutput`.

    Args:
        path: a file that does not exist yet; it is made with the first block, for its owner alone.
        max_bytes: it never gets larger.
        shelf: of all files in its folder.
        enqueue: has its argument called in the writing thread, in order.
    """

    def __init__(self, path: Path, max_bytes: int, shelf: Shelf, enqueue: Callable[[Callable[[], None]], None]) -> None:
        self.path = path
        self.closed = False
        self._max_bytes = max_bytes
        self._shelf = shelf
        self._enqueue = enqueue
        self._waiting = 0  # bytes handed to the thread so far
        self._done = 0  # of these, those that it is through with
        self._deflate = zlib.compressobj(1)
        self._descriptor: int | None = None
        self._opened = False
        self._size = 0

    def write(self, block: bytes, *, last: bool = False) -> None:
        """Have whole records appended, soon. Called in the event loop."""
        if self.closed:
            return
        if self._waiting - self._done > MAX_WAITING_BYTES:
            block, last = encode(Ended(_SLOW)), True
        self.closed = last
        self._waiting += len(block)
        self._enqueue(lambda: self._write(block, last=last))

    def _write(self, block: bytes, *, last: bool) -> None:
        """Append records, or the note that there is no more room for them. Called in the writing thread."""
        try:
            if not self._opened:
                self._open()
            if self._descriptor is not None:
                self._append(block, last=last)
        except OSError as error:
            log.warning("capture %s ends: %s", self.path, error.strerror or error)
            self._close()
        finally:
            self._done += len(block)

    def _append(self, block: bytes, *, last: bool) -> None:
        before = self._deflate.copy()
        data = self._deflate.compress(block) + self._deflate.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        full = self._size + len(data) > self._max_bytes - (0 if last else _NOTE_BYTES)
        if full or not self._shelf.has_room(len(data)):
            last = True
            data = before.compress(encode(Ended(_FULL if full else _FOLDER_FULL))) + before.flush(zlib.Z_FINISH)
            log.warning("%s is full: the room goes on, the capture does not", self.path if full else self.path.parent)
        self._put(data)
        if last:
            self._close()

    def _open(self) -> None:
        self._opened = True
        self._shelf.look()
        if not self._shelf.has_room(_LEAST_BYTES):
            log.warning("%s is not captured: %s", self.path.name, _FOLDER_FULL)
            self._close()
            return
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._shelf.writing += 1
        self._put(MAGIC)

    def _put(self, data: bytes) -> None:
        self._size += len(data)
        self._shelf.take(len(data))
        while data and self._descriptor is not None:
            data = data[os.write(self._descriptor, data) :]

    def _close(self) -> None:
        self.closed = True
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._shelf.writing -= 1
            os.close(descriptor)


class Captures:
    """The captures of one server: a file for each of its rooms.

    Args:
        folder: where the files go; it exists.
        max_bytes: of one room's file.
        max_total_bytes: of all files in the folder, those of earlier runs too.
    """

    def __init__(self, folder: Path, max_bytes: int, max_total_bytes: int = 2**30) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._shelf = Shelf(folder, max_total_bytes)
        self._captures: weakref.WeakSet[RoomCapture] = weakref.WeakSet()
        self._numbers = count(1)
        self._writer = WritingThread("capture", "a capture")

    def observe(self, room: Room) -> None:
        """Capture a room that has just been made."""
        began = datetime.fromtimestamp(room.created_at, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self._folder / f"{began}-{next(self._numbers)}-{room.name}{SUFFIX}"
        self._captures.add(RoomCapture(room, CaptureFile(path, self._max_bytes, self._shelf, self._writer.do)))

    def close(self) -> None:
        """End every capture, and wait until all is written; not for ever, if the disk hangs."""
        for capture in list(self._captures):
            capture.end("The server was stopped.")
        self._writer.close()
