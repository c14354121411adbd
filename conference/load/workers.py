"""The processes that play participants, from the side of the one who started them."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from conference.load.plan import Member, divide
from conference.load.signal.arrived import Arrived
from conference.load.worker import LEAVE_SECONDS, JoinMembers, LeaveAll, LoadSetup, Report, main

END_SECONDS = 5.0
LOOK_SECONDS = 0.05


class WorkersError(Exception):
    """A process has ended before its time. The text is a sentence."""


@dataclass(slots=True)
class Totals:
    """What all workers saw together: counts since the start, and lists of what nobody has taken yet."""

    joined: int = 0
    failed: int = 0
    sent: int = 0
    received: int = 0
    lost: int = 0
    gaps: int = 0
    forged: int = 0
    events: int = 0
    clients: tuple[tuple[int, int], ...] = ()
    """Of each process: steps, and those of them that came late."""
    cpu_seconds: float = 0.0
    connected_ms: list[float] = field(default_factory=list)
    heard: list[Arrived] = field(default_factory=list)
    spoken: list[float] = field(default_factory=list)
    refusals: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class _WorkerProcess:
    process: SpawnProcess
    pipe: Connection
    last: Report = field(default_factory=Report)


class Workers:
    """The worker processes. An async context manager: on its way out everybody leaves, and no process stays.

    Args:
        setup: what all participants have in common.
        processes: how many; with more than one, the first plays those who make sound, and the others give way to it.
    """

    def __init__(self, setup: LoadSetup, processes: int) -> None:
        self.totals = Totals()
        self._processes: list[_WorkerProcess] = []
        context = multiprocessing.get_context("spawn")
        with _deaf_to_interrupts():  # and so are the children, from their first moment on
            for number in range(processes):
                ours, theirs = context.Pipe()
                own = replace(setup, quiet=number > 0)
                process = context.Process(target=main, args=(theirs, own), name=f"load-{number}", daemon=True)
                process.start()
                theirs.close()
                self._processes.append(_WorkerProcess(process, ours))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def join(self, members: list[Member], joins_per_second: float) -> None:
        """Let these join.

        Raises:
            WorkersError: a worker has gone.
        """
        shares = divide(members, len(self._processes))
        for worker, share in zip(self._processes, shares, strict=True):
            if share:
                # Each at its part of the rate, so that all are through at the same time.
                _send(worker, JoinMembers(share, joins_per_second * len(share) / len(members)))

    def look(self) -> Totals:
        """Take the news of all workers.

        Raises:
            WorkersError: a worker has gone.
        """
        totals = self.totals
        for worker in self._processes:
            for report in _news(worker):
                worker.last = report
                totals.connected_ms += report.connected_ms
                totals.heard += report.heard
                totals.spoken += report.spoken
                totals.refusals += report.refusals
        for name in ("joined", "failed", "sent", "received", "lost", "gaps", "forged", "events", "cpu_seconds"):
            setattr(totals, name, sum(getattr(worker.last, name) for worker in self._processes))
        totals.clients = tuple((worker.last.steps, worker.last.late) for worker in self._processes)
        return totals

    async def close(self) -> None:
        """Let everybody leave, and end all processes; by force if they don't. Never raises."""
        for worker in self._processes:
            with contextlib.suppress(WorkersError):
                _send(worker, LeaveAll())
        deadline = time.monotonic() + LEAVE_SECONDS + END_SECONDS
        for worker in self._processes:
            while worker.process.is_alive() and time.monotonic() < deadline:
                with contextlib.suppress(WorkersError):
                    self.look()  # a full pipe would keep it from ending
                await asyncio.sleep(LOOK_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
            worker.process.join(END_SECONDS)
            worker.pipe.close()
        self._processes.clear()


def _send(worker: _WorkerProcess, message: JoinMembers | LeaveAll) -> None:
    try:
        worker.pipe.send(message)
    except (OSError, ValueError):
        raise WorkersError("A process that played participants has ended.") from None


def _news(worker: _WorkerProcess) -> Iterator[Report]:
    try:
        while not worker.last.gone and worker.pipe.poll():
            report = worker.pipe.recv()
            yield report
            if report.gone:
                return
    except (EOFError, OSError):
        raise WorkersError("A process that played participants has ended.") from None


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
