"""The recordings of a server: begun, paused, ended; and all that there are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from conference.recording.about import JOURNAL, About
from conference.recording.event_lines import EventLines
from conference.recording.finisher import BROKE
from conference.recording.journal_file import JournalFile, JournalWriter
from conference.recording.kept_recordings import KeptRecordings, RecordingError, StoredFile
from conference.recording.live_recording import LiveRecording
from conference.recording.settings import RecordingSettings
from conference.recording.storage.objects import ObjectStorage
from conference.recording.total_bytes import FULL
from conference.room.captioned import Caption
from conference.room.conference import Conference
from conference.room.events import (
    Captioned,
    ParticipantJoined,
    RecordingChange,
    RecordingOver,
    RecordingPaused,
    RecordingResumed,
    RecordingStarted,
    RecordingStopped,
    RoomEvent,
    RoomUpdated,
)
from conference.room.room import Room

log = logging.getLogger(__name__)

EVERYBODY_LEFT: Final = "Everybody has left."
SERVER_STOPS: Final = "The server was stopped."
TOO_LONG: Final = "It is as long as a recording may be (--recording-max-seconds)."

Describe: TypeAlias = Callable[[RoomEvent], tuple[str, Any]]
"""The name and the data of an event, as JSON."""


@dataclass(frozen=True, slots=True)
class RecordingFigures:
    """What goes on, and how much of it is behind."""

    by_state: Mapping[str, int]
    """How many recordings are in each state."""

    bytes: int
    """What all in the folder take up."""

    waiting_bytes: int
    """What waits in memory for the disk."""

    to_upload: int
    """Recordings that are yet to be put into the object storage."""

    broken_off: int
    """Recordings that ended since they could not go on, so far: the disk was slow, or took no more."""

    failed: int
    """How often the files of one could not be made, so far."""


class Recordings:
    """All recordings of one server. To be used within a running event loop.

    Args:
        settings: with a folder.
        conference: whose rooms are recorded.
        new_id: makes ids that nobody can guess.
        describe: what an event is as JSON.
        monotonic_ns: the clock of the rooms' ticks.
        wallclock: unix time in seconds.
        conclude: takes what is being said in a room for all there is of it, and returns it.
        storage: where they go when they are finished; ``None``: they stay in the folder.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        conference: Conference,
        *,
        new_id: Callable[[], str],
        describe: Describe,
        monotonic_ns: Callable[[], int],
        wallclock: Callable[[], float],
        conclude: Callable[[Room], Iterable[Caption]] = lambda _: (),
        storage: ObjectStorage | None = None,
    ) -> None:
        self._settings = settings
        self._conference = conference
        self._new_id = new_id
        self._describe = describe
        self._monotonic_ns = monotonic_ns
        self._wallclock = wallclock
        self._conclude = conclude
        self._kept = KeptRecordings(settings, storage, tell=self._tell_later, save=self._save, wallclock=wallclock)
        self._live: dict[str, LiveRecording] = {}
        self._broken_off = 0
        self._writer = JournalWriter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._change = asyncio.Event()  # another one after each change
        self._seen: weakref.WeakSet[Room] = weakref.WeakSet()  # rooms that have been recorded from their beginning
        if settings.record == "always":
            conference.subscribe(None, self._begin_with_room)

    async def open(self) -> None:
        """Look at what is there, finish what was cut short, and delete what is too old, from now on."""
        self._loop = asyncio.get_running_loop()
        await self._kept.open()

    async def close(self) -> None:
        """End all that go on, and wait until they are written. Their files are made at the next start."""
        self.stop_all(SERVER_STOPS)
        await self._kept.close()
        await asyncio.to_thread(self._writer.close)

    # What there is

    @property
    def all(self) -> Mapping[str, About]:
        """All that are known, by id."""
        for one in self._live.values():
            one.about.bytes, one.about.seconds = one.file.size, one.seconds
        return self._kept.known

    def figures(self) -> RecordingFigures:
        """How it goes, for whoever watches the server."""
        kept = self._kept
        return RecordingFigures(
            by_state=Counter(one.status for one in kept.known.values()),
            bytes=kept.total.now,
            waiting_bytes=sum(one.file.waiting for one in self._live.values()),
            to_upload=kept.to_upload,
            broken_off=self._broken_off,
            failed=kept.failures,
        )

    async def changed(self) -> None:
        """Wait until something becomes of any recording."""
        await self._change.wait()

    def file(self, recording_id: str, name: str) -> Path | StoredFile | None:
        """Where a file of a recording is; see `KeptRecordings.file`."""
        return self._kept.file(recording_id, name)

    async def delete(self, recording_id: str) -> None:
        """Delete a recording that is over, with its files; see `KeptRecordings.delete`."""
        await self._kept.delete(recording_id)

    # What goes on

    def start(self, room: Room, *, by: str | None, people: bool = True, mix: bool = True) -> About:
        """Record a room from now on.

        Raises:
            RecordingError: it is being recorded, nothing is to be recorded here, there is no place for it, or nothing
                of it is wanted.
        """
        if self._settings.record == "off":
            raise RecordingError("Nothing is recorded on this server (--record off).")
        if room.recording is not None:
            raise RecordingError("This room is being recorded already.")
        if not people and not mix:
            raise RecordingError("Record people, or the mix, or both: nothing else is kept.")
        if self._kept.total.reached:
            raise RecordingError(f"{FULL} Delete some first.")
        about = About(
            id=self._new_id(), room=room.name, status="recording", started_at=self._wallclock(), started_by=by,
            people=people, mix=mix, guarded=room.policy.pin is not None,
            room_since=room.created_at,
        )  # fmt: skip
        now_ns = self._monotonic_ns()
        one = self._make(about, room, now_ns)
        self._kept.known[about.id] = about
        self._live[about.id] = one
        self._save(about)
        one.begin_segment(now_ns)
        one.lines.snapshot(room, now_ns)
        one.ends.append(self._conference.subscribe(room.name, partial(self._take, one)))
        if self._loop is not None:
            timer = self._loop.call_later(self._settings.recording_max_seconds, self._too_long, about.id)
            one.ends.append(timer.cancel)
        self._tell(one, RecordingStarted, by, at_ns=now_ns)
        return about

    def toggle(self, room: Room, by: str) -> None:
        """Record a room from now on; or, if it is being recorded, end that."""
        if room.recording is not None:
            self.stop(room.recording.id, by=by)
        else:
            self.start(room, by=by)

    def pause(self, recording_id: str, *, by: str | None) -> About:
        """Keep nothing of what is said from now on. A recording that is paused stays so."""
        one = self._find(recording_id)
        if not one.paused:
            self._keep_what_is_being_said(one)
            self._tell(one, RecordingPaused, by, status="paused")
            one.end_segment("paused")
        return one.about

    def resume(self, recording_id: str, *, by: str | None) -> About:
        """Keep what is said from now on."""
        one = self._find(recording_id)
        if one.paused:
            now_ns = self._monotonic_ns()
            one.begin_segment(now_ns)
            self._tell(one, RecordingResumed, by, status="recording", at_ns=now_ns)
            one.lines.snapshot(one.room, now_ns)
        return one.about

    def stop(self, recording_id: str, *, by: str | None = None, reason: str | None = None) -> About:
        """End a recording, and have its files made."""
        one = self._find(recording_id)
        self._keep_what_is_being_said(one)
        about = one.about
        about.reason = reason or ("It was stopped." if by is None else f"{by} stopped it.")
        about.seconds = one.seconds
        about.ended_at = about.started_at + about.seconds
        del self._live[recording_id]
        self._tell(one, RecordingStopped, by, status="finishing")
        one.end(about.reason)
        self._save(about)
        one.file.close(partial(self._soon, self._kept.finish, about.id))
        return about

    def stop_all(self, reason: str) -> None:
        """End all that go on."""
        for recording_id in list(self._live):
            self.stop(recording_id, reason=reason)

    def _keep_what_is_being_said(self, one: LiveRecording) -> None:
        for caption in self._conclude(one.room):
            one.lines.add(Captioned(one.room.name, caption), one.now_ns)

    def _find(self, recording_id: str) -> LiveRecording:
        one = self._live.get(recording_id)
        if one is None:
            raise RecordingError("This recording is over.")
        return one

    def _make(self, about: About, room: Room, now_ns: int) -> LiveRecording:
        settings = self._settings
        file = JournalFile(
            self._kept.folder / about.id / JOURNAL,
            self._writer,
            max_bytes=settings.recording_max_bytes,
            max_waiting=settings.recording_max_waiting,
            failed=partial(self._soon, self._cannot_go_on, about.id),
        )
        return LiveRecording(
            about,
            room,
            file,
            EventLines(self._describe, now_ns),
            monotonic_ns=self._monotonic_ns,
            unheard=settings.record_unheard,
            wrote=partial(self._wrote, about.id, file),
            broke=partial(self._cannot_go_on, about.id, BROKE),
        )

    def _tell(
        self, one: LiveRecording, kind: type[RecordingChange], by: str | None, *, status: Any = None,
        at_ns: int | None = None,
    ) -> None:  # fmt: skip
        one.tell(kind, by, status=status, at_ns=at_ns)
        self._note_change()

    def _take(self, one: LiveRecording, event: RoomEvent) -> None:
        """Something has happened in a room that is recorded."""
        if one.about.id not in self._live:
            return
        if self._conference.get(one.room.name) in (one.room, None):  # else it may be of another room of this name
            if isinstance(event, RoomUpdated) and event.policy.pin is not None and not one.about.guarded:
                one.about.guarded = True
                self._save(one.about)
            one.note(event)
        if not one.room.participants:
            self.stop(one.about.id, reason=EVERYBODY_LEFT)

    def _begin_with_room(self, event: RoomEvent) -> None:
        """Somebody has joined: a room that is new is recorded, where all are."""
        if not isinstance(event, ParticipantJoined):
            return
        room = self._conference.get(event.room)
        if room is None or room in self._seen:
            return
        self._seen.add(room)
        try:
            self.start(room, by=None)
        except RecordingError as error:
            log.warning("room %s is not recorded: %s", room.name, error)

    def _too_long(self, recording_id: str) -> None:
        if recording_id in self._live:
            self.stop(recording_id, reason=TOO_LONG)

    def _wrote(self, recording_id: str, file: JournalFile) -> None:
        """Something was handed to the file of a recording: about once a second."""
        total = self._kept.total
        total.note(recording_id, file.size)
        if total.reached:
            self._soon(self._too_large)  # not in the middle of a tick

    def _too_large(self) -> None:
        if self._live and self._kept.total.reached:
            log.warning("%d recordings end: %s", len(self._live), FULL)
            self.stop_all(FULL)

    def _cannot_go_on(self, recording_id: str, reason: str) -> None:
        if recording_id in self._live:
            log.warning("recording %s ends: %s", recording_id, reason)
            self._broken_off += 1
            self.stop(recording_id, reason=reason)

    # What becomes of it

    def _save(self, about: About) -> None:
        folder, saved = self._kept.folder / about.id, replace(about)

        def save() -> None:
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
                saved.save(folder)
            except OSError as error:
                log.warning("recording %s: %s", saved.id, error.strerror or error)
                self._soon(self._cannot_go_on, saved.id, f"It could not be written: {(error.strerror or '').lower()}.")

        self._writer.do(save)

    def _soon(self, call: Callable[..., None], *arguments: Any) -> None:
        """Have something called in the event loop, from whatever thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed: the server has stopped
                self._loop.call_soon_threadsafe(call, *arguments)

    def _tell_later(self, kind: type[RecordingOver], about: About) -> None:
        self._conference.publish(kind(about.room, about.state))
        self._note_change()

    def _note_change(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
