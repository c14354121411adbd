"""A load test from its first join to its last figure: the steps in turn, each with a time to settle."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import aiohttp

from conference.load.plan import LoadProfile
from conference.load.report.figures import Sample, StepFigures, step_figures
from conference.load.report.process import apart
from conference.load.report.watch import UnreachableError, Watch
from conference.load.signal.delay_meter import DelayMeter
from conference.load.worker import LoadSetup
from conference.load.workers import Totals, Workers, WorkersError
from conference.webrtc.client.whip import authorization

START_SECONDS = 30.0
"""For so long nobody may come before those who have not are given up."""

LOOK_EVERY_SECONDS = 1.0
MIN_SHARE = 0.9
"""With fewer of its participants there, a step says little, and another with more says less."""


class LoadError(Exception):
    """The test cannot go on. The text is a sentence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Args:
        profile: who takes part.
        setup: what all of them have in common.
        processes: how many play them.
        joins_per_second: how fast they come.
        seconds: how long each step is measured.
        settle_seconds: between the last join of a step and its measurement.
        pid: of the server's process; ``None`` to find out.
        pin: give the server a processor of its own, and the participants the others.
    """

    profile: LoadProfile
    setup: LoadSetup
    processes: int = 1
    joins_per_second: float = 20.0
    seconds: float = 20.0
    settle_seconds: float = 3.0
    pid: int | None = None
    pin: bool = False


class LoadTest:
    """One test.

    Args:
        plan: what is to be done.
        show: takes two looks, a second apart, and the delay of the bursts found between them.
        note: takes a sentence about what happens now.
    """

    def __init__(
        self, plan: Plan, show: Callable[[Sample, Sample, float | None], None], note: Callable[[str], None]
    ) -> None:
        self.steps: list[StepFigures] = []
        """Those that have been measured, so far."""
        self._plan = plan
        self._show, self._note = show, note
        self._meter = DelayMeter()
        self._delays: list[float] = []
        self._joins: list[float] = []
        self._started_s = time.monotonic()

    async def run(self) -> None:
        """All steps. Cancelling it lets everybody leave, and keeps what was measured.

        Raises:
            LoadError: there is no server, it takes no more, or it has gone.
        """
        plan = self._plan
        connector = aiohttp.TCPConnector(ssl=plan.setup.verify)
        async with aiohttp.ClientSession(connector=connector, headers=authorization(plan.setup.token)) as session:
            try:
                watch = Watch(session, plan.setup.url, plan.pid)
                await watch.greet()
                with self._pinned(watch.pid):
                    async with Workers(plan.setup, plan.processes) as workers:
                        await self._steps(workers, watch)
            except (WorkersError, UnreachableError) as error:
                raise LoadError(str(error)) from error

    @contextlib.contextmanager
    def _pinned(self, pid: int | None) -> Iterator[None]:
        if not self._plan.pin:
            yield
            return
        if pid is None:
            raise LoadError("The server's process is not on this machine, or cannot be seen: leave out --pin.")
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(apart(pid))
            except OSError as error:
                raise LoadError(f"The server cannot be given a processor of its own: {error}.") from error
            yield

    async def _steps(self, workers: Workers, watch: Watch) -> None:
        plan = self._plan
        self._note("Starting the participants' processes.")
        before = await self._look(workers, watch)
        memory_before = before.server.memory_bytes
        for number, participants in enumerate(plan.profile.steps):
            wanted = participants + plan.profile.phones
            self._note(f"Joining, up to {wanted}." if number else self._first_words(wanted, watch))
            start = before
            workers.join(plan.profile.members(number), plan.joins_per_second)
            before = await self._until_joined(workers, watch, before, wanted)
            before = await self._for_a_while(workers, watch, before, plan.settle_seconds)
            self._note(f"Measuring {before.joined} for {plan.seconds:g} s.")
            self._delays, said = [], self._meter.said
            first = before
            try:
                before = await self._for_a_while(workers, watch, first, plan.seconds)
            finally:  # Ctrl-C, too, has figures to show
                last = before if before is not first else None
                if last is None and self._latest.at_s > first.at_s:
                    last = self._latest
                if last is not None:
                    self._conclude(first, last, wanted, said, memory_before, start)
            if before.joined < MIN_SHARE * wanted:
                raise LoadError(f"Only {before.joined} of {wanted} are there: the server does not hold more.")

    def _first_words(self, wanted: int, watch: Watch) -> str:
        where = f"process {watch.pid} on this machine" if watch.pid is not None else "what its /metrics say"
        return f"Joining, up to {wanted}. The server's CPU and memory: {where}."

    def _conclude(
        self, first: Sample, last: Sample, wanted: int, said: int, memory_before: float | None, start: Sample
    ) -> None:
        self.steps.append(
            step_figures(
                first,
                last,
                wanted=wanted,
                delays=self._delays,
                bursts_said=self._meter.said - said,
                joins_ms=self._joins,
                memory_before=memory_before,
                before_joins=start,
                rooms=self._plan.profile.rooms,
            )
        )
        self._joins = []

    async def _until_joined(self, workers: Workers, watch: Watch, before: Sample, wanted: int) -> Sample:
        """Wait until everybody is there, or will not be: as long as somebody still comes.

        Raises:
            LoadError: the server refuses somebody, loses many, or takes nobody.
        """
        patience = START_SECONDS + 1 / self._plan.joins_per_second
        reached, most, deadline = -1, 0, time.monotonic() + patience
        while time.monotonic() < deadline:
            before = await self._second(workers, watch, before)
            if before.joined + before.failed > reached:
                reached, deadline = before.joined + before.failed, time.monotonic() + patience
            for sentence, status in workers.totals.refusals:
                if status:
                    raise LoadError(f"{sentence.rstrip('.')}. {advice(status)}".strip())
            most = max(most, before.joined)
            if before.joined < MIN_SHARE * most:
                raise LoadError(f"{most - before.joined} of {most} have been cut off: the server does not hold more.")
            if before.joined + before.failed >= wanted:
                break
        if before.failed and workers.totals.refusals:
            self._note(f"{before.failed} could not join: {workers.totals.refusals[-1][0]}")
        if before.joined == 0:
            why = workers.totals.refusals[-1][0] if workers.totals.refusals else "It took too long."
            raise LoadError(f"Nobody could join: {why}")
        return before

    async def _for_a_while(self, workers: Workers, watch: Watch, before: Sample, seconds: float) -> Sample:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            before = await self._second(workers, watch, before)
        return before

    async def _second(self, workers: Workers, watch: Watch, before: Sample) -> Sample:
        """Wait for a second, look, and show it."""
        wait = before.at_s + LOOK_EVERY_SECONDS - (time.monotonic() - self._started_s)
        await asyncio.sleep(max(0.05, wait))
        now = await self._look(workers, watch)
        delays = await asyncio.to_thread(self._meter.take)
        self._delays += delays
        self._show(before, now, sorted(delays)[len(delays) // 2] if delays else None)
        return now

    async def _look(self, workers: Workers, watch: Watch) -> Sample:
        server = await watch.look()
        totals = workers.look()
        self._gather(totals)
        self._latest = Sample(
            at_s=time.monotonic() - self._started_s,
            server=server,
            joined=totals.joined,
            failed=totals.failed,
            sent=totals.sent,
            received=totals.received,
            lost=totals.lost,
            gaps=totals.gaps,
            forged=totals.forged,
            events=totals.events,
            clients=totals.clients,
            client_cpu_seconds=totals.cpu_seconds,
        )
        return self._latest

    def _gather(self, totals: Totals) -> None:
        self._meter.heard(totals.heard)
        self._meter.spoken(totals.spoken)
        self._joins += totals.connected_ms
        for one in (totals.heard, totals.spoken, totals.connected_ms):
            one.clear()


_LET_IN = "Load tests need a --token for all rooms: conference token --room '*' --role host makes one."


def advice(status: int) -> str:
    """What to change when a server refuses a join with this HTTP status."""
    known = {
        401: _LET_IN,
        403: _LET_IN,
        404: "Is this the address of the server itself, without a path?",
        409: "Start the server with a larger --max-participants-per-room, or spread them with --rooms.",
        429: "Start the server with --max-joins-per-minute 0, or let them come more slowly with --join-rate.",
        503: "Start the server with a larger --max-rooms, or use fewer --rooms; or it has too much to do already.",
    }
    return known.get(status, "")
