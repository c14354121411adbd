"""Sound in both directions, as all of this package's participants have it: frames to read, samples to push."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICKS_PER_SECOND, Samples
from conference.public.errors import BufferFull, SamplesError
from conference.public.given import check_seconds
from conference.public.inbox import Fan
from conference.room.local import LocalSource, QueuedSource

MAX_HEARD_SECONDS = 2.0
MAX_SAID_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Frame:
    """What is heard in 20 ms: everybody else in the room, and never oneself."""

    samples: NDArray[np.int16]
    """Shape ``(960,)``, int16, 48 kHz, mono; all zero while nobody speaks. Read-only: shared with others."""

    number: int
    """Rises by one every 20 ms from 0 on, since joining. A gap in it is what was not read in time."""

    time: float
    """When its tick was due: seconds of ``time.monotonic()``, which an event loop's ``time()`` is on most systems."""

    @property
    def silent(self) -> bool:
        """Whether nobody speaks."""
        return not self.samples.any()


class Line:
    """Sound in both directions: 48 kHz, int16, mono. Seconds and samples are the only units.

    Args:
        max_heard: seconds of frames that may wait for each reader; with more, the oldest go.
        max_said: seconds of pushed samples that may wait to be said.
    """

    def __init__(self, max_heard: float, max_said: float) -> None:
        self._max_said = round(check_seconds(max_said, "max_said") * SAMPLE_RATE)
        heard = check_seconds(max_heard, "max_heard")
        self._heard: Fan[Frame] = Fan(max(1, round(heard * TICKS_PER_SECOND)))
        self._queued = QueuedSource()
        self._timed = LocalSource(limit=max(1, self._max_said // FRAME_SAMPLES + 1))
        self._timed_came = False  # something, since the last tick
        self._draining: list[tuple[int, asyncio.Future[None]]] = []
        self._over = False

    def frames(self) -> AsyncIterator[Frame]:
        """What is heard from now on, a `Frame` every 20 ms, silence included, until this is over.

        Whoever reads too slowly misses the oldest frames: `Frame.number` then has a gap. Several may read at once.

        Raises:
            ConnectionLost: (from the iterator) the connection was lost for good. If somebody ended it, it just ends.
        """
        return self._heard.subscribe()

    def push(self, samples: NDArray[np.int16], at: float | None = None) -> None:
        """Say something: it goes on where what was pushed before ends, or at a time.

        While nothing is pushed, there is silence. What is pushed after the end is heard by nobody.

        Args:
            samples: shape ``(n,)``, int16, 48 kHz, mono; any length. It is copied.
            at: when its first sample is to be heard, in seconds of ``time.monotonic()``, as in `Frame.time`; ``None``:
                as soon as can be. What comes later than 30 ms after its time is not heard. Sound with a time takes
                the place of sound without.

        Raises:
            BufferFull: more than ``max_said`` seconds would wait: wait with :meth:`drain` first.
            SamplesError: it is no such array.
            ArgumentError: ``at`` is no time.
        """
        sound = _checked(samples)
        due_ns = None if at is None else round(check_seconds(at, "at") * 1e9)
        if self._over:
            return
        if self._waiting + len(sound) > self._max_said:
            raise BufferFull(
                f"More than {self._max_said / SAMPLE_RATE:g} s would wait to be said: "
                "wait with drain(), or give a larger max_said."
            )
        if due_ns is None:
            self._queued.push(sound)
        else:
            self._timed.push(sound, due_ns)
            self._timed_came = True

    @property
    def pending(self) -> float:
        """Seconds of what was pushed that are yet to be said."""
        return self._waiting / SAMPLE_RATE

    def clear(self) -> None:
        """Say nothing of what was pushed and is yet to be said."""
        self._queued.clear()
        self._timed.clear()
        self._drain()

    async def drain(self, below: float = 0.0) -> None:
        """Wait until no more than ``below`` seconds of what was pushed are yet to be said, or until the end.

        Raises:
            ArgumentError: ``below`` is less than 0, or no number.
        """
        limit = round(check_seconds(below, "below") * SAMPLE_RATE)
        if self._over or self._waiting <= limit:
            return
        drained: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (limit, drained)
        self._draining.append(entry)
        try:
            await drained
        finally:
            if entry in self._draining:
                self._draining.remove(entry)

    @property
    def _waiting(self) -> int:
        return self._queued.waiting + self._timed.waiting

    def _pull(self, now_ns: int) -> Samples | None:
        """What is said in a tick."""
        if not self._timed_came:
            self._timed.flush()  # nothing follows what does not fill a frame
        self._timed_came = False
        frame = self._timed.pull(now_ns)
        if frame is None:
            frame = self._queued.pull(now_ns)
        if self._draining:
            self._drain()
        return frame

    def _hear(self, samples: Samples, number: int, now_ns: int) -> None:
        """What is heard in a tick."""
        if self._heard:
            self._heard.put(Frame(samples, number, now_ns / 1e9))

    def _end(self, error: Exception | None = None) -> None:
        """It is over. Doing it twice does no harm."""
        self._over = True
        self._queued.clear()
        self._timed.clear()
        self._drain()
        self._heard.end(error)

    def _drain(self) -> None:
        for limit, drained in self._draining:
            if (self._over or self._waiting <= limit) and not drained.done():
                drained.set_result(None)


def _checked(samples: NDArray[np.int16]) -> Samples:
    try:
        given = np.asarray(samples)
    except ValueError:
        raise SamplesError("Samples are int16, 48 kHz, mono: an array of shape (n,), and not a ragged list.") from None
    if given.dtype != np.int16 or given.ndim != 1:
        raise SamplesError(
            f"Samples are int16, 48 kHz, mono: an array of shape (n,), and not {given.dtype} of shape {given.shape}."
        )
    return given.copy()
