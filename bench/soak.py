"""Coming and going, again and again: does the server's memory stay what it was.

    python -m bench.soak                        # 12 rounds of 40 people: as many joins as in hours of a busy room
    python -m bench.soak --rounds 100 --goodbye # thousands of joins in minutes: whether it levels off

In each round people join a room in which two talk on, stay for a moment, and leave: half of them say so, the others
just fall silent, and are given up. It prints what the server takes after each round, and how much that grew per join:
in the first half of the rounds, not counting the first one, which fills what is kept for later; and in the second half,
where hardly anything is left of that. What does not grow any more then is no leak.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import aiohttp

from bench.server import BenchError, Server, need_linux
from conference.load.client.peer import FastPeer
from conference.load.send_schedule import SendSchedule
from conference.load.signal.scripts import Script, humming, talking
from conference.webrtc.client.whip import JoinError

STAY_SECONDS = 2.0
FORGET_SECONDS = 10.0
"""Longer than a server waits for those who fell silent."""

SHORT_STAY_SECONDS = 0.4
SHORT_FORGET_SECONDS = 0.6
"""The same where nobody just falls silent."""

JOINS_AT_ONCE = 4


class Soak:
    """One test.

    Args:
        server: that they come to.
        session: to make requests with.
        goodbye: everybody says so when they leave, and they stay but shortly.
    """

    def __init__(self, server: Server, session: aiohttp.ClientSession, *, goodbye: bool = False) -> None:
        self._server, self._session = server, session
        self._goodbye = goodbye
        self._stay, self._forget = (
            (SHORT_STAY_SECONDS, SHORT_FORGET_SECONDS) if goodbye else (STAY_SECONDS, FORGET_SECONDS)
        )
        self._load = SendSchedule()
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
                await asyncio.sleep(self._stay)
                await self._leave(crowd)
                await asyncio.sleep(self._forget)
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
            if number % 2 and not self._goodbye:
                peer.vanish()
        await asyncio.gather(*(peer.close() for peer in crowd), return_exceptions=True)


async def measure(rounds: int, people: int, *, goodbye: bool) -> str:
    """Start a server, and let them come and go."""
    with Server() as server:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            memory = await Soak(server, session, goodbye=goodbye).run(rounds, people)
    middle = (rounds + 1) // 2
    first, second = (
        (memory[end] - memory[start]) / (people * (end - start)) for start, end in ((1, middle), (middle, rounds))
    )
    return (
        f"{rounds * people} joins. It grew by {first:.0f} bytes for each in the first half of the rounds, not counting "
        f"the first one, and by {second:.0f} in the second."
    )


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Whether memory stays what it was.")
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="how often they come and go (12)")
    parser.add_argument("--people", type=int, default=40, metavar="N", help="how many (40)")
    parser.add_argument("--goodbye", action="store_true", help="all say so when they leave: ten times as fast")
    args = parser.parse_args()
    if not 3 <= args.rounds <= 10_000 or not 2 <= args.people <= 900:
        parser.error("3 to 10000 rounds of 2 to 900 people")
    try:
        need_linux()
        limit = 60 + args.rounds * (args.people + STAY_SECONDS + FORGET_SECONDS)
        print(asyncio.run(asyncio.wait_for(measure(args.rounds, args.people, goodbye=args.goodbye), limit)))
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.soak: {error or 'it took too long'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
