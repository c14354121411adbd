"""What happens in a room, as values. Each is published once, in order, to whoever subscribed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from conference.room.participant import ParticipantState


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """Somebody came in."""

    room: str
    participant: ParticipantState


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    """Somebody went, or was lost; ``reason`` is for people to read."""

    room: str
    participant: ParticipantState
    reason: str


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """A name or a mute changed, or a connection was replaced by a new one in the same seat."""

    room: str
    participant: ParticipantState


@dataclass(frozen=True, slots=True)
class TalkingStarted:
    """A participant's gate opened."""

    room: str
    participant_id: str


@dataclass(frozen=True, slots=True)
class TalkingStopped:
    """A participant's gate closed."""

    room: str
    participant_id: str


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A caller pressed a key: one of ``0-9 * # A-D``."""

    room: str
    participant_id: str
    digit: str


@dataclass(frozen=True, slots=True)
class LevelsMeasured:
    """How loud everybody who is not silent is, in dBov, by participant id; several times a second."""

    room: str
    levels: Mapping[str, float]


RoomEvent: TypeAlias = (
    ParticipantJoined
    | ParticipantLeft
    | ParticipantUpdated
    | TalkingStarted
    | TalkingStopped
    | DigitPressed
    | LevelsMeasured
)
