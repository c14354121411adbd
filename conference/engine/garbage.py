"""When the garbage collector looks through everything: when that holds up nobody.

Left alone, it does so whenever there are a quarter more objects than the last time, which is while a crowd joins; with
700 people it takes 80 ms, four ticks. But what is here stays for long, and connections that end are taken apart by
hand. So all that has lasted for a second is put out of the collector's sight (:func:`gc.freeze`), which costs nothing.
What was in a circle and has ended there is found when nobody is left, or after a thousand departures.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from conference.room.conference import Conference
from conference.room.events import ParticipantLeft, RoomEvent

LOOK_SECONDS = 1.0

DEPARTURES = 1000
"""So many may leave something behind before it is looked for while there are others."""


class Collector:
    """Keeps collections short.

    Args:
        idle: whether nobody is here.
    """

    def __init__(self, idle: Callable[[], bool]) -> None:
        self._idle = idle
        self._departed = 0

    def note_departure(self) -> None:
        """Somebody has left."""
        self._departed += 1

    def collect(self) -> None:
        """Look through everything."""
        self._departed = 0
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def look(self) -> None:
        """Put what has come out of sight; to be called every second or so."""
        if self._departed and (self._departed >= DEPARTURES or self._idle()):
            self.collect()
        else:
            gc.freeze()

    async def run(self) -> None:
        """Do so until cancelled."""
        self.collect()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()


@asynccontextmanager
async def short_collections(conference: Conference, idle: Callable[[], bool]) -> AsyncIterator[None]:
    """Keep collections short while the context is open.

    The collector is the whole process's, so that is for a program to decide, and not for an `Engine`.

    Args:
        conference: whose participants leave something behind.
        idle: whether nobody is there.
    """
    collector = Collector(idle)

    def note(event: RoomEvent) -> None:
        if isinstance(event, ParticipantLeft):
            collector.note_departure()

    forget = conference.subscribe(None, note)
    looking = asyncio.create_task(collector.run(), name="garbage collection")
    try:
        yield
    finally:
        forget()
        looking.cancel()
        await asyncio.wait([looking])
