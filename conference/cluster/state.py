"""A room as JSON, and back: what whoever has not read its log from the beginning begins with.

Sounds that are being played are left out: they are over before long.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from conference.room.participant import ModerationState, Participant
from conference.room.policy import RoomPolicy
from conference.room.room import Room


def dump_room(room: Room) -> dict[str, Any]:
    """All that commands have made of a room."""
    return {
        "created_at": room.created_at,
        "policy": asdict(room.policy),
        "people": [dump_participant(one) for one in room.participants.values()],
        "hearing": room.hearing.dump(),
        "volumes": sorted(room.volumes.all),
    }


def dump_participant(one: Participant) -> dict[str, Any]:
    """All that commands have made of somebody."""
    settings = one.voice.settings
    return {
        "id": one.id,
        "name": one.name,
        "transport": one.transport,
        "joined_at": one.joined_at,
        "identity": one.identity,
        "call": one.call,
        "answered_by": one.answered_by,
        "bot": one.bot,
        "hand_raised_at": one.hand_raised_at,
        "node": one.node,
        "moderation": asdict(one.moderation),
        "voice": {
            "levelling": settings.levelling,
            "noise_suppression": settings.noise_suppression,
            "original_sound": settings.original_sound,
        },
    }


def put_on(one: Participant, dumped: dict[str, Any]) -> None:
    """Give somebody all that was dumped of them, but for what their voice is treated with: that takes a room."""
    for name in ("name", "answered_by", "call", "hand_raised_at", "node"):
        setattr(one, name, dumped[name])
    one.apply_moderation(ModerationState(**dumped["moderation"]))


def read_policy(dumped: dict[str, Any]) -> RoomPolicy:
    """A policy from what was dumped of it; what this version does not know is left out."""
    known = RoomPolicy.__dataclass_fields__
    return RoomPolicy(**{name: value for name, value in dumped.items() if name in known})
