"""How late the sound is: bursts go in through one client, and are found again in what another one gets.

    python -m bench.latency                     # 10 calls with 12 bursts each: about a minute and a half
    python -m bench.latency --calls 3           # quicker
    python -m bench.latency --no-forwarding     # of mixes, as where several talk

One client ("mouth") sends the hum of a quiet room, 50 Opus packets a second, with short sweeps at random moments; a
second one in the same room ("ear") looks for them by correlation. Each call is set up anew, so that its packets meet
the server's tick in another phase. It prints, each as median, 95 % and worst:

added by the server
    From when a sample's packet is handed to the sending socket until the packet that carries the sample in the mix
    comes out of the receiving socket. Both are taken relative to the sample's place in its packet. Included: the
    network (loopback), and the wait for the next read of the socket; in a mix the server's jitter buffer, its wait for
    the tick, mixing, limiting, encoding, too. Not included: the look-ahead of the Opus encoders, one of the sender, and
    in a mix one of the server, found by coding the same burst as often without a server (it is printed).

mouth to ear
    From when the sample is spoken until it is played, as a person would notice it: the above, and 20 ms of
    packetisation, the look-ahead of the encoders, and the jitter buffer of the receiving client (ours, as in
    ``conference join``, pulled every 20 ms). Not included: sound cards and their drivers.

join answered
    From the start of the POST with the offer until its answer is there.

first sound
    From the start of the same POST until the first packet with somebody's voice in it has been decoded, in a room
    where somebody talks already. ICE and DTLS are in it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import numpy as np
from numpy.typing import NDArray

from bench.server import RELAXED, BenchError, Server
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICK_NS, Samples
from conference.codecs.base import DecodeError, Decoder
from conference.codecs.opus import OpusCodec
from conference.load.client.peer import FastPeer
from conference.load.signal.arrived import Arrived
from conference.load.signal.delay_meter import NS_PER_SAMPLE, codec_delay, heard_ns
from conference.load.signal.voice import burst, hum, in_frames, speech
from conference.playout.source import PacketSource
from conference.webrtc.client.whip import JoinError

GAP_SECONDS = (0.35, 0.6)
"""Between two bursts, at random: longer than any delay that can be told from the burst after it."""

AUDIBLE = 300
"""A decoded packet with a sample above this is somebody's voice (-41 dBFS)."""

LATE_NS = 5_000_000
BUSY_SHARE = 0.02
"""More late packets than that, and the figures say more about this machine than about the server."""


@dataclass(slots=True)
class Ear:
    """What one client hears, with times: as it arrives, and as its jitter buffer plays it."""

    arrived: list[tuple[float, Samples]] = field(default_factory=list)
    """Per packet: the time in ns at which its first sample came (arrival less the packet's length), and its sound."""

    played: list[tuple[float, Samples]] = field(default_factory=list)
    """Per frame: the time in ns at which its first sample is played, and its sound."""

    first_voice_ns: int = 0
    """When the first packet with a voice in it had been decoded."""

    voice: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by that packet."""

    _decoder: Decoder = field(default_factory=OpusCodec().make_decoder)
    _source: PacketSource = field(default_factory=lambda: PacketSource(OpusCodec().make_decoder()))

    def __call__(self, packet: Arrived) -> None:
        """Take a packet."""
        self._source.push(packet.sequence, packet.timestamp, packet.payload, packet.at_ns)
        try:
            samples = self._decoder.decode(packet.payload)
        except DecodeError:
            return
        if not self.voice.is_set() and np.abs(samples.astype(np.int32)).max(initial=0) > AUDIBLE:
            self.first_voice_ns = time.monotonic_ns()
            self.voice.set()
        self.arrived.append((packet.at_ns - samples.size * NS_PER_SAMPLE, samples))

    async def play(self) -> None:
        """Pull a frame every 20 ms, for ever."""
        deadline = time.monotonic_ns() + random.randrange(TICK_NS)
        while True:
            await asyncio.sleep(max(0, deadline - time.monotonic_ns()) / 1e9)
            frame = self._source.pull(deadline)
            if frame is not None:
                self.played.append((deadline, frame))
            deadline += TICK_NS


@dataclass(slots=True)
class Mouth:
    """What one client says, with times."""

    sound: Samples
    starts: list[int]
    """Index of each burst's first sample."""

    sent_ns: list[int] = field(default_factory=list)
    """Per packet: when it was handed to the socket."""

    late: int = 0
    """Packets that were sent well after their time: this machine has too much else to do."""

    def entered_ns(self, sample: int) -> float:
        """When a sample went in: its packet's time, less what of the packet follows it."""
        packet, place = divmod(sample, FRAME_SAMPLES)
        return self.sent_ns[packet] - (FRAME_SAMPLES - place) * NS_PER_SAMPLE

    async def speak(self, peer: FastPeer) -> None:
        """Say all of it in real time, encoded beforehand."""
        encoder = OpusCodec(bitrate=32_000).make_encoder()
        payloads = [encoder.encode(frame) for frame in in_frames(self.sound)]
        start = time.monotonic_ns() + random.randrange(TICK_NS)
        for number, payload in enumerate(payloads):
            await asyncio.sleep(max(0, start + number * TICK_NS - time.monotonic_ns()) / 1e9)
            self.sent_ns.append(time.monotonic_ns())
            self.late += self.sent_ns[-1] - (start + number * TICK_NS) > LATE_NS
            peer.send(payload, number * FRAME_SAMPLES)


