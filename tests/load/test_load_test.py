"""A load test from its first join to its last figure, with processes and a server that a test speaks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Self

import pytest

from conference.load import load_test
from conference.load.load_test import START_SECONDS, LoadError, LoadTest, Plan, advice
from conference.load.plan import LoadProfile, Member
from conference.load.report.figures import Sample
from conference.load.report.server_figures import ServerFigures
from conference.load.report.watch import UnreachableError
from conference.load.worker import LoadSetup
from conference.load.workers import Totals, WorkersError

SETUP = LoadSetup("http://127.0.0.1:1", verify=True, dtx=True, levels=True, noise=-60, quiet=False)


class FakeWorkers:
    def __init__(self, world: World) -> None:
        self.world, self.totals = world, world.totals

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.world.closed = True

    def join(self, members: list[Member], rate: float) -> None:
        self.world.wanted += members

    def look(self) -> Totals:
        totals = self.totals
        totals.sent += 50 * totals.joined
        totals.received += 40 * totals.joined
        totals.connected_ms.append(30.0)
        self.world.on_look()
        return totals


class FakeWatch:
    def __init__(self, world: World) -> None:
        self.world, self.pid = world, world.pid

    async def greet(self) -> None:
        if self.world.greeting is not None:
            raise self.world.greeting

    async def look(self) -> ServerFigures:
        return ServerFigures(cpu_seconds=self.world.now / 10, memory_bytes=1e8)


class FakeMeter:
    said = 0

    def __init__(self, world: World) -> None:
        self.take = lambda: list(world.delays)

    def heard(self, packets: list[Any]) -> None: ...

    def spoken(self, at_ns: list[float]) -> None: ...


class World:
    """A clock that moves when somebody sleeps, a server, and workers that joins as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.notes: list[str] = []
        self.shown: list[tuple[Sample, Sample, float | None]] = []
        self.wanted: list[Member] = []
        self.totals = Totals()
        self.closed = False
        self.pid: int | None = None
        self.pinned: list[int] = []
        self.on_look: Callable[[], None] = self.all_join
        self.greeting: Exception | None = None
        self.interrupt_at: float | None = None
        self.delays: list[float] = []
        monkeypatch.setattr(load_test, "Workers", lambda *_: FakeWorkers(self))
        monkeypatch.setattr(load_test, "Watch", lambda *_: FakeWatch(self))
        monkeypatch.setattr(load_test, "DelayMeter", lambda: FakeMeter(self))
        monkeypatch.setattr(load_test, "apart", self.apart)
        monkeypatch.setattr(load_test, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(load_test, "asyncio", SimpleNamespace(sleep=self.sleep, to_thread=self.to_thread))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.interrupt_at is not None and self.now >= self.interrupt_at:
            raise asyncio.CancelledError

    async def to_thread(self, work: Callable[[], Any]) -> Any:
        return work()

    @contextmanager
    def apart(self, pid: int) -> Iterator[None]:
        if pid == 13:
            raise OSError("there is but one processor")
        self.pinned.append(pid)
        yield
        self.pinned.append(-pid)

    def all_join(self) -> None:
        self.totals.joined = len(self.wanted)

    def load_test(self, *steps: int, **given: Any) -> LoadTest:
        plan = Plan(LoadProfile(steps, talkers=0), SETUP, seconds=5.0, settle_seconds=2.0, **given)
        return LoadTest(plan, lambda *shown: self.shown.append(shown), self.notes.append)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def test_each_step_lets_people_join_settles_and_is_measured(world: World) -> None:
    world.delays = [30.0, 10.0, 20.0]
    test = world.load_test(10, 20)
    await test.run()
    assert [(one.participants, one.wanted) for one in test.steps] == [(10, 10), (20, 20)]
    assert [one.packets_in_per_second for one in test.steps] == [40.0, 40.0]
    assert [one.packets_out_per_second for one in test.steps] == [50.0, 50.0]
    assert [one.delay_median_ms for one in test.steps] == [20.0, 20.0]
    assert [one.join_median_ms for one in test.steps] == [30.0, 30.0]
    assert world.notes == [
        "Starting the participants' processes.",
        "Joining, up to 10. The server's CPU and memory: what its /metrics say.",
        "Measuring 10 for 5 s.",
        "Joining, up to 20.",
        "Measuring 20 for 5 s.",
    ]
    assert world.closed
    assert {delay for _, _, delay in world.shown} == {20.0}
    assert all(after.at_s - before.at_s == pytest.approx(1.0) for before, after, _ in world.shown)
    assert len(world.shown) == 2 * (1 + 2 + 5)


async def test_a_process_on_this_machine_is_named_and_can_have_a_processor_of_its_own(world: World) -> None:
    world.pid = 77
    await world.load_test(4, pin=True).run()
    assert "The server's CPU and memory: process 77 on this machine." in world.notes[1]
    assert world.pinned == [77, -77]


@pytest.mark.parametrize(("pid", "words"), [(None, "leave out --pin"), (13, "but one processor")])
async def test_who_cannot_have_a_processor_of_their_own_is_told(world: World, pid: int | None, words: str) -> None:
    world.pid = pid
    with pytest.raises(LoadError, match=words):
        await world.load_test(4, pin=True).run()


async def test_a_server_that_refuses_ends_the_test_with_what_to_change(world: World) -> None:
    def refuse() -> None:
        if world.wanted:
            world.totals.failed = 1
            world.totals.refusals.append(("The room is full.", 409))

    world.on_look = refuse
    with pytest.raises(LoadError, match=r"^The room is full\. Start the server with a larger --max-participants"):
        await world.load_test(4).run()
    assert world.closed


async def test_some_who_do_not_get_there_are_told_of_and_the_others_measured(world: World) -> None:
    def join() -> None:
        if world.wanted:
            world.totals.joined, world.totals.failed = 19, 1
            world.totals.refusals = [("It took too long.", 0)]

    world.on_look = join
    test = world.load_test(20)
    await test.run()
    assert "1 could not join: It took too long." in world.notes
    assert [(one.participants, one.wanted) for one in test.steps] == [(19, 20)]


async def test_with_too_few_there_it_is_measured_and_nobody_more_comes(world: World) -> None:
    def join() -> None:
        world.totals.joined = min(17, len(world.wanted))
        world.totals.failed = len(world.wanted) - world.totals.joined

    world.on_look = join
    test = world.load_test(20, 40)
    with pytest.raises(LoadError, match="Only 17 of 20 are there"):
        await test.run()
    assert [one.participants for one in test.steps] == [17]


async def test_nobody_is_waited_for_who_does_not_come(world: World) -> None:
    world.on_look = lambda: None
    began = world.now
    with pytest.raises(LoadError, match="Nobody could join: It took too long"):
        await world.load_test(4, joins_per_second=2.0).run()
    assert world.now - began == pytest.approx(START_SECONDS + 0.5, abs=1.5)


async def test_as_long_as_somebody_still_comes_the_others_are_waited_for(world: World) -> None:
    def trickle() -> None:
        if world.wanted:
            world.totals.joined = min(len(world.wanted), int((world.now - 100) / 20))

    world.on_look = trickle
    test = world.load_test(4)
    await test.run()
    assert [one.participants for one in test.steps] == [4]
    assert world.now - 100 > 2 * START_SECONDS


async def test_people_who_are_cut_off_again_end_the_test(world: World) -> None:
    def lose() -> None:
        if world.wanted:
            world.totals.joined = 100 if not world.totals.joined else 80

    world.on_look = lose
    with pytest.raises(LoadError, match="20 of 100 have been cut off"):
        await world.load_test(200).run()


async def test_an_interrupt_in_the_midst_of_a_measurement_keeps_what_was_measured(world: World) -> None:
    world.interrupt_at = 100 + 1 + 2 + 3.5
    test = world.load_test(10)
    with pytest.raises(asyncio.CancelledError):
        await test.run()
    assert [(one.participants, one.packets_in_per_second) for one in test.steps] == [(10, 40.0)]
    assert world.closed


@pytest.mark.parametrize("error", [UnreachableError("There is no server."), WorkersError("A process has ended.")])
async def test_whatever_is_missing_is_said(world: World, error: Exception) -> None:
    world.greeting = error
    with pytest.raises(LoadError, match=str(error)):
        await world.load_test(4).run()


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "--token"), (403, "--token"), (404, "without a path"), (409, "--max-participants-per-room"),
     (429, "--join-rate"), (503, "--max-rooms")],
)  # fmt: skip
def test_for_each_refusal_there_is_advice(status: int, words: str) -> None:
    assert words in advice(status)
    assert advice(418) == ""
