"""The clock, in a time of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest

from conference.audio.frame import TICK_NS
from conference.engine.clock import IDLE_TICKS, MAX_CATCH_UP_TICKS, Clock, Tick

LATER_NS = 5_000_000
PATIENCE_SECONDS = 5


class Time:
    """Stands still but while somebody sleeps, or works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 1_000_000_000
        loop = asyncio.get_running_loop()
        self._soon, self._really_later = loop.call_soon, loop.call_later
        monkeypatch.setattr("conference.engine.clock.time.monotonic_ns", lambda: self.now_ns)
        monkeypatch.setattr(loop, "call_later", self._call_later)

    def _call_later(
        self, seconds: float, callback: Callable[..., object], *args: object, **_: object
    ) -> asyncio.Handle:
        if seconds >= PATIENCE_SECONDS:  # a test's own
            return self._really_later(seconds, callback, *args)
        self.now_ns += round(seconds * 1e9)
        return self._soon(callback, *args)


class Done(Exception):
    """Enough has happened."""


async def run(
    time: Time, *, calls: int, later: Iterable[int] = (), busy_ns: Iterable[int] = ()
) -> tuple[Clock, list[tuple[str, int, int, int]]]:
    """Run a clock for so many calls: who was called, with which number, due when, and when it was, since the start."""
    start_ns = time.now_ns
    seen: list[tuple[str, int, int, int]] = []
    work = iter(busy_ns)

    def called(name: str) -> Tick:
        def tick(number: int, deadline_ns: int) -> None:
            seen.append((name, number, deadline_ns - start_ns, time.now_ns - start_ns))
            time.now_ns += next(work, 0)
            if len(seen) == calls:
                raise Done

        return tick

    others = [(offset_ns, called(f"+{offset_ns // 1_000_000}")) for offset_ns in later]
    clock = Clock(called("tick"), lambda: others)
    with pytest.raises(Done):
        await asyncio.wait_for(clock.run(), PATIENCE_SECONDS)
    return clock, seen


async def test_a_tick_comes_every_20_ms_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    _, seen = await run(Time(monkeypatch), calls=4, busy_ns=[3_000_000] * 4)
    assert seen == [("tick", n, n * TICK_NS, n * TICK_NS) for n in range(4)]


async def test_what_comes_later_has_the_same_number_and_its_own_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    _, seen = await run(Time(monkeypatch), calls=6, later=[LATER_NS, 2 * LATER_NS])
    assert seen == [
        (name, number, number * TICK_NS + offset, number * TICK_NS + offset)
        for number in range(2)
        for name, offset in (("tick", 0), ("+5", LATER_NS), ("+10", 2 * LATER_NS))
    ]


async def test_what_comes_late_is_run_at_once_with_the_time_at_which_it_was_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, seen = await run(Time(monkeypatch), calls=5, later=[LATER_NS], busy_ns=[50_000_000])
    assert seen == [
        ("tick", 0, 0, 0),
        ("+5", 0, LATER_NS, 50_000_000),
        ("tick", 1, TICK_NS, 50_000_000),
        ("+5", 1, TICK_NS + LATER_NS, 50_000_000),
        ("tick", 2, 2 * TICK_NS, 50_000_000),
    ]
    assert (clock.stats.ticks, clock.stats.skipped) == (3, 0)
    assert clock.stats.lateness.worst_ns == 50_000_000 - LATER_NS


async def test_after_a_long_stop_ticks_are_skipped_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = (MAX_CATCH_UP_TICKS + 5) * TICK_NS
    clock, seen = await run(Time(monkeypatch), calls=4, later=[LATER_NS], busy_ns=[0, stop])
    numbers = [number for _, number, _, _ in seen]
    assert numbers == [0, 0, 1 + clock.stats.skipped, 1 + clock.stats.skipped]
    assert clock.stats.skipped == MAX_CATCH_UP_TICKS + 4


async def test_while_nobody_is_there_ticks_are_rare_and_keep_step_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)
    start_ns = time.now_ns
    seen: list[tuple[int, int]] = []

    def tick(number: int, deadline_ns: int) -> None:
        seen.append((number, deadline_ns - start_ns))
        if len(seen) == 6:
            raise Done

    clock = Clock(tick, idle=lambda: len(seen) < 3)
    with pytest.raises(Done):
        await asyncio.wait_for(clock.run(), PATIENCE_SECONDS)
    numbers = [0, IDLE_TICKS, 2 * IDLE_TICKS, 2 * IDLE_TICKS + 1, 2 * IDLE_TICKS + 2, 2 * IDLE_TICKS + 3]
    assert seen == [(number, number * TICK_NS) for number in numbers]
    assert (clock.stats.lateness.late, clock.stats.skipped) == (0, 0)


async def test_before_every_tick_there_is_a_look_at_what_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    Time(monkeypatch)
    seen: list[str] = []

    def tick(number: int, _: int) -> None:
        seen.append(f"tick {number}")
        if number == 2:
            raise Done

    later = [(LATER_NS, lambda number, _: seen.append(f"later {number}"))]
    with pytest.raises(Done):
        await Clock(tick, lambda: later, before=lambda _: seen.append("look")).run()
    assert seen == ["look", "tick 0", "look", "later 0", "look", "tick 1", "look", "later 1", "look", "tick 2"]


async def test_who_stops_the_clock_is_not_called_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    Time(monkeypatch)
    seen: list[int] = []
    running = asyncio.create_task(Clock(lambda number, _: seen.append(number)).run())
    for _ in range(5):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    ticks = len(seen)
    assert ticks > 1
    for _ in range(5):
        await asyncio.sleep(0)
    assert running.cancelled()
    assert len(seen) == ticks


async def test_an_error_ends_the_clock_and_is_seen_by_who_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Time(monkeypatch)
    seen: list[int] = []

    def tick(number: int, deadline_ns: int) -> None:
        seen.append(number)
        if number == 2:
            raise ValueError("a tick that fails")

    with pytest.raises(ValueError, match="a tick that fails"):
        await asyncio.wait_for(Clock(tick).run(), PATIENCE_SECONDS)
    await asyncio.sleep(0)
    assert seen == [0, 1, 2]


async def test_after_every_round_of_ticks_it_is_told_how_late_the_latest_began(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)
    start_ns, work = time.now_ns, iter([0, 0, 8_000_000, 1_000_000, 0, 0])
    told: list[tuple[int, int]] = []

    def tick(number: int, deadline_ns: int) -> None:
        time.now_ns += next(work)

    def after(now_ns: int, cpu_ns: int, late_ns: int) -> None:
        assert cpu_ns > 0
        told.append((now_ns - start_ns, late_ns))
        if len(told) == 3:
            raise Done

    clock = Clock(tick, lambda: [(LATER_NS, tick)], after=after)
    with pytest.raises(Done):
        await asyncio.wait_for(clock.run(), PATIENCE_SECONDS)
    assert told == [(LATER_NS, 0), (TICK_NS + 9_000_000, 3_000_000), (2 * TICK_NS + LATER_NS, 0)]
