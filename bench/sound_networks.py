"""What networks do to a voice that is forwarded and to one that is mixed: in simulated time, over several voices.

Each voice speaks alone to one listener, through a room that forwards and through one that does not. Its packets are
dropped and delayed on their way to the room, and what the room sends reaches the listener's receiver at once. Nothing
waits for a real clock, so that other work on the machine is not in the figures: the same checkout gives the same.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from bench.sound_call import Call, Condition, Heard, encoded, said_in
from bench.sound_conditions import FEC_PERCENT
from bench.sound_measure import at_16k, find_gaps, find_places, scores
from bench.sound_speech import Speech
from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.codecs.base import BEST_COMPLEXITY
from conference.codecs.opus import OpusCodec
from conference.load.signal.arrived import Arrived
from conference.playout.source import PacketSource
from conference.room.participant import Participant
from conference.room.room import Room
from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.stream import SingleStream
from tests.netem import Network

JITTER_MS = 60
LOSS = 0.05
SEEDS = (1, 2, 3)
"""Of the networks: what is lost is chance, so each voice speaks over several."""

WAYS = {"forwarded": True, "mixed": False}
PHASE_NS = 7_000_000
"""Where between two ticks a packet comes that nothing holds up."""

MIX = OpusCodec(56_000, BEST_COMPLEXITY, expected_loss=0)
"""What servers encode mixes with."""

AFTERWARDS_TICKS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One voice, over one network, in one way."""

    condition: str
    way: str
    voice: str
    pesq: float
    delay_ms: float
    delay_95_ms: float
    gap_ms: float
    forwarded: int
    """Packets that went on as they came."""


def conditions(seed: int) -> list[Condition]:
    """The networks."""
    jitter, loss = Network(seed=seed, jitter_ms=JITTER_MS), Network(seed=seed, loss=LOSS)
    both = Network(seed=seed, loss=LOSS, jitter_ms=JITTER_MS)
    return [
        Condition("clean", "clean", loops=1),
        Condition("jitter60", f"jitter 0–{JITTER_MS} ms", ((0, jitter),), loops=1),
        Condition("loss5", f"{LOSS:.0%} loss, FEC", ((0, loss),), FEC_PERCENT, loops=1),
        Condition("both", f"{LOSS:.0%} loss and jitter 0–{JITTER_MS} ms, FEC", ((0, both),), FEC_PERCENT, loops=1),
    ]


def call(condition: Condition, speech: Speech, *, forwarding: bool) -> tuple[Call, int]:
    """One speaks to another through a room. Returns the call, and how many packets were forwarded."""
    said = said_in(condition, speech.samples)
    payloads = encoded(said, condition.expected_loss)
    arrivals = sorted(condition.arrivals(len(payloads)))
    heard, now_ns = Heard(), 0

    def transmit(packet: bytes) -> bool:
        parsed = parse_rtp(packet)
        heard.packets.append(Arrived(parsed.sequence, parsed.timestamp, parsed.payload, now_ns))
        return True

    source = PacketSource(OpusCodec().make_decoder())
    agreed = Format(111, "opus")
    sink = EgressSink(MIX, agreed, SingleStream(agreed, 7, transmit, lambda: now_ns))
    sink.open()
    room = Room("networks", 0.0, lambda _: None, forwarding=forwarding)
    room.add(Participant(id="mouth", name="Mouth", transport="webrtc", joined_at=0.0, source=source))
    room.add(Participant(id="ear", name="Ear", transport="webrtc", joined_at=0.0, sink=sink))
    due, place = arrivals, 0
    for tick in range(1, len(payloads) + AFTERWARDS_TICKS):
        while place < len(due) and PHASE_NS + TICK_NS + due[place][0] <= tick * TICK_NS:
            at_ns, index = due[place]
            now_ns, place = int(PHASE_NS + TICK_NS + at_ns), place + 1
            source.push(index, index * FRAME_SAMPLES, payloads[index], now_ns)
        now_ns = tick * TICK_NS
        room.tick(tick, now_ns)
    heard.play()
    lost = len(payloads) - len({index for _, index in arrivals})
    return Call(said, PHASE_NS, heard, lost, None, 0, len(arrivals)), source.stats.forwarded


def judge(condition: Condition, way: str, speech: Speech, codec_ms: float) -> Row:
    """Let a voice speak, and measure what is heard of it.

    Args:
        condition: the network.
        way: of :data:`WAYS`.
        speech: the voice.
        codec_ms: by how much two encoders alone shift the sound.
    """
    placed, forwarded = call(condition, speech, forwarding=WAYS[way])
    said, heard = at_16k(placed.said), at_16k(placed.heard.samples)
    places, _ = find_places(placed, said, heard, codec_ms if way == "mixed" else codec_ms / 2)
    delays = np.percentile([one.delay_ms for one in places], (50, 95)) if places else (np.nan, np.nan)
    pesq = float(np.mean(scores(said, heard, places, speech.samples.size // 3)))
    gap_ms = find_gaps(said, heard, places).longest_ms
    return Row(condition.title, way, speech.name, pesq, float(delays[0]), float(delays[1]), gap_ms, forwarded)


def measure(voices: Sequence[Speech], codec_ms: float, *, quick: bool) -> list[Row]:
    """All voices over all networks, both ways."""
    jobs = [
        (condition, way, voice, codec_ms)
        for seed in (SEEDS[:1] if quick else SEEDS)
        for condition in conditions(seed)
        if condition.key != "clean" or seed == SEEDS[0]  # nothing is chance there
        for way in WAYS
        for voice in voices
    ]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        rows = [one.result() for one in [pool.submit(judge, *job) for job in jobs]]
    print(f"measured: {len(rows)} calls over simulated networks", file=sys.stderr)
    return rows


def lines(rows: Sequence[Row]) -> list[str]:
    """The figures as Markdown: over all voices and networks of a kind, and each voice on a clean network."""
    table = [
        "| condition | | PESQ-WB, mean (least) | delay, median (95 %) | longest gap |",
        "|---|---|---|---|---|",
        *(_line(*one) for one in _together(rows)),
    ]
    voices = dict.fromkeys(row.voice for row in rows)
    clean = {(row.voice, row.way): row.pesq for row in rows if row.condition == "clean"}
    alone = [f"| {one} | " + " | ".join(f"{clean[one, way]:.2f}" for way in WAYS) + " |" for one in voices]
    return [*table, "", "| voice, clean network | " + " | ".join(WAYS) + " |", "|---|---|---|", *alone]


def _together(rows: Sequence[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    for condition in dict.fromkeys(row.condition for row in rows):
        for way in WAYS:
            yield condition, way, [row for row in rows if (row.condition, row.way) == (condition, way)]


def _line(condition: str, way: str, rows: Sequence[Row]) -> str:
    pesq = [row.pesq for row in rows]
    middle, late = np.median([row.delay_ms for row in rows]), np.median([row.delay_95_ms for row in rows])
    gap_ms = max(row.gap_ms for row in rows)
    gap = f"{gap_ms:.0f} ms" if gap_ms else "none"
    return f"| {condition} | {way} | {np.mean(pesq):.2f} ({min(pesq):.2f}) | {middle:.0f} ({late:.0f}) ms | {gap} |"
