"""A hundred people come and go in random order, by both ways in, and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from conference.audio.frame import SAMPLE_RATE
from tests.e2e.people import TwilioPerson, WebRtcPerson, twilio_person, webrtc_person
from tests.e2e.running import RunningServer, eventually, running_server
from tests.tones import level_at, tone

pytestmark = pytest.mark.e2e

PEOPLE = 100
AT_ONCE = 8
"""Clients cost more than the server does, and run on the same processors."""


def open_sockets() -> int:
    return sum(1 for one in Path("/proc/self/fd").iterdir() if is_socket(one))


def is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except OSError:  # closed meanwhile
        return False


async def nothing_is_left(server: RunningServer, tasks: int, threads: int, sockets: int) -> None:
    await eventually(lambda: not server.live.conference.rooms, "no room is left")
    gc.collect()
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks, "no task is left")
    await eventually(lambda: threading.active_count() <= threads, "no thread is left")
    await eventually(lambda: open_sockets() <= sockets, "no socket is left")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="MISSING: /proc. Open sockets cannot be counted here.")
async def test_a_hundred_people_come_and_go_and_nothing_is_left() -> None:
    chance = random.Random(7)
    async with running_server() as server:
        async with webrtc_person(server.url, "warm-up", "first"):  # libraries make threads of their own, once
            pass
        await eventually(lambda: not server.live.conference.rooms, "the first has gone")
        before = (len(asyncio.all_tasks()), threading.active_count(), open_sockets())
        seats = asyncio.Semaphore(AT_ONCE)

        async def visit(number: int) -> None:
            come = twilio_person if number % 4 == 0 else webrtc_person
            async with seats, AsyncExitStack() as stack:
                person: WebRtcPerson | TwilioPerson = await stack.enter_async_context(
                    come(server.url, f"room-{number % 3}", f"guest-{number}", tone(300.0 + number, 0.2))
                )
                await asyncio.sleep(chance.uniform(0.05, 0.4))
                if isinstance(person, TwilioPerson) and chance.random() < 0.5:
                    person.hang_up()
                    await asyncio.sleep(0.1)

        numbers = list(range(PEOPLE))
        chance.shuffle(numbers)
        await asyncio.gather(*(visit(number) for number in numbers))
        await nothing_is_left(server, *before)
        assert server.live.engine.stats.ticks > 0


@pytest.mark.alone
async def test_whoever_comes_back_is_heard_at_once(server: RunningServer) -> None:
    async with webrtc_person(server.url, "door", "ear") as ear:
        for frequency in (500.0, 900.0):
            async with webrtc_person(server.url, "door", "guest", tone(frequency, 1.0, fade=0)):
                await eventually(
                    lambda: any(one.talking for one in server.live.conference.rooms["door"].participants.values()),
                    "the guest is heard",
                )
                heard = await ear.hear(1.0)
            assert level_at(heard[SAMPLE_RATE // 4 :], SAMPLE_RATE, frequency) > -20
