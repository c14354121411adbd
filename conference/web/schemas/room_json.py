"""Makes the JSON of rooms and participants, as the types of `responses` have it."""

from __future__ import annotations

from typing import Literal, cast

from conference.access.grants import ROLES, Role
from conference.audio.suppression import available
from conference.recording.about import About
from conference.room.captioned import Caption
from conference.room.gains.gain_matrix import Rule
from conference.room.participant import Participant, ParticipantState
from conference.room.policy import RoomPolicy
from conference.room.recorded import RecordingState
from conference.room.room import Room
from conference.room.sounds import Sound
from conference.room.transferred import TransferSnapshot
from conference.web.schemas import responses


def participant_json(state: ParticipantState) -> responses.Participant:
    """One participant."""
    shown: responses.Participant = {
        "id": state.id,
        "name": state.name,
        "transport": state.transport,
        "muted": state.muted,
        "talking": state.talking,
        "level": state.level,
        "joined_at": state.joined_at,
        "role": state.role,
        "identity": state.identity,
        "muted_by": state.muted_by,
        "held": state.held,
        "deafened": state.deafened,
        "waiting": state.waiting,
        "hand_raised_at": state.hand_raised_at,
    }
    if state.call is not None:
        shown["call"] = {"state": state.call}
        if state.answered_by is not None:
            shown["call"]["answered_by"] = state.answered_by
    if state.node is not None:
        shown["node"] = state.node
    return shown


def voice_json(participant: Participant) -> responses.Voice:
    """How one participant's voice is treated, and what else can be done to it; nothing if they send no voice."""
    settings = participant.voice.settings
    stages: list[Literal["levelling", "noise_suppression", "original_sound"]] = []
    if participant.source is not None:
        stages = ["levelling", "noise_suppression"] if available() else ["levelling"]
        stages.append("original_sound")
    return {
        "levelling": settings.levelling,
        "noise_suppression": settings.noise_suppression,
        "original_sound": settings.original_sound,
        "available": stages,
    }


def room_json(room: Room, *, moderating: bool = False, only: str | None = None) -> responses.Room:
    """One room and everybody in it.

    Args:
        room: which.
        moderating: whether the room is shown to somebody who may moderate there.
        only: the one participant whom the room is shown to, and who sees nobody else: they wait in the lobby.
    """
    people = (
        room.participants
        if only is None
        else {one: room.participants[one] for one in {only} & room.participants.keys()}
    )
    return {
        "name": room.name,
        "created_at": room.created_at,
        "participants": [participant_json(one.state()) for one in people.values()],
        "policy": policy_json(room.policy, moderating=moderating),
        "sounds": [sound_json(one) for one in room.sounds if only is None],
        "hearing": [rule_json(one) for one in room.hearing.rules if moderating],
        "recording": None if room.recording is None else recording_state_json(room.recording),
    }


def room_overview_json(room: Room) -> responses.RoomOverview:
    """One room at a glance, for somebody who may moderate there."""
    people = room.participants.values()
    return {
        "name": room.name,
        "created_at": room.created_at,
        "participants": len(people),
        "talking": sum(one.talking for one in people),
        "waiting": sum(one.waiting for one in people),
        "locked": room.policy.locked,
        "has_pin": room.policy.pin is not None,
        "recording": None if room.recording is None else recording_state_json(room.recording),
    }


def caption_json(caption: Caption) -> responses.Caption:
    """Some words of one person."""
    return {
        "id": caption.id,
        "participant": caption.participant_id,
        "name": caption.name,
        "text": caption.text,
        "final": caption.final,
        "begins_at": caption.begins_at,
        "ends_at": caption.ends_at,
    }


def recording_state_json(state: RecordingState) -> responses.RecordingState:
    """A recording, as everybody in its room may know of it."""
    return {
        "id": state.id,
        "state": state.status,
        "started_at": state.started_at,
        "started_by": state.started_by,
        "reason": state.reason,
    }


def recording_json(about: About) -> responses.Recording:
    """One recording."""
    return {
        **recording_state_json(about.state),
        "room": about.room,
        "ended_at": about.ended_at,
        "seconds": about.seconds,
        "bytes": about.bytes,
        "tracks": [cast("responses.Track", one) for one in about.tracks],
        "files": [cast("responses.RecordedFile", one) for one in about.files],
        "stored": about.stored,
        "not_stored": about.not_stored,
    }


def policy_json(policy: RoomPolicy, *, moderating: bool = False) -> responses.Policy:
    """How a room is run; its PIN is told to those who moderate."""
    shown = {name: getattr(policy, name) for name in responses.SHOWN_OF_POLICY}
    secret = {"pin": policy.pin} if moderating else {}
    return shown | {"has_pin": policy.pin is not None} | secret


def transfer_json(transfer: TransferSnapshot) -> responses.Transfer:
    """A transfer, as the API and events have it."""
    return responses.Transfer(
        id=transfer.id,
        caller=transfer.caller,
        agent=transfer.agent,
        callee=transfer.callee,
        state=transfer.state,
    )


def rule_json(rule: Rule) -> responses.Rule:
    """One setting of who hears whom; ``null`` for anybody."""
    return {"listener": rule.listener, "source": rule.source, "gain": rule.gain}


def sound_json(sound: Sound) -> responses.Sound:
    """A sound that is being played."""
    return {
        "id": sound.id,
        "name": sound.name,
        "to": None if sound.audience is None else sorted(sound.audience),
        "for_absent": sound.for_absent,
        "talk_gain": sound.talk_gain,
        "gain": sound.gain,
        "loop": sound.loop,
    }


def room_summary_json(room: Room) -> responses.RoomSummary:
    """One room in a list: ``participants`` is how many there are."""
    return {"name": room.name, "participants": len(room.participants), "created_at": room.created_at}


def read_switch(name: str, text: str | None) -> bool | None:
    """What somebody asks for in a query that is ``true`` or ``false``; ``None`` if they don't.

    Raises:
        ValueError: it is neither.
    """
    if text not in (None, "true", "false"):
        raise ValueError(f"'{name}' is true or false.")
    return None if text is None else text == "true"


def read_role(text: str | None) -> Role | None:
    """Read the role that somebody asks for; ``None`` if they ask for none.

    Raises:
        ValueError: there is no such role.
    """
    if text is None:
        return None
    for role in ROLES:
        if text == role:
            return role
    raise ValueError(f"There is no such role: there are {', '.join(ROLES)}.")
