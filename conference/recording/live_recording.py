"""A recording that goes on: what is written of it, and how it is paused, goes on, and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conference.recording.about import About
from conference.recording.event_lines import EventLines
from conference.recording.journal_file import JournalFile
from conference.recording.journal_format import EVENTS, RECORDS
from conference.recording.recorder import RoomRecorder
from conference.room.events import RecordingChange, RecordingEvent, RecordingPaused, RoomEvent
from conference.room.room import Room


class LiveRecording:
    """One of them. Satisfies `recorder.SegmentOutput`.

    Args:
        about: what is known of it.
        room: which is recorded.
        file: what is written while it goes on.
        lines: what happens, with times since it began.
        monotonic_ns: the clock of the rooms' ticks.
        unheard: whether what nobody can hear is kept, too.
        wrote: called whenever something was handed to the file.
        broke: called if it cannot go on.
    """

    def __init__(
        self,
        about: About,
        room: Room,
        file: JournalFile,
        lines: EventLines,
        *,
        monotonic_ns: Callable[[], int],
        unheard: bool,
        wrote: Callable[[], None],
        broke: Callable[[], None],
    ) -> None:
        self.about = about
        self.room = room
        self.file = file
        self.lines = lines
        self.ends: list[Callable[[], None]] = []
        """What is to be done with it at its end."""

        self._monotonic_ns = monotonic_ns
        self._unheard = unheard
        self._wrote = wrote
        self._broke = broke
        self._recorder: RoomRecorder | None = None

    @property
    def paused(self) -> bool:
        """Nothing is kept for a while."""
        return self._recorder is None

    @property
    def now_ns(self) -> int:
        """The time on the room's clock: that of the tick that is under way."""
        during = None if self._recorder is None else self._recorder.now_ns
        return self._monotonic_ns() if during is None else during

    @property
    def seconds(self) -> float:
        """How long it is."""
        return round((self.now_ns - self.lines.started_ns) / 1e9, 3)

    def write_records(self, block: bytes) -> None:
        """See `SegmentOutput`."""
        self.file.write(RECORDS, block)
        self.write_events()
        self._wrote()

    def write_events(self) -> None:
        """Hand to the file what has happened."""
        if lines := self.lines.take():
            self.file.write(EVENTS, lines)

    def begin_segment(self, now_ns: int) -> None:
        """Keep what is said from now on."""
        self._recorder = RoomRecorder(
            self.room,
            self,
            started_ns=self.lines.started_ns,
            from_ns=now_ns,
            unheard=self._unheard,
            dropped=self._broke,
        )

    def end_segment(self, reason: str) -> None:
        """Keep nothing of what is said from now on."""
        if self._recorder is not None:
            self._recorder.end(reason)
            self._recorder = None

    def note(self, event: RoomEvent) -> None:
        """Something has happened in the room."""
        if not self.paused and not isinstance(event, RecordingEvent):
            self.lines.add(event, self.now_ns)

    def tell(
        self, kind: type[RecordingChange], by: str | None, *, status: Any = None, at_ns: int | None = None
    ) -> None:
        """Tell everybody in the room that it began, changed, or has just ended."""
        if status is not None:
            self.about.status = status
        event = kind(self.room.name, self.about.state, by)
        self.lines.add(event, self.now_ns if at_ns is None else at_ns)
        if kind is RecordingPaused:
            self.write_events()
        self.room.note_recording(event)

    def end(self, reason: str) -> None:
        """Keep nothing more. The file is still to be closed."""
        self.end_segment(reason)
        self.write_events()
        for end in self.ends:
            end()
        self.about.bytes = self.file.size
