"""The processes that play participants, seen from who started them: processes and pipes are lists here."""

from __future__ import annotations

import signal
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from conference.load import workers
from conference.load.plan import LoadRole, Member
from conference.load.worker import JoinMembers, LeaveAll, LoadSetup, Report
from conference.load.workers import Workers, WorkersError

SETUP = LoadSetup("http://127.0.0.1:1", verify=True, dtx=True, levels=True, noise=-60, quiet=False)


class Pipe:
    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.news: deque[Any] = deque()
        self.broken: type[Exception] | None = None
        self.closed = False

    def send(self, message: Any) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent.append(message)

    def poll(self) -> bool:
        return self.broken is not None or bool(self.news)

    def recv(self) -> Any:
        if self.broken is not None:
            raise self.broken
        return self.news.popleft()

    def close(self) -> None:
        self.closed = True


class Process:
    """One that ends as soon as it is told to, or only by force."""

    def __init__(self, pipe: Pipe, setup: LoadSetup) -> None:
        self.pipe, self.setup = pipe, setup
        self.stubborn = self.killed = self.joined = False
        self.interrupts: Any = None

    def start(self) -> None:
        self.interrupts = signal.getsignal(signal.SIGINT)

    def is_alive(self) -> bool:
        return not self.killed and (self.stubborn or not any(isinstance(one, LeaveAll) for one in self.pipe.sent))

    def kill(self) -> None:
        self.killed = True

    def join(self, timeout: float) -> None:
        self.joined = True


class Context:
    """What `multiprocessing` would give."""

    def __init__(self) -> None:
        self.pipes: list[Pipe] = []
        self.processes: list[Process] = []

    def Pipe(self) -> tuple[Pipe, Pipe]:  # noqa: N802 - as there
        ours, theirs = Pipe(), Pipe()
        self.pipes.append(ours)
        return ours, theirs

    def Process(self, target: Any, args: tuple[Any, LoadSetup], name: str, daemon: bool) -> Process:  # noqa: N802
        assert daemon
        self.processes.append(Process(self.pipes[-1], args[1]))
        return self.processes[-1]


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Context:
    context = Context()
    monkeypatch.setattr(workers, "multiprocessing", SimpleNamespace(get_context=lambda kind: context))
    monkeypatch.setattr(workers, "LOOK_SECONDS", 0.0)
    return context


def members(*roles: LoadRole) -> list[Member]:
    return [Member(number, "tea", role) for number, role in enumerate(roles)]


def test_the_first_process_has_its_way_and_the_others_give_way_to_it_and_none_hears_an_interrupt(
    context: Context,
) -> None:
    before = signal.getsignal(signal.SIGINT)
    Workers(SETUP, 3)
    assert [one.setup.quiet for one in context.processes] == [False, True, True]
    assert {one.interrupts for one in context.processes} == {signal.SIG_IGN}
    assert signal.getsignal(signal.SIGINT) is before


def test_each_gets_its_share_at_its_part_of_the_rate(context: Context) -> None:
    everybody = Workers(SETUP, 3)
    everybody.join(members(LoadRole.TALKER, LoadRole.SILENT, LoadRole.SILENT, LoadRole.SILENT), 8.0)
    told = [[(len(message.members), message.joins_per_second) for message in one.sent] for one in context.pipes]
    assert (told[0], sorted(told[1:])) == ([(1, 2.0)], [[(1, 2.0)], [(2, 4.0)]])
    everybody.join(members(LoadRole.TALKER), 8.0)
    assert [len(one.sent) for one in context.pipes] == [2, 1, 1], "who has nobody to play is told nothing"
    assert all(isinstance(message, JoinMembers) for one in context.pipes for message in one.sent)


def test_counts_are_those_of_the_last_reports_and_news_is_that_of_all(context: Context) -> None:
    everybody = Workers(SETUP, 2)
    one, other = context.pipes
    one.news += [
        Report(joined=1, sent=10, received=5, lost=1, gaps=2, forged=3, failed=1, steps=7, late=1, cpu_seconds=0.5),
        Report(joined=2, sent=30, received=9, lost=2, gaps=4, forged=3, failed=1, steps=9, late=2, cpu_seconds=1.5),
    ]
    other.news.append(Report(joined=5, sent=100, steps=3, cpu_seconds=0.25, refusals=[("No.", 409)]))
    one.news[0].connected_ms.append(20.0)
    one.news[1].connected_ms.append(30.0)
    other.news[0].spoken.append(1.0)
    totals = everybody.look()
    assert (totals.joined, totals.sent, totals.received, totals.lost) == (7, 130, 9, 2)
    assert (totals.gaps, totals.forged, totals.failed, totals.cpu_seconds) == (4, 3, 1, 1.75)
    assert totals.clients == ((9, 2), (3, 0))
    assert (totals.connected_ms, totals.spoken, totals.refusals) == ([20.0, 30.0], [1.0], [("No.", 409)])
    assert everybody.look().joined == 7, "who has no news is as before"


@pytest.mark.parametrize("error", [EOFError, ConnectionResetError])
def test_a_process_that_has_ended_is_said_in_a_sentence(context: Context, error: type[Exception]) -> None:
    everybody = Workers(SETUP, 1)
    context.pipes[0].broken = error
    with pytest.raises(WorkersError, match="has ended"):
        everybody.look()
    context.pipes[0].broken = BrokenPipeError
    with pytest.raises(WorkersError, match="has ended"):
        everybody.join(members(LoadRole.SILENT), 1.0)


def test_after_its_last_report_a_process_may_end(context: Context) -> None:
    everybody = Workers(SETUP, 1)
    context.pipes[0].news.append(Report(sent=3, gone=True))
    assert everybody.look().sent == 3
    context.pipes[0].broken = EOFError
    assert everybody.look().sent == 3


async def test_on_the_way_out_all_are_told_and_what_does_not_end_is_ended(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LEAVE_SECONDS", 0.0)
    monkeypatch.setattr(workers, "END_SECONDS", 0.02)
    async with Workers(SETUP, 3):
        context.processes[1].stubborn = True
        context.pipes[2].broken = BrokenPipeError
    assert [[type(message) for message in one.sent] for one in context.pipes[:2]] == [[LeaveAll], [LeaveAll]]
    assert [one.killed for one in context.processes] == [False, True, True]
    assert all(one.joined for one in context.processes)
    assert all(one.closed for one in context.pipes)
