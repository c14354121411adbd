"""Who is meant by a request, and who does it."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from conference.access.grants import EVERYTHING
from conference.room.participant import Participant
from conference.room.room import Room
from conference.web.access.actor import Actor, require, require_self_or
from conference.web.events.views import View, Viewer, visibility_of
from conference.web.http.problems import Problem
from conference.web.http.typed_text import shown_name
from conference.web.joining import seats
from conference.web.live import SERVER

_NOT_HERE = "There is no such participant: they have left."


def find_participant(request: web.Request) -> tuple[Room, Participant]:
    """The participant in the address of a request.

    Raises:
        Problem: there is no such room, or they are not in it (404).
    """
    room = request.app[SERVER].room(request.match_info["room"])
    return room, participant_in(room, request.match_info["id"])


def participant_in(room: Room, participant_id: str) -> Participant:
    """Somebody in a room.

    Raises:
        Problem: they are not there (404).
    """
    participant = room.participants.get(participant_id)
    if participant is None:
        raise Problem(404, _NOT_HERE)
    return participant


def viewer_of(actor: Actor) -> Viewer:
    """Somebody who asks, as one who wants to know what there is in a room."""
    moderates = actor.grant.allows("moderate") and not actor.promoted
    anybody = actor.grant == EVERYTHING and actor.participant_id is None
    return Viewer(moderates, actor.participant_id, actor.grant.identity, anybody)


def check_seen(room: Room, actor: Actor, participant: Participant) -> None:
    """Whether somebody sees a participant: in a lobby, and outside of it, one sees nobody else.

    Raises:
        Problem: they do not (404), as if the participant were not there.
    """
    viewer = viewer_of(actor)
    if actor.grant.allows("moderate") or viewer.is_one(participant):
        return
    if visibility_of(room).view(viewer) is not View.LOBBY:
        return
    raise Problem(404, _NOT_HERE)


def check_present(room: Room, participant_ids: Iterable[str]) -> None:
    """Whether all of these are in a room.

    Raises:
        Problem: one is not (404).
    """
    for participant_id in participant_ids:
        if participant_id not in room.participants:
            raise Problem(404, f"There is no participant {participant_id!r} in this room: they have left.")


def is_self(actor: Actor, participant: Participant) -> bool:
    """Whether somebody is a participant: by their seat, or by the identity of their token."""
    if actor.participant_id == participant.id:
        return True
    return participant.identity is not None and actor.grant.identity == participant.identity


def find_self(room: Room, actor: Actor) -> Participant | None:
    """The participant that somebody is in a room, if they are one."""
    seated = room.participants.get(actor.participant_id or "")
    if seated is not None:
        return seated
    return next((one for one in room.participants.values() if is_self(actor, one)), None)


def label_in(room: Room, actor: Actor) -> str:
    """What the others are told of who did something."""
    participant = find_self(room, actor)
    return shown_name(actor.grant.name or actor.label) if participant is None else participant.name


def require_moderator(request: web.Request) -> tuple[Room, str]:
    """The room in the address of a request, and the label of whoever asks, who may moderate there.

    Raises:
        Problem: they may not (401, 403); there is no such room (404).
    """
    name = request.match_info["room"]
    actor = require(request, "moderate", name)
    room = request.app[SERVER].room(name)
    return room, label_in(room, actor)


def require_present(request: web.Request) -> tuple[Room, Actor, Participant | None]:
    """The room in the address of a request, for somebody who is in it, or may moderate it.

    Returns:
        The room, who asks, and which of its participants they are; ``None`` if they moderate from outside.

    Raises:
        Problem: they are neither (401, 403), or wait in the lobby (403); there is no such room (404).
    """
    server = request.app[SERVER]
    name = request.match_info["room"]
    seat = server.seats.check(name, request.headers.get(seats.HEADER, ""))
    actor = require(request, None, name) if seat is None else require_self_or(request, None, name, seat)
    room = server.room(name)
    participant = find_self(room, actor)
    if not actor.grant.allows("moderate"):
        if participant is None:
            raise Problem(403, "You are not in this room: join it first.")
        if participant.waiting:
            raise Problem(403, "You are waiting to be let in: nobody in the room can be reached yet.")
    return room, actor, participant
