"""The conference server of the textbook, as a baseline: stock aiortc does everything, and the mix is an average.

    python -m bench.textbook --port 8081

It answers the same requests as ours does, so that the same clients can be pointed at either: POST an offer to
``/rooms/{room}/participants``, DELETE the location. Nothing in it is made bad on purpose. It is what the examples of
aiortc, put together, come to: every track is decoded, the newest frame of everybody else is averaged so that nothing
overflows, and each listener has an encoder of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from numpy.typing import NDArray

from conference.webrtc.client.aiortc_internals import gather_only, ice_connection

RATE = 48_000
SAMPLES = 960
"""20 ms, which is what stock aiortc decodes and encodes at a time."""

MAX_WAITING = 10
"""Decoded frames that wait for their turn; with more, the oldest go, or a delay would stay for ever."""


@dataclass(eq=False)
class Person:
    """Somebody in a room."""

    pc: RTCPeerConnection
    waiting: deque[NDArray[np.int16]] = field(default_factory=lambda: deque(maxlen=MAX_WAITING))
    now: NDArray[np.int16] | None = None
    """What they say in this tick, stereo, interleaved."""
    listening: asyncio.Task[None] | None = None

    async def listen(self, track: MediaStreamTrack) -> None:
        """Keep what a track says, until it ends."""
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, AudioFrame):
                    self.waiting.append(frame.to_ndarray().reshape(-1).astype(np.int16))


Room: TypeAlias = "dict[str, Person]"
ROOMS = web.AppKey("ROOMS", dict[str, Room])


class MixTrack(MediaStreamTrack):
    """What one person hears: the average of what the others say."""

    kind = "audio"

    def __init__(self, room: Room, me: Person) -> None:
        super().__init__()
        self._room = room
        self._me = me
        self._count = 0
        self._start = time.monotonic()

    async def recv(self) -> AudioFrame:
        """The next 20 ms, when it is time for them."""
        await asyncio.sleep(max(0.0, self._start + self._count * SAMPLES / RATE - time.monotonic()))
        said = [one.now for one in self._room.values() if one is not self._me and one.now is not None]
        mix = np.mean(said, axis=0).astype(np.int16) if said else np.zeros(2 * SAMPLES, np.int16)
        frame = AudioFrame.from_ndarray(mix.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = self._count * SAMPLES
        frame.time_base = Fraction(1, RATE)
        self._count += 1
        return frame


async def tick(rooms: dict[str, Room]) -> None:
    """Every 20 ms, let everybody say their next frame."""
    start, count = time.monotonic(), 0
    while True:
        for room in rooms.values():
            for person in room.values():
                person.now = person.waiting.popleft() if person.waiting else None
        count += 1
        await asyncio.sleep(max(0.0, start + count * SAMPLES / RATE - time.monotonic()))


async def join(request: web.Request) -> web.Response:
    """An offer in, an answer out."""
    name = request.match_info["room"]
    room = request.app[ROOMS].setdefault(name, {})
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    person = Person(pc)

    @pc.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        person.listening = asyncio.create_task(person.listen(track))

    await pc.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
    for transceiver in pc.getTransceivers():
        gather_only(ice_connection(transceiver), ["127.0.0.1"])  # stock aioice leaves loopback out
    pc.addTrack(MixTrack(room, person))
    await pc.setLocalDescription(await pc.createAnswer())
    number = secrets.token_hex(8)
    room[number] = person
    location = f"/rooms/{name}/participants/{number}"
    return web.Response(
        status=201, text=pc.localDescription.sdp, content_type="application/sdp", headers={"Location": location}
    )


async def leave(request: web.Request) -> web.Response:
    """Out of the room."""
    person = request.app[ROOMS].get(request.match_info["room"], {}).pop(request.match_info["id"], None)
    if person is None:
        raise web.HTTPNotFound
    await person.pc.close()
    if person.listening is not None:
        person.listening.cancel()
    return web.Response(status=204)


async def healthy(request: web.Request) -> web.Response:
    """Up."""
    del request
    return web.Response()


async def running(app: web.Application) -> AsyncIterator[None]:
    """Run the clock of all rooms."""
    clock = asyncio.create_task(tick(app[ROOMS]))
    yield
    clock.cancel()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m bench.textbook", description="A textbook mixer, as a baseline.")
    parser.add_argument("--port", type=int, default=8081)
    args = parser.parse_args()
    app = web.Application()
    app[ROOMS] = {}
    app.router.add_get("/healthz", healthy)
    app.router.add_post("/rooms/{room}/participants", join)
    app.router.add_delete("/rooms/{room}/participants/{id}", leave)
    app.cleanup_ctx.append(running)
    web.run_app(app, host="127.0.0.1", port=args.port, print=None)


if __name__ == "__main__":
    main()
