"""What waits for a reader is bounded, comes in order, and ends."""

from __future__ import annotations

import asyncio
import gc

import pytest

from conference.public.inbox import Fan, Inbox


async def test_a_reader_gets_what_comes_in_order_and_then_the_end() -> None:
    inbox: Inbox[int] = Inbox(10)
    for number in range(3):
        inbox.put(number)
    inbox.end()
    inbox.put(99)
    assert [one async for one in inbox] == [0, 1, 2]
    assert inbox.dropped == 0


async def test_with_too_many_waiting_the_oldest_go() -> None:
    inbox: Inbox[int] = Inbox(3)
    for number in range(10):
        inbox.put(number)
    inbox.end()
    assert [one async for one in inbox] == [7, 8, 9]
    assert inbox.dropped == 7


async def test_a_reader_who_waits_is_woken_by_what_comes_and_by_the_end() -> None:
    inbox: Inbox[int] = Inbox(3)
    asyncio.get_running_loop().call_soon(inbox.put, 1)
    assert await anext(inbox) == 1
    asyncio.get_running_loop().call_soon(inbox.end)
    assert await anext(inbox, None) is None


async def test_an_error_comes_after_all_that_was_there() -> None:
    inbox: Inbox[int] = Inbox(3)
    inbox.put(1)
    inbox.end(OSError("gone"))
    assert await anext(inbox) == 1
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            await anext(inbox)


async def test_a_reader_that_is_cancelled_leaves_what_comes_for_the_next() -> None:
    inbox: Inbox[int] = Inbox(3)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(inbox), 0.001)
    inbox.put(1)
    assert await anext(inbox) == 1


async def test_all_readers_get_all_and_one_that_is_dropped_is_forgotten() -> None:
    fan: Fan[int] = Fan(5)
    assert not fan
    one, other = fan.subscribe(), fan.subscribe()
    fan.put(1)
    del other
    gc.collect()
    assert fan
    assert await anext(one) == 1
    del one
    gc.collect()
    assert not fan


async def test_who_subscribes_after_the_end_is_told_so() -> None:
    fan: Fan[int] = Fan(5)
    fan.end(OSError("gone"))
    fan.end()
    with pytest.raises(OSError, match="gone"):
        await anext(fan.subscribe())


async def test_of_two_tasks_that_share_a_reader_each_item_wakes_one() -> None:
    inbox = Fan[int](5).subscribe()
    waiting = [asyncio.ensure_future(anext(inbox)) for _ in range(2)]
    await asyncio.sleep(0)
    for item in (1, 2):
        inbox.put(item)
    async with asyncio.timeout(10):
        assert sorted(await asyncio.gather(*waiting)) == [1, 2]
