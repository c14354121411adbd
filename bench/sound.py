"""What it sounds like: real speech through the whole server, over networks of every kind, beside stock aiortc.

    python -m bench.sound                       # everything: about a quarter of an hour
    python -m bench.sound --quick               # shorter speech, a quarter of a minute of jitter: about two minutes
    python -m bench.sound --only clean loss5    # some conditions
    python -m bench.sound --only onsets backgrounds shouts music stalls     # what a mix does to voices; no server
    python -m bench.sound --only networks       # loss and jitter in simulated time, forwarded and mixed; no server
    python -m bench.sound --speech recordings man.wav       # more than one voice, in turn
    python -m bench.sound --before ../before                # beside the server of another checkout
    python -m bench.sound --only voices                     # eight voices of espeak-ng, each alone: forwarded and mixed
    python -m bench.sound --only voices --speech espeak:fr espeak:pl man.wav    # other ones
    python -m bench.sound --pictures docs/pictures --json sound.json

For each condition a server is started. One client speaks (Opus, 32 kb/s), over a network made of numbers
(`tests.netem`, seeded) that delays, reorders and drops its packets before they reach the socket; another one listens
over a perfect one, through a jitter buffer as browsers have one. Our server forwards here, since there is but one
voice; so the same is done with one that mixes (``--no-forwarding``), as it is where several talk; and with the mixer of
the textbook on stock aiortc (`bench.textbook`). It needs ``pip install 'conference[bench]'``. The speech is a person's
if ``alsa-utils`` is installed, see `bench.sound_speech`.

It prints, for each condition:

delay       Added on the way: from when a sample's packet would be sent on a perfect network until the listener's
            receiver plays that sample. The network's own delay is in it, and the receiver's jitter buffer, which is the
            same for every server; the look-ahead of two Opus encoders (printed) is not.
lost        Packets that the network dropped; and *concealed*, stretches that the server had to make up.
gap         The longest moment in which speech was said and next to nothing was heard; and the share of all such.
stall       The longest gap in which speech that was being heard broke off; others are words whose beginning was lost.
PESQ        PESQ-WB, ITU-T P.862.2, of the listener's sound against what was said: 1.04 to 4.64.
level       Of active speech, heard against said, in dB.
found       Share of the speech that could be recognised in what was heard, to measure its delay.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import aiohttp
import numpy as np

from bench.server import BenchError, Server
from bench.sound_call import SERVERS, Call, Condition, StartServer, place
from bench.sound_conditions import CALM_SECONDS, conditions, storm_seconds
from bench.sound_measure import at_16k, find_gaps, find_places, scores
from bench.sound_parts import backgrounds, music, networks, onsets, shouts, stalls
from bench.sound_report import Report, Row, draw, table
from bench.sound_special import drift, stalling_phone, turns, two_tones
from bench.sound_speech import Speech, find_all_speech, find_each_speech, speech_level
from bench.sound_voices import measure_voices
from conference.audio.frame import SAMPLE_RATE
from conference.load.signal.delay_meter import codec_delay
from conference.webrtc.client.whip import JoinError

SPECIALS = ("voices", "tones", "levels", "phone", "drift", "onsets")
PARTS = {"backgrounds": backgrounds, "shouts": shouts, "music": music, "stalls": stalls, "networks": networks}
"""What a mix does to eight voices, and what networks do to voices, in simulated time: see `bench.sound_parts`."""

SETTLED_MS = 10.0


def judge(call: Call, key: str, title: str, server: str, speech_samples: int, codec_ms: float) -> Row:
    """Measure a call that is over."""
    said, heard = at_16k(call.said), at_16k(call.heard.samples)
    places, tried = find_places(call, said, heard, codec_ms)
    gaps = find_gaps(said, heard, places)
    return Row(
        key=key,
        title=title,
        server=server,
        delays=[(round(one.second, 2), round(one.delay_ms, 2)) for one in places],
        found=len(places) / max(1, tried),
        pesq=scores(said, heard, places, speech_samples // 3),
        gap_ms=gaps.longest_ms,
        gap_share=gaps.share,
        stall_ms=gaps.stall_ms,
        level_db=speech_level(heard, 16_000) - speech_level(said, 16_000),
        lost=call.lost,
        concealed=call.concealed,
        late_share=call.late / max(1, call.sent),
    )


def settled_after(delays: Sequence[tuple[float, float]], storm: tuple[float, float]) -> float | None:
    """How long after a storm the delay was back, and stayed; ``None`` if it never was."""
    before = [ms for at, ms in delays if storm[0] / 2 <= at < storm[0]]
    after = [(at, ms) for at, ms in delays if at >= storm[1]]
    if not before or not after:
        return None
    usual = float(np.median(before))
    # A median of three lets a single stretch be found in the wrong place.
    smooth = [float(np.median([ms for _, ms in after[max(0, i - 1) : i + 2]])) for i in range(len(after))]
    wrong = [at for (at, _), ms in zip(after, smooth, strict=True) if ms > usual + SETTLED_MS]
    if wrong and wrong[-1] >= after[-2][0]:
        return None
    return max(0.0, wrong[-1] - storm[1]) if wrong else 0.0


class Bench:
    """Runs the conditions, some at once.

    Args:
        speech: what is said.
        quick: take less time.
        at_once: calls at the same time.
        voices: who speak alone, where that is measured.
    """

    def __init__(self, speech: Speech, *, quick: bool, at_once: int, voices: Sequence[Speech] = ()) -> None:
        self._speech = speech
        self._voices = voices
        self._at_once = at_once
        self._quick = quick
        self._turnstile = asyncio.Semaphore(at_once)
        self.report = Report(speech.name, codec_delay(), storm_seconds(quick=quick))

    async def run(self, keys: Sequence[str], servers: Mapping[str, StartServer]) -> None:
        """Everything that ``keys`` name, through each of the servers where that tells something."""
        seconds = self._speech.samples.size / SAMPLE_RATE
        for server in servers.items():
            await self._conditions([one for one in conditions(seconds, quick=self._quick) if one.key in keys], *server)
        if "voices" in keys:
            self.report.voices = await measure_voices(
                self._voices, at_once=self._at_once, codec_ms=self.report.codec_ms
            )
        if "phone" in keys:
            call = await stalling_phone(self._speech.samples, 1 if self._quick else max(1, round(56 / seconds)))
            await self._judge_all([(call, "phone", "caller over TCP with 200 ms stalls")], "mixed")
        if "tones" in keys:
            await self._tones({name: start for name, start in servers.items() if name != "forwarded"})
        if "levels" in keys:
            self.report.turns = await turns(self._speech.samples)
            _say("levels")
        if "drift" in keys:
            await self._drift()
        await self._parts(keys)

    async def _parts(self, keys: Sequence[str]) -> None:
        if "onsets" in keys:
            self.report.onsets = await asyncio.to_thread(onsets, quick=self._quick)
            _say("onsets")
        for key, part in PARTS.items():
            if key in keys:
                self.report.parts[key] = await asyncio.to_thread(part, quick=self._quick)
                _say(key)

    async def _tones(self, servers: Mapping[str, StartServer]) -> None:
        for name, start in servers.items():
            self.report.tones[name] = await two_tones(start)
            _say(f"two tones ({name})")

    async def _conditions(self, wanted: Sequence[Condition], server: str, start: StartServer) -> None:
        calls = await asyncio.gather(*(self._place(one, server, start) for one in wanted))
        named = [(call, one.key, one.title) for call, one in zip(calls, wanted, strict=True)]
        await self._judge_all(named, server)

    async def _place(self, condition: Condition, server: str, start: StartServer) -> Call:
        async with self._turnstile:
            call = await place(condition, self._speech.samples, start)
        _say(f"{condition.title} ({server})")
        return call

    async def _judge_all(self, calls: Sequence[tuple[Call, str, str]], server: str) -> None:
        # Only once all calls are over: PESQ takes a second of CPU at a time, and would delay their packets.
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            jobs = []
            for call, key, title in calls:
                codec_ms = self.report.codec_ms / (2 if key == "phone" or server == "forwarded" else 1)  # encoders
                jobs.append(
                    loop.run_in_executor(pool, judge, call, key, title, server, self._speech.samples.size, codec_ms)
                )
            rows = await asyncio.gather(*jobs)
        for row in rows:
            if row.key == "storm":
                shaken = (CALM_SECONDS, CALM_SECONDS + self.report.storm_seconds)
                row.settled_seconds = settled_after(row.delays, shaken)
        self.report.rows += rows

    async def _drift(self) -> None:
        minutes = 5.0 if self._quick else 60.0
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            loop = asyncio.get_running_loop()
            jobs = [loop.run_in_executor(pool, drift, self._speech.samples, ppm, minutes) for ppm in (200.0, -200.0)]
            self.report.drifts = list(await asyncio.gather(*jobs))
        _say("clock drift")


def _say(what: str) -> None:
    print(f"measured: {what}", file=sys.stderr)


def main() -> int:
    """Read the options, measure, print."""
    keys = [one.key for one in conditions(1.0, quick=True)] + [*SPECIALS, *PARTS]
    parser = argparse.ArgumentParser(prog="python -m bench.sound", description="What it sounds like, measured.")
    parser.add_argument("--quick", action="store_true", help="less speech, shorter storm and drift")
    parser.add_argument("--only", nargs="+", choices=keys, default=keys, metavar="CONDITION", help=", ".join(keys))
    parser.add_argument("--no-baseline", action="store_true", help="leave out stock aiortc")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="measure the server of another checkout, too")
    parser.add_argument(
        "--speech",
        nargs="+",
        default=["auto"],
        metavar="FILE",
        help="recordings of people, who speak in turn; or the words recordings, espeak, synthetic (what there is), "
        "espeak:VOICE, or voices, for eight of espeak-ng, who are also those who speak alone if nobody is named",
    )
    parser.add_argument("--at-once", type=int, default=3, metavar="N", help="calls at the same time, 1 to 20 (3)")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    args = parser.parse_args()
    if not 1 <= args.at_once <= 20:
        parser.error("--at-once is 1 to 20")
    if args.before is not None and not (args.before / "server.py").is_file():
        parser.error("--before is a checkout of this repository")
    servers = {name: start for name, start in SERVERS.items() if name != "textbook" or not args.no_baseline}
    if args.before is not None:
        servers["before"] = partial(Server, (), root=args.before.resolve())
    try:
        alone = [] if "voices" not in args.only else args.speech if args.speech != ["auto"] else ["voices"]
        bench = Bench(
            find_all_speech(args.speech),
            quick=args.quick,
            at_once=args.at_once,
            voices=find_each_speech(alone),
        )
        asyncio.run(asyncio.wait_for(bench.run(args.only, servers), 3600))
        print(table(bench.report))
        if args.json:
            args.json.write_text(json.dumps(asdict(bench.report), indent=1) + "\n")
        if args.pictures:
            draw(bench.report, args.pictures)
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.sound: {error or 'it took too long'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
