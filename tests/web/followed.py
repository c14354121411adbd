"""Rooms, their journal and who listens, without a server; and what a client makes of a stream."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from conference.access.grants import Role
from conference.room.conference import Conference
from conference.room.participant import Participant
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.room.room import Room
from conference.web.events.feeds import Feeds
from conference.web.events.journal import Journal


class FollowedConference:
    """One conference whose time is told by hand."""

    def __init__(
        self,
        policy: RoomPolicy = DEFAULT_POLICY,
        *,
        size: int = 100,
        keep: float = 60.0,
        keep_rooms: int = 10,
        max_streams: int = 100,
        max_backlog: int = 1000,
    ) -> None:
        self.now = 0.0
        self.conference = Conference(policy_of=lambda _: policy)
        self.journal = Journal(
            self.conference,
            size=size,
            keep=keep,
            keep_rooms=keep_rooms,
            clock=lambda: self.now,
            wallclock=lambda: 1_800_000_000.0 + self.now,
        )
        self.feeds = Feeds(self.conference, self.journal, max_streams=max_streams, max_backlog=max_backlog)

    @property
    def room(self) -> Room:
        return self.conference.rooms["tea"]

    def join(
        self, participant_id: str, *, role: Role = "speaker", identity: str | None = None, room: str = "tea"
    ) -> Participant:
        """Somebody comes in; their id is their name."""
        participant = Participant(
            id=participant_id,
            name=participant_id,
            transport="local",
            joined_at=1_800_000_000.0 + self.now,
            role=role,
            identity=identity,
        )
        self.conference.join(room, participant)
        return participant

    def leave(self, participant_id: str) -> None:
        self.conference.leave("tea", participant_id, "left")


class Wire:
    """A connection that takes what is written to it. Satisfies `channel.ViewerConnection`."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.full = False
        """It takes nothing more after the next write."""
        self.over = False

    def write(self, data: bytes) -> bool:
        self.written.append(data)
        return not self.full

    def ended(self) -> None:
        self.over = True

    @property
    def got(self) -> bytes:
        return b"".join(self.written)


@dataclass(frozen=True)
class Told:
    """One event as a client gets it."""

    id: str | None
    name: str
    data: dict[str, Any]


def parse(stream: bytes) -> list[Told]:
    """What is in a piece of a stream."""
    found = []
    for block in stream.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append(Told(fields.get("id"), fields["event"], json.loads(fields["data"])))
    return found


@dataclass
class Client:
    """Knows of a room what it was told."""

    last_id: str | None = None
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    snapshots: int = 0
    gaps: int = 0
    """Events that did not follow on the one before."""

    def take(self, events: list[Told]) -> None:
        for one in events:
            if one.id is not None:
                self._count(one.id, snapshot=one.name == "room")
            self._learn(one)

    def _count(self, event_id: str, *, snapshot: bool) -> None:
        history, _, number = event_id.partition("-")
        before, _, last = (self.last_id or "").partition("-")
        if not snapshot and int(number) != (int(last) + 1 if history == before else 1):
            self.gaps += 1
        self.last_id = event_id

    def _learn(self, one: Told) -> None:  # noqa: C901 - an arm for each event
        match one.name.split("."):
            case ["room"]:
                self.snapshots += 1
                self.people = {person["id"]: person for person in one.data["participants"]}
                self.policy = one.data["policy"]
            case ["room", "updated"]:
                self.policy = one.data["policy"]
            case ["message"]:
                self.messages.append(one.data["text"])
            case ["talking", change]:
                self.people[one.data["id"]]["talking"] = change == "started"
            case ["participants", "updated"]:
                for who in one.data["ids"]:
                    if who in self.people:
                        self.people[who] |= one.data["changes"]
            case ["participants", "left"]:
                for who in one.data["ids"]:
                    self.people.pop(who, None)
            case ["participant", "left"]:
                self.people.pop(one.data["participant"]["id"], None)
            case ["participant", _]:
                self.people[one.data["participant"]["id"]] = one.data["participant"]
