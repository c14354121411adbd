"""Three people in real time, over real sockets, and clicks at known times: where the clicks are in what is exported.

    python -m bench.recording_clicks                  # three minutes, and a few seconds
    python -m bench.recording_clicks --seconds 40     # quicker

Amy speaks Opus from the beginning on, Ben mu-law on a media WebSocket, and Charlie PCMU over WebRTC: he comes after a
quarter of the time, loses 5 % of his packets (none with a click), loses his connection in the middle, and comes back
to his seat. Each hums every two seconds or so, at times of their own, and clicks in the middle of it. The recording
is exported, and each click looked for in its person's WAV. It prints how far each person's are from when they were
said, in ms: median, and most; and ends with 1 if one is missing, or off by 20 ms or more.

A click's time is that of the client's own clock, so what the machine makes a client wait, and the way to the server,
count as an error of the recording. Server and clients share a process: on a machine that has no time for it, ticks
are left out, and clicks with them.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SILENCE, TICK_NS, Samples
from conference.audio.g711 import ulaw_encode
from conference.audio.resample import Resampler
from conference.recording.wav_export import export_wav
from conference.settings import Settings
from conference.webrtc.client.peer import HeadlessPeer
from conference.webrtc.send.stream import SingleStream
from tests.e2e.people import PHONE_RATE, TwilioPerson, WebRtcPerson
from tests.e2e.running import running_server
from tests.recording.recorded import read_wav, tone
from tests.recording.test_timeline import clicks_in

OFF_MS = 20.0
CLICK = np.zeros(FRAME_SAMPLES, dtype=np.int16)
CLICK[480:528] = np.rint(20_000 * np.sin(np.arange(48) * 2 * np.pi / 24)).astype(np.int16)  # 2 kHz: telephones have it
AT_NS = TICK_NS // 2
AROUND = 15
"""Frames before and after a click in which its person hums: a click alone is no talk, and is let go by unread."""
LOSS = 0.05


class Clicker:
    """What one person says, frame by frame, and when they said clicks."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._next = self._chance.randrange(50, 100)
        self._frames = 0
        self.clicks: list[int] = []
        """In nanoseconds of the monotonic clock."""

        self.clicks_now = False

    def frame(self, now_ns: int) -> Samples:
        """The frame whose last sample is said at ``now_ns``."""
        self._frames += 1
        until = self._next - self._frames
        self.clicks_now = until == 0
        if self.clicks_now:
            self.clicks.append(now_ns - TICK_NS + AT_NS)
            return CLICK
        if until == -AROUND:
            self._next += self._chance.randrange(75, 130)
        return tone(200, self._frames) // 3 if abs(until) <= AROUND else SILENCE


class ClickingPeer(WebRtcPerson):
    """Somebody over WebRTC."""

    def __init__(self, peer: HeadlessPeer, clicker: Clicker) -> None:
        super().__init__(peer, None)
        self._clicker = clicker

    def _tick(self, number: int, now_ns: int) -> None:
        frame = self._clicker.frame(now_ns)
        self.peer.send(self._encoder.encode(frame) if frame.any() else self._encoder.encode_silence(), number)


class ClickingCaller(TwilioPerson):
    """Somebody on a media WebSocket."""

    def __init__(self, url: str, name: str, clicker: Clicker) -> None:
        super().__init__(url, name, None)
        self._clicker = clicker
        self._down = Resampler(48_000, PHONE_RATE)

    def _speak(self) -> bytes | None:
        return ulaw_encode(self._down.process(self._clicker.frame(time.monotonic_ns()))).tobytes()


def lose_some(peer: HeadlessPeer, clicker: Clicker, chance: random.Random) -> None:
    """Lose packets on their way to the server, but none with a click."""
    assert peer._sink is not None
    stream = peer._sink.stream
    assert isinstance(stream, SingleStream)
    send = stream._transmit
    stream._transmit = lambda packet: True if chance.random() < LOSS and not clicker.clicks_now else send(packet)


async def lose(peer: HeadlessPeer) -> None:
    """End a connection without a word to the server."""
    assert peer._pc is not None
    await peer._pc.close()
    await peer._whip.close()


async def charlie(url: str, clicker: Clicker, seconds: float) -> None:
    """Somebody who comes late, and whose connection breaks in the middle."""
    chance, proof = random.Random(3), None
    await asyncio.sleep(seconds / 4)
    for lasts in (seconds / 4, seconds / 2):
        peer = HeadlessPeer(url, "tea", "Charlie", codec="PCMU", proof=proof)
        await peer.connect()
        lose_some(peer, clicker, chance)
        proof = peer.proof
        person = ClickingPeer(peer, clicker)
        running = asyncio.create_task(person.clock.run())
        await asyncio.sleep(lasts)
        running.cancel()
        if lasts == seconds / 4:
            await lose(peer)
        else:
            await peer.close()


async def talk(seconds: float, folder: Path) -> tuple[str, int, dict[str, Clicker]]:
    """Hold the conversation. Returns the recording's id, when it began on the monotonic clock, and who clicked when."""
    clickers = {name: Clicker(number) for number, name in enumerate(("Amy", "Ben", "Charlie"))}
    async with running_server(Settings(port=0, recordings=folder)) as server:
        recordings, rooms = server.live.recordings, server.live.conference.rooms
        assert recordings is not None
        amy = HeadlessPeer(server.url, "tea", "Amy")
        await amy.connect()
        person = ClickingPeer(amy, clickers["Amy"])
        started_ns = time.monotonic_ns()
        about = recordings.start(rooms["tea"], by="Amy")
        ben = ClickingCaller(f"{server.url.replace('http', 'ws', 1)}/twilio/stream/tea", "Ben", clickers["Ben"])
        tasks = [
            asyncio.create_task(person.clock.run()),
            asyncio.create_task(ben.caller.run()),
            asyncio.create_task(charlie(server.url, clickers["Charlie"], seconds)),
        ]
        await tasks[2]
        recordings.stop(about.id)
        for task in tasks:
            task.cancel()
        await amy.close()
        while recordings.all[about.id].status == "finishing":
            await recordings.changed()
    return about.id, started_ns, clickers


def compare(found: list[float], said: list[float]) -> Iterator[float | None]:
    """By how many milliseconds each click is off; ``None`` for one that is not there."""
    for moment in said:
        off = min((one - moment for one in found), key=abs, default=np.inf) * 1000
        yield float(off) if abs(off) < 100 else None


def main() -> int:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180, help="of conversation (default: 180)")
    args = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder, target = Path(name) / "recordings", Path(name) / "wav"
        folder.mkdir()
        target.mkdir()
        recording_id, started_ns, clickers = asyncio.run(talk(args.seconds, folder))
        wavs = {path.stem[3:]: read_wav(path) for path in export_wav(folder / recording_id, target)}
        for person, clicker in clickers.items():
            said = [(one - started_ns) / 1e9 for one in clicker.clicks]
            said = [one for one in said if one < len(wavs[person]) / 48_000 - 0.2]  # the end may cut one off
            off = list(compare(clicks_in(wavs[person]), said))
            there = [one for one in off if one is not None]
            worst = max(there, key=abs, default=np.inf)
            print(f"{person:8} {len(said)} clicks, {len(off) - len(there)} missing;", end=" ")
            print(f"off by {np.median(there):.1f} ms, at most {worst:.1f}")
            good = good and len(there) == len(off) and abs(worst) < OFF_MS
    print("good" if good else "BAD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
