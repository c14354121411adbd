"""What a tick costs in two checkouts of this repository, alternating in one run.

    git worktree add ../before v0.1.0
    python -m bench.checkouts ../before            # 60 people, 3 of whom talk
    python -m bench.checkouts ../before ../after --people 200 --talkers 5

Both run the same room, each in a process of its own: packets in, one tick, packets out to sinks that throw them away.
They take turns of a second of sound, and each turn's CPU time is compared with that of the other right after it, so
that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Self

TICKS_PER_TURN = 50
_WARM_UP = 3
_TICK_NS = 20_000_000


def work(people: int, talkers: int) -> None:
    """Run the room for a turn whenever a line comes in, and print the CPU time that it took."""
    from conference.codecs.base import Codec
    from conference.codecs.opus import OpusCodec
    from conference.load.signal.voice import hum, in_frames, speech
    from conference.playout.source import PacketSource
    from conference.room.conference import Conference
    from conference.room.participant import Participant

    def packets(voice: Any) -> list[bytes]:
        encoder = OpusCodec(bitrate=32_000).make_encoder()
        return [encoder.encode(frame) for frame in in_frames(voice)]

    opus = OpusCodec(bitrate=48_000)

    class Nowhere:
        codec: Codec | None = opus

        def deliver(self, mix: Any) -> None:
            pass

    voices = [packets(speech(10.0, seed=number, dbfs=-23.0)) for number in range(talkers)]
    quiet = packets(hum(10.0, dbfs=-77.0))
    conference, sources = Conference(), []
    for number in range(people):
        source = PacketSource(opus.make_decoder())
        sources.append(source)
        participant = Participant(
            id=f"p{number}", name="", transport="webrtc", joined_at=0.0, source=source, sink=Nowhere()
        )
        conference.join("bench", participant)
    tick = 0
    for _ in sys.stdin:
        began = time.process_time_ns()
        for _ in range(TICKS_PER_TURN):
            now = tick * _TICK_NS
            for number, source in enumerate(sources):
                voice = voices[number] if number < talkers else quiet
                source.push(tick & 0xFFFF, tick * 960, voice[tick % len(voice)], now, -20 if number < talkers else -80)
            conference.tick(tick, now + _TICK_NS // 2)
            tick += 1
        print(time.process_time_ns() - began, flush=True)


class Worker:
    """The room of one checkout.

    Args:
        checkout: where it is.
        people: in the room.
        talkers: of them, how many talk.
    """

    def __init__(self, checkout: Path, people: int, talkers: int) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).resolve()),
                "--work",
                "--people",
                str(people),
                "--talkers",
                str(talkers),
            ],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def turn(self) -> float:
        """Microseconds of CPU that a tick took, over one turn.

        Raises:
            RuntimeError: it has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("a room has broken down") from None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a room has broken down")
        return int(line) / TICKS_PER_TURN / 1000


def measure(before: Path, now: Path, people: int, talkers: int, turns: int) -> str:
    """Let both take turns; the result, as text."""
    with Worker(before, people, talkers) as old, Worker(now, people, talkers) as new:
        pairs = [(old.turn(), new.turn()) for _ in range(_WARM_UP + turns)][_WARM_UP:]
    ratios = [after / first for first, after in pairs]
    low, _, high = quantiles(ratios, n=4)
    return "\n".join(
        [
            f"{people} people, {talkers} of whom talk; {turns} turns of {TICKS_PER_TURN} ticks each.",
            f"before  {median(first for first, _ in pairs):7.0f} us of CPU per tick",
            f"now     {median(after for _, after in pairs):7.0f} us of CPU per tick",
            f"ratio   {median(ratios):.3f} (half of the turns from {low:.3f} to {high:.3f})",
        ]
    )


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.checkouts", description="What a tick costs in two checkouts of this repository."
    )
    parser.add_argument("before", nargs="?", type=Path, help="a checkout")
    parser.add_argument("now", nargs="?", type=Path, default=Path(), help="another (this one)")
    parser.add_argument("--people", type=int, default=60, metavar="N", help="in the room (60)")
    parser.add_argument("--talkers", type=int, default=3, metavar="N", help="of them, how many talk (3)")
    parser.add_argument("--turns", type=int, default=60, metavar="N", help="of each (60)")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.people, args.talkers)
        return 0
    if args.before is None or not all((one / "conference").is_dir() for one in (args.before, args.now)):
        parser.error("name two checkouts of this repository, or one and run this in the other")
    if not 0 <= args.talkers <= args.people <= 1000 or not 2 <= args.turns <= 1000:
        parser.error("at most 1000 people, and 2 to 1000 turns")
    try:
        print(measure(args.before.resolve(), args.now.resolve(), args.people, args.talkers, args.turns))
    except RuntimeError as error:
        print(f"bench.checkouts: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
