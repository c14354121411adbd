"""Who has been sent aside to talk among themselves, room by room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from conference.ids import new_id
from conference.room.hearing import Rule
from conference.room.room import Room


class InSidebar(Exception):
    """Somebody is in a sidebar already; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class _Sidebar:
    members: tuple[str, ...]
    before: tuple[Rule, ...]
    """What was set of who hears its members: whoever was a coach is one again when it ends."""


class Sidebars:
    """The sidebars of all rooms, by id. They go with their room."""

    def __init__(self) -> None:
        self._rooms: WeakKeyDictionary[Room, dict[str, _Sidebar]] = WeakKeyDictionary()

    def of(self, room: Room) -> dict[str, tuple[str, ...]]:
        """Their members, by id."""
        return {sidebar_id: one.members for sidebar_id, one in self._rooms.get(room, {}).items()}

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
        before = tuple(one for one in room.hearing.rules if one.source in group)
        room.sidebar(group, by=by)
        sidebar_id = new_id()
        self._rooms.setdefault(room, {})[sidebar_id] = _Sidebar(group, before)
        return sidebar_id

    def end(self, room: Room, sidebar_id: str, *, by: str | None) -> bool:
        """Bring everybody back into the room. Returns whether there was such a sidebar."""
        sidebar = self._rooms.get(room, {}).pop(sidebar_id, None)
        if sidebar is None:
            return False
        aside = {member for members in self.of(room).values() for member in members}
        before = [one for one in sidebar.before if one.listener not in aside]  # nobody whispers into another sidebar
        room.rejoin(sidebar.members, before, by=by)
        return True
