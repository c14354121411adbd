"""What a server does for callers: an attendant, a PIN prompt for those who are in no room yet, and sounds to play."""

from __future__ import annotations

import asyncio
import time

from conference.attendant.actions import Record
from conference.attendant.attendant import Attendant
from conference.attendant.outside import OutsideCallers
from conference.attendant.pin_prompt import PinPrompt
from conference.attendant.settings import AttendantSettings
from conference.engine.connections import ConnectionRegistry
from conference.ids import new_id
from conference.options.declaration import part_of
from conference.prompts.library import Library, LibraryError
from conference.room.conference import Conference
from conference.room.participant import Sink, Source
from conference.settings import Settings
from conference.web.joining.spoken import Names


class CallServices:
    """The attendant and all that it works with.

    Args:
        settings: of the server.
        conference: whose rooms it looks after.
        registry: of all connections.
        record: begins the recording of a room, or ends it, for somebody; ``None`` if nothing is recorded here.

    Raises:
        LibraryError: an operator's sounds cannot be found, or no sound is named as a setting says.
    """

    def __init__(
        self, settings: Settings, conference: Conference, registry: ConnectionRegistry, record: Record | None = None
    ) -> None:
        self._conference = conference
        self.library = Library(settings.sounds, max_sounds=settings.max_sounds, max_seconds=settings.max_sound_seconds)
        self.settings = part_of(settings, AttendantSettings)
        if settings.hold_music is not None and settings.hold_music not in self.library:
            raise LibraryError(f"There is no sound named {settings.hold_music!r} for --hold-music.")
        if settings.ringback is not None and settings.ringback not in self.library:
            raise LibraryError(f"There is no sound named {settings.ringback!r} for --ringback.")
        self.outside = OutsideCallers()
        self._names = Names(settings.speech_command) if settings.speech_command else None
        self.attendant = Attendant(
            conference,
            self.library,
            self.settings,
            _RegisteredCallers(registry),
            new_id=new_id,
            wallclock=time.time,
            speak_name=None if self._names is None else self._names.speak,
            record=record,
        )
        self._closing = False
        self._loading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Decode an operator's sounds. Those that ship with the server are decoded in the background, after that.

        Raises:
            LibraryError: one of the operator's sounds cannot be decoded.
        """
        await asyncio.to_thread(self.library.load_files)
        loading = asyncio.to_thread(self.library.load, lambda: not self._closing)
        self._loading = asyncio.create_task(loading, name="load sounds")

    async def loaded(self) -> None:
        """Wait until all sounds are decoded."""
        if self._loading is not None and not self._loading.done():
            await asyncio.wait([self._loading])

    async def close(self) -> None:
        """End what :meth:`open` began."""
        self._closing = True
        await self.loaded()
        if self._names is not None:
            await self._names.close()

    def make_pin_prompt(self, source: Source | None, sink: Sink) -> PinPrompt:
        """Make what asks one caller for a PIN, and says goodbye to them."""
        return PinPrompt(self.outside, self.library, source, sink)

    @property
    def idle(self) -> bool:
        """Whether nobody is here, so that ticks can be rare."""
        return not self._conference.rooms and not len(self.outside)

    def tick(self, number: int, now_ns: int) -> None:
        """Let 20 ms pass for all rooms, and for callers who are in none."""
        self.attendant.tick(now_ns)
        self._conference.tick(number, now_ns)
        self.outside.tick(number, now_ns)


class _RegisteredCallers:
    """What the attendant asks about those who call; see `attendant.attendant.Callers`."""

    def __init__(self, registry: ConnectionRegistry) -> None:
        self._registry = registry

    def wants_prompts(self, participant_id: str) -> bool:
        connection = self._registry.get(participant_id)
        return connection is not None and connection.prompted

    def may_moderate(self, room: str, participant_id: str) -> bool:
        connection = self._registry.find(room, participant_id)
        return connection is not None and connection.grant.allows("moderate")

    def may_record(self, room: str, participant_id: str) -> bool:
        connection = self._registry.find(room, participant_id)
        return connection is not None and connection.grant.allows("record")
