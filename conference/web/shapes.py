"""Rooms, participants and events as the API shows them in JSON; and what of it people may change."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any

from conference.access.grants import ROLES, Role
from conference.room.events import (
    DigitPressed,
    LevelsMeasured,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomEvent,
    TalkingStarted,
    TalkingStopped,
)
from conference.room.participant import ParticipantState
from conference.room.room import Room

DEFAULT_NAME = "Guest"
"""The name of somebody who gave none."""

_REFUSED_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_SWITCHES = ("muted", "levelling", "noise_suppression")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What a merge patch asks for; ``None`` leaves a thing as it is."""

    muted: bool | None = None
    name: str | None = None
    levelling: bool | None = None
    noise_suppression: bool | None = None


def participant_json(state: ParticipantState) -> Json:
    """One participant."""
    return {
        "id": state.id,
        "name": state.name,
        "transport": state.transport,
        "muted": state.muted,
        "talking": state.talking,
        "level": state.level,
        "joined_at": state.joined_at,
    }


def voice_json(state: ParticipantState) -> Json:
    """How one participant's voice is treated."""
    return {"levelling": state.levelling, "noise_suppression": state.noise_suppression}


def room_json(room: Room) -> Json:
    """One room and everybody in it."""
    return {
        "name": room.name,
        "created_at": room.created_at,
        "participants": [participant_json(one.state()) for one in room.participants.values()],
    }


def room_summary_json(room: Room) -> Json:
    """One room in a list: ``participants`` is how many there are."""
    return {"name": room.name, "participants": len(room.participants), "created_at": room.created_at}


def event_json(event: RoomEvent) -> tuple[str, Json]:
    """The name and the data of an event."""
    match event:
        case ParticipantJoined():
            return "participant.joined", {"participant": participant_json(event.participant)}
        case ParticipantLeft():
            return "participant.left", {"participant": participant_json(event.participant), "reason": event.reason}
        case ParticipantUpdated():
            return "participant.updated", {"participant": participant_json(event.participant)}
        case TalkingStarted():
            return "talking.started", {"id": event.participant_id}
        case TalkingStopped():
            return "talking.stopped", {"id": event.participant_id}
        case DigitPressed():
            return "digit", {"id": event.participant_id, "digit": event.digit}
        case LevelsMeasured():
            return "levels", {"levels": {key: round(level, 1) for key, level in event.levels.items()}}


def read_name(text: str, max_length: int) -> str:
    """A name as somebody typed it, trimmed; :data:`DEFAULT_NAME` if nothing is left.

    Raises:
        ValueError: with a sentence, if it is too long or would not show as one line of text.
    """
    name = text.strip()
    if len(name) > max_length:
        raise ValueError(f"This name is too long: use at most {max_length} characters.")
    if any(unicodedata.category(one) in _REFUSED_CATEGORIES or one in _BIDI_CONTROLS for one in name):
        raise ValueError("This name has control characters in it: use letters, digits and signs.")
    return name or DEFAULT_NAME


def read_role(text: str | None) -> Role | None:
    """A role as somebody asks for it; ``None`` if they don't.

    Raises:
        ValueError: there is no such role.
    """
    if text is None:
        return None
    for role in ROLES:
        if text == role:
            return role
    raise ValueError(f"There is no such role: there are {', '.join(ROLES)}.")


def read_change(body: str, max_name_length: int) -> Change:
    """A merge patch (RFC 7396) of a participant.

    Raises:
        ValueError: with a sentence that says what cannot be changed, or is not JSON.
    """
    try:
        patch = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON.") from None
    if not isinstance(patch, dict):
        raise ValueError('The body must be a JSON object, e.g. {"muted": true}.')
    unknown = sorted(patch.keys() - {"name", *_SWITCHES})
    if unknown:
        raise ValueError(f"'{unknown[0][:40]}' cannot be changed: only 'name', {_listed(_SWITCHES)} can.")
    name = patch.get("name")
    for switch in _SWITCHES:
        if switch in patch and not isinstance(patch[switch], bool):
            raise ValueError(f"'{switch}' must be true or false.")
    if "name" in patch and not isinstance(name, str):
        raise ValueError("'name' must be text.")
    switches = {switch: patch[switch] for switch in _SWITCHES if switch in patch}
    return Change(name=None if name is None else read_name(name, max_name_length), **switches)


def _listed(words: tuple[str, ...]) -> str:
    quoted = [f"'{word}'" for word in words]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
