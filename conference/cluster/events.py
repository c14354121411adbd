"""What a command brought about, as one event that says at which place of its history that stands."""

from __future__ import annotations

from dataclasses import dataclass

from conference.room.events import (
    BotInterrupted,
    Captioned,
    EventBatch,
    LevelsMeasured,
    RoomEvent,
    TalkingStarted,
    TalkingStopped,
)

IN_PASSING = (TalkingStarted, TalkingStopped, BotInterrupted, LevelsMeasured, Captioned)
"""Events of what is heard, which each node notices by itself: they are in no log, and have no id."""


@dataclass(frozen=True, slots=True)
class LoggedBatch(EventBatch):
    """All that one command brought about: the same on every node, but for levels, and told once on each."""

    history: str = ""
    """Name of the history that its events are of."""

    first: int = 0
    """Number of the first of the events."""

    at: float = 0.0
    """When it was decided, unix time in seconds."""

    ours: bool = False
    """This node wrote the command: what is to be done once for all nodes is done here."""


def is_logged(event: RoomEvent) -> bool:
    """Whether an event that a command brought about is part of its room's history."""
    return not isinstance(event, IN_PASSING)
