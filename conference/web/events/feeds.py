"""Who reads what happens in which room, and what each of them is told.

What happens is turned into bytes once for everybody who sees the same of it (:meth:`JournalEntry.encoded`); each
:class:`Subscription` queues them for one viewer. A viewer who falls behind is cut off, so that a slow one costs bounded
memory: it reconnects by itself, and goes on where it was if that is not too long ago.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conference.room.conference import Conference
from conference.room.events import LevelsMeasured, RoomEvent
from conference.web.events.entry import JournalEntry
from conference.web.events.journal import Journal, Missed
from conference.web.events.shapes import event_json
from conference.web.events.sse import Subscription, Wakeups, encode_event
from conference.web.events.views import View, Viewer, Visibility, room_as_seen
from conference.web.http.problems import Problem


@dataclass(slots=True, eq=False)
class _Listener:
    viewer: Viewer
    subscription: Subscription
    view: View
    visibility: Visibility | None
    """Of which :attr:`view` is that of the viewer."""


class Feeds:
    """All rooms that somebody listens to, and who does.

    Args:
        conference: the rooms.
        journal: where the events come from.
        max_streams: subscriptions at one time.
        max_backlog: events that may wait for one of them.
    """

    def __init__(self, conference: Conference, journal: Journal, *, max_streams: int, max_backlog: int) -> None:
        self._conference = conference
        self._journal = journal
        self._max_streams = max_streams
        self._max_backlog = max_backlog
        self._rooms: dict[str, dict[Subscription, _Listener]] = {}
        self._unsubscribe: dict[str, Callable[[], None]] = {}
        self._snapshots: dict[str, tuple[str, dict[View, bytes]]] = {}  # of a room, after which event
        self._wakeups = Wakeups()
        journal.follow(self._tell)

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    def subscribe(self, room: str, viewer: Viewer, last_event_id: str | None = None) -> Subscription:
        """Listen to a room: from a snapshot on, or from where one was.

        Args:
            room: its name.
            viewer: who listens.
            last_event_id: of the last event that they have got.

        Raises:
            Problem: there is no such room, and was none of which they could be told more (404); too many listen (503).
        """
        history = self._journal.history(room)
        there = self._conference.get(room)
        missed = None if history is None or not last_event_id else history.missed(last_event_id, viewer)
        visibility = None if history is None else history.visibility
        view = View.LOBBY if visibility is None else visibility.view(viewer)
        if there is None and view is View.LOBBY and not _left(missed, viewer):
            missed = None  # they are not to know how it ended
        if history is None or (missed is None and there is None):
            raise Problem(404, "There is no such room: nobody is in it. It is made when somebody joins.")
        if len(self) >= self._max_streams:
            raise Problem(503, "Too many event streams are open. Try again later.", headers={"Retry-After": "30"})
        listener = _Listener(viewer, Subscription(self._max_backlog, self._wakeups), view, visibility)
        told = b"" if missed is None else missed.encoded(viewer)
        if told:
            listener.subscription.push(told)
        if missed is None or listener.view is View.LOBBY:
            self._show_room(room, listener)
        self._add(room, listener)
        return listener.subscription

    def unsubscribe(self, room: str, subscription: Subscription) -> None:
        """Listen no more."""
        subscription.close()
        listeners = self._rooms.get(room, {})
        listeners.pop(subscription, None)
        if not listeners and self._rooms.pop(room, None) is not None:
            self._unsubscribe.pop(room)()
            self._snapshots.pop(room, None)

    def finish(self) -> None:
        """End every stream, once what waits has been read."""
        for listeners in self._rooms.values():
            for subscription in listeners:
                subscription.finish()

    def _add(self, room: str, listener: _Listener) -> None:
        if room not in self._rooms:
            self._rooms[room] = {}
            self._unsubscribe[room] = self._conference.subscribe(room, self._tell_levels)
        self._rooms[room][listener.subscription] = listener

    def _tell(self, entry: JournalEntry) -> None:
        listeners = tuple(self._rooms.get(entry.room, {}).values())
        if not listeners:
            return
        there = self._conference.get(entry.room)
        has_pin = there is not None and there.policy.pin is not None
        removed = {one.participant.id for one in entry.departures if one.departure == "removed"}
        for listener in listeners:
            if has_pin and listener.viewer.anybody:
                listener.subscription.finish()
            elif listener.viewer.participant_id in removed:  # they are told so, and nothing more
                listener.subscription.push(entry.encoded(listener.viewer, listener.view))
                listener.subscription.finish()
            else:
                self._tell_one(listener, entry)

    def _tell_one(self, listener: _Listener, entry: JournalEntry) -> None:
        before = listener.view
        if listener.visibility is not entry.visibility:
            listener.visibility, listener.view = entry.visibility, entry.visibility.view(listener.viewer)
        view = listener.view
        if before is View.LOBBY and view is not View.LOBBY:
            self._show_room(entry.room, listener)  # of which the event is part
            return
        data = entry.encoded(listener.viewer, view)
        if data:
            listener.subscription.push(data)
        untold = view is View.LOBBY if entry.begins else view is not before
        if untold:
            self._show_room(entry.room, listener)  # as much or as little as they see of it from now on

    def _show_room(self, room: str, listener: _Listener) -> None:
        there, history = self._conference.get(room), self._journal.history(room)
        if there is None or history is None:
            return
        after, snapshots = self._snapshots.get(room, ("", {}))
        if after != history.last_id:
            snapshots = {}
            self._snapshots[room] = history.last_id, snapshots
        data = snapshots.get(listener.view)
        if data is None:
            seen = room_as_seen(there, listener.view, listener.viewer)
            data = encode_event("room", seen, event_id=history.last_id)
            if listener.view is not View.LOBBY:
                snapshots[listener.view] = data
        listener.subscription.push(data)

    def _tell_levels(self, event: RoomEvent) -> None:
        if not isinstance(event, LevelsMeasured):
            return
        data = encode_event(*event_json(event))
        for listener in tuple(self._rooms.get(event.room, {}).values()):
            if listener.view is not View.LOBBY:
                listener.subscription.push(data)


def _left(missed: Missed | None, viewer: Viewer) -> bool:
    entries = () if missed is None else missed.entries
    return any(viewer.is_one(one.participant) for entry in entries for one in entry.departures)
