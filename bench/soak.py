"""Coming and going, again and again: does the server's memory stay what it was.

    python -m bench.soak                        # 12 rounds of 40 people: as many joins as in hours of a busy room
    python -m bench.soak --rounds 60 --people 100

In each round people join a room in which two talk on, stay for a moment, and leave: half of them say so, the others
just fall silent, and are given up. It prints what the server takes after each round, and how much that grew per join
since the second one; the first fills what is kept for later.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import aiohttp

from bench.server import BenchError, Server, need_linux
from conference.load.peer import FastPeer
from conference.load.schedule import Schedule
from conference.load.scripts import Script, humming, talking
from conference.webrtc.whip import JoinError

STAY_SECONDS = 2.0
FORGET_SECONDS = 10.0
"""Longer than a server waits for those who fell silent."""

JOINS_AT_ONCE = 4


class Soak:
    """One test.

    Args:
        server: that they come to.
        session: to make requests with.
    """

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self._server, self._session = server, session
        self._load = Schedule()
        self._gate = asyncio.Semaphore(JOINS_AT_ONCE)

    async def run(self, rounds: int, people: int) -> list[int]:
        """All rounds. Returns the server's memory in bytes before them, and after each."""
        sending = asyncio.create_task(self._load.run())
        talkers = await self._join([talking(0), talking(1)])
        memory = [self._server.resident_bytes()]
        quiet = humming(levels=True)
        try:
            for number in range(rounds):
                crowd = await self._join([quiet] * people)
                await asyncio.sleep(STAY_SECONDS)
                await self._leave(crowd)
                await asyncio.sleep(FORGET_SECONDS)
                memory.append(self._server.resident_bytes())
                print(f"round {number + 1:>3}: {memory[-1] / 2**20:7.1f} MiB", flush=True)
        finally:
            sending.cancel()
            await asyncio.gather(*(one.close() for one in talkers))
        return memory

    async def _join(self, scripts: Sequence[Script]) -> list[FastPeer]:
        async def join(number: int, script: Script) -> FastPeer:
            peer = FastPeer(self._session, self._server.url, "soak", f"p{number}")
            async with self._gate:
                await peer.connect()
            peer.stop_waking()
            self._load.add(peer, script)
            return peer

        return list(await asyncio.gather(*(join(number, one) for number, one in enumerate(scripts))))

    async def _leave(self, crowd: Sequence[FastPeer]) -> None:
        for number, peer in enumerate(crowd):
            self._load.remove(peer)
            if number % 2:
                peer.vanish()
        await asyncio.gather(*(peer.close() for peer in crowd), return_exceptions=True)


async def measure(rounds: int, people: int) -> str:
    """Start a server, and let them come and go."""
    with Server() as server:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            memory = await Soak(server, session).run(rounds, people)
    grown = (memory[-1] - memory[2]) / (people * (rounds - 2))
    return f"{rounds * people} joins. Since the second round it grew by {grown:.0f} bytes for each of them."


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Whether memory stays what it was.")
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="how often they come and go (12)")
    parser.add_argument("--people", type=int, default=40, metavar="N", help="how many (40)")
    args = parser.parse_args()
    if not 3 <= args.rounds <= 10_000 or not 2 <= args.people <= 900:
        parser.error("3 to 10000 rounds of 2 to 900 people")
    try:
        need_linux()
        limit = 60 + args.rounds * (args.people + STAY_SECONDS + FORGET_SECONDS)
        print(asyncio.run(asyncio.wait_for(measure(args.rounds, args.people), limit)))
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.soak: {error or 'it took too long'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
