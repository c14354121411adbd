"""One room's log, carried out: entries in, calls of the room out. No I/O, no clock, no chance.

Every node that has people of a room has a replica of it. Entries may come twice, late or not at all: each says where
the one before it stands, so that what is missing is noticed and fetched, and what comes again is dropped. Replicas that
have got equally far have the same room, and have told the same events, under the same numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

from conference.audio.frame import Samples
from conference.audio.suppression import SuppressionUnavailable
from conference.cluster.commands import START, Command, Entry, Position
from conference.cluster.events import LoggedBatch, is_logged
from conference.cluster.rooms import DECISIONS, ReplicatedConference
from conference.cluster.state import dump_room, put_on, read_policy
from conference.errors import ConferenceError
from conference.room.conference import check_room_name
from conference.room.events import Published, RoomEvent, events_of
from conference.room.participant import Participant
from conference.room.remembered_seats import RememberedSeats
from conference.room.room import Room
from conference.room.sounds import Sound

log = logging.getLogger(__name__)

MOST_NODES = 256
"""Of so many nodes it is remembered how far their commands have got; those that wrote last."""

NODE_LOST = "The server that they were connected to is gone."


class SeatRemoved(ConferenceError):
    """Whoever wants their seat back was removed from it."""


class ConferenceOver(ConferenceError):
    """The conference that a command is about is over."""


Refusal: TypeAlias = ConferenceError | ValueError | KeyError | SuppressionUnavailable
"""Why a command was not carried out: on every node for the same reason."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command."""

    command: Command
    result: Any = None
    refusal: Refusal | None = None
    outcasts: tuple[Participant, ...] = ()
    """People whom this node serves, and who have left because others took it for lost."""


class RemoteVoices(Protocol):
    """What stands for the voices of those whom other nodes serve: a `trunk.trunk.Trunk`, or nothing at all."""

    def place(self, participant_id: str, node: str) -> Any:
        """Somebody is in a room whom another node serves. Gives their `Source`, or ``None``."""
        ...

    def forget(self, participant_id: str) -> None:
        """They have left, or this node serves them now."""
        ...


class NoVoices:
    """Nobody is heard whom another node serves."""

    def place(self, participant_id: str, node: str) -> None:
        """See `RemoteVoices.place`."""

    def forget(self, participant_id: str) -> None:
        """See `RemoteVoices.forget`."""


class Applying:
    """Which command a node carries out, if any. There is one of these for all replicas of a node."""

    def __init__(self) -> None:
        self.replica: Replica | None = None
        self.happened: list[RoomEvent] = []

    def take(self, published: Published) -> None:
        """Note what it brings about."""
        self.happened.extend(events_of(published))