@dataclass(slots=True)
class Figures:
    """Everything measured, in milliseconds."""

    server: list[float] = field(default_factory=list)
    mouth_to_ear: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    first_sound: list[float] = field(default_factory=list)
    bursts: int = 0
    packets: int = 0
    late: int = 0
    lookahead: float = 0.0
    forwarding: bool = True


def make_mouth(bursts: int, rng: random.Random) -> Mouth:
    """A hum with bursts at random moments."""
    starts, position = [], 1.0
    for _ in range(bursts):
        position += rng.uniform(*GAP_SECONDS)
        starts.append(round(position * SAMPLE_RATE))
    sound = hum(position + 0.5)
    pattern = burst()
    for start in starts:
        sound[start : start + pattern.size] += pattern
    return Mouth(sound, starts)


async def one_call(session: aiohttp.ClientSession, url: str, room: str, bursts: int, figures: Figures) -> None:
    """Two clients meet, one speaks, the other listens."""
    ear = Ear()
    mouth = make_mouth(bursts, random.Random(room))
    speaker, listener = FastPeer(session, url, room, "mouth"), FastPeer(session, url, room, "ear", ear)
    playing = asyncio.create_task(ear.play())
    try:
        await speaker.connect()
        await listener.connect()
        await mouth.speak(speaker)
        await asyncio.sleep(0.5)
    finally:
        playing.cancel()
        await asyncio.gather(speaker.close(), listener.close(), return_exceptions=True)
    figures.answer += [speaker.answer_ms, listener.answer_ms]
    figures.bursts += bursts
    figures.packets += len(mouth.sent_ns)
    figures.late += mouth.late
    for start in mouth.starts:
        entered = mouth.entered_ns(start)
        arrived, played = heard_ns(ear.arrived, entered), heard_ns(ear.played, entered)
        if arrived is not None:
            figures.server.append((arrived - entered) / 1e6 - figures.lookahead)
        if played is not None:
            figures.mouth_to_ear.append((played - entered) / 1e6)


async def first_sounds(session: aiohttp.ClientSession, url: str, calls: int, figures: Figures) -> None:
    """Somebody talks, others come in one after the other."""
    talker = FastPeer(session, url, "talk", "talker")
    await talker.connect()
    talking = asyncio.create_task(Mouth(speech(calls * 2.5 + 5), []).speak(talker))
    await asyncio.sleep(1.0)
    try:
        for number in range(calls):
            ear = Ear()
            peer = FastPeer(session, url, "talk", f"guest{number}", ear)
            await peer.connect()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ear.voice.wait(), 2.0)
                figures.first_sound.append((ear.first_voice_ns - peer.asked_ns) / 1e6)
            figures.answer.append(peer.answer_ms)
            await peer.close()
            await asyncio.sleep(random.uniform(0.05, 0.15))
    finally:
        talking.cancel()
        await asyncio.gather(talking, talker.close(), return_exceptions=True)


async def measure(calls: int, bursts: int, *, forwarding: bool = True) -> Figures:
    """All of it, against a server of our own."""
    figures = Figures(lookahead=codec_delay(1 if forwarding else 2), forwarding=forwarding)
    with Server(RELAXED if forwarding else (*RELAXED, "--no-forwarding")) as server:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            for number in range(calls):
                await one_call(session, server.url, f"call{number}", bursts, figures)
                print(f"call {number + 1} of {calls}", file=sys.stderr)
            await first_sounds(session, server.url, calls, figures)
    return figures


def line(name: str, values: Sequence[float], note: str = "") -> str:
    """One row of the table."""
    if not values:
        return f"{name:<20}  nothing was heard{note}"
    spread: NDArray[np.float64] = np.percentile(values, [50, 95, 100])
    return f"{name:<20}  {spread[0]:>9.1f}  {spread[1]:>7.1f}  {spread[2]:>7.1f}{note}"


def table(figures: Figures) -> str:
    """The figures as text."""
    busy = figures.late / max(1, figures.packets)
    warning = []
    if busy > BUSY_SHARE:
        warning = [f"The clients were late {busy:.0%} of the time: this machine is too busy to believe it."]
    encoders = "one Opus encoder" if figures.forwarding else "two Opus encoders"
    found = f"   {len(figures.server)} of {figures.bursts} bursts found"
    return "\n".join(
        [
            "milliseconds             median     95 %    worst",
            line("added by the server", figures.server, found),
            line("mouth to ear", figures.mouth_to_ear, f"   {len(figures.mouth_to_ear)} of {figures.bursts}"),
            line("join answered", figures.answer),
            line("first sound", figures.first_sound),
            "",
            f"Look-ahead of {encoders} (in the second line, not in the first): {figures.lookahead:.1f} ms.",
            *warning,
        ]
    )


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.latency", description="How late the sound is, through a server started for it."
    )
    parser.add_argument("--calls", type=int, default=10, metavar="N", help="calls, each set up anew (10)")
    parser.add_argument("--bursts", type=int, default=12, metavar="N", help="bursts in each call (12)")
    parser.add_argument("--no-forwarding", action="store_true", help="have the server mix, as where several talk")
    args = parser.parse_args()
    if not 1 <= args.calls <= 100 or not 1 <= args.bursts <= 100:
        parser.error("calls and bursts are 1 to 100")
    limit = 60 + args.calls * (10 + args.bursts)
    try:
        figures = asyncio.run(
            asyncio.wait_for(measure(args.calls, args.bursts, forwarding=not args.no_forwarding), limit)
        )
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.latency: {error or 'it took too long'}", file=sys.stderr)
        return 1
    print(table(figures))
    return 0 if len(figures.server) >= 0.9 * figures.bursts else 1


if __name__ == "__main__":
    sys.exit(main())
