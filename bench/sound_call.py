"""One call of `bench.sound`: somebody speaks through a network made of numbers, somebody listens on a perfect one.

The network is `tests.netem`: the sender holds back, drops and reorders its own RTP packets before they reach the
socket. Signalling, DTLS and STUN are left alone.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import aiohttp
import numpy as np

from bench.server import RELAXED, Server
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICK_NS, Samples
from conference.codecs.opus import OpusCodec
from conference.load.client.peer import FastPeer
from conference.load.signal.arrived import Arrived
from conference.load.signal.voice import in_frames
from conference.playout.source import PacketSource
from tests.netem import Arrival, Network, every_20_ms, in_phases

StartServer: TypeAlias = Callable[[], Server]

SERVERS: Mapping[str, StartServer] = {
    "forwarded": Server,
    "mixed": partial(Server, (*RELAXED, "--no-forwarding")),
    "textbook": partial(Server, textbook=True),
}
"""What a voice goes through: this server as it is, which forwards what one person says to one who listens; the same,
where all is decoded and encoded again; and stock aiortc's."""

PERFECT = Network()
LEAD_SECONDS = 1.0
"""Silence before the speech begins, so that nothing of it meets a connection that is still settling."""

TAIL_SECONDS = 1.0
LATE_NS = 5_000_000
PLAYBACK_PHASE_NS = 10_000_000
"""How long after the first packet came the sound card asks for a frame: chance, with people; its mean here."""

