"""Makes ``complaint.capture``, a stand-in for what somebody sent in who heard gaps.

    python -m tests.capture.make_complaint

Two phones in a room, in mu-law; the packets of one come late, twice, in the wrong order, or not at all.
"""

from __future__ import annotations

import random
import zlib
from pathlib import Path

from conference.audio.frame import FRAME_SAMPLES
from conference.capture.format import MAGIC
from conference.codecs.pcmu import PcmuCodec
from conference.playout.source import PacketSource
from conference.room.voice import UNTOUCHED
from tests.capture.captured import Ear, at, captured_room, join
from tests.speech import spoken

TICKS = 60


def main() -> None:
    """Write the file anew."""
    chance = random.Random(3)
    room, memory = captured_room(UNTOUCHED)
    sources = [PacketSource(PcmuCodec().make_decoder()) for _ in range(2)]
    for name, source in zip(("amy", "ben"), sources, strict=True):
        join(room, name, source, Ear(PcmuCodec()))
    encoder = PcmuCodec().make_encoder()
    packets = [encoder.encode(frame) for frame in spoken(TICKS / 50, seed=5).reshape(-1, FRAME_SAMPLES)]
    arrivals = []
    for number, packet in enumerate(packets):
        delay = chance.choice((0, 0, 0, 15, 35))
        arrivals += [(at(number) + delay * 1_000_000 + 4_000_000, number, packet)] * (chance.random() > 0.08)
        arrivals += [(at(number) + 9_000_000, number, packet)] * (chance.random() < 0.05)
    arrivals.sort()
    for tick in range(TICKS):
        while arrivals and arrivals[0][0] <= at(tick):
            time_ns, number, packet = arrivals.pop(0)
            sources[0].push(number, number * 160, packet, time_ns)
        if 20 <= tick < 30:
            sources[1].push(tick, tick * 160, packets[tick + 5], at(tick) - 5_000_000)
        room.tick(tick, at(tick))
    memory.capture.end("Everybody has left.")
    Path(__file__).with_name("complaint.capture").write_bytes(MAGIC + zlib.compress(b"".join(memory.blocks), 9))


if __name__ == "__main__":
    main()
