"""A server is killed in the middle of recordings, again and again, at random: what is left of them.

    python -m bench.recording_kills                     # twenty times: about five minutes
    python -m bench.recording_kills --kills 5 --seed 7  # quicker, and the same moments again

A caller and a browser's stand-in talk in a room that is recorded from its beginning. After 1 to 6 seconds the server
gets a SIGKILL; the next start finishes what there is.
Each track, and the mix, are then read to their ends by FFmpeg, and the mix is played to its end by Chromium's <audio>,
if that is installed. It prints when the server was killed, how much is missing, and how much each of them plays; and
ends with 1 if more than two seconds are missing anywhere, or something cannot be played whole.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from conference.audio.frame import SAMPLE_RATE
from conference.recording.about import About, load
from tests.e2e.browser import find_program, open_page, running_browser
from tests.e2e.people import twilio_person, webrtc_person
from tests.e2e.running import eventually
from tests.e2e.test_recording import played
from tests.tones import tone
from tests.web.process import Running

MISSING_S = 2.0
OFF_S = 0.1
"""By so much what a program says of the length of a file may be off: a packet, and what a codec begins with."""

_PLAY = """(() => {
  const audio = new Audio(%r);
  window.played = null;
  audio.muted = true;
  audio.playbackRate = 4;
  audio.onended = () => { window.played = audio.currentTime; };
  audio.onerror = () => { window.played = -1; };
  audio.play().catch(() => { window.played = -1; });
})()"""


@dataclass
class Kill:
    """One of them, and what was left."""

    recording_id: str
    after: float
    """Seconds after the recording began."""

    missing: float
    seconds: float
    by_ffmpeg: list[float]
    """To where it plays: the mix in recording.mka, each person's track, and mix.opus."""

    by_browser: float | None = None

    @property
    def good(self) -> bool:
        """Nothing is missing that should be there, and all of it can be played."""
        whole = [self.by_ffmpeg[0], self.by_ffmpeg[-1], *([] if self.by_browser is None else [self.by_browser])]
        parts = self.by_ffmpeg[1:-1]  # somebody's own track ends with the last that came of them
        return (
            self.missing <= MISSING_S
            and all(abs(one - self.seconds) <= OFF_S for one in whole)
            and all(0 < one <= self.seconds + OFF_S for one in parts)
        )


def is_over(folder: Path) -> bool:
    """Whether all that can be made of a recording is made."""
    about = load(folder)
    return about is not None and about.status in ("ready", "failed")


def newest(folder: Path, known: set[str]) -> About | None:
    """A recording that is not known yet."""
    for path in folder.iterdir():
        if path.name not in known and (about := load(path)) is not None:
            return about
    return None


async def kill_once(folder: Path, known: set[str], chance: random.Random) -> Kill:
    """Record, kill, and have it finished."""
    server = Running("--udp-port", "0", "--recordings", str(folder), "--record", "always")
    try:
        url = server.url.rstrip("/")
        async with twilio_person(url, "tea", "Amy", tone(500.0, 1.0)):
            await eventually(lambda: newest(folder, known), "the recording has begun", within=60)
            about = newest(folder, known)
            assert about is not None
            try:
                async with webrtc_person(url, "tea", "Ben", tone(1300.0, 1.0)):
                    await asyncio.sleep(chance.uniform(1, 6))
                    server.process.send_signal(signal.SIGKILL)
                    killed_at = time.time()
                    server.process.wait()
            except OSError:
                pass  # there is nobody to say goodbye to
    finally:
        server.kill()
    known.add(about.id)
    after = Running("--udp-port", "0", "--recordings", str(folder))
    try:
        await eventually(partial(is_over, folder / about.id), "it is finished", within=120)
    finally:
        after.kill()
    found = load(folder / about.id)
    assert found is not None
    files = [folder / about.id / name for name in ("recording.mka", "mix.opus")]
    ends = [end for path in files if path.exists() for end in played(path)]
    lasted = killed_at - found.started_at
    return Kill(about.id, lasted, lasted - found.seconds, found.seconds, ends)


async def play_all(folder: Path, kills: list[Kill]) -> None:
    """Have Chromium play each mix to its end."""
    server = Running("--udp-port", "0", "--recordings", str(folder))
    try:
        with running_browser() as address:
            for one in kills:
                async with open_page(address) as page:
                    await page.goto(server.url)
                    await page.evaluate(_PLAY % f"/recordings/{one.recording_id}/files/mix.opus")
                    await page.wait_for("window.played !== null", within=120)
                    one.by_browser = float(await page.evaluate("window.played"))
    finally:
        server.kill()


async def run(kills: int, seed: int) -> int:
    """Do it, and print it."""
    chance, known, done = random.Random(seed), set[str](), list[Kill]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(kills):
            done.append(await kill_once(folder, known, chance))
            print(
                f"{number + 1:2}: killed after {done[-1].after:5.2f} s, {done[-1].missing:5.2f} s are missing",
                flush=True,
            )
        if find_program() is not None:
            await play_all(folder, done)
    for one in done:
        browser = "not tried" if one.by_browser is None else f"{one.by_browser:.2f} s"
        tracks = ", ".join(f"{end:.2f}" for end in one.by_ffmpeg)
        print(f"{one.recording_id}: {one.seconds:.2f} s; {tracks}; <audio> {browser}{'' if one.good else '  BAD'}")
    print(
        f"most that is missing: {np.max([one.missing for one in done]):.2f} s; bad: {sum(not one.good for one in done)}"
    )
    return 0 if all(one.good for one in done) else 1


def main() -> int:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how often (default: 20)")
    parser.add_argument("--seed", type=int, default=random.randrange(1000), help="of the moments (default: by chance)")
    args = parser.parse_args()
    print(f"seed {args.seed}, {SAMPLE_RATE} Hz")
    return asyncio.run(run(args.kills, args.seed))


if __name__ == "__main__":
    sys.exit(main())
