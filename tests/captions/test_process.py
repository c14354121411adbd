"""A process that recognises may die, hang or say too much: another takes its place, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conference.captions.engines.base import Heard
from conference.captions.engines.known import read_engine
from conference.captions.pool import Pool
from conference.captions.settings import CaptionSettings
from conference.captions.wire import Order
from tests.recording.recorded import tone

ENGINE = "python:tests.captions.captioned:Tones"
ROOT = Path(__file__).parents[2]

READY = (
    "import sys; out = sys.stdout.buffer; out.write(b'{\"ready\": true}\\n'); out.flush(); stdin = sys.stdin.buffer\n"
)
DIES = READY + 'stdin.read(1); out.write(b\'{"utterance": 1, "text": "so far", "final": false}\\n\')'
HANGS = READY + "import time; time.sleep(600)"
FLOODS = READY + 'stdin.read(1)\nwhile True: out.write(b\'{"utterance": 1, "text": "x", "final": false}\\n\' * 100)'
LONG_LINE = READY + "stdin.read(1)\nout.write(b'x' * 10_000_000); out.flush(); stdin.read()"
GARBAGE = READY + 'out.write(b\'\\xff[]\\n{}\\nnull\\n{"utterance": 77, "over": true}\\n\'); out.flush(); stdin.read()'
FAILS = 'import sys; sys.stdout.write(\'{"failed": "there is no model."}\\n\'); sys.exit(3)'


@dataclass
class Ear:
    """Keeps what becomes of an utterance."""

    told: list[Heard] = field(default_factory=list)
    ended: bool = False

    def heard(self, heard: Heard) -> None:
        self.told.append(heard)

    def over(self) -> None:
        self.ended = True


async def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline, f"never came true: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(program: str | None = None, **more: object) -> AsyncIterator[tuple[Pool, dict[str, int]]]:
    """A pool of one process: that of an engine, or another program in its place. Its clock can be put forward."""
    clock = {"ahead": 0}
    settings = CaptionSettings(captions_engine=read_engine(ENGINE), captions_processes=1, **more)  # type: ignore[arg-type]
    command = None if program is None else (sys.executable, "-c", program)
    pool = Pool(settings, lambda: time.monotonic_ns() + clock["ahead"], command)
    await pool.open()
    try:
        yield pool, clock
    finally:
        await pool.close()


def pid_of(pool: Pool) -> int:
    process = pool.processes[0]._process
    assert process is not None
    return process.pid


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one of which nobody has taken notice yet, has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


async def test_what_is_said_is_recognised_in_a_process_of_its_own() -> None:
    async with running() as (pool, _):
        await until(lambda: pool.ready, "it is ready")
        ear = Ear()
        utterance = pool.begin(ear)
        assert utterance is not None
        for tick in range(50):
            utterance.send(Order.SAMPLES, tone(900.0, tick).astype("<i2").tobytes())
            utterance.flush()
        utterance.end()
        await until(lambda: ear.ended, "it is over")
        assert [(one.text, one.final) for one in ear.told][-1] == ("900", True)
        assert pool.waiting == 0
        assert pool.processes[0].open == 0
        pid = pid_of(pool)
        assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)
    assert is_gone(pid)


@pytest.mark.parametrize("program", [DIES, FLOODS, LONG_LINE], ids=["dies", "floods", "says too much in a line"])
async def test_a_process_that_dies_or_says_too_much_is_ended_and_another_takes_its_place(program: str) -> None:
    async with running(program) as (pool, _):
        await until(lambda: pool.ready, "it is ready")
        first, ear = pid_of(pool), Ear()
        utterance = pool.begin(ear)
        assert utterance is not None
        utterance.send(Order.SAMPLES, bytes(1920))
        utterance.end()
        await until(lambda: ear.ended, "nobody waits for it any more")
        await until(lambda: pool.ready and pid_of(pool) != first, "there is another")
        assert is_gone(first)
        assert pool.waiting == 0
        assert pool.restarts >= 1
        second = pid_of(pool)
    await until(lambda: is_gone(second), "nothing is left of it")


async def test_a_process_that_hangs_is_ended_and_one_that_has_nothing_to_do_is_not() -> None:
    async with running(HANGS, captions_hang=30.0) as (pool, clock):
        await until(lambda: pool.ready, "it is ready")
        first, ear = pid_of(pool), Ear()
        clock["ahead"] = 3600 * 10**9
        pool.processes[0].check()
        utterance = pool.begin(ear)
        assert utterance is not None
        utterance.send(Order.SAMPLES, bytes(1920))
        utterance.flush()
        pool.processes[0].check()
        assert not is_gone(first)
        clock["ahead"] += 31 * 10**9
        pool.processes[0].check()
        await until(lambda: ear.ended, "nobody waits for it any more")
        assert is_gone(first)
        assert "nothing for too long" in pool.processes[0].failure


async def test_a_process_that_never_gets_ready_is_started_anew() -> None:
    async with running("import time; time.sleep(600)", captions_start=100.0) as (pool, clock):
        await until(lambda: pool.processes[0].takes_more, "it has been started")
        first = pid_of(pool)
        clock["ahead"] = 101 * 10**9
        pool.processes[0].check()
        await until(lambda: is_gone(first), "it is gone")


async def test_garbage_is_no_report() -> None:
    async with running(GARBAGE) as (pool, _):
        await until(lambda: pool.ready, "it is ready")
        ear = Ear()
        utterance = pool.begin(ear)
        assert utterance is not None
        await asyncio.sleep(0.2)  # nothing happens: there is nothing to wait for
        assert pool.restarts == 0
        assert not ear.ended


async def test_an_engine_that_cannot_be_loaded_says_why() -> None:
    async with running(FAILS) as (pool, _):
        await until(lambda: pool.processes[0].failure, "it has said so")
        assert pool.processes[0].failure == "there is no model."
        assert not pool.ready


async def test_what_waits_for_a_process_is_bounded_and_the_end_finds_room_always() -> None:
    async with running(HANGS, captions_max_waiting=64 * 1024) as (pool, _):
        await until(lambda: pool.ready, "it is ready")
        ear = Ear()
        utterance = pool.begin(ear)
        assert utterance is not None
        for _ in range(200):
            utterance.send(Order.SAMPLES, bytes(1920))
            utterance.flush()
        most = pool.waiting
        assert 64 * 1024 <= most < 64 * 1024 + 4096
        assert pool.unheard == 1
        utterance.end()
        assert pool.waiting > most
        assert pool.begin(Ear()) is None
        assert pool.unheard == 2


async def test_an_engine_that_raises_ends_its_utterance_alone() -> None:
    async with running() as (pool, _):
        await until(lambda: pool.ready, "it is ready")
        broken, whole = Ear(), Ear()
        first, second = pool.begin(broken), pool.begin(whole)
        assert first is not None
        assert second is not None
        first.send(Order.PACKET, b"\x03xyz")  # no codec of this name
        first.end()
        await until(lambda: broken.ended, "it is over")
        for tick in range(50):
            second.send(Order.SAMPLES, tone(900.0, tick).astype("<i2").tobytes())
        second.end()
        await until(lambda: whole.ended, "the other one, too")
        assert whole.told[-1].text == "900"
        assert pool.restarts == 0


STARTS = f"""
import asyncio, sys, time
sys.path.insert(0, {str(ROOT)!r})
from conference.captions.engines.known import read_engine
from conference.captions.pool import Pool
from conference.captions.settings import CaptionSettings

async def main():
    settings = CaptionSettings(captions_engine=read_engine({ENGINE!r}), captions_processes=1)
    pool = Pool(settings, time.monotonic_ns)
    await pool.open()
    while not pool.ready:
        await asyncio.sleep(0.02)
    print(pool.processes[0]._process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_when_the_server_is_killed_its_processes_are_gone() -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTS, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    pid = int(await server.stdout.readline())
    assert not is_gone(pid)
    server.send_signal(signal.SIGKILL)
    await server.wait()
    await until(lambda: is_gone(pid), "the process is gone, too")
