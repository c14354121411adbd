"""A process that plays participants: whom it lets join, what it reports, and that all have left when it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from conference.load import worker as worker_module
from conference.load.plan import LoadRole, Member
from conference.load.signal import scripts
from conference.load.signal.scripts import Script
from conference.load.worker import MAX_REASONS, JoinMembers, LeaveAll, LoadSetup, Report, Worker
from conference.webrtc.client.whip import JoinError

SETUP = LoadSetup("http://127.0.0.1:1", verify=True, dtx=True, levels=True, noise=-60, quiet=False, token="secret")


class Pipe:
    """What the one who started the process says, and hears."""

    def __init__(self) -> None:
        self.orders: deque[Any] = deque()
        self.reports: list[Report] = []
        self.gone = False

    def poll(self) -> bool:
        return self.gone or bool(self.orders)

    def recv(self) -> Any:
        if self.gone:
            raise EOFError
        return self.orders.popleft()

    def send(self, report: Report) -> None:
        self.reports.append(report)


class Client:
    """A participant of whom a test says what becomes of it."""

    made: list[Client]
    refusing: JoinError | None
    hanging: bool

    def __init__(self, session: Any, url: str, room: str, name: str, hear: Any = None, **given: Any) -> None:
        self.room, self.name, self.hear, self.given = room, name, hear, given
        self.there = False
        self.sent, self.received, self.lost, self.gaps = 10, 20, 3, 1
        self.answer_ms, self.connected_ms = 5.0, 15.0
        self.stamped: bool | None = None
        self.closed = 0
        Client.made.append(self)

    async def connect(self) -> None:
        if Client.hanging:
            await asyncio.get_running_loop().create_future()
        if Client.refusing is not None:
            raise Client.refusing
        self.there = True

    def stop_waking(self, *, stamped: bool = False) -> None:
        self.stamped = stamped

    def drain(self) -> None: ...

    def send(self, payload: bytes, timestamp: int, level: int | None = None) -> None: ...

    async def close(self) -> None:
        self.closed += 1


class Phone(Client):
    def __init__(self, url: str, room: str, name: str, **given: Any) -> None:
        super().__init__(None, url, room, name, **given)


class Page(Client):
    """One that follows events: three more each time that they are read."""

    events = 0

    def drain_events(self) -> None:
        self.events += 3


class Scene:
    """A worker that runs while a test looks on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, setup: LoadSetup = SETUP) -> None:
        Client.made, Client.refusing, Client.hanging = [], None, False
        self.pipe = Pipe()
        monkeypatch.setattr(worker_module, "FastPeer", Client)
        monkeypatch.setattr(worker_module, "FastPhone", Phone)
        monkeypatch.setattr(worker_module, "FastPage", Page)
        monkeypatch.setattr(worker_module, "EVENTS_SECONDS", 0.0)
        monkeypatch.setattr(worker_module, "LOOK_SECONDS", 0.0)
        monkeypatch.setattr(worker_module, "REPORT_SECONDS", 0.0)
        for name in ("talking", "mouth", "silent", "humming", "phone_hum"):
            monkeypatch.setattr(scripts, name, self._script(name))
        for cached in ("_talking", "_mouth", "_silent", "_humming", "_phone"):
            getattr(worker_module, cached).cache_clear()
        self.played: list[tuple[str, Any]] = []
        self.worker: Any = Worker(self.pipe, setup)  # type: ignore[arg-type]

    def _script(self, name: str) -> Any:
        def make(*arguments: Any, **given: Any) -> Script:
            self.played.append((name, arguments))
            return Script([b"x"])

        return make

    async def run(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.worker.run())

    async def until(self, holds: Any) -> None:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - nobody calls
                await asyncio.sleep(0)

    def join(self, *roles: LoadRole) -> None:
        self.pipe.orders.append(JoinMembers([Member(n, f"room {n}", role) for n, role in enumerate(roles)], 1e6))


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Scene(monkeypatch)
    yield made
    for cached in ("_talking", "_mouth", "_silent", "_humming", "_phone"):
        getattr(worker_module, cached).cache_clear()


async def test_those_who_are_to_join_do_and_say_what_their_role_is(scene: Scene) -> None:
    running = await scene.run()
    scene.join(LoadRole.EAR, LoadRole.MOUTH, LoadRole.TALKER, LoadRole.SILENT, LoadRole.PHONE)
    await scene.until(lambda: scene.pipe.reports and scene.pipe.reports[-1].joined == 5)
    ear, mouth, talker, silent, phone = Client.made
    assert [one.name for one in Client.made] == ["ear 0", "mouth 1", "talker 2", "silent 3", "phone 4"]
    assert [one.stamped for one in Client.made] == [True, False, False, False, False]
    assert ear.hear is not None
    assert {one.hear for one in (mouth, talker, silent)} == {None}
    assert (type(phone), phone.given) == (Phone, {"verify": True, "token": "secret"})
    assert sorted(name for name, _ in scene.played) == ["mouth", "phone_hum", "silent", "talking"], "each once"
    scene.pipe.orders.append(LeaveAll())
    await running
    assert {one.closed for one in Client.made} == {1}


