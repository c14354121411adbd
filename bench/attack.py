"""What strangers can do to those who are talking: a server is attacked in every way we know, one after the other.

    python -m bench.attack                       # all of it: about four minutes
    python -m bench.attack --only stun-addresses stun-optional --pin
    python -m bench.attack --list

In a room of this process two people talk and two listen. An attacker, in a process of their own and at another address
of loopback, does one thing for some seconds; meanwhile somebody new wants to come in. It prints, for each attack and
for the quiet before: what was sent, what it took of the server's processor, which packets the listeners miss, how late
the server's ticks were (20 ms late is a gap that can be heard), and whether the newcomer got in. With ``--pin`` the
server has the first processor to itself. Everything stays on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict

import aiohttp

from bench.attack_report import Row, Sent, Snapshot, report
from bench.attack_target import PIN, ROOM, VAULT, Target, read_answer
from bench.attackers import ATTACKS
from bench.server import ROOT, BenchError, Server, lateness_in, need_linux
from conference.load.client.peer import FastPeer
from conference.load.send_schedule import SendSchedule
from conference.load.signal.scripts import silent, talking
from conference.webrtc.client.whip import JoinError

QUIET = "nothing"
SETTLE_SECONDS = 2.0
NEWCOMER_AFTER_SECONDS = 1.0
NEWCOMER_SECONDS = 10.0
ATTACK_SECONDS = 120.0
"""An attacker who takes longer than that is stopped."""

_SKIPPED = re.compile(r"^conference_ticks_skipped_total (\S+)", re.MULTILINE)
_DROPPED = re.compile(r'^conference_udp_datagrams_dropped_total\{reason="([^"]+)"\} (\S+)', re.MULTILINE)


class Room:
    """Those who talk and listen, all the time.

    Args:
        server: where.
        session: to make requests with.
    """

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self._server, self._session = server, session
        self._load = SendSchedule()
        self.talkers: list[FastPeer] = []
        self.listeners: list[FastPeer] = []

    @asynccontextmanager
    async def open(self, talkers: int, listeners: int) -> AsyncIterator[None]:
        """Let them come, and go at the end."""
        sending = asyncio.create_task(self._load.run())
        try:
            for number in range(talkers + listeners):
                peer = FastPeer(self._session, self._server.url, ROOM, f"p{number}")
                await peer.connect()
                peer.stop_waking()
                self._load.add(peer, talking(number) if number < talkers else silent())
                (self.talkers if number < talkers else self.listeners).append(peer)
            yield
        finally:
            sending.cancel()
            await asyncio.gather(*(peer.close() for peer in (*self.talkers, *self.listeners)), return_exceptions=True)

    async def snapshot(self) -> Snapshot:
        """How it is at this moment; a server with much to do may take its time to say so."""
        server, listeners = self._server, self.listeners
        async with self._session.get(f"{server.url}/metrics") as response:
            text = await response.text()
        return Snapshot(
            at=time.monotonic(),
            lateness=lateness_in(text),
            skipped=sum(round(float(count)) for count in _SKIPPED.findall(text)),
            heard=sum(peer.received for peer in listeners),
            lost=sum(peer.lost for peer in listeners),
            gaps=sum(peer.gaps for peer in listeners),
            log_bytes=server.log_bytes(),
            dropped={why: round(float(count)) for why, count in _DROPPED.findall(text)},
        )


class Usage:
    """What a server takes of the processor from now on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._cpu, self._began = server.cpu_seconds(), time.monotonic()

    def percent(self) -> float:
        """Of a core."""
        return 100 * (self._server.cpu_seconds() - self._cpu) / (time.monotonic() - self._began)


