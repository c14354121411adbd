"""What Chromium makes up while others take turns: the page in a room of three, with forwarding and without.

    python -m bench.page_turns                     # a minute each
    python -m bench.page_turns --seconds 20 --rounds 3

The page's own microphone is silent. The two others talk in turns of 2.5 s, over WebRTC, and nothing is lost: so
whatever Chromium's jitter buffer makes up, leaves out or waits for is the server's doing, or the machine's. The page's
statistics (``RTCInboundRtpStreamStats``) are read at the beginning, in the middle and at the end; it prints, of each
half:

packets     That came; and how many are missing, or came too late to be played.
changes     Between one talker's packets and mixes, as ``conference_forwarded_listeners`` tells them ten times a second:
            those that last for less are not counted.
audible     Samples that were made up and could be heard: ``concealedSamples`` without ``silentConcealedSamples``, in
            thousandths of all that were played; and how often that began (``concealmentEvents``, silent ones, too).
silent      Samples that were made up where nobody was heard (``silentConcealedSamples``), in thousandths: what is not
            sent in a pause is among them.
faster      Samples left out or put in to change the delay (``removedSamplesForAcceleration``,
            ``insertedSamplesForDeceleration``), in thousandths.
delay       ``jitterBufferDelay`` by ``jitterBufferEmittedCount``, in ms.
late        Rounds of ticks that began 10 ms late or later, as the server itself says: so busy was the machine.

It needs Chromium (Debian: ``apt-get install chromium``).
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import aiohttp
import numpy as np

from bench.server import RELAXED, BenchError, Server, lateness_in
from conference.audio.frame import SAMPLE_RATE
from conference.load.client.peer import FastPeer
from conference.load.send_schedule import SendSchedule
from conference.load.signal.scripts import taking_turns
from conference.webrtc.client.whip import JoinError
from tests.e2e.base_page import PageError
from tests.e2e.browser import Page, open_page, running_browser
from tests.wav import write_wav

ROOM = "turns"
SETTLE_SECONDS = 5.0
"""In which Chromium's jitter buffer gets used to the connection."""

LOOK_SECONDS = 0.1
LATE = "0.01"
"""Bound, in seconds as ``/metrics`` has it."""

TALKERS = ("Ben", "Cal")
WAYS = {"forwarding": RELAXED, "--no-forwarding": (*RELAXED, "--no-forwarding")}

_KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...settings) { super(...settings); connections.push(this); }
};
"""

_COUNTERS = (
    "packetsReceived", "packetsLost", "packetsDiscarded", "totalSamplesReceived", "concealedSamples",
    "silentConcealedSamples", "concealmentEvents", "removedSamplesForAcceleration", "insertedSamplesForDeceleration",
    "jitterBufferDelay", "jitterBufferEmittedCount",
)  # fmt: skip

_RECEIVED = """
(async () => {
  for (const one of (await connections[0].getStats()).values())
    if (one.type === 'inbound-rtp' && one.kind === 'audio') return one;
  return {};
})()
"""

_IN_THE_ROOM = "!document.getElementById('room-view').hidden && document.querySelector('.is-you')"
_FORWARDED = re.compile(r"^conference_forwarded_listeners (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page, and the server's metrics, had counted at one moment."""

    counters: dict[str, float]
    changes: int
    late: int

    def since(self, before: Seen) -> Seen:
        """What has been added."""
        counters = {name: value - before.counters[name] for name, value in self.counters.items()}
        return Seen(counters, self.changes - before.changes, self.late - before.late)


