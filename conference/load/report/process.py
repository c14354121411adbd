"""What a process on this machine takes, read from ``/proc`` (Linux only), and which one serves a port."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

_LISTEN = "0A"


def can_look() -> bool:
    """Whether this system has ``/proc``."""
    return Path("/proc/self/stat").exists()


def cpu_seconds(pid: int) -> float:
    """CPU time used so far, user and system, all threads.

    Raises:
        OSError: there is no such process.
    """
    # proc(5): utime and stime are fields 14 and 15; the second field may itself hold spaces and parentheses.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Memory in RAM.

    Raises:
        OSError: there is no such process.
    """
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def apart(pid: int) -> Iterator[None]:
    """Give a process the first processor that this one may use; this one, and what it starts, has the others.

    Raises:
        OSError: there is no such process, it is somebody else's, or there is but one processor.
    """
    if sys.platform != "linux":
        raise OSError("only Linux can do that")
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise OSError("there is but one processor")
    before = {int(one.name): os.sched_getaffinity(int(one.name)) for one in Path(f"/proc/{pid}/task").iterdir()}
    try:
        for thread in before:
            os.sched_setaffinity(thread, {first})
        os.sched_setaffinity(0, others)
        yield
    finally:
        os.sched_setaffinity(0, {first, *others})
        for thread, processors in before.items():
            with contextlib.suppress(OSError):  # it has ended
                os.sched_setaffinity(thread, processors)


def listener(host: str, port: int) -> int | None:
    """The process that serves a TCP port of this machine; ``None`` if it is not here, or cannot be seen."""
    if not can_look() or not _is_here(host):
        return None
    wanted = {f"socket:[{inode}]" for inode in _listening(port)}
    if not wanted:
        return None
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _holds(entry, wanted):
            return int(entry.name)
    return None


def _is_here(host: str) -> bool:
    """Whether a name is this machine's: a socket can be bound to its address."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, _, _, address in found:
        try:
            with socket.socket(family, kind) as probe:
                probe.bind(address)
                return True
        except OSError:
            continue
    return False


def _listening(port: int) -> set[str]:
    inodes = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        files = list((process / "fd").iterdir())
    except OSError:  # not ours, or just gone
        return False
    return any(_target(file) in sockets for file in files)


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:  # closed since it was listed: a server closes connections all the time
        return ""