async def test_those_who_do_what_the_page_does_follow_events_and_callers_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(monkeypatch, replace(SETUP, page=True))
    running = await scene.run()
    scene.join(LoadRole.EAR, LoadRole.SILENT, LoadRole.PHONE)
    await scene.until(lambda: scene.pipe.reports and scene.pipe.reports[-1].events >= 30)
    ear, silent, phone = Client.made
    assert [type(one) for one in Client.made] == [Page, Page, Phone]
    assert ear.hear is not None
    assert silent.given == {"verify": True, "token": "secret"}
    assert phone.given == {"verify": True, "token": "secret"}
    assert min(ear.events, silent.events) > 0  # type: ignore[attr-defined]
    scene.pipe.orders.append(LeaveAll())
    await running
    assert scene.pipe.reports[-1].events == ear.events + silent.events  # type: ignore[attr-defined]


async def test_a_report_adds_up_what_all_have_seen_and_tells_news_once(scene: Scene) -> None:
    running = await scene.run()
    scene.join(LoadRole.SILENT, LoadRole.EAR)
    await scene.until(lambda: scene.pipe.reports and scene.pipe.reports[-1].joined == 2)
    Client.made[1].hear("a packet")
    scene.pipe.orders.append(LeaveAll())
    await running
    reports, last = scene.pipe.reports, scene.pipe.reports[-1]
    assert (last.sent, last.received, last.lost, last.gaps, last.failed) == (20, 40, 6, 2, 0)
    assert [one.gone for one in reports] == [False] * (len(reports) - 1) + [True]
    assert [ms for one in reports for ms in one.connected_ms] == [15.0, 15.0]
    assert [ms for one in reports for ms in one.answer_ms] == [5.0, 5.0]
    assert [str(packet) for one in reports for packet in one.heard] == ["a packet"]
    assert last.cpu_seconds > 0


async def test_who_is_refused_is_counted_and_closed_and_the_reasons_are_told_as_far_as_there_is_room(
    scene: Scene,
) -> None:
    Client.refusing = JoinError("The room is full.", 409)
    running = await scene.run()
    scene.join(*[LoadRole.SILENT] * (MAX_REASONS + 5))
    await scene.until(lambda: scene.pipe.reports and scene.pipe.reports[-1].failed == MAX_REASONS + 5)
    scene.pipe.orders.append(LeaveAll())
    await running
    assert {told for one in scene.pipe.reports for told in one.refusals} == {("The room is full.", 409)}
    assert max(len(one.refusals) for one in scene.pipe.reports) <= MAX_REASONS
    assert {one.closed for one in Client.made} == {1}
    assert scene.pipe.reports[-1].joined == 0


@pytest.mark.parametrize("gone", [False, True])
async def test_whoever_is_just_joining_leaves_as_well_when_all_are_to_leave_or_nobody_is_there_to_say_so(
    scene: Scene, gone: bool
) -> None:
    Client.hanging = True
    running = await scene.run()
    scene.join(LoadRole.SILENT, LoadRole.TALKER)
    await scene.until(lambda: len(Client.made) == 2)
    if gone:
        scene.pipe.gone = True
        with pytest.raises(EOFError):
            await running
    else:
        scene.pipe.orders.append(LeaveAll())
        await running
    assert {one.closed for one in Client.made} == {1}
    assert scene.pipe.reports[-1].gone


async def test_no_more_than_so_many_join_at_once(scene: Scene) -> None:
    Client.hanging = True
    running = await scene.run()
    scene.join(*[LoadRole.SILENT] * (worker_module.JOINS_AT_ONCE + 5))
    await scene.until(lambda: len(Client.made) >= worker_module.JOINS_AT_ONCE)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(Client.made) == worker_module.JOINS_AT_ONCE
    scene.pipe.orders.append(LeaveAll())
    await running


@pytest.mark.parametrize(("dtx", "script"), [(True, "silent"), (False, "humming")])
def test_the_silent_are_as_silent_as_they_were_told_to_be(scene: Scene, dtx: bool, script: str) -> None:
    setup = LoadSetup("", verify=True, dtx=dtx, levels=False, noise=-60, quiet=False)
    for role in (LoadRole.SILENT, LoadRole.EAR):
        worker_module._script(Member(1, "tea", role), setup)
    assert scene.played == [(script, () if dtx else (-60,))], "it is encoded once"