class Follower:
    """Reads the server's metrics over and over.

    Args:
        session: to make requests with.
        url: of the server.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self._forwarded: int | None = None
        self.changes = 0
        """Of how many listeners get somebody's packets."""

        self.late = 0
        """Rounds of ticks that were late, so far."""

    async def look(self) -> None:
        """Once."""
        async with self._session.get(f"{self._url}/metrics") as response:
            text = await response.text()
        found = _FORWARDED.search(text)
        forwarded = round(float(found[1])) if found else 0
        self.changes += self._forwarded is not None and forwarded != self._forwarded
        self._forwarded = forwarded
        ticks = lateness_in(text)
        self.late = ticks["+Inf"] - ticks[LATE]

    async def follow(self, seconds: float) -> None:
        """For a while."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)


async def join_page(page: Page, url: str) -> None:
    """Amy joins through an invitation, as a person would."""
    await page.before_load(_KEEP_CONNECTIONS)
    await page.goto(f"{url}/join/{ROOM}?name=Amy&processing=off")
    await page.click("button", "Join", within=30)
    await page.wait_for(_IN_THE_ROOM, 30)


async def see(page: Page, follower: Follower) -> Seen:
    """All that is counted."""
    stats = await page.evaluate(_RECEIVED)
    await follower.look()
    return Seen({name: float(stats.get(name, 0)) for name in _COUNTERS}, follower.changes, follower.late)


async def measure(server: Server, browser: str, seconds: float) -> list[Seen]:
    """Let two talk in turns to the page. Returns what was added in each half of the time.

    Args:
        server: one that has just started.
        browser: address of the WebSocket that drives it.
        seconds: how long, once all are there.

    Raises:
        BenchError: the page hears nothing.
        JoinError: somebody could not join.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        page = await stack.enter_async_context(open_page(browser))
        load = SendSchedule()
        for place, name in enumerate(TALKERS):
            peer = FastPeer(session, server.url, ROOM, name)
            stack.push_async_callback(peer.close)
            await peer.connect()
            load.add(peer, taking_turns(place + 1, place, len(TALKERS), levels=True))
        sending = asyncio.create_task(load.run())
        stack.callback(sending.cancel)
        await join_page(page, server.url)
        follower = Follower(session, server.url)
        await follower.follow(SETTLE_SECONDS)
        seen = [await see(page, follower)]
        for _ in range(2):
            await follower.follow(seconds / 2)
            seen.append(await see(page, follower))
    halves = [after.since(before) for before, after in pairwise(seen)]
    if any(not half.counters["jitterBufferEmittedCount"] for half in halves):
        raise BenchError("The page plays nothing of what it is sent.")
    return halves


def row(title: str, half: Seen) -> str:
    """The figures of a half as text."""
    of = half.counters
    played = max(of["totalSamplesReceived"], 1.0)
    audible = 1000 * (of["concealedSamples"] - of["silentConcealedSamples"]) / played
    silent = 1000 * of["silentConcealedSamples"] / played
    tempo = [1000 * of[name] / played for name in ("removedSamplesForAcceleration", "insertedSamplesForDeceleration")]
    delay_ms = 1000 * of["jitterBufferDelay"] / of["jitterBufferEmittedCount"]
    return (
        f"{title:<28}{of['packetsReceived']:>8.0f} ({of['packetsLost']:.0f}, {of['packetsDiscarded']:.0f})"
        f"{half.changes:>9}{audible:>9.2f} ({of['concealmentEvents']:.0f}){silent:>9.1f}"
        f"{tempo[0]:>8.1f}{tempo[1]:>6.1f}{delay_ms:>8.0f}{half.late:>7}"
    )


@contextmanager
def silent_browser() -> Iterator[str]:
    """A browser whose microphone hears nothing."""
    with tempfile.TemporaryDirectory(prefix="page-turns-") as folder:
        silence = write_wav(Path(folder, "silence.wav"), np.zeros(SAMPLE_RATE, np.int16))
        with running_browser(silence) as address:
            yield address


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.page_turns", description="What Chromium makes up.")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="in each way (60)")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="both ways so often, in turn (1)")
    args = parser.parse_args()
    if not 4 <= args.seconds <= 3600 or not 1 <= args.rounds <= 100:
        parser.error("--seconds is 4 to 3600, and --rounds 1 to 100")
    heads = f"{'packets (lost, late)':>18}{'changes':>9}{'audible':>9} (n){'silent':>9}{'faster':>8}{'slow':>6}"
    print(f"{'':<28}{heads}{'delay':>8}{'late':>7}")
    try:
        for _ in range(args.rounds):
            for way, options in WAYS.items():
                with Server(options) as server, silent_browser() as browser:
                    halves = asyncio.run(measure(server, browser, args.seconds))
                for name, half in zip(("first half", "second half"), halves, strict=True):
                    print(row(f"{way}, {name}", half), flush=True)
    except (BenchError, JoinError, PageError, FileNotFoundError) as error:
        print(f"bench.page_turns: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
