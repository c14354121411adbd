"""What a decision about everybody costs: how long it holds the event loop, and whose event stream is cut off.

    python -m bench.moderation                       # rooms of 200 and of 700
    python -m bench.moderation --people 300 --each   # readers who are told of each participant by themselves

The server is in this process, its participants are local ones, twenty of whom talk. As many readers as there are people
follow the room's events, in a process of their own. A hold is the CPU time of the loop's thread between two turns of a
timer, so that other work of the machine is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from aiohttp import web

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.codecs.base import Codec
from conference.engine.garbage import Collector
from conference.room.participant import Mix, Participant
from conference.room.room import Room
from conference.settings import Settings
from conference.web.app import build_app
from conference.web.live import SERVER, Server

ROOM = "followed"
TALKERS = 20
_PROBE_SECONDS = 0.001
_SETTLE_SECONDS = 0.3


class Tone:
    """Talks without end."""

    def __init__(self) -> None:
        self._frame = np.round(3000 * np.sin(np.arange(FRAME_SAMPLES) * 2 * math.pi / 96)).astype(np.int16)

    def pull(self, now_ns: int) -> Samples | None:
        return self._frame


class Nowhere:
    """Hears, and forgets."""

    codec: Codec | None = None
    packets_only = True

    def deliver(self, mix: Mix) -> None:
        pass


class Holds:
    """The longest time for which the event loop's thread was busy without a look at its timers."""

    def __init__(self) -> None:
        self.longest = 0.0
        """Seconds of CPU time."""

        self._before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure what happens meanwhile."""
        self.longest, self._before = 0.0, time.thread_time()
        self._look()
        yield
        self._look()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._before)
        self._before = now
        self._timer = asyncio.get_running_loop().call_later(_PROBE_SECONDS, self._look)


@dataclass(frozen=True, slots=True)
class Told:
    """What the readers got since they were last asked."""

    events: Counter[str]
    cut_off: int
    megabytes: float


class Readers:
    """A process that follows a room's events, with a connection for each of these seats."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, port: int, seats: list[str], *, each: bool) -> Readers:
        """Begin to read; all have got the snapshot then."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.moderation", "--read", str(port), *(["--each"] if each else [])),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        readers = cls(process)
        await readers._ask(seats)
        return readers

    async def told(self) -> Told:
        """What came, once nothing has come for a while."""
        answer = await self._ask("what")
        return Told(Counter(answer["events"]), answer["cut_off"], answer["bytes"] / 1e6)

    async def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def _ask(self, question: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())


class FollowedConference:
    """A server with one room of so many people, all of whom read its events."""

    def __init__(self, server: Server, port: int, people: int) -> None:
        self.server = server
        self.port = port
        self.people = people
        self.holds = Holds()

    @property
    def room(self) -> Room:
        return self.server.conference.rooms[ROOM]

    def join(self, number: int) -> str:
        """Let one in; gives a proof of their seat."""
        participant = Participant(
            id=f"{number:016x}",
            name=f"Somebody {number}",
            transport="local",
            joined_at=time.time(),
            source=Tone() if 0 < number <= TALKERS else None,
            sink=Nowhere(),
            role="host" if number == 0 else "speaker",
        )
        self.server.conference.join(ROOM, participant)
        return self.server.seats.issue(ROOM, participant.id)


Decision = Callable[[FollowedConference], Awaitable[None]]


async def _measure(people: int, what: str, decide: Decision, *, each: bool, lobby: bool = False) -> None:
    settings = Settings(
        port=0, udp_port=0, announce_ips=("127.0.0.1",), max_participants_per_room=5000, max_joins_per_minute=0
    )
    app = build_app(replace(settings, lobby="admit") if lobby else settings)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
    await site.start()
    followed = FollowedConference(app[SERVER], runner.addresses[0][1], people)
    proofs = [followed.join(number) for number in range(people)]
    readers = await Readers.start(followed.port, proofs, each=each)
    await asyncio.sleep(_SETTLE_SECONDS)
    await readers.told()
    Collector(lambda: False).collect()  # as the command does
    with followed.holds.measured():
        await decide(followed)
        told = await readers.told()
    streams = len(followed.server.feeds)
    await readers.stop()
    await runner.cleanup()
    events = ", ".join(f"{count / people:.3g} {name}" for name, count in told.events.most_common(3))
    print(
        f"{people:5} people  {what:12} longest hold {followed.holds.longest * 1e3:7.1f} ms   "
        f"cut off {told.cut_off:3} (open {streams})   {told.megabytes:6.1f} MB   each: {events}",
        flush=True,
    )


async def _nothing(followed: FollowedConference) -> None:
    await asyncio.sleep(1)


async def _mute_all(followed: FollowedConference) -> None:
    followed.room.mute_all((), by="the host")
    await asyncio.sleep(1)


async def _admit_all(followed: FollowedConference) -> None:
    followed.room.admit_all(by="the host")
    await asyncio.sleep(1)


async def _lock(followed: FollowedConference) -> None:
    followed.room.set_policy(replace(followed.room.policy, locked=True), by="the host")
    await asyncio.sleep(1)


async def _many_join(followed: FollowedConference) -> None:
    begin = time.monotonic()
    for number in range(300):
        followed.join(10_000 + number)
        await asyncio.sleep(max(0.0, begin + number / 300 - time.monotonic()))
    await asyncio.sleep(1)


async def _end(followed: FollowedConference) -> None:
    followed.server.conference.end(ROOM, "The conference was ended.", by="the host")
    await asyncio.sleep(1)


async def _all_lost(followed: FollowedConference) -> None:
    for participant_id in list(followed.room.participants)[1:]:
        followed.server.conference.leave(ROOM, participant_id, "The connection was lost.", "lost")
    await asyncio.sleep(1)


DECISIONS: dict[str, Decision] = {
    "(levels)": _nothing,
    "mute all": _mute_all,
    "admit all": _admit_all,
    "lock": _lock,
    "300 join": _many_join,
    "all are lost": _all_lost,
    "end": _end,
}


# The readers' process


def _read(port: int, *, each: bool) -> None:
    seats = json.loads(sys.stdin.readline())
    selector = selectors.DefaultSelector()
    unheard: set[socket.socket] = set()
    for seat in seats:
        connection = socket.create_connection(("127.0.0.1", port))
        query = f"seat={seat}" + ("" if each else "&batch=1")
        connection.sendall(f"GET /rooms/{ROOM}/events?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ, connection)
        unheard.add(connection)
    events: Counter[str] = Counter()
    total = cut_off = 0
    question = "seats"
    selector.register(sys.stdin, selectors.EVENT_READ)
    quiet_since = time.monotonic()
    while True:
        for key, _ in selector.select(0.05):
            connection = key.data
            if connection is None:
                question = sys.stdin.readline()
                if not question:
                    return
                quiet_since = time.monotonic()
                continue
            data = connection.recv(1 << 20)
            if not data:
                selector.unregister(connection)
                cut_off += 1
            total += len(data)
            for line in data.split(b"\n"):
                if line.startswith(b"event: ") and line != b"event: levels":
                    events[line[7:].decode()] += 1
                    quiet_since = time.monotonic()
                    unheard.discard(connection)
        if question and not unheard and time.monotonic() - quiet_since > 2 * _SETTLE_SECONDS:
            print(json.dumps({"events": events, "cut_off": cut_off, "bytes": total}), flush=True)
            events, total, cut_off, question = Counter(), 0, 0, ""


def main() -> None:
    """Print what each decision costs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, nargs="+", default=[200, 700])
    parser.add_argument("--only", choices=list(DECISIONS), nargs="+", default=list(DECISIONS))
    parser.add_argument("--each", action="store_true", help="readers who do not ask for events about many")
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if arguments.read:
        _read(arguments.read, each=arguments.each)
        return
    for people in arguments.people:
        for what in arguments.only:
            lobby = what == "admit all"
            asyncio.run(_measure(people, what, DECISIONS[what], each=arguments.each, lobby=lobby))


if __name__ == "__main__":
    main()
