"""What signals do to a server that runs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from conference.cli.serve import _on_signals
from conference.room.conference import Conference
from conference.web.drain import Drain

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {one: signal.getsignal(one) for one in SIGNALS}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


class Kept(Drain):
    """A drain of a server that somebody is in."""

    people = 1


async def send(number: int) -> None:
    """Send a signal to this process, and wait until the event loop has taken it."""
    taken = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, taken.set)
    os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGUSR2)
    await asyncio.wait_for(taken.wait(), 60)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR2)


@pytest.mark.parametrize(("asked_for", "left"), [(3600, 300), (0, 300), (60, 60)])
async def test_the_first_sigterm_ends_no_calls_of_a_server_that_is_drained_already(asked_for: int, left: int) -> None:
    now = 1_000.0
    stop, drain = asyncio.Event(), Kept(Conference(), lambda: now)
    try:
        _on_signals(stop, drain, 300.0)
        drain.begin(asked_for)
        now += 1
        await send(signal.SIGTERM)
        assert not stop.is_set()
        assert drain.ends_at == (now + left if left == 300 else now - 1 + left)
        await send(signal.SIGTERM)
        assert stop.is_set()
    finally:
        drain.close()


async def test_without_a_time_the_first_sigterm_is_the_end() -> None:
    stop, drain = asyncio.Event(), Kept(Conference(), lambda: 0.0)
    _on_signals(stop, drain, 0.0)
    await send(signal.SIGUSR1)
    await send(signal.SIGUSR1)
    assert drain.begun
    assert not stop.is_set()
    await send(signal.SIGTERM)
    assert stop.is_set()