class Replica:
    """The replica of one room that one node has.

    Args:
        name: the room's.
        node: id of this node.
        conference: of this node.
        applying: of this node.
        local: gives, and forgets, whom this node serves, of a command that somebody comes, by its number.
        voices: what stands for the voices of others.
        samples: of a sound, by its name; ``None`` for one that this node does not have.
    """

    def __init__(
        self,
        name: str,
        node: str,
        conference: ReplicatedConference,
        applying: Applying,
        *,
        local: Callable[[int], Participant | None],
        voices: RemoteVoices,
        samples: Callable[[str], Samples | None],
    ) -> None:
        self.name = name
        self.position: Position = START
        """The place of the last entry that was carried out."""

        self.history: str | None = None
        """Name of the room's history: the id of the first command in the log; ``None`` before that."""

        self.told = 0
        """How many events the history has."""

        self.conference_id: str | None = None
        """Of the conference that is held now; ``None`` while nobody is in the room."""

        self.connections: dict[str, str] = {}
        """Of everybody in the room, the id of the command with which they came last."""

        self.grants: dict[str, Any] = {}
        """What those who came through HTTP may do, as the nodes that they came to write it."""

        self.seats = RememberedSeats()
        """Who has left, and might come back."""

        self.news_from: int | None = None
        """While a log is read of which this node has known nothing: from which of its own commands on it is news what
        they bring about. All else is kept, and told nobody. ``None`` once all is news."""

        self.on_replayed: Callable[[LoggedBatch], None] = lambda _: None
        """Given what is not news."""

        self.taken = 0
        """How many entries were carried out since this was set to 0, which whoever keeps snapshots does."""

        self._seen: dict[str, int] = {}
        self._node = node
        self._conference = conference
        self._applying = applying
        self._local = local
        self._voices = voices
        self._samples = samples

    @property
    def room(self) -> Room | None:
        """The room; ``None`` while nobody is in it."""
        return self._conference.get(self.name)

    @property
    def nodes(self) -> frozenset[str]:
        """Which nodes have people of the room."""
        room = self.room
        return frozenset() if room is None else frozenset(one.node or "" for one in room.participants.values())

    def seen(self, node: str) -> int:
        """The number of the last command of a node that was carried out here; -1 for none."""
        return self._seen.get(node, -1)

    def follows(self, entry: Entry) -> Literal["next", "known", "gap"]:
        """What an entry is here: the one that comes next, one that was had, or one before which some are missing."""
        if entry.position <= self.position:
            return "known"
        return "next" if entry.before <= self.position else "gap"

    def take(self, entry: Entry) -> Outcome | None:
        """Carry out the entry that comes next.

        Returns:
            What became of its command; ``None`` for one that was carried out before, or that nobody can read.

        Raises:
            ValueError: it is not the one that comes next.
        """
        if self.follows(entry) != "next":
            raise ValueError("This entry does not come next.")
        self.position = entry.position
        self.taken += 1
        command = entry.command
        if command is None or command.number <= self.seen(command.origin):
            return None
        self._seen.pop(command.origin, None)
        self._seen[command.origin] = command.number
        if len(self._seen) > MOST_NODES:
            del self._seen[next(iter(self._seen))]
        if self.history is None:
            self.history = command.id
        return self._carry_out(command)

    def _carry_out(self, command: Command) -> Outcome:
        refusal: Refusal | None = None
        result: Any = None
        mine = self._of_this_node() if command.kind == "node_lost" else {}
        self._applying.replica, self._applying.happened = self, []
        try:
            result = self._do(command)
        except (ConferenceError, ValueError, KeyError, SuppressionUnavailable) as error:
            refusal = error
        except Exception as error:  # it comes from elsewhere: whatever it is, the room goes on
            log.warning("room %s: %r is left out, which makes no sense: %r", self.name, command.kind, error)
            refusal = ValueError("This command makes no sense.")
        finally:
            happened, self._applying.happened = self._applying.happened, []
            self._applying.replica = None
        self._settle()
        self._tell(command, happened)
        outcasts = tuple(mine[one] for one in mine.keys() - self.connections.keys())
        return Outcome(command, result, refusal, outcasts)

    def _of_this_node(self) -> dict[str, Participant]:
        room = self.room
        return {} if room is None else {one.id: one for one in room.participants.values() if not one.remote}

    def _settle(self) -> None:
        """Forget what was kept of those who are gone."""
        room = self.room
        if room is not None:
            self._conference.drop_if_empty(room)
        people = {} if room is None else room.participants
        for participant_id in [one for one in self.connections if one not in people]:
            del self.connections[participant_id]
            self.grants.pop(participant_id, None)
            self._voices.forget(participant_id)
        if not people:
            self.conference_id = None

    def _tell(self, command: Command, happened: list[RoomEvent]) -> None:
        ours = command.origin == self._node
        is_news = self.news_from is None or (ours and command.number >= self.news_from)
        logged = []
        for event in happened:
            if is_logged(event):
                logged.append(event)
            elif is_news:
                self._conference.publish(event)
        if logged:
            first, self.told = self.told + 1, self.told + len(logged)
            batch = LoggedBatch(self.name, tuple(logged), self.history or "", first, command.at, ours)
            (self._conference.tell if is_news else self.on_replayed)(batch)

    # What commands do

    def _do(self, command: Command) -> Any:
        arguments = dict(command.arguments)
        match command.kind:
            case "join":
                return self._join(command, arguments)
            case "leave":
                return self._leave(**arguments)
            case "node_lost":
                return self._lose(arguments["node"])
            case kind if kind in DECISIONS:
                return self._decide(self._there(command), kind, arguments)
        raise ValueError(f"Nobody knows how to {command.kind}.")

    def _there(self, command: Command) -> Room:
        room = self.room
        if room is None or command.conference not in (None, self.conference_id):
            raise ConferenceOver("The conference is over.")
        return room

    def _decide(self, room: Room, kind: str, arguments: dict[str, Any]) -> Any:
        if kind == "set_policy":
            arguments["policy"] = read_policy({**asdict(room.policy), **arguments["policy"]})
        if kind == "play":
            sound = self._sound(arguments["sound"])
            if sound is None:
                return None
            arguments["sound"] = sound
        return getattr(room, kind)(**arguments)

    def _sound(self, described: dict[str, Any]) -> Sound | None:
        samples = self._samples(described["name"])
        if samples is None:
            log.warning("room %s: this node has no sound %r, which others play", self.name, described["name"])
            return None
        audience = described["audience"]
        return Sound(**{**described, "audience": None if audience is None else frozenset(audience)}, samples=samples)

    def _join(self, command: Command, arguments: dict[str, Any]) -> str:
        """Somebody comes, or comes back into their seat: to the node that wrote it."""
        about, grant, refresh = arguments["participant"], arguments.get("grant"), arguments.get("original_sound")
        check_room_name(self.name)
        participant_id: str = about["id"]
        if self.seats.removed(self.name, participant_id):
            raise SeatRemoved("You were removed from this conference, and cannot come back as the same person.")
        newcomer = self._local(command.number) if command.origin == self._node else None
        remote = newcomer is None
        if newcomer is None:
            newcomer = _remote(about, self._voices.place(participant_id, command.origin))
        newcomer.node, newcomer.remote = command.origin, remote
        room = self.room
        if room is not None and participant_id in room.participants:
            self._take_seat(room, newcomer)
            if refresh is not None:
                room.treat_voice(participant_id, original_sound=refresh)
        else:
            try:
                returning = self.seats.put_on(newcomer, self.name, room)
                self._conference.enter(self.name, newcomer, returning=returning)
            except BaseException:
                if remote:
                    self._voices.forget(participant_id)
                raise
            self.seats.forget(self.name, participant_id)
            if room is None:
                self.conference_id = command.id
        self.connections[participant_id] = command.id
        if grant is not None:
            self.grants[participant_id] = grant
        return participant_id

    def _take_seat(self, room: Room, newcomer: Participant) -> None:
        """Give somebody who is in the room the connection that they have now."""
        seated = room.participants[newcomer.id]
        was_here = not seated.remote
        seated.node, seated.remote = newcomer.node, newcomer.remote
        replaced = room.reconnect(seated.id, newcomer.source, newcomer.sink, newcomer.hang_up)
        if not newcomer.remote:
            self._voices.forget(seated.id)
        elif was_here and replaced is not None:
            try:
                replaced("You have connected from elsewhere.")
            except Exception:
                log.exception("room %s: a connection that was replaced cannot be ended", self.name)

    def _leave(self, participant_id: str, reason: str, departure: Any, connection: str) -> None:
        """The connection of somebody has ended; it may not be theirs any more."""
        room = self.room
        if room is not None and self.connections.get(participant_id) == connection:
            room.remove(participant_id, reason, departure)

    def _lose(self, node: str) -> None:
        """A node is gone, and all whom it served and who have not come back through another."""
        room = self.room
        if room is None:
            return
        for participant_id in [one.id for one in room.participants.values() if one.node == node]:
            if participant_id in room.participants:
                room.remove(participant_id, NODE_LOST, "lost")

    # Beginning in the middle

    def dump(self) -> dict[str, Any]:
        """All that this replica knows, as JSON has it: for one that begins where this is."""
        room = self.room
        return {
            "position": list(self.position),
            "history": self.history,
            "told": self.told,
            "conference": self.conference_id,
            "connections": dict(self.connections),
            "grants": dict(self.grants),
            "seats": self.seats.dump(),
            "seen": list(self._seen.items()),
            "room": None if room is None else dump_room(room),
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Begin where another replica was. To be called on one that has carried out nothing."""
        self.position = (dumped["position"][0], dumped["position"][1])
        self.history, self.told = dumped["history"], dumped["told"]
        self.conference_id = dumped["conference"]
        self.connections, self.grants = dict(dumped["connections"]), dict(dumped["grants"])
        self.seats.load(dumped["seats"])
        self._seen = dict(dumped["seen"])
        if dumped["room"] is not None:
            self._applying.replica = self
            try:
                self._load_room(dumped["room"])
            finally:
                self._applying.replica, self._applying.happened = None, []  # it happened long ago

    def _load_room(self, dumped: dict[str, Any]) -> None:
        room = self._conference.reopen(self.name, dumped["created_at"])
        room.set_policy(
            replace(read_policy(dumped["policy"]), lobby="off")
        )  # nobody is let in, or left outside, by that
        for about in dumped["people"]:
            node = about["node"]
            one = _remote(about, self._voices.place(about["id"], node))
            put_on(one, about)
            one.remote = True
            room.add(one, returning=True)
            room.treat_voice(one.id, **about["voice"])
            put_on(one, about)
        room.policy = read_policy(dumped["policy"])
        room.load_gains(dumped["hearing"], [(listener, source, gain) for listener, source, gain in dumped["volumes"]])


def _remote(about: dict[str, Any], source: Any) -> Participant:
    """Somebody whom another node serves."""
    fields = ("id", "name", "transport", "joined_at", "role", "identity", "call", "original_sound", "bot")
    one = Participant(**{name: about[name] for name in fields if name in about}, source=source)
    one.muted = about.get("muted", False)
    one.remote = True
    return one
