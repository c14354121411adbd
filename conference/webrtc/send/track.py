"""`MixTrack`: a participant's mix as a media track, for those who bring an `RTCPeerConnection` of their own.

    track = MixTrack(OpusCodec(complexity=10))
    room.add(Participant(..., sink=track))
    connection.addTrack(track)

The server's own peers use `webrtc.send.egress.EgressSink` instead, which needs no task for each packet. Both take the
same `Mix`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, Packet

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE
from conference.codecs.base import Codec
from conference.room.participant import Mix
from conference.webrtc.sdp.formats import CLOCK_RATES

MAX_QUEUE = 5
"""Mixes that wait for a slow reader: 100 ms. The oldest goes first."""


class MixTrack(MediaStreamTrack):
    """An audio track whose :meth:`recv` gives the participant's next mix. Satisfies `room.participant.Sink`.

    The track has no pace of its own: it gives a mix when the room has made one.

    Args:
        codec: what the mixes are encoded with, so that `recv` gives an ``av.Packet``, the same object to everybody who
            hears the same; ``None`` for PCM, an ``av.AudioFrame`` (s16, mono, 48 kHz).
    """

    kind = "audio"
    _packets: ClassVar[dict[int, tuple[Mix, Packet[Any]]]] = {}
    _packets_tick: ClassVar[int] = -1

    def __init__(self, codec: Codec | None = None) -> None:
        super().__init__()
        self.codec = codec
        self._clock_rate = SAMPLE_RATE if codec is None else CLOCK_RATES.get(codec.name, SAMPLE_RATE)
        self._queue: deque[Mix] = deque(maxlen=MAX_QUEUE)
        self._arrived = asyncio.Event()

    def deliver(self, mix: Mix) -> None:
        """Take the mix of a tick. A mix without payload (DTX) is left out, and so becomes a gap in ``pts``."""
        if self.readyState == "live" and (self.codec is None or mix.payload is not None):
            self._queue.append(mix)
            self._arrived.set()

    async def recv(self) -> AudioFrame | Packet[Any]:
        """The next mix.

        Raises:
            MediaStreamError: the track was stopped.
        """
        while not self._queue:
            if self.readyState != "live":
                raise MediaStreamError
            self._arrived.clear()
            await self._arrived.wait()
        if self.readyState != "live":
            raise MediaStreamError
        mix = self._queue.popleft()
        return _frame(mix) if self.codec is None else self._packet(mix)

    def stop(self) -> None:
        """End the track; whoever waits in :meth:`recv` is told."""
        super().stop()
        self._queue.clear()
        self._arrived.set()

    def _packet(self, mix: Mix) -> Packet[Any]:
        """The packet of a mix: made once, and shared by all tracks that were given the same `Mix`."""
        cls = type(self)
        if cls._packets_tick != mix.tick:
            cls._packets.clear()
            cls._packets_tick = mix.tick
        known = cls._packets.get(id(mix))
        if known is not None and known[0] is mix:
            return known[1]
        packet = Packet(mix.payload or b"")
        packet.pts = packet.dts = mix.tick * self._clock_rate // 50
        packet.time_base = Fraction(1, self._clock_rate)
        cls._packets[id(mix)] = (mix, packet)
        return packet


def _frame(mix: Mix) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(mix.samples).reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    frame.pts = mix.tick * FRAME_SAMPLES
    frame.time_base = Fraction(1, SAMPLE_RATE)
    return frame
