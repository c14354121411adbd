"""Talk that goes between packets and mixes, 200 times: what a listener's decoder makes of it.

    python -m bench.changes                     # about two minutes
    python -m bench.changes --changes 40        # quicker
    python -m bench.changes --speech espeak     # see bench.sound_speech

Two people talk in turns, interrupt each other and pause, in a room without a network, and a third one listens. The
listener's packets go through libopus, which makes up for what is not sent, as browsers do. The same is done with
senders that use DTX and senders that do not, that say levels and that do not, and once without forwarding. It prints:

changes     Between packets of one talker and mixes.
clicks      Stretches of 10 ms in which something above 10 kHz, where nobody's voice is, is louder than -55 dB of the
            stretch's own level (and than -75 dBov); and the loudest, in dB.
strange     What is in neither voice: in a band of 200 Hz, more than twice as much as was there or in the bands beside
            it within the 90 ms before, in dB of the stretch's own level: of 99 in 100 stretches, and the worst.
off         By how much what a talker's packets decode to differs from what somebody hears who has followed that
            talker from the beginning, in dB of the frame's own level: median, 95 % and worst.
onset       How much of each turn's first 60 ms is heard, in its own waveform: least and median, of turns that begin
            with a voiced sound.
lag         How much later than said each turn is heard, in ms: least, median and most; and the median of the first
            and of the last ten turns, which shows a delay that stays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.server import BenchError
from bench.sound_speech import find_speech
from conference.audio.frame import SILENCE, Samples
from tests.room.conversation import Conversation, Heard, band_limited, converse, listen, synthetic
from tests.room.meeting import Person

NAMES = ("amy", "ben")
TURNS_AT_ONCE = 30
CLICK_DB = -55.0
VOICED = 0.4
"""A turn of whose first 60 ms a mix keeps less begins with a hiss, whose waveform no codec of speech keeps."""


@dataclass(frozen=True, slots=True)
class Case:
    """How the people send."""

    title: str
    forwarding: bool = True
    dtx: bool = True
    levels: bool = True
    noise_dbov: float = -127.0


CASES = (
    Case("DTX, levels"),
    Case("no DTX, levels, noise at -75 dBov", dtx=False, noise_dbov=-75.0),
    Case("DTX, no levels", levels=False),
    Case("no DTX, no levels", dtx=False, levels=False),
    Case("DTX, levels, without forwarding", forwarding=False),
)


def voices(speech: str, seed: int) -> dict[str, Samples]:
    """What each person has to say."""
    if speech == "synthetic":
        return synthetic(NAMES, seed)
    sound = band_limited(find_speech(speech).samples)
    half = len(sound) // 2
    return {"amy": np.roll(sound, -seed * 48_000), "ben": np.roll(sound, half - seed * 48_000)}


def hear(case: Case, conversation: Conversation) -> Heard:
    """Let them talk."""
    people = {name: Person(name, conversation.voice(name), dtx=case.dtx, levels=case.levels) for name in NAMES}
    return listen(conversation, people, Person("cal", lambda tick: SILENCE), forwarding=case.forwarding)


def measure(case: Case, speech: str, changes: int) -> tuple[list[Heard], list[Heard]]:
    """Conversations until there were so many changes; and the same without forwarding."""
    heard: list[Heard] = []
    mixed: list[Heard] = []
    while sum(one.changes for one in heard) < changes and len(heard) < 20:
        seed = len(heard) + 1
        conversation = converse(voices(speech, seed), TURNS_AT_ONCE, seed, noise_dbov=case.noise_dbov)
        heard.append(hear(case, conversation))
        mixed.append(hear(replace(case, forwarding=False), conversation))
        if not case.forwarding:
            break
    return heard, mixed


def row(case: Case, heard: Sequence[Heard], mixed: Sequence[Heard]) -> str:
    """The figures as text."""
    splatter = [value for one in heard for value in one.splatter]
    errors = [value for one in heard for value in one.errors]
    strange = np.percentile([value for one in heard for value in one.strange], (99, 100))
    lags = [value for one in heard for value in one.lags_ms]
    onsets = [
        begun
        for one, other in zip(heard, mixed, strict=True)
        for (_, begun), (_, usual) in zip(one.onsets, other.onsets, strict=True)
        if usual > VOICED
    ]
    off = np.percentile(errors, (50, 95, 100)).round() if errors else np.full(3, np.nan)
    ends = [
        np.median([value for one in heard for value in one.lags_ms[part]]) for part in (slice(10), slice(-10, None))
    ]
    return (
        f"{case.title:<36} {sum(one.changes for one in heard):>4}  "
        f"{sum(value > CLICK_DB for value in splatter):>3} ({max(splatter, default=-99):.0f})  "
        f"{strange[0]:>4.0f} {strange[1]:>4.0f}   "
        f"{off[0]:>4.0f} {off[1]:>4.0f} {off[2]:>4.0f}   {min(onsets):.2f} {np.median(onsets):.2f}   "
        f"{min(lags):>3.0f} {np.median(lags):>3.0f} {max(lags):>3.0f}  {ends[0]:>3.0f} {ends[1]:>3.0f}"
    )


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.changes", description="Talk between packets and mixes.")
    parser.add_argument("--changes", type=int, default=200, metavar="N", help="in each case, at least (200)")
    parser.add_argument("--speech", default="synthetic", help="synthetic, espeak, recordings, or a file (synthetic)")
    args = parser.parse_args()
    if not 1 <= args.changes <= 1000:
        parser.error("--changes is 1 to 1000")
    print(f"{'':<36} changes clicks    strange     off              onset       lag")
    try:
        for case in CASES:
            heard, mixed = measure(case, args.speech, args.changes)
            print(row(case, heard, mixed), flush=True)
    except BenchError as error:
        print(f"bench.changes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
