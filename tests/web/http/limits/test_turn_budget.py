from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from conference.web.http.limits.turn_budget import TurnBudget


class Work:
    """Work that takes a time that is told by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.budget = TurnBudget(1.0, lambda: self.now)
        self.done: list[int] = []
        self.turns = 0

    def add(self, number: int, seconds: float) -> bool:
        def work() -> None:
            self.now += seconds
            self.done.append(number)

        return self.budget.do(work)


async def test_what_there_is_no_time_for_is_done_in_the_next_turn() -> None:
    work = Work()
    assert work.add(0, 0.6)
    assert work.add(1, 0.6)
    assert not work.add(2, 0.6)
    assert work.done == [0, 1]
    await asyncio.sleep(0)
    assert work.done == [0, 1, 2]
    assert work.add(3, 0.1)


async def test_what_comes_later_does_not_overtake_what_waits() -> None:
    work = Work()
    assert work.add(0, 2.0)
    assert [work.add(number, 2.0) for number in (1, 2)] == [False, False]
    await asyncio.sleep(0)
    assert not work.add(3, 0.0)
    for _ in range(3):
        await asyncio.sleep(0)
    assert work.done == [0, 1, 2, 3]


@given(st.lists(st.floats(0, 3), max_size=40))
def test_everything_is_done_in_order_and_no_turn_takes_longer_than_it_may(times: list[float]) -> None:
    async def run() -> None:
        work = Work()
        for number, seconds in enumerate(times):
            work.add(number, seconds)
        while len(work.done) < len(times):
            before, last = work.now, len(work.done)
            await asyncio.sleep(0)
            assert sum(times[last : len(work.done) - 1]) <= 1.0 + 1e-9 or work.now == before
        assert work.done == list(range(len(times)))

    asyncio.run(run())
