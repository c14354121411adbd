"""What somebody said, in words, and who may read it: those who may hear it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may hear somebody: what was decided about people, not what they have set for themselves."""

    heard_by: frozenset[str] | None = None
    """Ids of those who alone may; ``None``: everybody who is in the room, or comes later."""

    not_by: frozenset[str] = frozenset()
    """Ids of those who may not, of everybody."""

    @property
    def is_everybody(self) -> bool:
        """Whoever comes may hear it, too."""
        return self.heard_by is None

    def includes(self, participant_id: str | None) -> bool:
        """Whether somebody is among them; ``None`` is somebody who is not in the room."""
        if self.heard_by is not None:
            return participant_id in self.heard_by
        return participant_id not in self.not_by


EVERYBODY = Audience()


@dataclass(frozen=True, slots=True)
class Caption:
    """Some words of one person, as they are understood so far, or (:attr:`final`) for good."""

    id: str
    """The same for all that is told of these words, and for no others in any room."""

    participant_id: str
    name: str
    """The person's, as it was when they spoke."""

    text: str
    final: bool
    begins_ns: int
    ends_ns: int
    """When the words were said, on the clock of the room's ticks."""

    begins_at: float
    ends_at: float
    """The same as unix time in seconds."""

    audience: Audience = EVERYBODY
