"""A server that is to end, once the people in its rooms have come to the end of what they are saying."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from conference.room.conference import Conference
from conference.room.events import ParticipantLeft, RoomEvent, ServerDraining


class Drain:
    """Whether the server takes newcomers, and when it is empty.

    Args:
        conference: whose rooms become empty.
        wallclock: unix time in seconds.
    """

    def __init__(self, conference: Conference, wallclock: Callable[[], float]) -> None:
        self._conference = conference
        self._wallclock = wallclock
        self._timer: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()
        self.began_at: float | None = None
        """Unix time in seconds; ``None`` while newcomers are taken."""

        self.ends_at: float | None = None
        """When those who are left are to go; ``None`` if they may stay for as long as they like."""

    @property
    def begun(self) -> bool:
        """Whether nobody joins any more."""
        return self.began_at is not None

    def ends_within(self, seconds: float) -> bool:
        """Whether those who are left have this time at the most, from now on."""
        return self.ends_at is not None and self.ends_at <= self._wallclock() + seconds

    @property
    def people(self) -> int:
        """How many are still there."""
        rooms = self._conference.rooms.values()
        return sum(not one.remote for room in rooms for one in room.participants.values())

    def begin(self, timeout: float, *, by: str | None = None) -> None:
        """Take no more newcomers, tell everybody, and wait until they have left. Within a running event loop.

        Doing it again changes the time that they have, from now on.

        Args:
            timeout: the time that they have, in seconds; 0 for as long as they like.
            by: who asked for it; ``None`` for the server's operator.
        """
        now = self._wallclock()
        if self.began_at is None:
            self.began_at = now
            self._conference.subscribe(None, self._take)
        self.ends_at = now + timeout if timeout > 0 else None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        if timeout > 0:
            self._timer = loop.call_later(timeout, self._over.set)
        for room in list(self._conference.rooms):
            self._conference.publish(ServerDraining(room, self.ends_at, by))
        self._look()

    async def over(self) -> None:
        """Wait until it has begun, and everybody has left or the time is over."""
        await self._over.wait()

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _take(self, event: RoomEvent) -> None:
        if isinstance(event, ParticipantLeft):
            asyncio.get_running_loop().call_soon(self._look)  # it is told before the room is gone

    def _look(self) -> None:
        if not self.people:
            self._over.set()
