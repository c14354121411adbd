"""`Engine`: runs a conference in real time, on one clock, with the media that comes in from outside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from conference.engine.clock import Clock, ClockStats, Tick
from conference.engine.complexity import ComplexityControl
from conference.engine.settings import DEFAULT_ENGINE, EngineSettings
from conference.room.conference import Conference

ROOM_PHASES = 4
"""Rooms have their ticks in so many parts of 20 ms, so that they don't all send at once; a `Conference` is made with
it. Each part that is in use wakes the event loop 50 times a second."""

_log = logging.getLogger(__name__)


class MediaInput(Protocol):
    """What brings media in, such as a :class:`conference.webrtc.server.WebRtc`."""

    async def start(self) -> None:
        """Open what the media comes through."""
        ...

    def read(self) -> None:
        """Take in what has come; called right before each tick on which it may be needed."""
        ...

    async def close(self) -> None:
        """End all connections. Doing it twice does no harm."""
        ...


class Engine:
    """Opens the media, starts the clock, and lets the rooms of a conference tick until it is closed.

    Args:
        conference: whose rooms tick, each in the part of the 20 ms that the conference gave it.
        media: read before each tick.
        tick: called every 20 ms in place of the conference's own tick, which it calls, for programs in which more than
            the rooms has to tick.
        idle: whether nobody is there, so that ticks can be rare; that no room is there, if it is not given.
        settings: how well mixes are encoded, by how much there is to do.
    """

    def __init__(
        self,
        conference: Conference,
        media: MediaInput,
        *,
        tick: Tick | None = None,
        idle: Callable[[], bool] | None = None,
        settings: EngineSettings = DEFAULT_ENGINE,
    ) -> None:
        self._conference = conference
        self._media = media
        self.idle: Callable[[], bool] = idle or (lambda: not conference.rooms)
        self.complexity = ComplexityControl(settings, lambda: conference.encoded_packets)
        """How much work encoders may take."""

        conference.limit_complexity(self.complexity.complexity)
        self._clock = Clock(tick or conference.tick, conference.later, lambda: self.idle(), self._read, self._adapt)
        self._running: asyncio.Task[None] | None = None
        self.broken = False
        """Set when the clock has stopped by an error, so that whoever watches over the program restarts it."""

    @property
    def stats(self) -> ClockStats:
        """How well the deadlines were met."""
        return self._clock.stats

    async def start(self) -> None:
        """Open the media and start the clock.

        Raises:
            OSError, ValueError, IncompatibleLibraryError: as the media's own ``start``; then nothing runs.
        """
        await self._media.start()
        self._running = asyncio.create_task(self._clock.run(), name="conference clock")
        self._running.add_done_callback(self._stopped)

    async def close(self) -> None:
        """Stop the clock and close the media. Doing it twice does no harm."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        await self._media.close()

    def _read(self, offset_ns: int) -> None:
        """Take in what has come, if a room needs it that ticks next. What is only sent on is read by itself."""
        if self._conference.wants_media(offset_ns):
            self._media.read()

    def _adapt(self, now_ns: int, cpu_ns: int, late_ns: int) -> None:
        before = self.complexity.complexity
        complexity = self.complexity.note(now_ns, cpu_ns, late_ns)
        if complexity != before:
            _log.info("mixes are encoded at complexity %d from now on, which was %d", complexity, before)
            self._conference.limit_complexity(complexity)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.broken = True
            _log.critical("the clock has stopped: no room has sound any more", exc_info=task.exception())
