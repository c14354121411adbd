"""The recordings of a server: those that go on, those whose files are being made, and those that are there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from conference.recording.about import ABOUT, GOING_ON, JOURNAL, About, load
from conference.recording.event_lines import EventLines
from conference.recording.finisher import BROKE, Finisher
from conference.recording.journal_file import JournalFile, JournalWriter
from conference.recording.journal_format import EVENTS, RECORDS
from conference.recording.recorder import RoomRecorder
from conference.recording.settings import RecordingSettings
from conference.room.captioned import Caption
from conference.room.conference import Conference
from conference.room.events import (
    Captioned,
    ParticipantJoined,
    RecordingChange,
    RecordingEvent,
    RecordingFailed,
    RecordingPaused,
    RecordingReady,
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

_LOOK_EVERY_S: Final = 3600.0
_DAY_S: Final = 86_400.0

Describe: TypeAlias = Callable[[RoomEvent], tuple[str, Any]]
"""The name and the data of an event, as JSON."""


class RecordingError(Exception):
    """It cannot be done; the text is a sentence for people."""


@dataclass(slots=True, eq=False)
class _GoingOn:
    """A recording that goes on. Satisfies `recorder.SegmentOutput`."""

    about: About
    room: Room
    file: JournalFile
    lines: EventLines
    recorder: RoomRecorder | None = None
    """``None`` while it is paused."""

    ends: list[Callable[[], None]] = field(default_factory=list)
    """What is to be done with it at its end."""

    def write_records(self, block: bytes) -> None:
        self.file.write(RECORDS, block)
        self.write_events()

    def write_events(self) -> None:
        if lines := self.lines.take():
            self.file.write(EVENTS, lines)


def _remove(folder: Path) -> None:
    """Delete a folder, and last what is known of it: one that could not be deleted whole can be, later.

    Raises:
        OSError: something is left.
    """
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != ABOUT:
                path.unlink(missing_ok=True)
        shutil.rmtree(folder)


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
    ) -> None:
        if settings.recordings is None:
            raise ValueError("recordings need a folder")
        self._settings = settings
        self._folder: Path = settings.recordings
        self._conference = conference
        self._new_id = new_id
        self._describe = describe
        self._monotonic_ns = monotonic_ns
        self._wallclock = wallclock
        self._conclude = conclude
        self._known: dict[str, About] = {}
        self._going_on: dict[str, _GoingOn] = {}
        self._writer = JournalWriter()
        self._finisher = Finisher(self._folder, self._finished, self._failed)
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._change = asyncio.Event()  # another one after each change
        self._seen: weakref.WeakSet[Room] = weakref.WeakSet()  # rooms that have been recorded from their beginning
        if settings.record == "always":
            conference.subscribe(None, self._begin_with_room)

    async def open(self) -> None:
        """Look at what is there, finish what was cut short, and delete what is too old, from now on."""
        self._loop = asyncio.get_running_loop()
        for about in await asyncio.to_thread(self._look):
            self._known[about.id] = about
            if about.status in (*GOING_ON, "finishing") or (self._folder / about.id / JOURNAL).exists():
                about.status = "finishing"
                self._finisher.add(about.id)
        self._tasks = [
            asyncio.create_task(self._finisher.run(), name="finish recordings"),
            asyncio.create_task(self._delete_old(), name="delete old recordings"),
        ]

    def _look(self) -> list[About]:
        found = [load(path) for path in sorted(self._folder.iterdir()) if path.is_dir()]
        known = sorted((one for one in found if one is not None), key=lambda one: one.started_at)
        for about in known:
            if about.status == "ready":  # a crash may have left it, and it holds more than the files do
                try:
                    (self._folder / about.id / JOURNAL).unlink(missing_ok=True)
                except OSError as error:
                    log.warning("recording %s: its journal stays: %s", about.id, error.strerror or error)
        return known

    async def close(self) -> None:
        """End all that go on, and wait until they are written. Their files are made at the next start."""
        self.stop_all(SERVER_STOPS)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.to_thread(self._writer.close)

    # What there is

    @property
    def all(self) -> Mapping[str, About]:
        """All that are known, by id."""
        for one in self._going_on.values():
            one.about.bytes = one.file.size
            one.about.seconds = round(self._time(one) / 1e9, 3)
        return self._known

    async def changed(self) -> None:
        """Wait until something becomes of any recording."""
        await self._change.wait()

    def file(self, recording_id: str, name: str) -> Path | None:
        """Where a file of a recording is; ``None`` if there is none of that name, or a link in its place."""
        about = self._known[recording_id]
        names = [one["name"] for one in about.files if about.status == "ready"]
        if name not in names:
            return None
        path = self._folder / recording_id / name
        return path if path.is_file() and not path.is_symlink() else None

    async def delete(self, recording_id: str) -> None:
        """Delete a recording that is over, with its files. One that is gone already is no error.

        Raises:
            RecordingError: it goes on, or its files are being made.
            OSError: they cannot be deleted.
        """
        about = self._known.get(recording_id)
        if about is None:
            return
        if about.status in GOING_ON:
            raise RecordingError("It is still going on: stop it first.")
        if about.status == "finishing":
            raise RecordingError("Its files are being made: delete it when they are there.")
        await asyncio.to_thread(_remove, self._folder / recording_id)
        self._known.pop(recording_id, None)

    # What goes on

    def start(self, room: Room, *, by: str | None, people: bool = True, mix: bool = True) -> About:
        """Record a room from now on.

        Raises:
            RecordingError: it is being recorded, nothing is to be recorded here, or nothing of it is wanted.
        """
        if self._settings.record == "off":
            raise RecordingError("Nothing is recorded on this server (--record off).")
        if room.recording is not None:
            raise RecordingError("This room is being recorded already.")
        if not people and not mix:
            raise RecordingError("Record people, or the mix, or both: nothing else is kept.")
        about = About(
            id=self._new_id(), room=room.name, status="recording", started_at=self._wallclock(), started_by=by,
            people=people, mix=mix, guarded=room.policy.pin is not None,
            room_since=room.created_at,
        )  # fmt: skip
        now_ns = self._monotonic_ns()
        one = self._make(about, room, now_ns)
        self._known[about.id] = about
        self._going_on[about.id] = one
        self._save(about)
        self._record(one, now_ns)
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
        if one.recorder is not None:
            self._keep_what_is_being_said(one)
            self._tell(one, RecordingPaused, by, status="paused")
            one.recorder.end("paused")
            one.recorder = None
        return one.about

    def resume(self, recording_id: str, *, by: str | None) -> About:
        """Keep what is said from now on."""
        one = self._find(recording_id)
        if one.recorder is None:
            now_ns = self._monotonic_ns()
            self._record(one, now_ns)
            self._tell(one, RecordingResumed, by, status="recording", at_ns=now_ns)
            one.lines.snapshot(one.room, now_ns)
        return one.about

    def stop(self, recording_id: str, *, by: str | None = None, reason: str | None = None) -> About:
        """End a recording, and have its files made."""
        one = self._find(recording_id)
        self._keep_what_is_being_said(one)
        about = one.about
        about.reason = reason or ("It was stopped." if by is None else f"{by} stopped it.")
        about.seconds = round(self._time(one) / 1e9, 3)
        about.ended_at = about.started_at + about.seconds
        del self._going_on[recording_id]
        self._tell(one, RecordingStopped, by, status="finishing")
        if one.recorder is not None:
            one.recorder.end(about.reason)
            one.recorder = None
        one.write_events()
        for end in one.ends:
            end()
        about.bytes = one.file.size
        self._save(about)
        one.file.close(partial(self._soon, self._finisher.add, about.id))
        return about

    def stop_all(self, reason: str) -> None:
        """End all that go on."""
        for recording_id in list(self._going_on):
            self.stop(recording_id, reason=reason)

    def _keep_what_is_being_said(self, one: _GoingOn) -> None:
        for caption in self._conclude(one.room):
            one.lines.add(Captioned(one.room.name, caption), self._now(one))

    def _find(self, recording_id: str) -> _GoingOn:
        one = self._going_on.get(recording_id)
        if one is None:
            raise RecordingError("This recording is over.")
        return one

    def _make(self, about: About, room: Room, now_ns: int) -> _GoingOn:
        settings = self._settings
        file = JournalFile(
            self._folder / about.id / JOURNAL,
            self._writer,
            max_bytes=settings.recording_max_bytes,
            max_waiting=settings.recording_max_waiting,
            failed=partial(self._soon, self._cannot_go_on, about.id),
        )
        return _GoingOn(about, room, file, EventLines(self._describe, now_ns))

    def _record(self, one: _GoingOn, now_ns: int) -> None:
        """Begin a segment."""
        one.recorder = RoomRecorder(
            one.room,
            one,
            started_ns=one.lines.started_ns,
            from_ns=now_ns,
            unheard=self._settings.record_unheard,
            dropped=partial(self._cannot_go_on, one.about.id, BROKE),
        )

    def _now(self, one: _GoingOn) -> int:
        """The time on the room's clock: that of the tick that is under way."""
        during = None if one.recorder is None else one.recorder.now_ns
        return self._monotonic_ns() if during is None else during

    def _time(self, one: _GoingOn) -> int:
        return self._now(one) - one.lines.started_ns

    def _tell(
        self,
        one: _GoingOn,
        kind: type[RecordingChange],
        by: str | None,
        *,
        status: Any = None,
        at_ns: int | None = None,
    ) -> None:
        """Tell everybody about a recording that goes on, or has just ended."""
        if status is not None:
            one.about.status = status
        event = kind(one.room.name, one.about.state, by)
        one.lines.add(event, self._now(one) if at_ns is None else at_ns)
        if kind is RecordingPaused:
            one.write_events()
        one.room.note_recording(event)
        self._note_change()

    def _take(self, one: _GoingOn, event: RoomEvent) -> None:
        """Something has happened in a room that is recorded."""
        if one.about.id not in self._going_on:
            return
        if self._conference.get(one.room.name) in (one.room, None):  # else it may be of another room of this name
            self._note(one, event)
        if not one.room.participants:
            self.stop(one.about.id, reason=EVERYBODY_LEFT)

    def _note(self, one: _GoingOn, event: RoomEvent) -> None:
        if isinstance(event, RoomUpdated) and event.policy.pin is not None and not one.about.guarded:
            one.about.guarded = True
            self._save(one.about)
        if one.recorder is not None and not isinstance(event, RecordingEvent):
            one.lines.add(event, self._now(one))

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
        if recording_id in self._going_on:
            self.stop(recording_id, reason=TOO_LONG)

    def _cannot_go_on(self, recording_id: str, reason: str) -> None:
        if recording_id in self._going_on:
            log.warning("recording %s ends: %s", recording_id, reason)
            self.stop(recording_id, reason=reason)

    # Files

    def _save(self, about: About) -> None:
        folder, saved = self._folder / about.id, replace(about)

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

    def _finished(self, about: About) -> None:
        """Its files are there, or nothing can be made of it."""
        self._known[about.id] = about
        kind = RecordingReady if about.status == "ready" else RecordingFailed
        log.info("recording %s: %s, %d bytes", about.id, about.status, about.bytes)
        self._conference.publish(kind(about.room, about.state))
        self._note_change()

    def _failed(self, recording_id: str, reason: str) -> None:
        """Its files could not be made now; the next start tries again."""
        about = self._known.get(recording_id)
        if about is None:
            return
        about.status, about.reason = "failed", reason
        self._conference.publish(RecordingFailed(about.room, about.state))
        self._note_change()

    def _note_change(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    async def _delete_old(self) -> None:
        while self._settings.recording_keep_days:
            oldest = self._wallclock() - self._settings.recording_keep_days * _DAY_S
            for about in list(self._known.values()):
                over = about.status in ("ready", "failed")
                if over and about.ended_at is not None and about.ended_at < oldest:
                    log.info("recording %s is deleted: it is older than --recording-keep-days", about.id)
                    try:
                        await self.delete(about.id)
                    except OSError as error:
                        log.warning("recording %s cannot be deleted: %s", about.id, error.strerror or error)
            await asyncio.sleep(_LOOK_EVERY_S)
