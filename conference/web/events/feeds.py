"""Who reads what happens in which room.

What happens is turned into bytes once for everybody who sees the same of it (:meth:`JournalEntry.encoded_inside`), and
each viewer's :class:`Subscription` reads on from where they are. A viewer who falls behind is cut off, so that a slow
one costs bounded memory: it reconnects by itself, and goes on where it was if that is not too long ago.
"""

from __future__ import annotations

from collections.abc import Callable

from conference.room.conference import Conference
from conference.web.events.channel import FanOut, Subscription
from conference.web.events.journal import Journal, Missed
from conference.web.events.journal_entry import JournalEntry
from conference.web.events.room_feed import FeedReader, RoomFeed
from conference.web.events.stream_output import Chunks
from conference.web.events.views import View, Viewer
from conference.web.http.problems import Problem


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
        self._rooms: dict[str, RoomFeed] = {}
        self._unsubscribe: dict[str, Callable[[], None]] = {}
        self._fan_out = FanOut()
        self.chunks = Chunks()
        """Of what is written to the viewers."""
        self.cut_off = 0
        """Viewers who were too slow, so far."""
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
        feed = self._rooms.get(room)
        if feed is None:
            feed = RoomFeed(room, self._conference, self._journal, self._fan_out)
        listener = FeedReader(viewer, Subscription(self._max_backlog, self._fan_out), view)
        told = b"" if missed is None else missed.encoded(viewer)
        if told:
            listener.subscription.push(told)
        if missed is None or listener.view is View.LOBBY:
            feed.show_room(listener)
        feed.show_levels(listener)
        feed.add(listener, visibility)
        if room not in self._rooms:
            self._rooms[room] = feed
            self._unsubscribe[room] = self._conference.subscribe_to_batches(room, feed.tell_in_passing)
        return listener.subscription

    def unsubscribe(self, room: str, subscription: Subscription) -> None:
        """Listen no more."""
        self.cut_off += subscription.cut_off
        feed = self._rooms.get(room)
        if feed is None:
            subscription.close()
            return
        feed.remove(subscription)
        if not len(feed):
            del self._rooms[room]
            self._unsubscribe.pop(room)()

    def has(self, room: str) -> bool:
        """Whether anybody listens to a room."""
        return room in self._rooms

    def show_anew(self, room: str) -> None:
        """Show a room as it is to all who listen to it: what they were told of it may not be so."""
        feed, history = self._rooms.get(room), self._journal.history(room)
        if feed is not None and history is not None:
            feed.show_anew(history.visibility)

    def finish(self) -> None:
        """End every stream, once what waits has been read."""
        for feed in self._rooms.values():
            for subscription in feed.subscriptions:
                subscription.finish()

    def _tell(self, entry: JournalEntry) -> None:
        feed = self._rooms.get(entry.room)
        if feed is not None:
            feed.tell(entry)


def _left(missed: Missed | None, viewer: Viewer) -> bool:
    entries = () if missed is None else missed.entries
    return any(viewer.is_one(one.participant) for entry in entries for one in entry.departures)
