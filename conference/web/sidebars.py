"""Sidebars: people of a room who talk among themselves for a while."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from conference.ids import new_id
from conference.room.room import Room


class InSidebar(Exception):
    """Somebody is in a sidebar already; the text is a sentence."""


class Sidebars:
    """The sidebars of all rooms, by id. When a room ends, so do its sidebars."""

    def __init__(self) -> None:
        self._rooms: WeakKeyDictionary[Room, dict[str, tuple[str, ...]]] = WeakKeyDictionary()

    def of(self, room: Room) -> dict[str, tuple[str, ...]]:
        """The members of each sidebar of a room, by the sidebar's id."""
        return dict(self._rooms.get(room, {}))

    def check_free(self, room: Room, participant_ids: Iterable[str]) -> None:
        """Make sure that none of these people is in a sidebar: another setting of who hears them would break it.

        Raises:
            InSidebar: one of them is.
        """
        for members in self.of(room).values():
            for participant_id in participant_ids:
                if participant_id in members:
                    participant = room.participants.get(participant_id)
                    name = participant_id if participant is None else participant.name
                    raise InSidebar(f"{name} is in a sidebar: end that first.")

    def begin(self, room: Room, members: Iterable[str], *, by: str | None) -> str:
        """Begin a sidebar. Returns its id.

        Raises:
            InSidebar: one of them is in a sidebar already.
            ValueError: see `Room.sidebar`.
        """
        group = tuple(dict.fromkeys(members))
        self.check_free(room, group)
        room.sidebar(group, by=by)
        sidebar_id = new_id()
        self._rooms.setdefault(room, {})[sidebar_id] = group
        return sidebar_id

    def end(self, room: Room, sidebar_id: str, *, by: str | None) -> bool:
        """End a sidebar: its members hear the room again. Returns whether there was such a sidebar."""
        members = self._rooms.get(room, {}).pop(sidebar_id, None)
        if members is None:
            return False
        room.rejoin(members, by=by)
        return True
