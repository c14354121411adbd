"""Whom a request is about, and who makes it."""

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
        Problem: there is no such room, or nobody of that id in it (404).
    """
    room = request.app[SERVER].room(request.match_info["room"])
    return room, participant_in(room, request.match_info["id"])


def participant_in(room: Room, participant_id: str) -> Participant:
    """Find somebody in a room by id.

    Raises:
        Problem: nobody of that id is there (404).
    """
    participant = room.participants.get(participant_id)
    if participant is None:
        raise Problem(404, _NOT_HERE)
    return participant


def viewer_of(actor: Actor) -> Viewer:
    """Whoever makes a request, as a viewer of a room."""
    moderates = actor.grant.allows("moderate") and not actor.promoted
    anybody = actor.grant == EVERYTHING and actor.participant_id is None
    return Viewer(moderates, actor.participant_id, actor.grant.identity, anybody)


def check_seen(room: Room, actor: Actor, participant: Participant) -> None:
    """Make sure that whoever asks may see a participant: those in the lobby, and those outside, see only themselves.

    Raises:
        Problem: they may not (404, as if the participant were not there).
    """
    viewer = viewer_of(actor)
    if actor.grant.allows("moderate") or viewer.is_one(participant):
        return
    if visibility_of(room).view(viewer) is not View.LOBBY:
        return
    raise Problem(404, _NOT_HERE)


def check_present(room: Room, participant_ids: Iterable[str]) -> None:
    """Make sure that all of these people are in a room.

    Raises:
        Problem: one of them is not (404).
    """
    for participant_id in participant_ids:
        if participant_id not in room.participants:
            raise Problem(404, f"There is no participant {participant_id!r} in this room: they have left.")


def is_self(actor: Actor, participant: Participant) -> bool:
    """Whether whoever asks is a participant: by their seat, or by the identity of their token."""
    if actor.participant_id == participant.id:
        return True
    return participant.identity is not None and actor.grant.identity == participant.identity


def find_self(room: Room, actor: Actor) -> Participant | None:
    """The participant that whoever asks is in a room; ``None`` if they are not in it."""
    seated = room.participants.get(actor.participant_id or "")
    if seated is not None:
        return seated
    return next((one for one in room.participants.values() if is_self(actor, one)), None)


def label_in(room: Room, actor: Actor) -> str:
    """The name by which the people of a room are told who did something."""
    participant = find_self(room, actor)
    return shown_name(actor.grant.name or actor.label) if participant is None else participant.name


def require_moderator(request: web.Request) -> tuple[Room, str]:
    """Find the room of a request, and the label of whoever asks. Refuse them unless they may moderate there.

    Raises:
        Problem: they may not moderate there (401, 403); there is no such room (404).
    """
    name = request.match_info["room"]
    actor = require(request, "moderate", name)
    room = request.app[SERVER].room(name)
    return room, label_in(room, actor)


def require_present(request: web.Request) -> tuple[Room, Actor, Participant | None]:
    """Find the room of a request. Refuse whoever asks unless they are in it, or may moderate it.

    Returns:
        The room, who asks, and which of its participants they are: ``None`` if they moderate from outside.

    Raises:
        Problem: they are not in it and may not moderate it (401, 403); they wait in the lobby (403); there is no such
            room (404).
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
