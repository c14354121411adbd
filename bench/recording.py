"""What a recording adds to a room of twenty with three talkers, in CPU time.

    python -m bench.recording                     # about half a minute
    python -m bench.recording --rounds 3          # quicker

Two rooms are alike, without a network: twenty people, of whom three talk, in turns, at once and with pauses, and the
others send what is left of silence. Everybody gets a stream of Opus, of one talker's packets or of a mix. One of the
rooms is recorded, into a folder of this machine; the time of the threads that write counts, too. The rooms take turns,
a second each, and the same conversation is held several times: of each second the least counts, so that what else the
machine does stays out of it. It prints:

room        What a tick of the room that is not recorded takes, in µs. Encryption and the network, which a server has
            besides, are not in it: with them a recording's share is smaller.
recorded    The same of the recorded one.
added       By how much, in µs and in percent.
packet      What one packet that arrives takes to be written down, in µs: least of many.
written     Bytes a second that go to the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SILENCE, TICK_NS, Samples
from conference.audio.noise_gate import level_of
from conference.capture.format import packet_writer
from conference.codecs.opus import OpusCodec
from conference.codecs.opus_decoder import OpusDecoder
from conference.playout.source import PacketSource
from conference.recording.recordings import Recordings
from conference.recording.settings import RecordingSettings
from conference.room.conference import Conference
from conference.room.participant import Participant
from conference.web.events.event_json import event_json
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.stream import SingleStream
from tests.room.conversation import converse, synthetic
from tests.room.meeting import AGREED, LEVEL_ID, SENT_BEFORE_TICK_NS

PEOPLE = 20
TALKERS = ("amy", "ben", "cleo")
TICKS = 50
"""Of a second."""

Packet = tuple[int, bytes, int]
"""The tick on which somebody sends it, its payload and its level."""


def packets_of(frames: Sequence[Samples] | NDArray[np.int16], ticks: int) -> list[Packet]:
    """What somebody sends who says these frames, and nothing after."""
    encoder, sent = OpusCodec(bitrate=32_000, expected_loss=0).make_encoder(), list[Packet]()
    for tick in range(ticks):
        frame = frames[tick] if tick < len(frames) else SILENCE
        payload = encoder.encode(frame) if frame.any() else encoder.encode_silence()
        if payload is not None:
            sent.append((tick, payload, max(-127, round(level_of(frame)))))
    return sent


class Room:
    """A room of twenty, and what everybody in it sends."""

    def __init__(self, packets: Sequence[Sequence[Packet]], folder: Path | None) -> None:
        self.conference = Conference()
        self.tick = 0
        self.now_ns = 10**9
        self.sources: list[tuple[PacketSource, dict[int, Packet]]] = []
        for number, sent in enumerate(packets):
            source = PacketSource(OpusDecoder())
            stream = SingleStream(AGREED, 7, lambda packet: True, lambda: self.now_ns, level_id=LEVEL_ID)
            sink = EgressSink(OpusCodec(), AGREED, stream)
            sink.open()
            name = f"person-{number}"
            self.conference.join(
                "tea", Participant(id=name, name=name, transport="webrtc", joined_at=0, source=source, sink=sink)
            )
            self.sources.append((source, {one[0]: one for one in sent}))
        self.sent = [0] * len(packets)
        self.recordings: Recordings | None = None
        if folder is not None:
            numbers = count()
            self.recordings = Recordings(
                RecordingSettings(recordings=folder),
                self.conference,
                new_id=lambda: f"r{next(numbers)}",
                describe=event_json,
                monotonic_ns=lambda: self.now_ns,
                wallclock=time.time,
            )
            self.about = self.recordings.start(self.conference.rooms["tea"], by=None)

    def pass_second(self) -> float:
        """CPU time that a second takes, of all threads."""
        begun = time.process_time()
        for _ in range(TICKS):
            self.now_ns += TICK_NS
            for place, (source, sent) in enumerate(self.sources):
                packet = sent.get(self.tick)
                if packet is not None:
                    sequence = self.sent[place] = self.sent[place] + 1
                    timestamp = self.tick * FRAME_SAMPLES & 0xFFFFFFFF
                    source.push(sequence & 0xFFFF, timestamp, packet[1], self.now_ns - SENT_BEFORE_TICK_NS, packet[2])
            self.conference.tick(self.tick, self.now_ns)
            self.tick += 1
        return time.process_time() - begun


def per_packet() -> float:
    """Microseconds that it takes to note a packet that arrives: least of many."""
    payload, best = bytes(80), float("inf")
    for _ in range(200):
        block = bytearray()
        write: Callable[[int, int, bytes, int, int | None, bool], None] = packet_writer(3, block)
        begun = time.perf_counter()
        for number in range(1000):
            write(number, number * 960, payload, number * TICK_NS, -30, False)
        best = min(best, time.perf_counter() - begun)
    return best * 1000


def measure(seconds: int, rounds: int, folder: Path) -> None:
    """Measure, and print it."""
    ticks = seconds * TICKS
    talk = converse(synthetic(TALKERS, 7), max(6, seconds // 2), 7)
    packets = [packets_of(talk.frames[name], ticks) for name in TALKERS]
    packets += [packets_of([], ticks)] * (PEOPLE - len(TALKERS))
    least = [[float("inf")] * 2 for _ in range(seconds)]
    size = 0
    for turn in range(rounds):
        place = folder / str(turn)
        place.mkdir()
        plain, recorded = Room(packets, None), Room(packets, place)
        for second in range(seconds):
            both = [(0, plain), (1, recorded)]
            for which, room in both if (turn + second) % 2 else reversed(both):
                least[second][which] = min(least[second][which], room.pass_second())
        assert recorded.recordings is not None
        recorded.recordings.stop_all("over")
        asyncio.run(recorded.recordings.close())
        size = sum(path.stat().st_size for path in place.glob("*/journal"))
    plain_us, recorded_us = (sum(one[which] for one in least) / ticks * 1e6 for which in (0, 1))
    added = recorded_us - plain_us
    print(f"room      {plain_us:8.0f} µs a tick")
    print(f"recorded  {recorded_us:8.0f} µs a tick")
    print(f"added     {added:8.1f} µs a tick: {100 * added / plain_us:.1f} %")
    print(f"packet    {per_packet():8.2f} µs")
    print(f"written   {size / seconds / 1000:8.1f} kB/s")


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=12, help="of conversation (default: 12)")
    parser.add_argument("--rounds", type=int, default=8, help="how often it is held (default: 8)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(args.seconds, args.rounds, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