async def newcomer(server: Server) -> float | None:
    """Somebody wants to come in, with connections of their own. Returns after how many ms packets could flow."""
    await asyncio.sleep(NEWCOMER_AFTER_SECONDS)
    timeout = aiohttp.ClientTimeout(total=NEWCOMER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        peer = FastPeer(session, server.url, ROOM, "newcomer")
        try:
            async with asyncio.timeout(NEWCOMER_SECONDS):
                await peer.connect()
            return peer.connected_ms
        except (JoinError, TimeoutError):
            return None
        finally:
            await peer.close()


async def attack(name: str, target: Target, seconds: float, server: Server) -> tuple[Sent, float]:
    """Have one attack done by another process.

    Returns:
        What was sent, and what it took of the server's processor, in percent of a core.

    Raises:
        BenchError: it did not say what it did.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.attackers", name, json.dumps(asdict(target)), str(seconds),
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        async with asyncio.timeout(ATTACK_SECONDS):
            await process.stdout.readline()
            process.stdin.write(b"go\n")
            await process.stdin.drain()
            used = Usage(server)
            told = await process.stdout.readline()
            percent = used.percent()
            await process.wait()
    except TimeoutError:
        raise BenchError(f"The attack '{name}' did not end in time.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return Sent(**json.loads(told)), percent
    except (ValueError, TypeError):
        raise BenchError(f"The attack '{name}' failed.") from None


async def measure_one(name: str, room: Room, server: Server, target: Target, seconds: float) -> Row:
    """One attack, or the quiet."""
    before = await room.snapshot()
    coming = asyncio.create_task(newcomer(server))
    try:
        if name == QUIET:
            sent, used = None, Usage(server)
            await asyncio.sleep(seconds)
            percent = used.percent()
        else:
            sent, percent = await attack(name, target, seconds * ATTACKS[name].times, server)
        joined_ms = await coming
    finally:
        coming.cancel()
    after = await room.snapshot()
    return Row(name, before, after, len(room.listeners), percent, sent, joined_ms)


async def measure(names: Sequence[str], seconds: float, talkers: int, listeners: int, pin: bool) -> list[Row]:
    """Start a server, let them talk, and attack it."""
    rows = []
    with Server(["--pin", f"{VAULT}={PIN}"], processor=0 if pin else None) as server:
        if pin:
            os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            room = Room(server, session)
            async with room.open(talkers, listeners):
                udp_port, ufrag, _ = read_answer(room.talkers[0].answer)
                target = Target(server.port, udp_port, ufrag)
                await asyncio.sleep(SETTLE_SECONDS)
                for name in (QUIET, *names):
                    rows.append(await measure_one(name, room, server, target, seconds))
                    print(f"{name}: done", file=sys.stderr, flush=True)
                    await asyncio.sleep(SETTLE_SECONDS)
    return rows


def make_parser() -> argparse.ArgumentParser:
    """What it can be told."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.attack", description="What strangers can do to those who are talking."
    )
    parser.add_argument("--only", nargs="+", choices=list(ATTACKS), metavar="NAME", help="these attacks, in this order")
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="of most of them (5)")
    parser.add_argument("--talkers", type=int, default=2, metavar="N", help="who talk (2)")
    parser.add_argument("--listeners", type=int, default=2, metavar="N", help="who listen, and say what they miss (2)")
    parser.add_argument("--pin", action="store_true", help="give the server a processor of its own")
    parser.add_argument("--list", action="store_true", help="say what attacks there are")
    return parser


def main() -> int:
    """Read the options, measure, print."""
    parser = make_parser()
    args = parser.parse_args()
    if args.list:
        print("\n".join(f"{name:<16} {one.text}" for name, one in ATTACKS.items()))
        return 0
    if not 2 <= args.seconds <= 30 or not 1 <= args.talkers <= 8 or not 1 <= args.listeners <= 50:
        parser.error("2 to 30 seconds, 1 to 8 talkers, 1 to 50 listeners")
    try:
        need_linux()
        names = args.only or list(ATTACKS)
        print(report(asyncio.run(measure(names, args.seconds, args.talkers, args.listeners, args.pin))))
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.attack: {error or 'it took too long'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
