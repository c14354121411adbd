"""A server of our own for a benchmark: a subprocess on loopback, measured from outside through ``/proc``."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from conference.load.report import process

ROOT = Path(__file__).resolve().parent.parent
RELAXED = (
    "--max-joins-per-minute",
    "0",
    "--max-participants-per-room",
    "5000",
    "--max-requests-per-address",
    "0",
    "--max-requests-per-second",
    "0",
)
"""Options that let a crowd of one machine in."""

START_SECONDS = 60.0
STOP_SECONDS = 5.0
_LATENESS = re.compile(r'^conference_tick_lateness_seconds_bucket\{le="([^"]+)"\} (\S+)', re.MULTILINE)


class BenchError(Exception):
    """The benchmark can't be run here; the text says why."""


class Server:
    """``python server.py`` on free loopback ports, with limits that don't get in the way. A context manager.

    Args:
        options: further ones of the command line, in place of those limits.
        textbook: start `bench.textbook` instead, the baseline.
        unshared: start `bench.unshared` instead: this server, with an encoder for each listener.
        processor: the one that it may use; ``None`` for any.
        root: the checkout that it is of; this one if ``None``.

    Raises:
        BenchError: it did not come up; with the end of its log.
    """

    def __init__(
        self,
        options: Sequence[str] = RELAXED,
        *,
        textbook: bool = False,
        unshared: bool = False,
        processor: int | None = None,
        root: Path | None = None,
    ) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server
        root = root or ROOT
        arguments = ["-m", "bench.unshared", "serve"] if unshared else [str(root / "server.py")]
        arguments += ["--host", "127.0.0.1", "--announce-ip", "127.0.0.1", "--log-level", "warning", *options]
        if textbook:
            arguments = ["-m", "bench.textbook"]
        self._process = subprocess.Popen(
            [sys.executable, *arguments, "--port", str(self.port)], cwd=root, stdout=self._log, stderr=self._log
        )

        if processor is not None:
            os.sched_setaffinity(self._process.pid, {processor})

    @property
    def pid(self) -> int:
        """Of the server's process."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self.wait()

    def wait(self) -> Self:
        """Return when it answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=1):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        raise BenchError(f"The server did not come up.\n{self._tail}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server; by force if it does not go by itself."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if not self._log.closed:
            self._log.seek(0)
            self._tail = self._log.read()[-2000:].decode(errors="replace")
            self._log.close()

    def cpu_seconds(self) -> float:
        """CPU time used so far, user and system, all threads."""
        return process.cpu_seconds(self.pid)

    def resident_bytes(self) -> int:
        """Memory in RAM."""
        return process.resident_bytes(self.pid)

    def log_bytes(self) -> int:
        """Size of what it has logged so far."""
        return os.fstat(self._log.fileno()).st_size


def lateness_in(metrics: str) -> dict[str, int]:
    """How many ticks began no later than so many seconds, from the text of ``/metrics``."""
    return {bound: round(float(count)) for bound, count in _LATENESS.findall(metrics)}


def need_linux() -> None:
    """Say so where ``/proc`` isn't.

    Raises:
        BenchError: another system.
    """
    if not process.can_look():
        raise BenchError("This benchmark reads /proc, which only Linux has.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
