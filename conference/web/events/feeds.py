"""Who reads what happens in which room, and what each of them is told.

What happens is turned into bytes once for everybody who sees the same of it (:meth:`Entry.encoded`); each
:class:`Subscription` queues them for one reader. A reader who falls behind is cut off, so that a slow one costs bounded
memory: it reconnects by itself, and goes on where it was if that is not too long ago.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conference.room.conference import Conference
from conference.room.events import LevelsMeasured, ParticipantLeft, RoomEvent
from conference.web.events.journal import Entry, Journal
from conference.web.events.shapes import event_json
from conference.web.events.sse import Subscription, encode_event
from conference.web.events.views import Reader, View, room_as_seen, tells
from conference.web.http.problems import Problem


@dataclass(slots=True, eq=False)
class _Listener:
    reader: Reader
    subscription: Subscription
    view: View


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
        journal.follow(self._tell)

    def __len__(self) -> int:
        return sum(map(len, self._rooms.values()))

    def subscribe(self, room: str, reader: Reader, last_event_id: str | None = None) -> Subscription:
        """Listen to a room: from a snapshot on, or from where one was.

        Args:
            room: its name.
            reader: who listens.
            last_event_id: of the last event that they have got.

        Raises:
            Problem: there is no such room, and was none of which they could be told more (404); too many listen (503).
        """
        history = self._journal.history(room)
        there = self._conference.get(room)
        missed = None if history is None or not last_event_id else history.missed(last_event_id, reader)
        view = View.LOBBY if history is None else history.audience.view(reader)
        if there is None and view is View.LOBBY and not _left(missed, reader):
            missed = None  # they are not to know how it ended
        if history is None or (missed is None and there is None):
            raise Problem(404, "There is no such room: nobody is in it. It is made when somebody joins.")
        if len(self) >= self._max_streams:
            raise Problem(503, "Too many event streams are open. Try again later.", headers={"Retry-After": "30"})
        listener = _Listener(reader, Subscription(self._max_backlog), view)
        if missed:
            listener.subscription.push(b"".join(one.encoded(one.audience.view(reader)) for one in missed))
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

    def _tell(self, entry: Entry) -> None:
        for listener in tuple(self._rooms.get(entry.event.room, {}).values()):
            self._tell_one(listener, entry)

    def _tell_one(self, listener: _Listener, entry: Entry) -> None:
        if listener.reader.anybody and self._has_pin(entry.event.room):
            listener.subscription.finish()
            return
        before, view = listener.view, entry.audience.view(listener.reader)
        if _shown_out(entry.event, listener.reader):
            listener.subscription.push(entry.encoded(before))
            listener.subscription.finish()
            return
        listener.view = view
        if before is View.LOBBY and view is not View.LOBBY:
            self._show_room(entry.event.room, listener)  # of which the event is part
            return
        if tells(entry.event, view, listener.reader):
            listener.subscription.push(entry.encoded(view))
        untold = view is View.LOBBY if entry.begins else view is not before
        if untold:
            self._show_room(entry.event.room, listener)  # as much or as little as they see of it from now on

    def _has_pin(self, room: str) -> bool:
        there = self._conference.get(room)
        return there is not None and there.policy.pin is not None

    def _show_room(self, room: str, listener: _Listener) -> None:
        there, history = self._conference.get(room), self._journal.history(room)
        if there is not None and history is not None:
            data = room_as_seen(there, listener.view, listener.reader)
            listener.subscription.push(encode_event("room", data, event_id=history.last_id))

    def _tell_levels(self, event: RoomEvent) -> None:
        if not isinstance(event, LevelsMeasured):
            return
        data = encode_event(*event_json(event))
        for listener in tuple(self._rooms.get(event.room, {}).values()):
            if listener.view is not View.LOBBY:
                listener.subscription.push(data)


def _left(missed: list[Entry] | None, reader: Reader) -> bool:
    return any(isinstance(one.event, ParticipantLeft) and reader.is_one(one.event.participant) for one in missed or ())


def _shown_out(event: RoomEvent, reader: Reader) -> bool:
    """Somebody was removed: they are told so, and nothing more."""
    return (
        isinstance(event, ParticipantLeft)
        and event.departure == "removed"
        and event.participant.id == reader.participant_id
    )
