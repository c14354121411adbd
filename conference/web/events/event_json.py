"""Gives each event the name and the JSON with which event streams and webhooks tell of it.

Events as values are in `room.events`, the types of the JSON in `web.events.data`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import cast

from conference.room.events import (
    BotInterrupted,
    Captioned,
    DigitPressed,
    HearingChanged,
    LevelsMeasured,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RecordingEvent,
    RecordingFailed,
    RecordingNotStored,
    RecordingPaused,
    RecordingReady,
    RecordingResumed,
    RecordingStarted,
    RecordingStopped,
    RecordingStored,
    RoomEvent,
    RoomUpdated,
    ServerDraining,
    SoundStarted,
    SoundStopped,
    TalkingStarted,
    TalkingStopped,
    TransferUpdated,
    UnmuteRequested,
)
from conference.web.events import data
from conference.web.schemas.room_json import (
    caption_json,
    participant_json,
    policy_json,
    recording_state_json,
    rule_json,
    transfer_json,
)

EVENT_NAMES: dict[type, str] = {
    ParticipantJoined: "participant.joined",
    ParticipantLeft: "participant.left",
    ParticipantUpdated: "participant.updated",
    RoomUpdated: "room.updated",
    HearingChanged: "hearing.changed",
    UnmuteRequested: "unmute.requested",
    SoundStarted: "sound.started",
    SoundStopped: "sound.stopped",
    MessageSent: "message",
    Captioned: "caption",
    DigitPressed: "digit",
    TalkingStarted: "talking.started",
    TalkingStopped: "talking.stopped",
    BotInterrupted: "talking.interrupted",
    LevelsMeasured: "levels",
    TransferUpdated: "transfer.updated",
    ServerDraining: "server.draining",
    RecordingStarted: "recording.started",
    RecordingPaused: "recording.paused",
    RecordingResumed: "recording.resumed",
    RecordingStopped: "recording.stopped",
    RecordingReady: "recording.ready",
    RecordingFailed: "recording.failed",
    RecordingStored: "recording.stored",
    RecordingNotStored: "recording.not_stored",
}
"""The name of each event."""

BATCH_NAMES: dict[type, str] = {
    ParticipantUpdated: "participants.updated",
    ParticipantLeft: "participants.left",
}
"""The names of events that tell of many participants at once."""


def event_json(event: RoomEvent, *, moderating: bool = False) -> tuple[str, data.EventData]:
    """The name and the data of an event.

    Args:
        event: what happened.
        moderating: whether the reader may moderate, and is told the room's PIN.
    """
    told = _of_the_room(event, moderating) if isinstance(event, RoomUpdated) else _data(event)
    return EVENT_NAMES[type(event)], told


def batch_json(
    events: Sequence[RoomEvent], kinds: Collection[type], *, moderating: bool = False
) -> list[tuple[str, data.EventData]]:
    """The names and the data of the events of one decision, with one event for all people to whom the same happened.

    Args:
        events: what happened, in order.
        kinds: events of these kinds are told as one: those of :data:`BATCH_NAMES`, or some of them.
        moderating: whether the reader may moderate, and is told the room's PIN.
    """
    states = {
        event.participant.id
        for event in events
        if isinstance(event, (ParticipantUpdated, ParticipantLeft)) and type(event) in kinds
    }
    # Whoever is muted or leaves stops talking: no event of its own tells that.
    told = [one for one in events if not (isinstance(one, TalkingStopped) and one.participant_id in states)]
    found: list[tuple[str, data.EventData]] = []
    for kind, run in groupby(enumerate(told), lambda item: _kind(*item)):
        alike = [event for _, event in run]
        if len(alike) == 1 or kind[0] not in kinds:
            found.extend(event_json(one, moderating=moderating) for one in alike)
        elif kind[0] is ParticipantUpdated:
            found.extend(_of_the_updated(cast("list[ParticipantUpdated]", alike)))
        else:
            found.append(_of_those_who_left(cast("list[ParticipantLeft]", alike)))
    return found


def _kind(place: int, event: RoomEvent) -> tuple[object, ...]:
    """A key that is the same for events that can be told as one, if they follow each other."""
    match event:
        case ParticipantUpdated(changed=changed) if changed:
            return (ParticipantUpdated, event.by)
        case ParticipantLeft():
            return (ParticipantLeft, event.reason, event.departure, event.by)
        case _:
            return (None, place)


def _of_the_updated(events: Sequence[ParticipantUpdated]) -> list[tuple[str, data.EventData]]:
    """One event for all participants whose changed fields have the same values at the end."""
    fields = sorted(frozenset[str]().union(*(event.changed for event in events)))
    states = {event.participant.id: event.participant for event in events}
    ids: dict[tuple[object, ...], list[str]] = {}
    for participant_id, state in states.items():
        ids.setdefault(tuple(getattr(state, one) for one in fields), []).append(participant_id)
    name, by = BATCH_NAMES[ParticipantUpdated], events[0].by
    return [
        (name, data.ParticipantsUpdatedData(ids=some, changes=dict(zip(fields, values, strict=True)), by=by))
        for values, some in ids.items()
    ]


def _of_those_who_left(events: Sequence[ParticipantLeft]) -> tuple[str, data.EventData]:
    one, ids = events[0], [event.participant.id for event in events]
    told = data.ParticipantsLeftData(ids=ids, reason=one.reason, departure=one.departure, by=one.by)
    return BATCH_NAMES[ParticipantLeft], told


def _of_the_room(event: RoomUpdated, moderating: bool) -> data.RoomUpdatedData:
    return {"policy": policy_json(event.policy, moderating=moderating), "by": event.by}


def _data(event: RoomEvent) -> data.EventData:
    match event:
        case ParticipantJoined():
            return data.ParticipantJoinedData(participant=participant_json(event.participant))
        case ParticipantLeft():
            return data.ParticipantLeftData(
                participant=participant_json(event.participant),
                reason=event.reason,
                departure=event.departure,
                by=event.by,
            )
        case ParticipantUpdated():
            return data.ParticipantUpdatedData(participant=participant_json(event.participant), by=event.by)
        case TalkingStarted() | TalkingStopped():
            return data.TalkingData(id=event.participant_id)
        case BotInterrupted():
            return data.InterruptedData(id=event.participant_id, by=event.by)
        case DigitPressed():
            return data.DigitData(id=event.participant_id, digit=event.digit)
        case LevelsMeasured():
            return data.LevelsData(levels={key: round(level, 1) for key, level in event.levels.items()})
        case _:
            return _more_data(event)


def _more_data(event: RoomEvent) -> data.EventData:
    match event:
        case HearingChanged():
            return data.HearingChangedData(rules=[rule_json(one) for one in event.rules], by=event.by)
        case UnmuteRequested():
            return data.UnmuteRequestedData(id=event.participant_id, by=event.by)
        case SoundStarted():
            to = None if event.audience is None else sorted(event.audience)
            return data.SoundStartedData(sound={"id": event.sound_id, "name": event.name, "to": to}, by=event.by)
        case SoundStopped():
            return data.SoundStoppedData(sound={"id": event.sound_id, "name": event.name})
        case MessageSent():
            return data.MessageData(id=event.participant_id, name=event.name, text=event.text, sent_at=event.sent_at)
        case Captioned():
            return caption_json(event.caption)
        case TransferUpdated():
            return data.TransferData(transfer=transfer_json(event.transfer), by=event.by)
        case ServerDraining():
            return data.DrainingData(ends_at=event.ends_at, by=event.by)
        case RecordingEvent():
            return data.RecordingData(recording=recording_state_json(event.recording), by=event.by)
        case _:
            raise TypeError(f"{type(event).__name__} is no event of a room")
