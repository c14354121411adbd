"""The processes that recognise: each new utterance goes to the one that has the least to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from conference.captions.process import Listener, RecognitionProcess
from conference.captions.settings import CaptionSettings
from conference.captions.wire import Order, order

CHECK_EVERY_S: Final = 1.0


class Pool:
    """All processes of a server.

    Args:
        settings: with an engine.
        monotonic_ns: a clock.
        command: what is run, in place of `captions.worker`.
    """

    def __init__(
        self, settings: CaptionSettings, monotonic_ns: Callable[[], int], command: tuple[str, ...] | None = None
    ) -> None:
        self.processes = [RecognitionProcess(settings, monotonic_ns, command) for _ in range(settings.processes)]
        self._tasks: list[asyncio.Task[None]] = []
        self.unheard = 0
        """Utterances of which a part, or all, was not recognised, since no process was there for it."""

    @property
    def ready(self) -> bool:
        """Something can be recognised."""
        return any(one.ready for one in self.processes)

    @property
    def waiting(self) -> int:
        """Bytes of sound that wait."""
        return sum(one.waiting for one in self.processes)

    @property
    def restarts(self) -> int:
        """How often a process was started anew."""
        return sum(one.restarts for one in self.processes)

    def begin(self, listener: Listener) -> SentUtterance | None:
        """Begin an utterance; ``None``: there is no process that takes it."""
        able = [one for one in self.processes if one.takes_more]
        if not able:
            self.unheard += 1
            return None
        return SentUtterance(self, min(able, key=lambda one: (one.open, one.waiting)), listener)

    async def open(self) -> None:
        """Start the processes, and keep them running."""
        self._tasks = [asyncio.create_task(one.run(), name="captions") for one in self.processes]
        self._tasks.append(asyncio.create_task(self._check(), name="check captions"))

    async def close(self) -> None:
        """End them."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            for process in self.processes:
                process.check()


class SentUtterance:
    """An utterance on its way to a process. Satisfies `UtteranceOutput`, but for its end."""

    def __init__(self, pool: Pool, process: RecognitionProcess, listener: Listener) -> None:
        self._pool = pool
        self._process = process
        self._number = process.begin(listener)
        self._orders = bytearray()
        self._broken = False

    def send(self, kind: Order, body: bytes) -> None:
        """Take sound."""
        self._orders += order(kind, self._number, body)

    def flush(self) -> None:
        """Hand on what was sent. What finds no room breaks the utterance off: all that was said before it is kept."""
        if self._orders and not self._broken and not self._process.send(self._number, bytes(self._orders)):
            self._broken = True
            self._pool.unheard += 1
        self._orders.clear()

    def end(self) -> None:
        """That was all."""
        self.flush()
        self._process.end(self._number)
