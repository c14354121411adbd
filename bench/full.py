"""What becomes of the sound when the processor gets full: rooms of three talkers, ever more, and then fewer again.

    python -m bench.full                # 4 rooms more each second until it is full, for 20 s; then 4 rooms are left
    python -m bench.full --load 85      # until it is as full as that with the least work for each packet

There are no sockets, and time is made of CPU time: a tick begins when it is due, or when all before it was done, and
takes what its CPU time was. So other programs on the machine make no tick late, and the figures are those of codecs,
mixing and the control of the complexity (`engine/complexity.py`). It prints, for each second: the rooms, the complexity
at its end, how much of the processor was taken, and how late the latest tick began.
"""

from __future__ import annotations

import argparse
import sys
import time

from conference.audio.frame import TICK_NS, TICKS_PER_SECOND, Samples
from conference.codecs.base import BEST_COMPLEXITY
from conference.codecs.opus import OpusCodec
from conference.engine.complexity import ComplexityControl
from conference.engine.settings import EngineSettings
from conference.load.signal.voice import in_frames, speech
from conference.room.conference import Conference
from conference.room.local import local_participant

CODEC = OpusCodec(56_000, BEST_COMPLEXITY, expected_loss=0)
TALKERS = 3
ROOMS_A_SECOND = 4
FULL_SECONDS = 20
AFTER_SECONDS = 20
ROOMS_LEFT = 4


class _Talker:
    """Says the same over and over."""

    def __init__(self, frames: list[Samples], begin: int) -> None:
        self._frames, self._at = frames, begin

    def pull(self, now_ns: int) -> Samples:
        """The next frame."""
        del now_ns
        self._at += 1
        return self._frames[self._at % len(self._frames)]


class FullProcessor:
    """Rooms on a processor whose time is CPU time."""

    def __init__(self) -> None:
        self.conference = Conference()
        self.control = ComplexityControl(EngineSettings(), lambda: self.conference.encoded_packets)
        self.worst_ns = 0
        self._frames = in_frames(speech(8.0))
        self._tick = self._cpu_ns = self._free_ns = self._opened = 0

    @property
    def rooms(self) -> int:
        """How many there are."""
        return len(self.conference.rooms)

    def open(self) -> None:
        """Three people more begin to talk to each other."""
        for number in range(TALKERS):
            talker = local_participant(f"{self._opened}-{number}", on_mix=lambda _: None, codec=CODEC)
            talker.source = _Talker(self._frames, 100 * self._opened + 37 * number)
            self.conference.join(f"room-{self._opened}", talker)
        self._opened += 1

    def close(self) -> None:
        """One room is over."""
        self.conference.end(next(iter(self.conference.rooms)), "It is late.")

    def second(self) -> tuple[float, int]:
        """Let a second pass: how much of the processor was taken, in percent, and how late the latest tick began."""
        taken_ns, latest_ns = 0, 0
        for _ in range(TICKS_PER_SECOND):
            due_ns = self._tick * TICK_NS
            begins_ns = max(due_ns, self._free_ns)
            before_ns = time.thread_time_ns()
            self.conference.tick(self._tick, due_ns)
            took_ns = time.thread_time_ns() - before_ns
            self._tick += 1
            self._free_ns = begins_ns + took_ns
            self._cpu_ns += took_ns
            taken_ns += took_ns
            latest_ns = max(latest_ns, begins_ns - due_ns)
            self.conference.limit_complexity(self.control.note(self._free_ns, self._cpu_ns, begins_ns - due_ns))
        self.worst_ns = max(self.worst_ns, latest_ns)
        return taken_ns / 1e7, latest_ns


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.full", description="What a full processor does to the sound."
    )
    parser.add_argument("--load", type=float, default=75.0, metavar="PERCENT", help="how full it becomes (75)")
    args = parser.parse_args()
    processor = FullProcessor()
    print("| second | rooms | complexity | taken | latest tick |")
    print("|---|---|---|---|---|")
    second, full_since = 0, None
    while full_since is None or second < full_since + FULL_SECONDS + AFTER_SECONDS:
        if full_since is None:
            for _ in range(ROOMS_A_SECOND):
                processor.open()
        elif second == full_since + FULL_SECONDS:
            while processor.rooms > ROOMS_LEFT:
                processor.close()
        taken, latest_ns = processor.second()
        second += 1
        least = processor.control.complexity == EngineSettings().opus_min_complexity
        if full_since is None and least and taken >= args.load:
            full_since = second
        complexity = processor.control.complexity
        print(f"| {second} | {processor.rooms} | {complexity} | {taken:.0f} % | {latest_ns / 1e6:.1f} ms |", flush=True)
    print(f"\nThe latest tick of all began {processor.worst_ns / 1e6:.1f} ms late.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