SEND_BITRATE = 32_000
BROWSERS_COMPLEXITY = 9
"""What libwebrtc uses on computers (``AudioEncoderOpusConfig``): with 5, as on telephones, PESQ-WB is 0.35 lower."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the network does to a sender's packets.

    Args:
        key: for files and options.
        title: for people.
        phases: seconds, and the network during them; the last goes on until the end.
        expected_loss: percent that the sender's encoder prepares for with FEC; 0 for no FEC.
        drop_every: exactly one packet in so many is lost, besides; 0 for none.
        loops: how often the speech is said.
    """

    key: str
    title: str
    phases: tuple[tuple[float, Network], ...] = ((0.0, PERFECT),)
    expected_loss: int = 0
    drop_every: int = 0
    loops: int = 2

    def arrivals(self, packets: int) -> list[Arrival]:
        """What of so many packets gets through, and when."""
        phases = [(round(seconds * 50) or packets, network) for seconds, network in self.phases]
        through = in_phases(every_20_ms(packets), phases)
        if self.drop_every:
            through = [one for one in through if one[1] % self.drop_every != self.drop_every // 2]
        return through


@dataclass(slots=True)
class Heard:
    """What a listener got, and what their receiver made of it.

    A server that forwards leaves losses and jitter to the listener's receiver, one that mixes deals with them itself.
    So they are compared behind the receiver, which is ours: with a jitter buffer, FEC and concealment, as every client
    has them.
    """

    packets: list[Arrived] = field(default_factory=list)
    """Every packet, in the order in which they came."""

    began_ns: float = 0.0
    """When the first of `samples` was played."""

    samples: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    """All that was played, without a pause; silence where nothing was."""

    def play(self) -> None:
        """Make samples of the packets, when there is time for it: a frame for each 20 ms since the first came."""
        if not self.packets:
            return
        receiver = PacketSource(OpusCodec().make_decoder())
        coming = iter(sorted(self.packets, key=lambda one: one.at_ns))
        packet: Arrived | None = next(coming)
        self.began_ns = now_ns = self.packets[0].at_ns + PLAYBACK_PHASE_NS
        frames: list[Samples] = []
        while packet is not None:
            while packet is not None and packet.at_ns <= now_ns:
                receiver.push(packet.sequence, packet.timestamp, packet.payload, packet.at_ns)
                packet = next(coming, None)
            frame = receiver.pull(now_ns)
            frames.append(np.zeros(FRAME_SAMPLES, np.int16) if frame is None else frame)
            now_ns += TICK_NS
        self.samples = np.concatenate(frames)

    def when_ns(self, sample: int) -> float:
        """When a sample was played."""
        return self.began_ns + sample * 1e9 / SAMPLE_RATE

    def at(self, moment_ns: float) -> int:
        """Which sample was played at a moment."""
        return round((moment_ns - self.began_ns) * SAMPLE_RATE / 1e9)


@dataclass(slots=True)
class Call:
    """A call that is over."""

    said: Samples
    """All of it, the silence before and after included."""

    started_ns: float
    """When its first sample was spoken: 20 ms before its first packet was sent."""

    heard: Heard
    lost: int
    """Packets that did not get through the network."""

    concealed: int | None
    """Stretches that the server made up because their packet was not there; ``None`` if it doesn't say."""

    late: int
    """Packets that this machine sent more than 5 ms after their time."""

    sent: int


def said_in(condition: Condition, speech: Samples) -> Samples:
    """All that is spoken under a condition."""
    before, after = round(LEAD_SECONDS * SAMPLE_RATE), round(TAIL_SECONDS * SAMPLE_RATE)
    return np.pad(np.tile(speech, condition.loops), (before, after))


def encoded(said: Samples, expected_loss: int) -> list[bytes]:
    """As a browser would: 32 kb/s, VOIP, complexity 9, FEC if it was told of losses."""
    fec = expected_loss > 0
    encoder = OpusCodec(SEND_BITRATE, BROWSERS_COMPLEXITY, fec=fec, expected_loss=expected_loss).make_encoder()
    return [encoder.encode(frame) for frame in in_frames(said)]


def decoded(payloads: Sequence[bytes]) -> Samples:
    """As they come out of a decoder that misses none of them."""
    decoder = OpusCodec().make_decoder()
    return np.concatenate([decoder.decode(payload) for payload in payloads])


@dataclass(frozen=True, slots=True)
class Script:
    """What one client sends."""

    payloads: Sequence[bytes]
    arrivals: Sequence[Arrival]


@dataclass(slots=True)
class Meeting:
    """What came of several clients speaking to a listener."""

    heard: Heard
    starts: list[int]
    """When each sent its first packet, or would have without the network."""

    late: int
    concealed: int | None


async def place(condition: Condition, speech: Samples, start: StartServer = Server) -> Call:
    """Start a server, and let one speak to another through it.

    Args:
        condition: how the network is.
        speech: what is said.
        start: starts the server.

    Raises:
        BenchError: the server did not come up.
        JoinError: a client could not join.
    """
    said = said_in(condition, speech)
    payloads = await asyncio.to_thread(encoded, said, condition.expected_loss)
    arrivals = condition.arrivals(len(payloads))
    meeting = await meet([Script(payloads, arrivals)], start)
    lost = len(payloads) - len({index for _, index in arrivals})
    began_ns = meeting.starts[0] - TICK_NS
    return Call(said, began_ns, meeting.heard, lost, meeting.concealed, meeting.late, len(arrivals))


async def meet(scripts: Sequence[Script], start: StartServer = Server) -> Meeting:
    """Start a server, and let some speak to one who listens; as :func:`place`.

    Raises:
        BenchError: the server did not come up.
        JoinError: a client could not join.
    """
    heard = Heard()
    server = start()
    try:
        await asyncio.to_thread(server.wait)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            mouths = [FastPeer(session, server.url, "sound", f"mouth{number}") for number in range(len(scripts))]
            ear = FastPeer(session, server.url, "sound", "ear", heard.packets.append)
            try:
                for peer in (*mouths, ear):
                    await peer.connect()
                spoken = await asyncio.gather(*(speak(*one) for one in zip(mouths, scripts, strict=True)))
                # At once: what is made up after the last packet, until the server takes it for silence, is no loss.
                concealed = await count(session, server.url, "conference_frames_concealed_total")
                await asyncio.sleep(0.5)
            finally:
                await asyncio.gather(*(peer.close() for peer in (*mouths, ear)), return_exceptions=True)
    finally:
        await asyncio.to_thread(server.stop)
    await asyncio.to_thread(heard.play)
    return Meeting(heard, [start for start, _ in spoken], sum(late for _, late in spoken), concealed)


async def speak(peer: FastPeer, script: Script) -> tuple[int, int]:
    """Send what gets through the network, when it does. Returns when the first packet left, and how many were late."""
    # Where the sender's packets fall between the server's ticks is chance, as it is with people.
    start = time.monotonic_ns() + TICK_NS + time.time_ns() % TICK_NS
    late = 0
    for at_ns, index in script.arrivals:
        ahead = start + at_ns - time.monotonic_ns()
        if ahead > 0:
            await asyncio.sleep(ahead / 1e9)
        late += time.monotonic_ns() - (start + at_ns) > LATE_NS
        peer.send(script.payloads[index], index * FRAME_SAMPLES, sequence=index)
    return start, late


async def count(session: aiohttp.ClientSession, url: str, metric: str) -> int | None:
    """The sum over all labels of one of the server's metrics; ``None`` if it has no such, or no metrics."""
    async with session.get(f"{url}/metrics") as response:
        found = re.findall(rf"^{metric}\S* (\S+)$", await response.text(), re.MULTILINE)
    return round(sum(map(float, found))) if found else None
