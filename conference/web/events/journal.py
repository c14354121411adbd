"""What happened in each room lately, numbered, so that whoever lost the stream can go on where they were.

A number belongs to a *history*, which has a name of its own that was never used before: ``<history>-<number>`` is
unique over all rooms, over rooms of the same name that follow each other, and over restarts of the server. What one
decision brings about is kept and told together, however many participants it concerns.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conference.cluster.events import LoggedBatch
from conference.ids import new_id
from conference.room.conference import Conference
from conference.room.events import (
    Captioned,
    LevelsMeasured,
    ParticipantJoined,
    ParticipantLeft,
    Published,
    RoomEvent,
    events_of,
)
from conference.room.room import Room
from conference.web.events.journal_entry import JournalEntry
from conference.web.events.views import NO_LOBBY, View, Viewer, Visibility, visibility_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Missed:
    """What somebody is to be told who comes back."""

    entries: list[JournalEntry]
    after: int
    """The number of the last event that they have got."""

    def encoded(self, viewer: Viewer) -> bytes:
        """As a piece of a stream."""
        return b"".join(one.encoded(viewer, one.visibility.view(viewer), self.after) for one in self.entries)


class History:
    """The last events of one room.

    Args:
        size: how many are kept, besides those of the last decision.
        name: what its ids begin with; one that nobody had before, if none is given.
    """

    def __init__(self, size: int, name: str | None = None) -> None:
        self._name = name or new_id()
        self._entries: deque[JournalEntry] = deque()
        self._size = size
        self._last = 0
        self._before: Visibility | None = None  # of the event before the oldest that is kept
        self.visibility = NO_LOBBY
        """Who sees what happens now."""

    @property
    def last_id(self) -> str:
        """The id of the latest event."""
        return f"{self._name}-{self._last}"

    @property
    def name(self) -> str:
        """What its ids begin with."""
        return self._name

    def go_on_after(self, number: int) -> None:
        """The next event is not the one after the last that is kept: what is kept is of no use to anybody then."""
        if number != self._last:
            self._entries.clear()
            self._before, self._last = None, number

    def record(
        self, events: tuple[RoomEvent, ...], at: float, began: Room | None = None, *, ours: bool = True
    ) -> JournalEntry:
        """Add what happened, as seen by :attr:`visibility`; see :class:`JournalEntry`."""
        entry = JournalEntry(self._name, self._last + 1, events, at, self.visibility, began, ours=ours)
        self._last = entry.last
        self._entries.append(entry)
        while len(self._entries) > 1 and self._last - self._entries[0].first >= self._size:
            self._before = self._entries.popleft().visibility
        return entry

    def missed(self, last_id: str, viewer: Viewer) -> Missed | None:
        """What somebody is to be told who knows all up to an event.

        Returns:
            ``None`` if that event is not of this history, or too long ago, or they have been let in, or made a host
            or one no more, since: then they begin anew.
        """
        number = self._number(last_id)
        if number is None:
            return None
        known = self._before if self._entries and number == self._entries[0].first - 1 else None
        found = []
        for entry in self._entries:
            if entry.first <= number:
                known = entry.visibility
            if entry.last > number:
                found.append(entry)
        if known is None:
            return None
        view = known.view(viewer)
        for entry in found:
            now = entry.visibility.view(viewer)
            if now is not view and now is not View.LOBBY:
                return None
            view = now
        return Missed(found, number)

    def _number(self, event_id: str) -> int | None:
        name, _, digits = event_id.partition("-")
        if name != self._name or not (digits.isascii() and digits.isdecimal() and len(digits) <= 15):
            return None
        return int(digits) if int(digits) <= self._last else None


class Journal:
    """The histories of all rooms. A room that is gone keeps its own for a while.

    Args:
        conference: where the events come from.
        size: events that are kept of one room.
        keep: seconds for which the history of a room that is gone is kept.
        keep_rooms: rooms that are gone whose history is kept, at most.
        clock: monotonic time in seconds.
        wallclock: unix time in seconds.
        shared: the rooms are on several nodes: what is in their logs is kept, under the numbers that it has there, and
            nothing else.
    """

    def __init__(
        self,
        conference: Conference,
        *,
        size: int,
        keep: float,
        keep_rooms: int,
        clock: Callable[[], float],
        wallclock: Callable[[], float],
        shared: bool = False,
    ) -> None:
        self.shared = shared
        """The rooms are on several nodes."""

        self._conference = conference
        self._size = size
        self._keep = keep
        self._keep_rooms = keep_rooms
        self._clock = clock
        self._wallclock = wallclock
        self._histories: dict[str, History] = {}
        self._gone: dict[str, float] = {}  # since when, the first first
        self._followers: list[Callable[[JournalEntry], None]] = []
        conference.subscribe_to_batches(None, self._take)

    def follow(self, follower: Callable[[JournalEntry], None]) -> None:
        """Have ``follower`` called with all that happens, levels aside; it must not block."""
        self._followers.append(follower)

    def history(self, room: str) -> History | None:
        """What happened in a room that is there, or was until lately."""
        self._forget()
        return self._histories.get(room)

    def resume(self, room: str, name: str, last: int) -> None:
        """The history of a room goes on after an event of this number, of what was before nothing is known here."""
        there = self._conference.get(room)
        history = self._histories[room] = History(self._size, name)
        history.go_on_after(last)
        self._gone.pop(room, None)
        if there is None:
            self._gone[room] = self._clock()
        else:
            history.visibility = visibility_of(there)

    def replay(self, batch: LoggedBatch) -> None:
        """Keep what happened before this node knew of the room: nobody is told of it."""
        self._record(batch)

    def _take(self, published: Published) -> None:
        if self.shared and not isinstance(published, LoggedBatch):
            return
        if isinstance(published, (LevelsMeasured, Captioned)):
            return  # of the former nobody wants to know later; of the latter `captions` keeps a history of its own
        entry = self._record(published)
        for follower in self._followers:
            try:
                follower(entry)
            except Exception:
                _log.exception("room %s: an event was not passed on", published.room)

    def _record(self, published: Published) -> JournalEntry:
        self._forget()
        events, name = events_of(published), published.room
        # A room begins with a join. It can be empty before its last event: whoever goes stops talking before they left.
        is_new = isinstance(events[0], ParticipantJoined) and (name not in self._histories or name in self._gone)
        history = self._history_for(published)
        room = self._conference.get(name)
        visibility = history.visibility if room is None else _visibility_after(history.visibility, events, room)
        ends = len(events) > 1 and (room is None or not room.participants)
        if not ends:  # what ends a conference is seen by those who were in it
            history.visibility = visibility
        logged = published if isinstance(published, LoggedBatch) else None
        at, ours = (self._wallclock(), True) if logged is None else (logged.at, logged.ours)
        entry = history.record(events, at, room if is_new else None, ours=ours)
        history.visibility = visibility
        if room is None or not room.participants:
            self._gone.setdefault(name, self._clock())
        else:
            self._gone.pop(name, None)
        return entry

    def _history_for(self, published: Published) -> History:
        history = self._histories.get(published.room)
        logged = published if isinstance(published, LoggedBatch) else None
        if history is None or (logged is not None and logged.history != history.name):
            history = self._histories[published.room] = History(self._size, None if logged is None else logged.history)
        if logged is not None:
            history.go_on_after(logged.first - 1)
        return history

    def _forget(self) -> None:
        """Drop the histories of rooms that have been gone for too long, or are too many."""
        while self._gone:
            room, since = next(iter(self._gone.items()))
            if len(self._gone) <= self._keep_rooms and self._clock() - since < self._keep:
                break
            del self._gone[room], self._histories[room]


def _visibility_after(before: Visibility, events: Iterable[RoomEvent], room: Room) -> Visibility:
    """Who sees what happens from now on: the same object, if it is the same."""
    visibility = before
    for event in events:
        if visibility.stays(event):
            continue
        if not isinstance(event, ParticipantLeft):
            visibility = visibility_of(room)
            break
        visibility = visibility.without(event.participant, room)
    return before if visibility == before else visibility
