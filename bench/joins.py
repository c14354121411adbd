"""How much a crowd that joins disturbs those who are talking.

    python -m bench.joins                       # 200 people in 10 seconds, to 3 who talk
    python -m bench.joins --people 50 --seconds 5 --pin

The server's own histogram tells how late its ticks of 20 ms began while the people came; 20 ms late is a gap that can
be heard. Each has a connection, with ICE and a DTLS handshake. With ``--pin`` the server has
the first processor to itself, and the clients are on the others.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time

import aiohttp

from bench.server import BenchError, Server, lateness_in, need_linux
from conference.load.client.peer import FastPeer
from conference.load.send_schedule import SendSchedule
from conference.load.signal.scripts import Script, silent, talking
from conference.webrtc.client.whip import JoinError

SETTLE_SECONDS = 2.0


class JoiningPeers:
    """People who come, one after the other.

    Args:
        server: that they come to.
        session: to make requests with.
        load: sends what they say.
    """

    def __init__(self, server: Server, session: aiohttp.ClientSession, load: SendSchedule) -> None:
        self._server, self._session, self._load = server, session, load
        self.peers: list[FastPeer] = []
        self.failed = 0

    async def join(self, name: str, script: Script) -> None:
        """One of them comes."""
        peer = FastPeer(self._session, self._server.url, "crowd", name)
        try:
            await peer.connect()
        except JoinError:
            self.failed += 1
            return
        peer.stop_waking()
        self.peers.append(peer)
        self._load.add(peer, script)

    async def join_all(self, people: int, seconds: float) -> None:
        """So many in so many seconds, evenly."""
        script, start = silent(), time.monotonic()
        async with asyncio.TaskGroup() as joins:
            for number in range(people):
                await asyncio.sleep(max(0.0, start + number * seconds / people - time.monotonic()))
                joins.create_task(self.join(f"c{number}", script))

    async def leave(self) -> None:
        """All go."""
        await asyncio.gather(*(peer.close() for peer in self.peers), return_exceptions=True)


async def lateness(session: aiohttp.ClientSession, server: Server) -> dict[str, int]:
    """How many ticks began no later than so many seconds, from the server's ``/metrics``."""
    async with session.get(f"{server.url}/metrics") as response:
        return lateness_in(await response.text())


def lateness_lines(cumulative: dict[str, int]) -> list[str]:
    """What :func:`lateness` tells, or the difference of two, as lines of text."""
    lines, below = list[str](), 0
    for bound, reached in cumulative.items():
        name = "later" if bound == "+Inf" else f"up to {float(bound) * 1000:g} ms late"
        lines.append(f"{name:>18}  {reached - below:>5} ticks")
        below = reached
    total = cumulative["+Inf"]
    return [*lines, "", f"More than 20 ms late: {total - cumulative['0.02']} of {total} ticks."]


async def measure(people: int, seconds: float, talkers: int, pin: bool) -> str:
    """Start a server, let some talk and others join, and say how late the ticks were."""
    with Server(processor=0 if pin else None) as server:
        if pin:
            os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            load = SendSchedule()
            sending = asyncio.create_task(load.run())
            joining = JoiningPeers(server, session, load)
            try:
                for number in range(talkers):
                    await joining.join(f"t{number}", talking(number))
                await asyncio.sleep(SETTLE_SECONDS)
                before, cpu, began = await lateness(session, server), server.cpu_seconds(), time.monotonic()
                await joining.join_all(people, seconds)
                took, cpu = time.monotonic() - began, server.cpu_seconds() - cpu
                after = await lateness(session, server)
            finally:
                sending.cancel()
                await joining.leave()
    return report({bound: after[bound] - before[bound] for bound in after}, people, took, cpu, joining.failed)


def report(cumulative: dict[str, int], people: int, took: float, cpu: float, failed: int) -> str:
    """What happened, as text."""
    lines = [f"{people} joined in {took:.1f} s ({failed} failed); the server took {cpu / took:.0%} of a core.", ""]
    return "\n".join(lines + lateness_lines(cumulative))


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.joins", description="How much a crowd that joins disturbs those who are talking."
    )
    parser.add_argument("--people", type=int, default=200, metavar="N", help="how many join (200)")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="in how many seconds (10)")
    parser.add_argument("--talkers", type=int, default=3, metavar="N", help="who talk already (3)")
    parser.add_argument("--pin", action="store_true", help="give the server a processor of its own")
    args = parser.parse_args()
    if not 1 <= args.people <= 900 or not 1 <= args.seconds <= 600 or not 0 <= args.talkers <= 20:
        parser.error("1 to 900 people in 1 to 600 seconds, with at most 20 talkers")
    try:
        need_linux()
        limit = 60 + args.people + args.seconds
        print(asyncio.run(asyncio.wait_for(measure(args.people, args.seconds, args.talkers, args.pin), limit)))
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.joins: {error or 'it took too long'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
