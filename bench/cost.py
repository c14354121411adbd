"""What a participant costs: CPU and memory of a server, against the number of people in one room.

    python -m bench.cost                        # 20, 60 and 120 people: about two and a half minutes
    python -m bench.cost --participants 60 --seconds 20
    python -m bench.cost --talkers 0 --silent dtx --participants 40 240 --seconds 20 --settle 10 --pin  # the idle

A fresh server is started for every row. Three people talk all the time (speech-like sound, Opus). Everyone gets a
mix. The others are silent, in one of three ways (``--silent``):

sending   50 packets a second of a quiet room's hum; nothing but decoding tells that it is silence
levels    the same, and each packet says how loud it is (RFC 6464), as browsers do
dtx       Opus DTX: a packet every 400 ms

The clients run in this process. Their packets are encoded beforehand and spread over the 20 ms, so that the server
gets them as from a network; and they look for packets every 100 ms instead of being woken by each, which would be
charged to the server (see `FastPeer.stop_waking`).

It prints, for every row: server CPU in milliseconds per participant and second (user and system, from ``/proc``), the
same as a share of one core, resident memory per participant (growth since before the first join), packets that each
participant got per second, and how much CPU the clients took, with a warning where they came too late to be believed.
Below that, what one participant more costs, from the smallest room of a kind to the largest: a server's ticks and
wake-ups cost the same for few and for many, and are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import aiohttp

from bench.server import BenchError, Server, need_linux
from conference.codecs.opus import OpusCodec
from conference.load.client.peer import FastPeer
from conference.load.send_schedule import SendSchedule
from conference.load.signal.scripts import Script, humming, silent, talking
from conference.load.signal.voice import in_frames, speech
from conference.webrtc.client.whip import JoinError

SETTLE_SECONDS = 3.0
REST_SECONDS = 30
RESTING = 0.04
"""A server that takes no more of a core than this rests."""

JOINS_AT_ONCE = 4

WAYS = ("sending", "levels", "dtx")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    participants: int
    silent: str
    cpu_ms_per_participant_second: float
    core_share: float
    mib_per_participant: float
    packets_per_second: float
    client_core_share: float
    late_share: float


def listening(way: str) -> Script:
    """Somebody who doesn't talk."""
    return silent() if way == "dtx" else humming(levels=way == "levels")


def codec_speed() -> str:
    """What the codec takes here, to compare machines by."""
    encoder, decoder = OpusCodec().make_encoder(), OpusCodec().make_decoder()
    sound = in_frames(speech(4.0))
    began = time.process_time()
    packets = [encoder.encode(frame) for frame in sound]
    between = time.process_time()
    for packet in packets:
        decoder.decode(packet)
    took = time.process_time()
    return (
        f"This machine: {(between - began) / len(sound) * 1e6:.0f} µs to encode 20 ms of Opus, "
        f"{(took - between) / len(sound) * 1e6:.0f} µs to decode it."
    )


async def measure(
    participants: int,
    talkers: int,
    way: str,
    seconds: float,
    make_server: Callable[[], Server] = Server,
    settle: float = SETTLE_SECONDS,
) -> Row:
    """Start a server, fill a room, let it come to rest, and look at what it takes."""
    quiet = listening(way)
    scripts = [talking(seed) for seed in range(talkers)] + [quiet] * (participants - talkers)
    with make_server() as server:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            warm_up = FastPeer(session, server.url, "warm-up", "first")
            await warm_up.connect()
            await warm_up.close()
            await _until_it_rests(server)
            before = server.resident_bytes()
            peers = [FastPeer(session, server.url, "bench", f"p{n}") for n in range(participants)]
            load = SendSchedule()
            sending = asyncio.create_task(load.run())
            try:
                await _join_all(peers, scripts, load)
                await asyncio.sleep(settle)
                row = await _watch(server, peers, load, seconds, way, before)
            finally:
                sending.cancel()
                await asyncio.gather(*(peer.close() for peer in peers), return_exceptions=True)
    return row


async def _until_it_rests(server: Server) -> None:
    """Let a server finish what it does after its start, which would count as the participants' otherwise."""
    for _ in range(REST_SECONDS):
        before = server.cpu_seconds()
        await asyncio.sleep(1)
        if server.cpu_seconds() - before < RESTING:
            return


