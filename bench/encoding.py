"""What encoding a mix takes, and what it sounds like: by complexity and bitrate, without a server.

    python -m bench.encoding
    python -m bench.encoding --complexity 5 7 10 --bitrate 32000 48000 64000 --speech voices recordings

Each voice speaks at 32 kb/s, as browsers do; that is decoded, and encoded once more, as mixes are: alone, and mixed
with the next voice. It needs ``pip install 'conference[bench]'`` and, for the voices that are the default, espeak-ng.
It prints:

time        For one packet of 20 ms, in µs of CPU: of several rounds through the first voice, the fastest.
bitrate     What comes out, in kb/s.
one, two    PESQ-WB of the second encoding: the mean over all voices and pairs, and the least.
tones       Two tones of -9 dBFS: signal to distortion.
voices' way Share of the packets that are coded as voices are, with SILK or a hybrid, and not with CELT.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from bench.server import BenchError
from bench.sound_call import decoded, encoded
from bench.sound_measure import at_16k, pesq_wb
from bench.sound_mix import CODEC_DELAY
from bench.sound_special import TONES_HZ, distortion
from bench.sound_speech import at_level, find_each_speech
from conference.audio.frame import SAMPLE_RATE, Samples
from conference.codecs.base import BEST_COMPLEXITY
from conference.codecs.opus import OpusCodec, OpusEncoder
from conference.load.signal.voice import in_frames

ROUNDS = 5
CELT_FROM = 16
"""The first configuration of CELT: RFC 6716, table 2."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to encode a mix."""

    complexity: int
    bitrate: int
    one: list[float]
    two: list[float]
    kbps: float
    voices_share: float
    tones_db: float
    microseconds: float


@dataclass(frozen=True, slots=True)
class Way:
    """How mixes are encoded."""

    complexity: int
    bitrate: int

    def make_encoder(self) -> OpusEncoder:
        """As a server does that may take so much work."""
        encoder = OpusCodec(self.bitrate, BEST_COMPLEXITY, expected_loss=0).make_encoder()
        encoder.limit_complexity(self.complexity)
        return encoder


def measure(way: Way, said: Sequence[Samples], arrived: Sequence[Samples]) -> Row:
    """All of it but for the time that it takes.

    Args:
        way: what is measured.
        said: the voices.
        arrived: the same, as they come out of the first decoder.
    """
    once = [_again(way, sound) for sound in arrived]
    pairs = [(_sum(*said_two), _sum(*two)) for said_two, two in zip(pairwise(said), pairwise(arrived), strict=True)]
    payloads = [payload for _, coded in once for payload in coded]
    return Row(
        way.complexity,
        way.bitrate,
        [pesq_wb(at_16k(one), at_16k(sound)) for one, (sound, _) in zip(said, once, strict=True)],
        [pesq_wb(at_16k(both), at_16k(_again(way, sound)[0])) for both, sound in pairs],
        8 * float(np.mean([len(payload) for payload in payloads])) / 20,
        float(np.mean([payload[0] >> 3 < CELT_FROM for payload in payloads])),
        distortion(_again(way, _tones())[0][SAMPLE_RATE:], TONES_HZ),
        float("nan"),
    )


def packet_time(way: Way, sound: Samples) -> float:
    """CPU time of one packet, in µs."""
    frames, best = in_frames(sound), math.inf
    for _ in range(ROUNDS):
        encoder = way.make_encoder()
        began = time.process_time_ns()
        for frame in frames:
            encoder.encode(frame)
        best = min(best, time.process_time_ns() - began)
    return best / len(frames) / 1000


def first_encoding(said: Samples) -> Samples:
    """What comes out of the decoder of a voice that was sent at 32 kb/s."""
    return _in_place(decoded(encoded(said, 0)))


def _again(way: Way, sound: Samples) -> tuple[Samples, list[bytes]]:
    encoder = way.make_encoder()
    payloads = [encoder.encode(frame) for frame in in_frames(sound)]
    return _in_place(decoded(payloads)), payloads


def _in_place(sound: Samples) -> Samples:
    return np.pad(sound[CODEC_DELAY:], (0, CODEC_DELAY))


def _sum(one: Samples, other: Samples) -> Samples:
    size = min(one.size, other.size) // 960 * 960
    return at_level(one[:size].astype(np.int32) + other[:size], -26.0)


def _tones() -> Samples:
    moments = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    tones = sum(np.sin(2 * math.pi * hz * moments) for hz in TONES_HZ)
    return np.rint(32767 * 10 ** (-9 / 20) * tones).astype(np.int16)


def table(rows: Sequence[Row]) -> str:
    """The figures as Markdown."""
    lines = [
        "| complexity | asked | bitrate | one voice (least) | two voices (least) | tones | voices' way | time |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {row.complexity} | {row.bitrate // 1000} kb/s | {row.kbps:.0f} kb/s |"
            f" {np.mean(row.one):.2f} ({min(row.one):.2f}) | {np.mean(row.two):.2f} ({min(row.two):.2f}) |"
            f" {row.tones_db:.0f} dB | {row.voices_share:.0%} | {row.microseconds:.0f} µs |"
            for row in rows
        ),
    ]
    return "\n".join(lines)


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.encoding", description="What encoding a mix takes.")
    parser.add_argument("--complexity", nargs="+", type=int, default=[3, 5, 7, 10], metavar="N", help="0 to 10")
    parser.add_argument("--bitrate", nargs="+", type=int, default=[32_000, 48_000, 56_000, 64_000], metavar="BITS")
    parser.add_argument("--speech", nargs="+", default=["voices"], metavar="VOICE", help="see bench.sound")
    args = parser.parse_args()
    try:
        ways = [Way(complexity, bitrate) for complexity in args.complexity for bitrate in args.bitrate]
        said = [one.samples for one in find_each_speech(args.speech)]
        arrived = [first_encoding(one) for one in said]
        times = [packet_time(way, arrived[0]) for way in ways]  # before anything else runs beside it
        with ProcessPoolExecutor(2) as pool:
            rows = list(pool.map(partial(measure, said=said, arrived=arrived), ways))
    except (BenchError, ValueError) as error:
        print(f"bench.encoding: {error}", file=sys.stderr)
        return 1
    sent = [pesq_wb(at_16k(one), at_16k(sound)) for one, sound in zip(said, arrived, strict=True)]
    print(f"PESQ-WB as sent: {np.mean(sent):.2f} ({min(sent):.2f})")
    print()
    print(table([replace(row, microseconds=took) for row, took in zip(rows, times, strict=True)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
