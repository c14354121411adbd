"""What is seen of a process of this machine, and how it gets a processor of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conference.load.report.process import apart, can_look, cpu_seconds, listener, resident_bytes

pytestmark = pytest.mark.skipif(not can_look(), reason="MISSING: /proc, which this system does not have")

NOBODY = 2**22 + 1
"""No process has this number: it is above what Linux gives."""


class Processors:
    """Which threads may run where."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *processors: int) -> None:
        self.of: dict[int, set[int]] = {0: set(processors)}
        self.all = set(processors)
        self.threads = {int(one) for one in os.listdir("/proc/self/task")}  # noqa: PTH208
        monkeypatch.setattr(os, "sched_getaffinity", self._of)
        monkeypatch.setattr(os, "sched_setaffinity", lambda thread, where: self.of.__setitem__(thread, set(where)))

    def _of(self, thread: int) -> set[int]:
        if thread not in self.of and thread not in self.threads:
            raise ProcessLookupError(thread)
        return set(self.of.get(thread, self.all))


def test_the_time_that_a_process_takes_is_that_of_the_processor() -> None:
    before, began = cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() - began < 0.05:
        pass
    took = cpu_seconds(os.getpid()) - before
    assert 0.03 <= took <= time.process_time() - began + 0.03


HOLDS = "import sys; held = bytearray(b'x') * int(sys.argv[1]); print(flush=True); sys.stdin.read()"


def resident_with(held_bytes: int) -> int:
    """What a process takes that holds so much."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(held_bytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return resident_bytes(process.pid)


def test_the_memory_of_a_process_grows_with_what_it_holds() -> None:
    grown = resident_with(64 * 2**20) - resident_with(1)
    assert 48 * 2**20 < grown < 80 * 2**20


def test_there_is_no_process_that_there_is_not() -> None:
    for look in (cpu_seconds, resident_bytes):
        with pytest.raises(OSError, match="No such file"):
            look(NOBODY)


def test_who_serves_a_port_is_found_and_nobody_where_nobody_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listener("127.0.0.1", port) == listener("localhost", port) == os.getpid()
        assert listener("192.0.2.7", port) is None, "that is another machine"
        assert listener("no.such.name.invalid", port) is None
    assert listener("127.0.0.1", port) is None


@pytest.mark.skipif(not can_look(), reason="MISSING: /proc, which is Linux's")
def test_who_serves_a_port_is_found_while_it_closes_other_files(monkeypatch: pytest.MonkeyPatch) -> None:
    listed, read, closed = Path.iterdir, Path.readlink, os.open(os.devnull, os.O_RDONLY)

    def vanishing(self: Path) -> Iterator[Path]:
        found = list(listed(self))
        gone = self / str(closed)
        return iter([gone, *found] if gone in found else found)

    def reading(self: Path) -> Path:
        if self.name == str(closed):
            raise FileNotFoundError(self)
        return read(self)

    monkeypatch.setattr(Path, "iterdir", vanishing)
    monkeypatch.setattr(Path, "readlink", reading)
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert listener("127.0.0.1", server.getsockname()[1]) == os.getpid()
    finally:
        os.close(closed)


@pytest.mark.skipif(sys.platform != "linux", reason="MISSING: Linux, which alone says which threads may run where")
def test_a_process_gets_the_first_processor_and_everybody_else_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    processors = Processors(monkeypatch, 2, 3, 5)
    threads = {int(one) for one in os.listdir(f"/proc/{os.getpid()}/task")}  # noqa: PTH208
    with apart(os.getpid()):
        assert processors.of[0] == {3, 5}
        assert {frozenset(processors.of[one]) for one in threads} == {frozenset({2})}
    assert processors.of[0] == {2, 3, 5}
    assert {frozenset(processors.of[one]) for one in threads} == {frozenset({2, 3, 5})}


@pytest.mark.skipif(sys.platform != "linux", reason="MISSING: Linux, which alone says which threads may run where")
def test_where_there_is_but_one_processor_nobody_gets_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    processors = Processors(monkeypatch, 4)
    with pytest.raises(OSError, match="but one processor"), apart(os.getpid()):
        raise AssertionError
    assert processors.of == {0: {4}}
