"""For whom somebody speaks who says it themselves: some of those who would hear them anyway, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from conference.room.room import Room
from conference.web.sidebars import InSidebar, Sidebars

_Setting: TypeAlias = tuple[str | None, float]
"""A listener, or whoever listens, and a gain."""


class NotTheirs(Exception):
    """Who hears them is not theirs to say now; the text is a sentence."""


class Audience:
    """Who hears one participant, as far as they decide it.

    It only ever narrows: what hosts have set counts, and nobody hears more than without it.

    Args:
        participant_id: whose voice.
        sidebars: of all rooms.
    """

    def __init__(self, participant_id: str, sidebars: Sidebars) -> None:
        self._participant_id = participant_id
        self._sidebars = sidebars
        self._rules: frozenset[_Setting] = frozenset()  # as set here

    def narrow(self, room: Room, listeners: Iterable[str] | None) -> None:
        """Have these alone hear what is said from now on; ``None``: everybody.

        Raises:
            NotTheirs: somebody else has set who hears them, or too much is set in this room.
        """
        speaker = self._participant_id
        try:
            self._sidebars.check_free(room, [speaker])
        except InSidebar as error:
            raise NotTheirs(str(error)) from None
        if self._set_now(room) not in (self._rules, frozenset()):
            raise NotTheirs("A host has set who hears you: only a host can change that.")
        before = self._rules
        if listeners is None:
            self._rules = frozenset()
            if before:
                room.speak_up(speaker)
            return
        deaf = {rule.listener for rule in room.hearing.rules if rule.source is None and rule.gain == 0}
        chosen = [one for one in listeners if one in room.participants and one not in deaf and one != speaker]
        self._rules = frozenset({(None, 0.0), *((one, 1.0) for one in chosen)})
        try:
            room.whisper(speaker, chosen)
        except ValueError as error:  # too many gains
            self._rules = before
            raise NotTheirs(str(error)) from None

    def is_overruled(self, room: Room) -> bool:
        """Whether they speak to some alone, and somebody else has set since who hears them."""
        return bool(self._rules) and self._set_now(room) != self._rules

    def end(self, room: Room) -> None:
        """They have left, and will not come back: nothing is set any more of who hears them."""
        self._rules = frozenset()
        if self._set_now(room):
            room.speak_up(self._participant_id)

    def _set_now(self, room: Room) -> frozenset[_Setting]:
        return frozenset(
            (rule.listener, rule.gain) for rule in room.hearing.rules if rule.source == self._participant_id
        )
