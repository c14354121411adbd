"""An object storage for those who must not wait: whatever it is asked for is done in threads of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from conference.recording.storage.objects import Download, ObjectStorage

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = 8
CHUNK_BYTES: Final = 128 * 1024


class StorageThreads:
    """Asks a storage. To be used within a running event loop.

    Args:
        storage: which.
    """

    def __init__(self, storage: ObjectStorage) -> None:
        self.storage = storage
        self._threads = ThreadPoolExecutor(THREADS, "object storage")

    async def ask(self, what: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have something asked that blocks.

        Raises:
            StorageError: what it raises.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: what(*args, **kwargs))

    async def open(self, recording_id: str, name: str, part: tuple[int, int] | None) -> AsyncIterator[bytes]:
        """Begin to read a file, or a part of it, from its first byte to its last; see `ObjectStorage.open`.

        Returns:
            Its bytes, piece by piece. To be closed with ``aclose`` if it is not read to its end.

        Raises:
            StorageError: it cannot be read.
        """
        download, _ = await self.ask(self.storage.open, recording_id, name, part)
        return self._pieces(download)

    async def _pieces(self, download: Download) -> AsyncIterator[bytes]:
        try:
            while piece := await self.ask(download.read, CHUNK_BYTES):
                yield piece
        finally:
            self._threads.submit(download.close)

    def close(self) -> None:
        """Ask nothing more. What is under way goes on until it has its answer, for which nobody waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)
