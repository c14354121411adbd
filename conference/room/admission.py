"""Who may come in, and who has to wait."""

from __future__ import annotations

from collections.abc import Collection

from conference.room.errors import RoomFull, RoomLocked
from conference.room.participant import Participant
from conference.room.policy import RoomPolicy


def check_entry(policy: RoomPolicy, people: Collection[Participant], newcomer: Participant) -> None:
    """Whether somebody may come in. Hosts always may.

    Raises:
        RoomLocked: the room is locked.
        RoomFull: there are as many as the hosts want.
    """
    if newcomer.role == "host":
        return
    if policy.locked:
        raise RoomLocked("This room is locked: a host has to unlock it before anybody else can join.")
    if policy.max_participants is not None and sum(one.role != "host" for one in people) >= policy.max_participants:
        raise RoomFull("This room is full: its host has set a limit.")


def must_wait(policy: RoomPolicy, people: Collection[Participant], newcomer: Participant) -> bool:
    """Whether somebody who comes in begins in the lobby."""
    if newcomer.role == "host" or policy.lobby == "off":
        return False
    return policy.lobby == "admit" or not has_host(people)


def has_host(people: Collection[Participant]) -> bool:
    """Whether anybody here runs the room."""
    return any(one.role == "host" for one in people)
