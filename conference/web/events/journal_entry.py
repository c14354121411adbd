"""What one decision brought about, as one entry of a history, and what each who follows it is told of that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from conference.room.events import HearingChanged, ParticipantLeft, RoomEvent, RoomUpdated, TransferUpdated
from conference.room.room import Room
from conference.web.events.data import EventData
from conference.web.events.event_json import BATCH_NAMES, batch_json, event_json
from conference.web.events.sse import encode_event
from conference.web.events.views import View, Viewer, Visibility, concerns
from conference.web.schemas.room_json import room_json

OF_MODERATORS = (HearingChanged, TransferUpdated)
"""Events that nobody else is told: who is not meant to hear somebody is not to learn that they are not."""


class JournalEntry:
    """One event of a history, or several that are told at once. Each has a number, and by that an id.

    Args:
        history: its name.
        first: the number of the first event.
        events: what happened, in order.
        at: unix time in seconds.
        visibility: who sees what of the events.
        began: the room as it is now, if that is a new one: what was known of one of this name is no longer so.
        ours: it was decided by this process: of several, the one that does what is to be done once for all.
    """

    __slots__ = (
        "_began",
        "_concerned",
        "_encoded",
        "_has_secrets",
        "_history",
        "at",
        "events",
        "first",
        "ours",
        "visibility",
    )

    def __init__(
        self,
        history: str,
        first: int,
        events: tuple[RoomEvent, ...],
        at: float,
        visibility: Visibility,
        began: Room | None,
        *,
        ours: bool = True,
    ) -> None:
        self._history = history
        self._began = None if began is None else {one: room_json(began, moderating=one) for one in (False, True)}
        self.first = first
        self.ours = ours
        self.events = events
        self.at = at
        self.visibility = visibility
        # Whether those who may moderate are told more of it than others.
        self._has_secrets = began is not None or any(isinstance(one, (RoomUpdated, *OF_MODERATORS)) for one in events)
        self._encoded: dict[tuple[bool, bool], bytes] = {}
        self._concerned: dict[tuple[str, str] | None, list[int]] | None = None

    @property
    def room(self) -> str:
        """The room's name."""
        return self.events[0].room

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self.first + len(self.events) - 1

    @property
    def begins(self) -> bool:
        """A room begins with it: the stream tells that with a snapshot."""
        return self._began is not None

    @property
    def departures(self) -> Iterator[ParticipantLeft]:
        """Of those who left with it."""
        return (one for one in self.events if isinstance(one, ParticipantLeft))

    def told(
        self, batches: Collection[type] = (), *, moderating: bool = False, hearing: bool = True
    ) -> Iterator[tuple[int, str, EventData]]:
        """The number, the name and the data of each event.

        Args:
            batches: of which kinds there is one event for all to whom the same happened; see :func:`batch_json`. The
                last event has the last number all the same.
            moderating: with what only those are told who may moderate.
            hearing: with who hears whom, and who is handed over to whom.
        """
        shown = [
            (number, event)
            for number, event in enumerate(self.events, self.first)
            if hearing or not isinstance(event, OF_MODERATORS)
        ]
        if not batches or len(shown) < 2:
            yield from ((number, *event_json(event, moderating=moderating)) for number, event in shown)
            return
        told = batch_json([event for _, event in shown], batches, moderating=moderating)
        for number, (name, data) in enumerate(told, self.first):
            yield (number if number < self.first + len(told) - 1 else self.last), name, data

    def event_id(self, number: int) -> str:
        """The id of the event of this number: unique over all histories."""
        return f"{self._history}-{number}"

    def encoded(self, viewer: Viewer, view: View, after: int = 0) -> bytes:
        """It as a piece of a stream, for one viewer. Empty for nothing.

        Args:
            viewer: for whom.
            view: how much they see.
            after: the number of the event up to which they have been told.
        """
        if view is View.LOBBY:
            return self._encode(self._told_in_the_lobby(viewer), after)
        if after < self.first:
            return self.encoded_inside(view, batches=viewer.batches)
        return self._encode(self._told_inside(*self._told_alike(view, viewer.batches)), after)

    def encoded_inside(self, view: View, *, batches: bool) -> bytes:
        """It as a piece of a stream, for those who see the room: made once, and shared by all who see the same of it.

        Args:
            view: how much they see: not that of the lobby.
            batches: whether they know the events that tell of many participants at once.
        """
        key = self._told_alike(view, batches)
        data = self._encoded.get(key)
        if data is None:
            data = self._encode(self._told_inside(*key))
            self._encoded[key] = data
        return data

    def _told_alike(self, view: View, batches: bool) -> tuple[bool, bool]:
        """What makes a difference to those who see the room: whether they are told secrets, and batches."""
        return view is View.MODERATOR and self._has_secrets, batches and len(self.events) > 1

    def _told_inside(self, moderating: bool, batches: bool) -> Iterator[tuple[int, str, EventData]]:
        if self._began is not None:
            return iter([(self.last, "room", self._began[moderating])])
        return self.told(BATCH_NAMES if batches else (), moderating=moderating, hearing=moderating)

    def _told_in_the_lobby(self, viewer: Viewer) -> Iterator[tuple[int, str, EventData]]:
        """What concerns somebody themselves, and how the room is run."""
        numbers = sorted(number for key in (None, viewer.key) for number in self.concerned.get(key, ()))
        return ((number, *event_json(self.events[number - self.first])) for number in numbers)

    @property
    def concerned(self) -> dict[tuple[str, str] | None, list[int]]:
        """The numbers of the events that concern somebody in the lobby, by `Viewer.key`; ``None`` is everybody."""
        if self._concerned is None:
            self._concerned = {}
            for number, event in enumerate(self.events, self.first):
                for whom in concerns(event):
                    self._concerned.setdefault(whom, []).append(number)
        return self._concerned

    def _encode(self, told: Iterable[tuple[int, str, EventData]], after: int = 0) -> bytes:
        return b"".join(
            encode_event(name, data, event_id=self.event_id(number)) for number, name, data in told if number > after
        )
