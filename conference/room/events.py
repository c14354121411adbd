"""What happens in a room, as values. Each is published once, in order, to whoever subscribed.

``by`` names who did it, as far as it was anybody else than the one it happened to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from conference.room.captioned import Caption
from conference.room.gains.gain_matrix import Rule
from conference.room.participant import Departure, ParticipantState
from conference.room.policy import RoomPolicy
from conference.room.recorded import RecordingState
from conference.room.transferred import TransferSnapshot


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
    departure: Departure = "left"
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ParticipantUpdated:
    """Anything about somebody changed, or their connection was replaced by a new one in the same seat."""

    room: str
    participant: ParticipantState
    by: str | None = None
    changed: frozenset[str] = field(default=frozenset(), compare=False)
    """Which fields of the state have another value than before, if that is known."""


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
class BotInterrupted:
    """A person began to talk while a bot was heard."""

    room: str
    participant_id: str
    """Of the bot."""

    by: str
    """Id of the person."""


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A caller pressed a key: one of ``0-9 * # A-D``."""

    room: str
    participant_id: str
    digit: str


@dataclass(frozen=True, slots=True)
class LevelsMeasured:
    """How loud everybody who is not silent is, in dBov, by participant id; five times a second while it changes."""

    room: str
    levels: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RoomUpdated:
    """A host changed how the room is run."""

    room: str
    policy: RoomPolicy
    by: str | None = None


@dataclass(frozen=True, slots=True)
class HearingChanged:
    """The matrix of gains was changed; ``rules`` is all that is set now."""

    room: str
    rules: tuple[Rule, ...]
    by: str | None = None


@dataclass(frozen=True, slots=True)
class UnmuteRequested:
    """Somebody is asked to unmute; they may, from now on."""

    room: str
    participant_id: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class SoundStarted:
    """A sound is played; ``audience`` is who hears it, ``None`` everybody."""

    room: str
    sound_id: str
    name: str
    audience: frozenset[str] | None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class SoundStopped:
    """A sound came to its end, or was stopped."""

    room: str
    sound_id: str
    name: str


@dataclass(frozen=True, slots=True)
class RecordingEvent:
    """Something about a recording of the room; the room may be gone when the last of it is told."""

    room: str
    recording: RecordingState
    """As it is now."""

    by: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingStarted(RecordingEvent):
    """What is said from now on is kept."""


@dataclass(frozen=True, slots=True)
class RecordingPaused(RecordingEvent):
    """What is said from now on is not kept."""


@dataclass(frozen=True, slots=True)
class RecordingResumed(RecordingEvent):
    """What is said from now on is kept again."""


@dataclass(frozen=True, slots=True)
class RecordingStopped(RecordingEvent):
    """The recording is over, and its files are being made."""


@dataclass(frozen=True, slots=True)
class RecordingReady(RecordingEvent):
    """Its files can be had."""


@dataclass(frozen=True, slots=True)
class RecordingFailed(RecordingEvent):
    """Its files could not be made; what was written while it went on is kept."""


@dataclass(frozen=True, slots=True)
class RecordingStored(RecordingEvent):
    """Its files are in the object storage."""


@dataclass(frozen=True, slots=True)
class RecordingNotStored(RecordingEvent):
    """Its files could not be put into the object storage; that is tried again. The reason of ``recording`` says why."""


RecordingChange: TypeAlias = RecordingStarted | RecordingPaused | RecordingResumed | RecordingStopped
"""What becomes of one while it goes on, up to its end."""

RecordingOver: TypeAlias = RecordingReady | RecordingFailed | RecordingStored | RecordingNotStored
"""What becomes of one later, when its room may be gone."""


@dataclass(frozen=True, slots=True)
class MessageSent:
    """Somebody wrote to the others. Nothing of it is kept."""

    room: str
    participant_id: str | None
    name: str
    text: str
    sent_at: float
    """Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class Captioned:
    """Somebody's words were recognised. Only those may be told of it who are of the caption's audience."""

    room: str
    caption: Caption


@dataclass(frozen=True, slots=True)
class TransferUpdated:
    """Somebody is handed over, and how far that has come."""

    room: str
    transfer: TransferSnapshot
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ServerDraining:
    """Nobody joins any more, and the server ends once everybody has left."""

    room: str
    ends_at: float | None
    """Unix time at which it ends in any case, in seconds; ``None`` if it waits."""

    by: str | None = None


RoomEvent: TypeAlias = (
    ParticipantJoined
    | ParticipantLeft
    | ParticipantUpdated
    | TalkingStarted
    | TalkingStopped
    | BotInterrupted
    | DigitPressed
    | LevelsMeasured
    | RoomUpdated
    | HearingChanged
    | UnmuteRequested
    | SoundStarted
    | SoundStopped
    | MessageSent
    | Captioned
    | TransferUpdated
    | ServerDraining
    | RecordingChange
    | RecordingOver
)


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What one decision brought about, if that is more than one event: all of them, in order."""

    room: str
    events: tuple[RoomEvent, ...]


Published: TypeAlias = RoomEvent | EventBatch
"""What a room publishes."""


def events_of(published: Published) -> tuple[RoomEvent, ...]:
    """The events, one by one."""
    return published.events if isinstance(published, EventBatch) else (published,)
