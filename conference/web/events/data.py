"""What each event of a room tells, as types: of what streams and webhooks send, and of what describes it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from conference.room.participant import Departure
from conference.web.schemas.responses import (
    Caption,
    Participant,
    Policy,
    RecordingState,
    Room,
    Rule,
    Transfer,
    UnixTime,
)

By: TypeAlias = Annotated[
    str | None, Field(description="Who did it; `null` for the participant themselves, and for the server.")
]
Id: TypeAlias = Annotated[str, Field(description="Id of the participant.")]


class ParticipantJoinedData(TypedDict):
    """Somebody came in."""

    participant: Participant


class ParticipantLeftData(TypedDict):
    """Somebody went, or was lost."""

    participant: Participant
    reason: Annotated[str, Field(description="For people to read.")]
    departure: Departure
    by: By


class ParticipantUpdatedData(TypedDict):
    """Anything about somebody changed."""

    participant: Participant
    by: By


class ParticipantsUpdatedData(TypedDict):
    """One decision changed the same about many."""

    ids: Annotated[list[str], Field(description="Ids of the participants.")]
    changes: Annotated[dict[str, Any], Field(description="Those fields of each participant that changed.")]
    by: By


class ParticipantsLeftData(TypedDict):
    """One decision sent many away."""

    ids: Annotated[list[str], Field(description="Ids of the participants.")]
    reason: Annotated[str, Field(description="For people to read.")]
    departure: Departure
    by: By


class RoomUpdatedData(TypedDict):
    """The room is run in another way."""

    policy: Policy
    by: By


class HearingChangedData(TypedDict):
    """Who hears whom was changed: all that is set now."""

    rules: list[Rule]
    by: By


class UnmuteRequestedData(TypedDict):
    """Somebody is asked to unmute; they may, from now on."""

    id: Id
    by: By


class SoundPlayed(TypedDict):
    """A sound that begins."""

    id: str
    name: str
    to: Annotated[list[str] | None, Field(description="Who hears it; `null` for everybody who is in the conversation.")]


class SoundStartedData(TypedDict):
    """A sound is played."""

    sound: SoundPlayed
    by: By


class SoundEnded(TypedDict):
    """A sound that has ended."""

    id: str
    name: str


class SoundStoppedData(TypedDict):
    """A sound came to its end, or was stopped."""

    sound: SoundEnded


class MessageData(TypedDict):
    """Somebody wrote to the others."""

    id: Annotated[str | None, Field(description="Id of the participant; `null` for somebody who is not in the room.")]
    name: str
    text: str
    sent_at: UnixTime


class DrainingData(TypedDict):
    """Nobody joins any more, and the server ends once everybody has left."""

    ends_at: Annotated[UnixTime | None, Field(description="When it ends in any case; `null` if it waits.")]
    by: By


class RecordingData(TypedDict):
    """Something about the room's recording."""

    recording: RecordingState
    by: By


class TransferData(TypedDict):
    """Somebody is handed over, and how far that has come."""

    transfer: Transfer
    by: By


class DigitData(TypedDict):
    """A caller pressed a key."""

    id: Id
    digit: Annotated[str, Field(description="One of `0-9 * # A-D`.")]


class TalkingData(TypedDict):
    """Somebody began to talk, or stopped."""

    id: Id


class InterruptedData(TypedDict):
    """A person began to talk while a bot was heard."""

    id: Annotated[str, Field(description="Id of the bot.")]
    by: Annotated[str, Field(description="Id of the person.")]


class LevelsData(TypedDict):
    """How loud everybody is who is not silent."""

    levels: Annotated[dict[str, float], Field(description="In dBov, by the participant's id.")]


EventData: TypeAlias = (
    Room
    | ParticipantJoinedData
    | ParticipantLeftData
    | ParticipantUpdatedData
    | ParticipantsUpdatedData
    | ParticipantsLeftData
    | RoomUpdatedData
    | HearingChangedData
    | UnmuteRequestedData
    | SoundStartedData
    | SoundStoppedData
    | MessageData
    | DigitData
    | TalkingData
    | InterruptedData
    | LevelsData
    | RecordingData
    | TransferData
    | DrainingData
    | Caption
)

DATA_TYPES: dict[str, type] = {
    "room": Room,
    "participant.joined": ParticipantJoinedData,
    "participant.left": ParticipantLeftData,
    "participant.updated": ParticipantUpdatedData,
    "participants.updated": ParticipantsUpdatedData,
    "participants.left": ParticipantsLeftData,
    "room.updated": RoomUpdatedData,
    "hearing.changed": HearingChangedData,
    "unmute.requested": UnmuteRequestedData,
    "sound.started": SoundStartedData,
    "sound.stopped": SoundStoppedData,
    "message": MessageData,
    "caption": Caption,
    "digit": DigitData,
    "talking.started": TalkingData,
    "talking.stopped": TalkingData,
    "talking.interrupted": InterruptedData,
    "levels": LevelsData,
    "transfer.updated": TransferData,
    "server.draining": DrainingData,
    "recording.started": RecordingData,
    "recording.paused": RecordingData,
    "recording.resumed": RecordingData,
    "recording.stopped": RecordingData,
    "recording.ready": RecordingData,
    "recording.failed": RecordingData,
    "recording.stored": RecordingData,
    "recording.not_stored": RecordingData,
}
"""What each event of a stream holds, by its name."""
