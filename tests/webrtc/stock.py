"""Stock aiortc on the other end of the wire, for tests: what a peer does that isn't ours."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE
from conference.room.participant import Mix
from conference.webrtc.client.aiortc_internals import gather_only, ice_connection
from conference.webrtc.peer import Peer
from conference.webrtc.server import WebRtc
from conference.webrtc.settings import WebRtcSettings
from tests.tones import tone

LOOPBACK = "127.0.0.1"
TONE = tone(440.0, 1.0, -12.0)


class ToneTrack(MediaStreamTrack):
    """A tone, in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames = 0
        self._started = time.monotonic()

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(max(0.0, self._started + self._frames * 0.02 - time.monotonic()))
        start = self._frames * FRAME_SAMPLES % len(TONE)
        frame = AudioFrame.from_ndarray(TONE[start : start + FRAME_SAMPLES].reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = self._frames * FRAME_SAMPLES
        self._frames += 1
        return frame


class StockPeer:
    """A client as aiortc makes it.

    Args:
        direction: of its sound.
        before: what it offers in front of the sound: ``video``, or ``data`` for a data channel.
        behind: what it offers behind it.
    """

    def __init__(self, direction: str = "sendrecv", before: tuple[str, ...] = (), behind: tuple[str, ...] = ()) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._offer_more(before)
        track = ToneTrack() if direction != "recvonly" else "audio"
        self.transceiver = self.pc.addTransceiver(track, direction)
        gather_only(self._ice, [LOOPBACK])
        self._offer_more(behind)
        self.frames = 0
        """Heard so far."""

        self.loudest = 0
        self._readers: list[asyncio.Task[None]] = []
        self.pc.on("track", self._listen)

    def _offer_more(self, kinds: tuple[str, ...]) -> None:
        for kind in kinds:
            if kind == "data":
                self.pc.createDataChannel("data")
            else:
                gather_only(ice_connection(self.pc.addTransceiver(kind, "recvonly")), [LOOPBACK])

    @property
    def _ice(self) -> Any:
        return ice_connection(self.transceiver)

    def _listen(self, heard: MediaStreamTrack) -> None:
        if heard.kind == "audio":
            self._readers.append(asyncio.create_task(self._read(heard)))

    async def _read(self, heard: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await heard.recv()
                assert isinstance(frame, AudioFrame)
                self.frames += 1
                self.loudest = max(self.loudest, int(np.abs(frame.to_ndarray()).max()))
        except MediaStreamError:
            pass

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def take(self, answer: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def datagram(self, data: bytes, port: int) -> None:
        """Send something from the very socket that the connection uses."""
        sock = self._ice._protocols[0].transport.get_extra_info("socket")
        with socket.socket(fileno=os.dup(sock.fileno())) as same:  # asyncio's sendto sends nothing for b""
            same.sendto(data, (LOOPBACK, port))

    async def rtp(self, packet: bytes) -> None:
        """Send an RTP packet, protected with this connection's keys."""
        await self.transceiver.receiver.transport._send_rtp(packet)

    def mangle(self, change: Callable[[bytes], bytes]) -> None:
        """From now on, each RTP packet is changed before it is protected and sent."""
        dtls = self.transceiver.receiver.transport
        send = dtls._send_rtp

        async def changed(data: bytes) -> None:
            await send(data if 192 <= data[1] <= 223 else change(data))

        dtls._send_rtp = changed  # type: ignore[method-assign]

    def vanish(self) -> None:
        """Fall silent without a word, as a machine does that loses its network."""
        for protocol in self._ice._protocols:
            protocol.transport.sendto = lambda data, addr: None

    async def close(self) -> None:
        await self.pc.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)


class Room:
    """What a room would do, for one peer: pulls it and gives it a tone, 50 times a second."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.heard = 0
        """Ticks in which the peer was heard."""

        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        encoder = self.peer.sink.codec.make_encoder() if self.peer.sink and self.peer.sink.codec else None
        started = time.monotonic()
        for tick in range(100_000):
            await asyncio.sleep(max(0.0, started + tick * 0.02 - time.monotonic()))
            if self.peer.source is not None:
                frame = self.peer.source.pull(time.monotonic_ns())
                self.heard += frame is not None and int(np.abs(frame).max()) > 1000
            if self.peer.sink is not None and encoder is not None:
                start = tick * FRAME_SAMPLES % len(TONE)
                frame = TONE[start : start + FRAME_SAMPLES]
                self.peer.sink.deliver(Mix(tick, frame, encoder.encode(frame)))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[WebRtc]:
    """A WebRTC side on loopback."""
    webrtc = WebRtc(WebRtcSettings(**{"announce_ips": (LOOPBACK,), **settings}))
    await webrtc.start()
    try:
        yield webrtc
    finally:
        await webrtc.close()


@asynccontextmanager
async def in_call(webrtc: WebRtc, direction: str = "sendrecv") -> AsyncIterator[tuple[StockPeer, Peer, Room]]:
    """A stock client in a call, connected."""
    client = StockPeer(direction)
    peer = webrtc.new_peer()
    room: Room | None = None
    try:
        await client.take(await peer.accept(await client.offer()))
        room = Room(peer)
        await eventually(lambda: peer.state == "connected")
        yield client, peer, room
    finally:
        if room is not None:
            await room.close()
        await client.close()
        await peer.close()


async def eventually(holds: Callable[[], object], within: float = 5.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)


async def flows(client: StockPeer, room: Room, *, up: bool = True, down: bool = True) -> None:
    """Make sure that sound goes both ways from now on."""
    heard, frames = room.heard, client.frames
    if up:
        await eventually(lambda: room.heard >= heard + 10)
    if down:
        await eventually(lambda: client.frames >= frames + 10 and client.loudest > 1000)


def resources() -> tuple[int, int, int]:
    """Tasks, threads and sockets of this process."""
    sockets = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            sockets += str(entry.readlink()).startswith("socket:")
        except OSError:
            continue
    # Stock aiortc encodes in the default executor, whose idle threads stay.
    threads = [one for one in threading.enumerate() if not one.name.startswith("asyncio_")]
    return len(asyncio.all_tasks()), len(threads), sockets


def released(before: tuple[int, int, int]) -> bool:
    """Whether there are no more tasks, threads and sockets than there were."""
    return all(now <= then for now, then in zip(resources(), before, strict=True))


def without_candidates(offer: str) -> str:
    """An offer whose candidates are to come later."""
    return "".join(line for line in offer.splitlines(keepends=True) if "candidate" not in line)
