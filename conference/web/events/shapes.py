"""What happens in a room as the event stream and the webhooks tell it: its name, and its data as JSON."""

from __future__ import annotations

from conference.room.events import (
    DigitPressed,
    HearingChanged,
    LevelsMeasured,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomEvent,
    RoomUpdated,
    SoundStarted,
    SoundStopped,
    TalkingStarted,
    TalkingStopped,
    UnmuteRequested,
)
from conference.web.api.shapes import Json, participant_json, policy_json, rule_json

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
    DigitPressed: "digit",
    TalkingStarted: "talking.started",
    TalkingStopped: "talking.stopped",
    LevelsMeasured: "levels",
}
"""The name of each event."""


def event_json(event: RoomEvent, *, moderating: bool = False) -> tuple[str, Json]:
    """The name and the data of an event.

    Args:
        event: what happened.
        moderating: for those who may moderate: with the room's PIN.
    """
    data = _of_the_room(event, moderating) if isinstance(event, RoomUpdated) else _data(event)
    return EVENT_NAMES[type(event)], data


def _of_the_room(event: RoomUpdated, moderating: bool) -> Json:
    return {"policy": policy_json(event.policy, moderating=moderating), "by": event.by}


def _data(event: RoomEvent) -> Json:
    match event:
        case ParticipantJoined():
            return {"participant": participant_json(event.participant)}
        case ParticipantLeft():
            return {
                "participant": participant_json(event.participant),
                "reason": event.reason,
                "departure": event.departure,
                "by": event.by,
            }
        case ParticipantUpdated():
            return {"participant": participant_json(event.participant), "by": event.by}
        case TalkingStarted() | TalkingStopped():
            return {"id": event.participant_id}
        case DigitPressed():
            return {"id": event.participant_id, "digit": event.digit}
        case LevelsMeasured():
            return {"levels": {key: round(level, 1) for key, level in event.levels.items()}}
        case _:
            return _more_data(event)


def _more_data(event: RoomEvent) -> Json:
    match event:
        case HearingChanged():
            return {"rules": [rule_json(one) for one in event.rules], "by": event.by}
        case UnmuteRequested():
            return {"id": event.participant_id, "by": event.by}
        case SoundStarted():
            to = None if event.audience is None else sorted(event.audience)
            return {"sound": {"id": event.sound_id, "name": event.name, "to": to}, "by": event.by}
        case SoundStopped():
            return {"sound": {"id": event.sound_id, "name": event.name}}
        case MessageSent():
            return {"id": event.participant_id, "name": event.name, "text": event.text, "sent_at": event.sent_at}
        case _:
            raise TypeError(f"{type(event).__name__} is no event of a room")
