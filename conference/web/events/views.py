"""Who sees what of a room.

Its hosts all; those in it all but the PIN and who hears whom, so that nobody learns that they are not meant to hear
somebody; those in the lobby what concerns themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from conference.room.captioned import Audience
from conference.room.events import (
    DigitPressed,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RecordingEvent,
    RoomEvent,
    RoomUpdated,
    ServerDraining,
    UnmuteRequested,
)
from conference.room.participant import Participant, ParticipantState
from conference.room.room import Room
from conference.web.schemas import responses
from conference.web.schemas.room_json import room_json


class View(Enum):
    """How much somebody sees."""

    MODERATOR = "moderator"
    """Everything."""

    MEMBER = "member"
    """Everything but the room's PIN, and who hears whom."""

    LOBBY = "lobby"
    """What concerns themselves, and how the room is run: no people, no talk, no messages."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who wants to know what happens in a room."""

    moderates: bool = False
    """They may moderate here, whether a host sits in their seat or not."""

    participant_id: str | None = None
    """The seat that they have shown to be theirs."""

    identity: str | None = None
    """Who they are, as their token says."""

    anybody: bool = False
    """They have shown neither a token nor a seat, which will do until the room has a PIN."""

    batches: bool = False
    """They know the events that tell of many participants at once."""

    levels: bool = True
    """They want to know how loud everybody is."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells events that concern them from others; see :func:`concerns`."""
        return ("identity", self.identity or "") if self.participant_id is None else ("seat", self.participant_id)

    def is_one(self, participant: Participant | ParticipantState) -> bool:
        """Whether they are this participant."""
        if self.participant_id is not None:
            return participant.id == self.participant_id
        return self.identity is not None and participant.identity == self.identity


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who was in a room, and who waited in its lobby, at one moment: what decides who sees its events."""

    lobby: bool = False
    """People have to be let in: whoever was not sees nothing."""

    members: frozenset[str] = frozenset()
    """Who is in, by id; only with a lobby."""

    identities: frozenset[str] = frozenset()
    """Who is in, by identity; only with a lobby."""

    waiting: frozenset[str] = frozenset()
    """Who is in the lobby, by id."""

    hosts: frozenset[str] = frozenset()
    """Who is a host, by id: whoever is made one sees all, until they are one no more."""

    def view(self, viewer: Viewer) -> View:
        """What somebody sees at that moment. Whoever shows a seat in the lobby is in the lobby, whatever they may."""
        if viewer.participant_id in self.waiting:
            return View.LOBBY
        if viewer.moderates or viewer.participant_id in self.hosts:
            return View.MODERATOR
        if not self.lobby or viewer.participant_id in self.members or viewer.identity in self.identities:
            return View.MEMBER
        return View.LOBBY

    def without(self, participant: ParticipantState, room: Room) -> Visibility:
        """The same when somebody has left a room, without a look at all who are there."""
        gone, identity = {participant.id}, participant.identity
        identities = self.identities
        if identity in identities and not any(
            one.identity == identity and not one.waiting for one in room.participants.values()
        ):
            identities = identities - {identity}
        return Visibility(self.lobby, self.members - gone, identities, self.waiting - gone, self.hosts - gone)

    def whose_view_differs(self, other: Visibility) -> tuple[frozenset[str], frozenset[str]] | None:
        """Of whom alone :meth:`view` may say something else than that of another moment.

        Returns:
            Seats and identities; ``None`` if it may be anybody.
        """
        if self.lobby != other.lobby:
            return None
        seats = (self.members ^ other.members) | (self.waiting ^ other.waiting) | (self.hosts ^ other.hosts)
        return seats, self.identities ^ other.identities

    def stays(self, event: RoomEvent) -> bool:
        """Whether it is the same after an event, as far as that can be told without a look at everybody."""
        match event:
            case ParticipantJoined(participant=one) | ParticipantUpdated(participant=one):
                here = True
            case ParticipantLeft(participant=one):
                here = False
            case _:
                return not isinstance(event, RoomUpdated)
        inside = here and not one.waiting
        waits, hosts = here and one.waiting, here and one.role == "host"
        if (one.id in self.waiting, one.id in self.hosts) != (waits, hosts):
            return False
        known = one.identity is None or (one.identity in self.identities) == inside
        return not self.lobby or ((one.id in self.members) == inside and known)


NO_LOBBY = Visibility()


def visibility_of(room: Room) -> Visibility:
    """Who is in a room, and who waits."""
    people = room.participants.values()
    waiting = frozenset(one.id for one in people if one.waiting)
    hosts = frozenset(one.id for one in people if one.role == "host")
    if room.policy.lobby == "off":
        return Visibility(waiting=waiting, hosts=hosts) if waiting or hosts else NO_LOBBY
    inside = [one for one in people if not one.waiting]
    return Visibility(
        lobby=True,
        members=frozenset(one.id for one in inside),
        identities=frozenset(one.identity for one in inside if one.identity is not None),
        waiting=waiting,
        hosts=hosts,
    )


def concerns(event: RoomEvent) -> list[tuple[str, str] | None]:
    """Who in a lobby is told of an event: :attr:`Viewer.key` of each; ``None`` for everybody."""
    match event:
        case (
            ParticipantJoined(participant=one) | ParticipantLeft(participant=one) | ParticipantUpdated(participant=one)
        ):
            seat = ("seat", one.id)
            return [seat] if one.identity is None else [seat, ("identity", one.identity)]
        case UnmuteRequested() | DigitPressed():
            return [("seat", event.participant_id)]
        case RoomUpdated() | RecordingEvent() | ServerDraining():  # whoever will be heard is to know
            return [None]
        case _:
            return []


def may_read(audience: Audience, viewer: Viewer, room: Room | None) -> bool:
    """Whether somebody who sees the room may read what was said to an audience.

    Args:
        audience: who may hear it.
        viewer: who wants to read it. Those outside of the room may read what everybody may hear.
        room: where it was said; ``None`` if it is gone.
    """
    if viewer.participant_id is not None:
        return audience.includes(viewer.participant_id)
    people = () if room is None or viewer.identity is None else room.participants.values()
    seats = [one.id for one in people if viewer.is_one(one)]
    return any(map(audience.includes, seats)) if seats else audience.is_everybody


def room_as_seen(room: Room, view: View, viewer: Viewer) -> responses.Room:
    """A room, as much of it as somebody sees."""
    if view is not View.LOBBY:
        return room_json(room, moderating=view is View.MODERATOR)
    own = viewer.participant_id
    if own is None:
        own = next((one.id for one in room.participants.values() if viewer.is_one(one)), "")
    return room_json(room, only=own)
