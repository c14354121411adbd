"""A participant's voice out of a track of aiortc's, and the mix of all others as one: both keep the room's time."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE
from conference.codecs.base import Codec
from conference.room.local import QueuedSource
from conference.room.participant import Mix

LEAD_FRAMES = 5  # wait before a voice begins: aiortc hands on what it has decoded a little unevenly
MOST_SAMPLES = 15 * FRAME_SAMPLES  # with more it is cut to these: after a loss, all that was held back comes at once
MOST_MIXES = 5  # wait for whoever reads a track; with more, the oldest go
_TIME_BASE = Fraction(1, SAMPLE_RATE)


class MixTrack(MediaStreamTrack):
    """The mix of all others, as a track to be sent: 20 ms frames, 48 kHz, ``s16``; a `room.participant.Sink`.

    ``pts`` follow the room's ticks, in samples from 0 on: where ticks were not read in time, there is a gap in them.
    """

    kind = "audio"
    codec: Codec | None = None  # PCM: aiortc encodes for each connection by itself

    def __init__(self) -> None:
        super().__init__()
        self._mixes: asyncio.Queue[Mix | None] = asyncio.Queue()
        self._first: int | None = None
        self._read = False  # until somebody reads, nothing waits: what they are sent first is to be new

    def deliver(self, mix: Mix) -> None:
        """See `room.participant.Sink`."""
        if not self._read or self.readyState != "live":
            return
        self._mixes.put_nowait(mix)
        if self._mixes.qsize() > MOST_MIXES:
            self._mixes.get_nowait()

    async def recv(self) -> AudioFrame:
        """The mix of the next tick. Raises MediaStreamError once the track is stopped."""
        self._read = True
        mix = await self._mixes.get() if self.readyState == "live" else None
        if mix is None:
            raise MediaStreamError
        self._first = mix.tick if self._first is None else self._first
        # aiortc encodes stereo, and what it makes of mono is 3 dB quieter.
        frame = AudioFrame.from_ndarray(np.repeat(mix.samples, 2).reshape(1, -1), "s16", "stereo")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, _TIME_BASE
        frame.pts = (mix.tick - self._first) * FRAME_SAMPLES
        return frame

    def stop(self) -> None:
        """End the track. Doing it twice does no harm."""
        super().stop()
        self._mixes.put_nowait(None)


class TrackSource(QueuedSource):
    """What a track gives, in any format, as somebody's voice. Satisfies `room.participant.Source`."""

    def __init__(self) -> None:
        super().__init__(LEAD_FRAMES)
        self._reading: asyncio.Task[None] | None = None

    def follow(self, track: MediaStreamTrack) -> None:
        """Say from now on what a track gives."""
        self.stop()
        self._reading = asyncio.create_task(self._read(track), name="read a track")

    def stop(self) -> None:
        """Read no more. Doing it twice does no harm."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _read(self, track: MediaStreamTrack) -> None:
        known: object = None
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if not isinstance(frame, AudioFrame):
                continue
            form = (frame.format.name, frame.layout.name, frame.sample_rate)
            if form != known:  # a resampler takes one format
                known, resampler = form, AudioResampler("s16", "mono", SAMPLE_RATE)
            for one in resampler.resample(frame):
                self.push(one.to_ndarray()[0])
            if self.waiting > MOST_SAMPLES:
                self.skip_to(LEAD_FRAMES * FRAME_SAMPLES)
