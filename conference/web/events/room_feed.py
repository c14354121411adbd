"""All who follow what happens in one room, and what each of them is told of it.

Those who see the same are in one channel. Whoever waits in the lobby is in none, and is told what concerns themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from conference.room.captioned import EVERYBODY
from conference.room.conference import Conference
from conference.room.events import (
    BotInterrupted,
    Captioned,
    LevelsMeasured,
    Published,
    RecordingEvent,
    RoomEvent,
    ServerDraining,
    SoundStarted,
    SoundStopped,
    TalkingStarted,
    TalkingStopped,
)
from conference.web.events.channel import Channel, FanOut, Subscription
from conference.web.events.event_json import event_json
from conference.web.events.journal import Journal
from conference.web.events.journal_entry import JournalEntry
from conference.web.events.sse import encode_event
from conference.web.events.views import View, Viewer, Visibility, may_read, room_as_seen

HEARD_HERE = (
    TalkingStarted,
    TalkingStopped,
    BotInterrupted,
    SoundStarted,
    SoundStopped,
    RecordingEvent,
    ServerDraining,
)
"""Where rooms are on several nodes: events that each node has of its own. They have no id, and are not
told again to whoever lost the stream."""


@dataclass(slots=True, eq=False)
class FeedReader:
    """Somebody who follows a room."""

    viewer: Viewer
    subscription: Subscription
    view: View
    """How much they see now."""


class RoomFeed:
    """Those who follow one room.

    Args:
        room: its name.
        conference: where it is.
        journal: where its history is.
        fan_out: writes to their connections.
    """

    def __init__(self, room: str, conference: Conference, journal: Journal, fan_out: FanOut) -> None:
        self._room = room
        self._conference = conference
        self._journal = journal
        self._fan_out = fan_out
        self._listeners: dict[Subscription, FeedReader] = {}
        self._of_seat: defaultdict[str | None, set[FeedReader]] = defaultdict(set)
        self._of_identity: defaultdict[str | None, set[FeedReader]] = defaultdict(set)
        self._in_lobby: dict[FeedReader, None] = {}
        self._anybody: set[FeedReader] = set()
        self._channels: dict[tuple[View, bool, bool], Channel] = {}
        self._visibility: Visibility | None = None  # of which everybody's view is; None: of several
        self._snapshots: tuple[str, dict[View, bytes]] = "", {}  # of the room, after which event

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Of all of them."""
        return tuple(self._listeners)

    def add(self, listener: FeedReader, visibility: Visibility | None) -> None:
        """Have somebody told what happens from now on; ``visibility`` is that of which their view is."""
        if not self._listeners:
            self._visibility = visibility
        elif self._visibility is not visibility:
            self._visibility = None
        self._listeners[listener.subscription] = listener
        self._of_seat[listener.viewer.participant_id].add(listener)
        self._of_identity[listener.viewer.identity].add(listener)
        if listener.viewer.anybody:
            self._anybody.add(listener)
        self._place(listener)

    def remove(self, subscription: Subscription) -> None:
        """Have somebody told nothing more."""
        subscription.close()
        listener = self._listeners.pop(subscription, None)
        if listener is not None:
            _discard(self._of_seat, listener.viewer.participant_id, listener)
            _discard(self._of_identity, listener.viewer.identity, listener)
            self._anybody.discard(listener)
            self._in_lobby.pop(listener, None)
            for key in [key for key, channel in self._channels.items() if channel.empty]:
                del self._channels[key]

    def show_room(self, listener: FeedReader) -> None:
        """Tell somebody all there is to be seen, if the room is there: as much of it as they see."""
        there, history = self._conference.get(self._room), self._journal.history(self._room)
        if there is None or history is None:
            return
        after, snapshots = self._snapshots
        if after != history.last_id:
            snapshots = {}
            self._snapshots = history.last_id, snapshots
        data = snapshots.get(listener.view)
        if data is None:
            seen = room_as_seen(there, listener.view, listener.viewer)
            data = encode_event("room", seen, event_id=history.last_id)
            if listener.view is not View.LOBBY:
                snapshots[listener.view] = data
        listener.subscription.push(data)

    def show_anew(self, visibility: Visibility) -> None:
        """Show the room as it is to all who listen, each as much as they see now."""
        self._visibility = visibility
        for listener in self._listeners.values():
            listener.view = visibility.view(listener.viewer)
            self._place(listener)
            self.show_room(listener)

    def show_levels(self, listener: FeedReader) -> None:
        """Tell somebody how loud everybody is, if they want to know and anybody is heard. The rest are changes."""
        there = self._conference.get(self._room)
        if there is not None and there.levels and listener.viewer.levels and listener.view is not View.LOBBY:
            data = encode_event(*event_json(LevelsMeasured(self._room, there.levels)))
            listener.subscription.push(data)

    def tell(self, entry: JournalEntry) -> None:
        """Tell everybody what happened, as far as they are to know it."""
        self._show_out(entry)
        moved = self._moved(entry.visibility)
        for listener, before in moved.items():
            self._tell_of_move(listener, before, entry)
        for (view, batches, _), channel in self._channels.items():
            if not channel.empty and (data := entry.encoded_inside(view, batches=batches)):
                channel.append(data)
        for listener in self._concerned(entry):
            if listener not in moved:
                self._tell_in_the_lobby(listener, entry)
        for listener in moved:
            self._place(listener)

    def tell_in_passing(self, published: Published) -> None:
        """Tell what is in no journal, if that is what was published: how loud everybody is, and what is said."""
        match published:
            case LevelsMeasured():
                self._tell_channels(published, [one for (_, _, levels), one in self._channels.items() if levels])
            case Captioned(caption=caption) if caption.audience == EVERYBODY:
                self._tell_channels(published, self._channels.values())
            case Captioned():
                self._tell_some(published)
            case _ if self._journal.shared and isinstance(published, HEARD_HERE):
                self._tell_channels(published, self._channels.values())

    def _tell_channels(self, event: RoomEvent, channels: Iterable[Channel]) -> None:
        followed = [one for one in channels if not one.empty]
        if followed:
            data = encode_event(*event_json(event))
            for channel in followed:
                channel.append(data)

    def _tell_some(self, captioned: Captioned) -> None:
        """Tell those who may hear somebody what was understood of them."""
        data = encode_event(*event_json(captioned))
        audience, room = captioned.caption.audience, self._conference.get(self._room)
        for listener in self._listeners.values():
            if listener.view is not View.LOBBY and may_read(audience, listener.viewer, room):
                listener.subscription.push(data)

    def _show_out(self, entry: JournalEntry) -> None:
        """End the streams of those who are to be told nothing more."""
        there = self._conference.get(self._room)
        if self._anybody and there is not None and there.policy.pin is not None:
            for listener in self._anybody:
                listener.subscription.finish()
            self._anybody.clear()
        for one in entry.departures:
            if one.departure == "removed":
                for listener in self._of_seat.get(one.participant.id, ()):
                    self._push(listener, entry)
                    listener.subscription.finish()

    def _moved(self, visibility: Visibility) -> dict[FeedReader, View]:
        """Who sees more now, or less; with what they saw before."""
        if visibility is self._visibility:
            return {}
        whose = None if self._visibility is None else self._visibility.whose_view_differs(visibility)
        self._visibility = visibility
        affected: Iterable[FeedReader] = self._listeners.values()
        if whose is not None:
            seats, identities = whose
            found = [self._of_seat.get(one, ()) for one in seats]
            found += [self._of_identity.get(one, ()) for one in identities]
            affected = dict.fromkeys(one for some in found for one in some)
        moved = {}
        for listener in affected:
            view = visibility.view(listener.viewer)
            if view is not listener.view:
                moved[listener] = listener.view
                listener.view = view
        return moved

    def _tell_of_move(self, listener: FeedReader, before: View, entry: JournalEntry) -> None:
        """The room as they see it from now on, after what happened; whoever was in the lobby sees that in it."""
        listener.subscription.follow(None)
        if before is not View.LOBBY or listener.view is View.LOBBY:
            self._push(listener, entry)
        if listener.view is View.LOBBY or not entry.begins or before is View.LOBBY:
            self.show_room(listener)

    def _concerned(self, entry: JournalEntry) -> Iterable[FeedReader]:
        """Those in the lobby who are to be told something."""
        if not self._in_lobby:
            return ()
        if entry.begins or None in entry.concerned:
            return tuple(self._in_lobby)
        found = []
        for key in entry.concerned:
            kind, who = key or ("", "")
            index = self._of_seat if kind == "seat" else self._of_identity
            found += [one for one in index.get(who, ()) if one.viewer.key == key and one in self._in_lobby]
        return found

    def _tell_in_the_lobby(self, listener: FeedReader, entry: JournalEntry) -> None:
        self._push(listener, entry)
        if entry.begins:
            self.show_room(listener)

    def _push(self, listener: FeedReader, entry: JournalEntry) -> None:
        data = entry.encoded(listener.viewer, listener.view)
        if data:
            listener.subscription.push(data)

    def _place(self, listener: FeedReader) -> None:
        """Put somebody where they are told what they see."""
        if listener.view is View.LOBBY:
            self._in_lobby[listener] = None
            listener.subscription.follow(None)
            return
        self._in_lobby.pop(listener, None)
        key = listener.view, listener.viewer.batches, listener.viewer.levels
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(self._fan_out)
        listener.subscription.follow(channel)


def _discard(index: defaultdict[str | None, set[FeedReader]], key: str | None, listener: FeedReader) -> None:
    index[key].discard(listener)
    if not index[key]:
        del index[key]
