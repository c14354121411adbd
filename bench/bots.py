"""What voice bots cost that rooms have called, and how late ticks are beside them.

    python -m bench.bots                      # 100 bots in 50 rooms
    python -m bench.bots --callers            # 50 bots, and 50 callers
    python -m bench.bots --rooms 10 --seconds 5

The bots are called by ``POST /rooms/{room}/calls``, and wait on loopback in a process of their own, on all processors
but the first, which the server has to itself. Each says a sentence of two seconds, and says the next one two seconds
after its mark has come back; callers talk in messages of 20 ms. The server's own histogram tells how late its ticks of
20 ms began.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import WSMsgType, web

from bench.joins import lateness, lateness_lines
from bench.server import RELAXED, BenchError, Server, need_linux
from conference.audio.g711 import ulaw_encode
from conference.audio.resample import Resampler
from conference.load.client.phone import FastPhone
from conference.load.send_schedule import SendSchedule
from conference.load.signal.scripts import phone_talking
from conference.webrtc.client.whip import JoinError
from tests.speech import spoken

SENTENCE_SECONDS = 2.0
PAUSE_SECONDS = 2.0
SETTLE_SECONDS = 3.0


async def answer(request: web.Request) -> web.WebSocketResponse:
    """One bot: says a sentence now and then, as long as the call lasts."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    samples = Resampler(48_000, 8_000).process(spoken(SENTENCE_SECONDS, seed=7))
    payload = base64.b64encode(ulaw_encode(samples).tobytes()).decode()
    stream, waiting = "", None

    async def say(after: float) -> None:
        await asyncio.sleep(after)
        await socket.send_json({"event": "media", "streamSid": stream, "media": {"payload": payload}})
        await socket.send_json({"event": "mark", "streamSid": stream, "mark": {"name": "said"}})

    async for message in socket:
        if message.type is not WSMsgType.TEXT or '"media"' in message.data[:40]:
            continue
        said = json.loads(message.data)
        if said["event"] == "start":
            stream = said["streamSid"]
            waiting = asyncio.ensure_future(say(PAUSE_SECONDS * (hash(stream) % 100) / 100))
        elif said["event"] == "mark":
            waiting = asyncio.ensure_future(say(PAUSE_SECONDS))
    if waiting is not None:
        waiting.cancel()
    return socket


async def serve_bots() -> None:
    """Answer calls on a free port, which is printed, until standard input ends."""
    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@asynccontextmanager
async def bots() -> AsyncIterator[int]:
    """The port of a process that answers calls."""
    command = [sys.executable, "-m", "bench.bots", "--serve"]
    process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


async def call(session: aiohttp.ClientSession, url: str, room: str, port: int) -> None:
    """Have a room call a bot."""
    async with session.post(f"{url}/rooms/{room}/calls", json={"url": f"ws://127.0.0.1:{port}/"}) as response:
        if response.status != 201:
            raise BenchError(await response.text())


async def measure(rooms: int, seconds: float, callers: bool) -> str:
    """Start a server, call the bots, and say what they cost and how late the ticks were."""
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
    per_room = 1 if callers else 2
    options = (
        *RELAXED, "--dial-allow", "127.0.0.1", "--max-dialed-calls", "100000", "--max-dialed-calls-per-room", "100",
    )  # fmt: skip
    async with bots() as port, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        with Server(options, processor=0) as server:
            load, phones = SendSchedule(), list[FastPhone]()
            sending = asyncio.create_task(load.run())
            try:
                for number in range(rooms):
                    if callers:
                        phone = FastPhone(server.url, f"r{number}", f"c{number}")
                        await phone.connect()
                        phones.append(phone)
                        load.add(phone, phone_talking(number))
                    for _ in range(per_room):
                        await call(session, server.url, f"r{number}", port)
                await asyncio.sleep(SETTLE_SECONDS)
                before, cpu, began = await lateness(session, server), server.cpu_seconds(), time.monotonic()
                await asyncio.sleep(seconds)
                took, cpu = time.monotonic() - began, server.cpu_seconds() - cpu
                after = await lateness(session, server)
                async with session.get(f"{server.url}/rooms") as response:
                    people = sum(one["participants"] for one in (await response.json())["rooms"])
            finally:
                sending.cancel()
                await asyncio.gather(*(phone.close() for phone in phones), return_exceptions=True)
    return report({bound: after[bound] - before[bound] for bound in after}, people, rooms, took, cpu)


def report(cumulative: dict[str, int], people: int, rooms: int, took: float, cpu: float) -> str:
    """What happened, as text."""
    lines = [
        f"{people} in {rooms} rooms for {took:.1f} s: {cpu / took:.0%} of a core.",
        f"{1000 * cpu / took / max(1, people):.2f} ms of CPU per participant-second.",
        "",
    ]
    return "\n".join(lines + lateness_lines(cumulative))


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.bots", description="What voice bots cost.")
    parser.add_argument("--rooms", type=int, default=50, metavar="N", help="how many rooms (50)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="for how long (20)")
    parser.add_argument("--callers", action="store_true", help="a bot and a caller in each room, and not two bots")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not 1 <= args.rooms <= 1000 or not 1 <= args.seconds <= 600:
        parser.error("1 to 1000 rooms, for 1 to 600 seconds")
    try:
        need_linux()
        if args.serve:
            asyncio.run(serve_bots())
        else:
            print(asyncio.run(measure(args.rooms, args.seconds, args.callers)))
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.bots: {error or 'it took too long'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
