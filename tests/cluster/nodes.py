"""Nodes without I/O: replicas of one room, and a log in memory that is delivered to them as a test likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any

from conference.audio.frame import Samples
from conference.cluster.commands import START, Command, Entry, Position
from conference.cluster.events import LoggedBatch
from conference.cluster.replica import Applying, NoVoices, Outcome, Replica
from conference.cluster.rooms import ReplicatedConference, ReplicatedRoom, newcomer
from conference.cluster.snapshots import read_snapshot, write_snapshot
from conference.room.events import Published, RoomEvent
from conference.room.participant import Participant
from conference.room.remembered_seats import RememberedSeats

ROOM = "tea"


class MemoryLog:
    """The log of one room."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, command: Command) -> Entry:
        before = self.entries[-1].position if self.entries else START
        entry = Entry((len(self.entries) // 3 + 1, len(self.entries) % 3), before, command)
        self.entries.append(entry)
        return entry

    def after(self, position: Position) -> list[Entry]:
        return [one for one in self.entries if one.position > position]


class BareNode:
    """One node: what it is asked to do it keeps in ``proposed``, until a test writes that to the log."""

    def __init__(self, name: str, clock: Callable[[], float] = lambda: 1000.0) -> None:
        self.name = name
        self.proposed: list[Command] = []
        self.told: list[LoggedBatch] = []
        self.outcomes: list[Outcome] = []
        self.asked = True
        self.hung_up: list[str] = []
        self._clock = clock
        self._numbers = count(1)
        self._applying = Applying()
        self._local: dict[int, Participant] = {}
        self.conference = ReplicatedConference(make_room=partial(ReplicatedRoom, decisions=self), decisions=self)
        self.replica = Replica(
            ROOM,
            name,
            self.conference,
            self._applying,
            local=lambda number: self._local.pop(number, None),
            voices=NoVoices(),
            samples=self._samples,
        )
        self.conference.subscribe_to_batches(ROOM, self._take)

    def _samples(self, name: str) -> Samples | None:
        return None

    def _take(self, published: Published) -> None:
        if isinstance(published, LoggedBatch):
            self.told.append(published)

    # As `Decisions`

    @property
    def applying(self) -> bool:
        return self._applying.replica is not None

    def propose(
        self, room: str, kind: str, arguments: Mapping[str, Any], participant: Participant | None = None
    ) -> None:
        about = None if kind in ("join", "leave", "node_lost") else self.replica.conference_id
        command = Command(kind, arguments, self.name, next(self._numbers), self._clock(), about)
        if participant is not None:
            self._local[command.number] = participant
        self.proposed.append(command)

    def connection(self, room: str, participant_id: str) -> str | None:
        return self.replica.connections.get(participant_id)

    def take(self, published: Published) -> None:
        self._applying.take(published)

    def seats(self, room: str) -> RememberedSeats:
        return self.replica.seats

    # What tests do

    def join(self, participant_id: str, **about: Any) -> None:
        def hang_up(reason: str) -> None:
            self.hung_up.append(participant_id)
            self.conference.leave(ROOM, participant_id, reason, "lost")

        participant = Participant(
            id=participant_id,
            name=about.pop("name", participant_id),
            transport="webrtc",
            joined_at=self._clock(),
            hang_up=hang_up,
            **about,
        )
        self.propose(ROOM, "join", {"participant": newcomer(participant), "grant": None}, participant)

    def deliver(self, entry: Entry) -> None:
        if self.replica.follows(entry) == "next":
            outcome = self.replica.take(entry)
            if outcome is not None:
                self.outcomes.append(outcome)

    def begin_from(self, other: BareNode) -> None:
        self.replica.load(read_snapshot(write_snapshot(other.replica.dump())))

    def muted(self, participant_id: str) -> bool:
        return self.conference.rooms[ROOM].participants[participant_id].muted

    @property
    def events(self) -> list[tuple[str, int, RoomEvent]]:
        """All that was told, each with its history and its number."""
        return [(one.history, number, event) for one in self.told for number, event in enumerate(one.events, one.first)]

    @property
    def state(self) -> dict[str, Any]:
        return self.replica.dump()
