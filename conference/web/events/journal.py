"""What happened in each room lately, numbered, so that whoever lost the stream can go on where they were.

A number belongs to a *history*, which has a name of its own that was never used before: ``<history>-<number>`` is
unique over all rooms, over rooms of the same name that follow each other, and over restarts of the server.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from itertools import islice

from conference.ids import new_id
from conference.room.conference import Conference
from conference.room.events import (
    LevelsMeasured,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomEvent,
    RoomUpdated,
)
from conference.room.room import Room
from conference.web.api.shapes import room_json
from conference.web.events.shapes import event_json
from conference.web.events.sse import encode_event
from conference.web.events.views import NO_LOBBY, Audience, Reader, View, audience_of, tells

_log = logging.getLogger(__name__)

_CHANGES_AUDIENCE = (ParticipantJoined, ParticipantLeft, ParticipantUpdated, RoomUpdated)


class Entry:
    """One event of a history.

    Args:
        event_id: unique.
        event: what happened.
        at: unix time in seconds.
        audience: who sees it.
        began: the room as it is now, if that is a new one: what was known of one of this name is no longer so.
    """

    __slots__ = ("_began", "_encoded", "at", "audience", "event", "id")

    def __init__(self, event_id: str, event: RoomEvent, at: float, audience: Audience, began: Room | None) -> None:
        self._began = None if began is None else {one: room_json(began, moderating=one) for one in (False, True)}
        self.id = event_id
        self.event = event
        self.at = at
        self.audience = audience
        self._encoded: dict[bool, bytes] = {}

    @property
    def begins(self) -> bool:
        """A room begins with it: the stream tells that with a snapshot."""
        return self._began is not None

    def encoded(self, view: View) -> bytes:
        """It as one event of a stream: made once, and shared by all who see the same of it."""
        secret = view is View.MODERATOR and (self.begins or isinstance(self.event, RoomUpdated))
        data = self._encoded.get(secret)
        if data is None:
            name, shown = event_json(self.event, moderating=secret)
            if self._began is not None and view is not View.LOBBY:
                name, shown = "room", self._began[secret]
            data = encode_event(name, shown, event_id=self.id)
            if view is not View.LOBBY:
                self._encoded[secret] = data
        return data


class History:
    """The last events of one room.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int) -> None:
        self._name = new_id()
        self._entries: deque[Entry] = deque()
        self._size = size
        self._last = 0
        self._before: Audience | None = None  # of the event before the oldest that is kept
        self.audience = NO_LOBBY
        """Who sees what happens now."""

    @property
    def last_id(self) -> str:
        """The id of the latest event."""
        return f"{self._name}-{self._last}"

    def record(self, event: RoomEvent, at: float, began: Room | None = None) -> Entry:
        """Add what happened, as seen by :attr:`audience`; see :class:`Entry`."""
        self._last += 1
        entry = Entry(self.last_id, event, at, self.audience, began)
        self._entries.append(entry)
        if len(self._entries) > self._size:
            self._before = self._entries.popleft().audience
        return entry

    def missed(self, last_id: str, reader: Reader) -> list[Entry] | None:
        """What somebody is to be told who knows all up to an event.

        Returns:
            ``None`` if that event is not of this history, or too long ago, or they have been let in, or made a host
            or one no more, since: then they begin anew.
        """
        number = self._number(last_id)
        if number is None:
            return None
        kept = len(self._entries)
        skipped = number - (self._last - kept)
        known = self._before if skipped == 0 else self._entries[skipped - 1].audience if skipped > 0 else None
        if known is None:
            return None
        view, found = known.view(reader), []
        for entry in islice(self._entries, skipped, None):
            now = entry.audience.view(reader)
            if now is not view and now is not View.LOBBY:
                return None
            if tells(entry.event, now, reader):
                found.append(entry)
            view = now
        return found

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
    ) -> None:
        self._conference = conference
        self._size = size
        self._keep = keep
        self._keep_rooms = keep_rooms
        self._clock = clock
        self._wallclock = wallclock
        self._histories: dict[str, History] = {}
        self._gone: dict[str, float] = {}  # since when, the first first
        self._followers: list[Callable[[Entry], None]] = []
        conference.subscribe(None, self._take)

    def follow(self, follower: Callable[[Entry], None]) -> None:
        """Have ``follower`` called with all that happens, levels aside; it must not block."""
        self._followers.append(follower)

    def history(self, room: str) -> History | None:
        """What happened in a room that is there, or was until lately."""
        self._forget()
        return self._histories.get(room)

    def _take(self, event: RoomEvent) -> None:
        if isinstance(event, LevelsMeasured):
            return
        self._forget()
        # A room begins with a join. It can be empty before its last event: whoever goes stops talking before they left.
        is_new = isinstance(event, ParticipantJoined) and (
            event.room not in self._histories or event.room in self._gone
        )
        history = self._histories.setdefault(event.room, History(self._size))
        room = self._conference.get(event.room)
        if room is not None and isinstance(event, _CHANGES_AUDIENCE):
            history.audience = audience_of(room)
        entry = history.record(event, self._wallclock(), room if is_new else None)
        if room is None or not room.participants:
            self._gone.setdefault(event.room, self._clock())
        else:
            self._gone.pop(event.room, None)
        for follower in self._followers:
            try:
                follower(entry)
            except Exception:
                _log.exception("room %s: an event was not passed on", event.room)

    def _forget(self) -> None:
        """Drop the histories of rooms that have been gone for too long, or are too many."""
        while self._gone:
            room, since = next(iter(self._gone.items()))
            if len(self._gone) <= self._keep_rooms and self._clock() - since < self._keep:
                break
            del self._gone[room], self._histories[room]