async def _join_all(peers: Sequence[FastPeer], scripts: Sequence[Script], load: SendSchedule) -> None:
    gate = asyncio.Semaphore(JOINS_AT_ONCE)

    async def join(peer: FastPeer, script: Script) -> None:
        async with gate:
            await peer.connect()
        peer.stop_waking()
        load.add(peer, script)

    await asyncio.gather(*(join(peer, script) for peer, script in zip(peers, scripts, strict=True)))


async def _watch(
    server: Server, peers: Sequence[FastPeer], load: SendSchedule, seconds: float, way: str, before: int
) -> Row:
    load.steps = load.late = 0
    received = sum(peer.received for peer in peers)
    cpu, own, began = server.cpu_seconds(), time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    cpu = server.cpu_seconds() - cpu
    return Row(
        participants=len(peers),
        silent=way,
        cpu_ms_per_participant_second=cpu * 1000 / took / len(peers),
        core_share=cpu / took,
        mib_per_participant=(server.resident_bytes() - before) / 2**20 / len(peers),
        packets_per_second=(sum(peer.received for peer in peers) - received) / took / len(peers),
        client_core_share=(time.process_time() - own) / took,
        late_share=load.late / max(1, load.steps),
    )


def one_more(rows: Sequence[Row]) -> list[str]:
    """What one participant more costs, for each kind of silent people of whom there were few and many."""
    lines = []
    for way in dict.fromkeys(row.silent for row in rows):
        alike = sorted((row for row in rows if row.silent == way), key=lambda row: row.participants)
        few, many = alike[0], alike[-1]
        if few.participants < many.participants:
            ms = (many.core_share - few.core_share) * 1000 / (many.participants - few.participants)
            lines.append(
                f"One participant more, {few.participants} to {many.participants}, {way}: {ms:.2f} ms per second"
            )
    return lines


def table(rows: Sequence[Row], talkers: int) -> str:
    """The rows as text."""
    lines = [
        f"{talkers} talking, the others silent. CPU of the server, on one core.",
        codec_speed(),
        "",
        "people  the silent  ms per person-second  of a core  MiB per person  packets/s each got  clients' core",
    ]
    for row in rows:
        late = "" if row.late_share < 0.02 else f"   clients late {row.late_share:.0%} of the time: don't believe it"
        lines.append(
            f"{row.participants:>6}  {row.silent:<10}  {row.cpu_ms_per_participant_second:>20.2f}"
            f"  {row.core_share:>9.0%}  {row.mib_per_participant:>14.2f}  {row.packets_per_second:>18.1f}"
            f"  {row.client_core_share:>13.0%}{late}"
        )
    slopes = one_more(rows)
    return "\n".join([*lines, "", *slopes] if slopes else lines)


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.cost", description="What a participant costs: server CPU and memory per participant."
    )
    parser.add_argument(
        "--participants", type=int, nargs="+", default=[20, 60, 120], metavar="N", help="people in the room"
    )
    parser.add_argument("--talkers", type=int, default=3, metavar="N", help="how many of them talk (3)")
    parser.add_argument("--seconds", type=float, default=8.0, metavar="S", help="how long each row is measured (8)")
    parser.add_argument(
        "--silent", nargs="+", choices=WAYS, default=WAYS, help="what the silent do (all three in turn)"
    )
    parser.add_argument(
        "--settle", type=float, default=SETTLE_SECONDS, metavar="S", help=f"rest before that ({SETTLE_SECONDS:g})"
    )
    parser.add_argument("--pin", action="store_true", help="give the server a processor of its own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    args = parser.parse_args()
    times_fit = 1 <= args.seconds <= 600 and 0 <= args.settle <= 600
    if min(args.participants) < max(args.talkers, 1) or not times_fit or max(args.participants) > 1000:
        parser.error("there must be at least as many people as talkers, at most 1000, for 1 to 600 seconds")
    rows = []
    try:
        need_linux()
        if args.pin:
            os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
        server = partial(Server, processor=0 if args.pin else None)
        for way in args.silent:
            for participants in args.participants:
                limit = 60 + participants + args.seconds + args.settle
                work = measure(participants, args.talkers, way, args.seconds, server, args.settle)
                rows.append(asyncio.run(asyncio.wait_for(work, limit)))
                print(f"measured {participants} with the silent {way}", file=sys.stderr)
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.cost: {error or 'it took too long'}", file=sys.stderr)
        return 1
    print(table(rows, args.talkers))
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
