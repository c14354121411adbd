"""For whom somebody speaks who says it themselves: some of those who would hear them anyway, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable

from conference.room.room import Room
from conference.web.sidebars import InSidebar, Sidebars


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
        self._rules: frozenset[tuple[str | None, float]] = frozenset()  # as set here

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
        rules = room.hearing.rules
        if {(rule.listener, rule.gain) for rule in rules if rule.source == speaker} != self._rules:
            raise NotTheirs("A host has set who hears you: only a host can change that.")
        if listeners is None:
            self.end(room)
            return
        deaf = {rule.listener for rule in rules if rule.source is None and rule.gain == 0}
        chosen = [one for one in listeners if one in room.participants and one not in deaf and one != speaker]
        try:
            room.whisper(speaker, chosen)
        except ValueError as error:  # too many gains
            raise NotTheirs(str(error)) from None
        self._rules = frozenset((rule.listener, rule.gain) for rule in room.hearing.rules if rule.source == speaker)

    def end(self, room: Room) -> None:
        """Everybody hears them again, unless somebody else wants it otherwise."""
        rules = {(rule.listener, rule.gain) for rule in room.hearing.rules if rule.source == self._participant_id}
        if self._rules and rules == self._rules:
            room.speak_up(self._participant_id)
        self._rules = frozenset()
