"""One process that recognises, as the server sees it: given sound, watched, and started anew when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from conference.captions.engines.base import Heard
from conference.captions.settings import CaptionSettings
from conference.captions.wire import MAX_LINE_BYTES, Order, Report, order, read_report
from conference.token_bucket import TokenBucket

log = logging.getLogger(__name__)

REPORTS_PER_SECOND: Final = 1000.0
"""What a process may say: each utterance that goes on says twenty things a second at most."""

REPORTS_AT_ONCE: Final = 2000.0

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
"""How long until a process is started anew, the first time and after many."""

PROVEN_S: Final = 60.0
"""One that ran for so long starts with the first pause again."""

_END_S: Final = 2.0
_PATH: Final = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
"""Where another process finds this program, however this one found it."""


class Listener(Protocol):
    """Who is told what becomes of an utterance. Must not raise."""

    def heard(self, heard: Heard) -> None:
        """Something was understood."""
        ...

    def over(self) -> None:
        """Nothing more will be."""
        ...


@dataclass(slots=True)
class _Open:
    """An utterance that goes on."""

    listener: Listener
    waiting: int = 0
    """Bytes of orders that were sent, and not carried out yet."""

    since_ns: int = 0
    """When something of it was carried out last, or began to wait."""


class RecognitionProcess:
    """A process, and the next one when it is gone.

    Args:
        settings: with an engine.
        monotonic_ns: a clock.
        command: what is run, in place of `captions.worker`.
    """

    def __init__(
        self, settings: CaptionSettings, monotonic_ns: Callable[[], int], command: tuple[str, ...] | None = None
    ) -> None:
        self._settings = settings
        self._monotonic_ns = monotonic_ns
        self._command = command or _command(settings)
        self._process: asyncio.subprocess.Process | None = None
        self._open: dict[int, _Open] = {}
        self._number = 0
        self._started_ns = 0
        self._trouble = ""
        self.waiting = 0
        """Bytes of orders that were sent, and not carried out yet."""

        self.ready = False
        """The engine has been loaded."""

        self.restarts = 0
        """How often it was started anew."""

    @property
    def failure(self) -> str:
        """Why the engine could not be loaded, last; empty if it could."""
        return self._trouble

    @property
    def open(self) -> int:
        """Utterances that go on."""
        return len(self._open)

    @property
    def takes_more(self) -> bool:
        """There is a process, and it keeps up."""
        return self._process is not None and self.waiting < self._settings.captions_max_waiting

    def begin(self, listener: Listener) -> int:
        """Begin an utterance. Returns its number."""
        self._number = (self._number + 1) % 2**32
        self._open[self._number] = _Open(listener, since_ns=self._monotonic_ns())
        return self._number

    def send(self, number: int, orders: bytes) -> bool:
        """Send orders of an utterance. Returns whether they found room."""
        one = self._open.get(number)
        if one is None or not self.takes_more:
            return False
        self._write(one, orders)
        return True

    def end(self, number: int) -> None:
        """Nothing more is said. It finds room always: what was understood is to come."""
        one = self._open.get(number)
        if one is not None:
            self._write(one, order(Order.END, number))

    def _write(self, one: _Open, orders: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        if not one.waiting:
            one.since_ns = self._monotonic_ns()
        one.waiting += len(orders)
        self.waiting += len(orders)
        process.stdin.write(orders)

    async def run(self) -> None:
        """Keep a process running until this is cancelled."""
        pause = FIRST_PAUSE_S
        while True:
            began = self._monotonic_ns()
            try:
                await self._run_once()
            except OSError as error:
                self._trouble = (error.strerror or str(error)).lower()
            self._lose_all()
            if self._monotonic_ns() - began > PROVEN_S * 1e9:
                pause = FIRST_PAUSE_S
            log.warning(
                "captions: a process has ended%s; another is started", f": {self._trouble}" * bool(self._trouble)
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            self.restarts += 1

    async def _run_once(self) -> None:
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": _PATH}, limit=MAX_LINE_BYTES,
            )
        )  # fmt: skip
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            await _end(await starting)
            raise
        self._started_ns = self._monotonic_ns()
        self._process = process
        complaints = asyncio.create_task(_log(process))
        try:
            await self._read(process)
        finally:
            self._process, self.ready = None, False
            await _end(process, complaints)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Take what it says until it ends, or says too much."""
        assert process.stdout is not None  # noqa: S101 - it was asked for
        bucket = TokenBucket(REPORTS_PER_SECOND, REPORTS_AT_ONCE)
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                self._trouble = "it says more in one line than it may"
                return
            if not line:
                return
            await asyncio.sleep(0)  # what is said in one go does not keep everybody else waiting
            if not bucket.take(1, self._monotonic_ns()):
                self._trouble = "it says more than it may"
                return
            report = read_report(line)
            if report is not None:
                self._take(report)

    def _take(self, report: Report) -> None:
        if report.ready:
            self.ready, self._trouble = True, ""
        if report.failed is not None:
            self._trouble = report.failed[:500]
        one = None if report.utterance is None else self._open.get(report.utterance)
        if one is None:
            return
        taken = min(report.taken, one.waiting)
        if taken:
            one.waiting -= taken
            self.waiting -= taken
            one.since_ns = self._monotonic_ns()
        if report.heard is not None:
            one.listener.heard(report.heard)
        if report.over and report.utterance is not None:
            if report.trouble is not None and report.trouble != self._trouble:
                self._trouble = report.trouble[:500]
                log.warning("captions: somebody was not understood: %s", self._trouble)
            self._lose(report.utterance)

    def _lose(self, number: int) -> None:
        one = self._open.pop(number)
        self.waiting -= one.waiting
        one.listener.over()

    def _lose_all(self) -> None:
        for number in list(self._open):
            self._lose(number)
        self.waiting = 0

    def check(self) -> None:
        """End a process that does nothing although it should: another is started then."""
        if self._process is None:
            return
        now_ns = self._monotonic_ns()
        if not self.ready:
            hangs = now_ns - self._started_ns > self._settings.captions_start * 1e9
        else:
            limit_ns = self._settings.captions_hang * 1e9
            hangs = any(one.waiting and now_ns - one.since_ns > limit_ns for one in self._open.values())
        if hangs:
            self._trouble = "it did nothing for too long"
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


async def _end(process: asyncio.subprocess.Process, *reading: asyncio.Task[None]) -> None:
    """End a process. Its pipes are closed, and it counts as ended, when all that it has said is read."""
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    ends = [*reading, *map(asyncio.ensure_future, (_drain(process.stdout), process.wait()))]
    if not reading:
        ends.append(asyncio.ensure_future(_drain(process.stderr)))
    _, late = await asyncio.wait(ends, timeout=_END_S)
    for one in late:
        one.cancel()


async def _drain(pipe: asyncio.StreamReader | None) -> None:
    while pipe is not None and await pipe.read(MAX_LINE_BYTES):
        pass


async def _log(process: asyncio.subprocess.Process) -> None:
    """Log what a process complains about, line by line."""
    assert process.stderr is not None  # noqa: S101 - it was asked for
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:
            continue
        if not line:
            return
        log.info("captions: %s", line.decode(errors="replace").rstrip()[:500])


def _command(settings: CaptionSettings) -> tuple[str, ...]:
    if settings.captions_engine is None:
        raise ValueError("captions need an engine")
    language = () if settings.captions_language is None else (settings.captions_language,)
    return (sys.executable, "-m", "conference.captions.worker", settings.captions_engine.text, *language)
