"""Who has been sent aside to talk among themselves, room by room."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from conference.ids import new_id
from conference.room.room import Room


class InSidebar(Exception):
    """Somebody is in a sidebar already; the text is a sentence."""


class Sidebars:
    """The sidebars of all rooms, by id. They go with their room."""

    def __init__(self) -> None:
        self._rooms: WeakKeyDictionary[Room, dict[str, tuple[str, ...]]] = WeakKeyDictionary()

    def of(self, room: Room) -> dict[str, tuple[str, ...]]:
        """Their members, by id."""
        return dict(self._rooms.get(room, {}))

    def check_free(self, room: Room, participant_ids: Iterable[str]) -> None:
        """Whether none of these is in a sidebar, which another setting of who hears them would break.

        Raises:
            InSidebar: one is.
        """
        for members in self.of(room).values():
            for participant_id in participant_ids:
                if participant_id in members:
                    participant = room.participants.get(participant_id)
                    name = participant_id if participant is None else participant.name
                    raise InSidebar(f"{name} is in a sidebar: end that first.")

    def begin(self, room: Room, members: Iterable[str], *, by: str | None) -> str:
        """Send people aside. Returns the sidebar's id.

        Raises:
            InSidebar: somebody is in one already.
            ValueError: see `Room.sidebar`.
        """
        group = tuple(dict.fromkeys(members))
        self.check_free(room, group)
        room.sidebar(group, by=by)
        sidebar_id = new_id()
        self._rooms.setdefault(room, {})[sidebar_id] = group
        return sidebar_id

    def end(self, room: Room, sidebar_id: str, *, by: str | None) -> bool:
        """Bring everybody back into the room. Returns whether there was such a sidebar."""
        members = self._rooms.get(room, {}).pop(sidebar_id, None)
        if members is None:
            return False
        room.rejoin(members, by=by)
        return True
