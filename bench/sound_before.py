"""What voices are in a mix, and what that takes, in two checkouts of this repository, in one run and in simulated time.

    git worktree add ../before COMMIT
    python -m bench.sound_before ../before          # eight voices of espeak-ng: some minutes
    python -m bench.sound_before ../before --speech espeak:fr man.wav

Each voice speaks to two people whom nothing is forwarded to, by itself, in noise, and over a network with jitter. Both
checkouts get the same packets at the same times, each in a process of its own, and take turns. It prints, for both:

PESQ        PESQ-WB of what a listener decodes against what was said, without the noise: the mean over the voices.
delay       From a sample's packet until the mix with it, in milliseconds: the median of all half seconds, and the
            95th percentile. The look-ahead of two Opus encoders is not in it.
voice       CPU time of a tick of what is done to the voice alone, from its decoded frame to the mix, in µs: of each
            frame the least of some rounds, since the rest is this machine's other work. The mean of the second half of
            what is said, and the median of the voices.
room        The same of the whole tick: jitter buffer, decoder, voice, mix and encoder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

TICK_NS = 20_000_000
PHASE_NS = 10_000_000
"""A packet comes so long before the tick on which it can be played."""

ROUNDS = 5
NOISE_DBOV = -50.0
SPEECH_DBOV = -26.0
JITTER_MS = 60.0
STRETCH_SECONDS = 0.5


def work(packets_file: str, heard_file: str) -> None:
    """Run the room with these packets, in whatever checkout this is, and keep what was heard and what it took."""
    from conference.codecs.base import Codec
    from conference.codecs.opus import OpusCodec
    from conference.playout.source import PacketSource
    from conference.room.conference import Conference
    from conference.room.participant import Participant
    from conference.room.voice import Voice

    codec = OpusCodec(bitrate=56_000)

    class Ear:
        def __init__(self) -> None:
            self.codec: Codec | None = codec
            self.payloads: list[bytes | None] = []

        def deliver(self, mix: Any) -> None:
            self.payloads.append(mix.payload)

    with np.load(packets_file) as given:
        payloads = [one.tobytes() for one in np.split(given["bytes"], given["ends"][:-1])]
        arrivals, numbers, ticks = given["arrivals"].tolist(), given["numbers"].tolist(), int(given["ticks"])
        least = int(given["rounds"])
    room_ns = np.full(ticks, np.iinfo(np.int64).max)
    for _ in range(least):
        conference, source, ears = Conference(), PacketSource(codec.make_decoder()), (Ear(), Ear())
        conference.join("bench", Participant(id="mouth", name="", transport="local", joined_at=0.0, source=source))
        for number, ear in enumerate(ears):
            conference.join(
                "bench", Participant(id=f"ear{number}", name="", transport="local", joined_at=0.0, sink=ear)
            )
        coming = 0
        for tick in range(ticks):
            now = tick * TICK_NS + PHASE_NS
            began = time.process_time_ns()
            while coming < len(arrivals) and arrivals[coming] <= now:
                number = numbers[coming]
                source.push(number & 0xFFFF, number * 960, payloads[number], arrivals[coming])
                coming += 1
            conference.tick(tick, now)
            room_ns[tick] = min(room_ns[tick], time.process_time_ns() - began)
    decoder, silence = codec.make_decoder(), np.zeros(960, np.int16)
    heard = [silence if one is None else decoder.decode(one) for one in ears[0].payloads]
    frames = [one for one in map(codec.make_decoder().decode, payloads) if one.size == silence.size]
    voice_ns = np.full(len(frames), np.iinfo(np.int64).max)
    for _ in range(2 * least):
        voice = Voice()
        for tick, frame in enumerate(frames):
            began = time.perf_counter_ns()
            voice.process(frame)
            voice_ns[tick] = min(voice_ns[tick], time.perf_counter_ns() - began)
    np.savez(heard_file, heard=np.concatenate(heard), room_ns=room_ns, voice_ns=voice_ns)


@dataclass(frozen=True, slots=True)
class Case:
    """What a voice says, and how its packets come."""

    name: str
    wave: NDArray[np.float64]
    arrivals: list[tuple[int, int]]


@dataclass(slots=True)
class Figures:
    """What became of one voice in one case and checkout."""

    pesq: float
    delays_ms: list[float]
    voice_us: float
    room_us: float


def cases(said: NDArray[np.int16], seed: int) -> Iterator[Case]:
    """Everything that is done with one voice."""
    from bench.sound_mix import background
    from tests.netem import Network, every_20_ms

    loud = said.astype(np.float64)
    packets = said.size // 960
    clean = Network().deliver(every_20_ms(packets))
    jitter = Network(seed=seed, jitter_ms=JITTER_MS).deliver(every_20_ms(packets))
    yield Case("clean", loud, clean)
    yield Case(f"noise at {NOISE_DBOV:.0f} dBov", loud + background("pink", said.size, NOISE_DBOV, seed), clean)
    yield Case(f"jitter 0–{JITTER_MS:.0f} ms", loud, jitter)
    yield Case("noise alone", background("pink", said.size, NOISE_DBOV, seed), clean)


def run(case: Case, checkouts: Sequence[Path], folder: Path, rounds: int) -> Iterator[tuple[NDArray[np.int16], Any]]:
    """What is heard of a case in each of the checkouts, and the file that says what that took.

    Raises:
        BenchError: one of them has broken down.
    """
    from bench.server import BenchError
    from bench.sound_call import encoded

    rounded = np.clip(np.rint(case.wave), -32768, 32767).astype(np.int16)
    payloads = encoded(rounded, 0)
    arrivals, numbers = zip(*case.arrivals, strict=True)
    np.savez(
        folder / "packets.npz",
        bytes=np.frombuffer(b"".join(payloads), np.uint8),
        ends=np.cumsum([len(one) for one in payloads]),
        arrivals=np.array(arrivals),
        numbers=np.array(numbers),
        ticks=len(payloads) + 25,
        rounds=rounds,
    )
    for checkout in checkouts:
        command = [sys.executable, str(Path(__file__).resolve()), "--work"]
        done = subprocess.run(
            [*command, str(folder / "packets.npz"), str(folder / "heard.npz")],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
            check=False,
        )
        if done.returncode:
            raise BenchError(f"the room of {checkout} has broken down")
        with np.load(folder / "heard.npz") as found:
            yield found["heard"], {name: found[name] for name in ("room_ns", "voice_ns")}


def judge(said: NDArray[np.int16], heard: NDArray[np.int16], took: Any, codec_ms: float) -> Figures:
    """Compare what was heard with what was said."""
    from bench.sound_measure import at_16k, pesq_wb
    from conference.load.signal.voice import find

    said_16k, heard_16k = at_16k(said), at_16k(heard)
    delays, size = [], round(STRETCH_SECONDS * 16_000)
    for start in range(0, said_16k.size - size, size):
        pattern = said_16k[start : start + size]
        if np.sqrt((pattern.astype(np.float64) ** 2).mean()) < 300:
            continue
        at = find(pattern, heard_16k[start : start + 2 * size])
        if at is not None:
            delays.append(at / 16 - codec_ms + PHASE_NS / 1e6)
    shift = round((float(np.median(delays)) + codec_ms - PHASE_NS / 1e6) * 16) if delays else 0
    aligned = np.pad(heard_16k[shift:], (0, max(0, said_16k.size - heard_16k.size + shift)))[: said_16k.size]
    voice_us, room_us = (float(took[name][took[name].size // 2 :].mean()) / 1000 for name in ("voice_ns", "room_ns"))
    return Figures(pesq_wb(said_16k, aligned) if delays else float("nan"), delays, voice_us, room_us)


def measure(before: Path, now: Path, speech: Sequence[Any], rounds: int) -> dict[str, tuple[list[Figures], ...]]:
    """All voices in all cases: by case, the figures of both checkouts."""
    from bench.sound_speech import at_level
    from conference.load.signal.delay_meter import codec_delay

    found: dict[str, tuple[list[Figures], ...]] = {}
    with TemporaryDirectory() as folder:
        for number, one in enumerate(speech):
            said = at_level(one.samples[: one.samples.size // 960 * 960], SPEECH_DBOV).astype(np.int16)
            for case in cases(said, number + 1):
                both = found.setdefault(case.name, ([], []))
                alone = case.name == "noise alone"
                for figures, (heard, took) in zip(both, run(case, (before, now), Path(folder), rounds), strict=True):
                    figures.append(judge(np.zeros_like(said) if alone else said, heard, took, codec_delay()))
            print(f"measured: {one.name}", file=sys.stderr)
    return found


def lines(found: dict[str, tuple[list[Figures], ...]]) -> list[str]:
    """The figures as Markdown."""
    table = [
        "| | | PESQ-WB, mean (least) | delay, median (95 %) | voice | room |",
        "|---|---|---|---|---|---|",
    ]
    for name, both in found.items():
        for checkout, figures in zip(("before", "now"), both, strict=True):
            delays = [ms for one in figures for ms in one.delays_ms]
            scores, heard = [one.pesq for one in figures], "– | –"
            if delays:
                heard = f"{np.mean(scores):.2f} ({min(scores):.2f})"
                heard += f" | {np.median(delays):.0f} ({np.percentile(delays, 95):.0f}) ms"
            costs = (np.median([getattr(one, cost) for one in figures]) for cost in ("voice_us", "room_us"))
            table.append(f"| {name} | {checkout} | {heard} | " + " | ".join(f"{one:.1f} µs" for one in costs) + " |")
    return table


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.sound_before",
        description="What voices are in a mix, in two checkouts of this repository.",
    )
    parser.add_argument("before", nargs="?", type=Path, help="a checkout")
    parser.add_argument("--now", type=Path, default=Path(), metavar="CHECKOUT", help="another (this one)")
    parser.add_argument("--speech", nargs="+", default=["voices"], metavar="VOICE", help="as for bench.sound")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"of each, for its cost ({ROUNDS})")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(*args.work)
        return 0
    from bench.server import BenchError
    from bench.sound_speech import find_each_speech

    if args.before is None or not all((one / "conference").is_dir() for one in (args.before, args.now)):
        parser.error("name a checkout of this repository")
    if not 1 <= args.rounds <= 100:
        parser.error("--rounds is 1 to 100")
    try:
        found = measure(args.before.resolve(), args.now.resolve(), find_each_speech(args.speech), args.rounds)
    except BenchError as error:
        print(f"bench.sound_before: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
