"""One process of several: writes what its rooms are asked to do to their logs, and carries out what it reads there."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from conference.audio.frame import Samples
from conference.cluster.commands import START, Command, Entry
from conference.cluster.events import LoggedBatch
from conference.cluster.log import AFRESH, Log, LogUnavailable
from conference.cluster.replica import Applying, NoVoices, Outcome, RemoteVoices, Replica
from conference.cluster.rooms import ReplicatedConference, newcomer
from conference.cluster.snapshots import read_snapshot, write_snapshot
from conference.ids import new_id
from conference.room.events import Published
from conference.room.participant import Participant
from conference.room.remembered_seats import RememberedSeats
from conference.room.room import Room

_log = logging.getLogger(__name__)

_Result = TypeVar("_Result")

AT_ONCE = 100
"""Commands that are written to logs together."""

NO_LOG = "What rooms decide cannot be written down now: those who are in them go on. Try again in a moment."


class Node:
    """The replicas of all rooms that one node follows, and what it has to write. It is the `rooms.Decisions` of these.

    Args:
        log: where commands are written, and read.
        id: of this node: letters and digits, never used before.
        wallclock: unix time in seconds.
        timeout: seconds that whoever asks for a decision waits.
        snapshot_every: entries after which a log begins anew.
        samples: of a sound, by its name.
        voices: what stands for the voices of those whom others serve.
    """

    conference: ReplicatedConference
    """Its rooms. To be set before anything else is done: it is made with this node."""

    def __init__(
        self,
        log: Log,
        *,
        wallclock: Callable[[], float],
        timeout: float,
        snapshot_every: int,
        samples: Callable[[str], Samples | None] = lambda _: None,
        voices: RemoteVoices | None = None,
        id: str | None = None,  # noqa: A002 - the API's own word
    ) -> None:
        self.id = id or new_id()
        self.samples = samples
        self.unavailable_since: float | None = None
        """Since when the log cannot be reached, unix time in seconds; ``None`` while it can."""

        self.replicas: dict[str, Replica] = {}
        """Of the rooms that this node follows, by name."""

        self.voices: RemoteVoices = voices or NoVoices()
        self.on_restored: Callable[[Replica], None] = lambda _: None
        """Told of each replica that begins in the middle of its log."""

        self.on_replayed: Callable[[LoggedBatch], None] = lambda _: None
        """Given what happened in a room before this node knew of it."""

        self.on_people: Callable[[Replica], None] = lambda _: None
        """Told of each replica whose people may be others than before, or on other nodes."""

        self.on_log_back: Callable[[], None] = self.found_log
        """Called when the log may be there again."""

        self._log = log
        self._wallclock = wallclock
        self._timeout = timeout
        self._snapshot_every = snapshot_every
        self._applying = Applying()
        self._number = 0  # of the last command
        self._local: dict[int, Participant] = {}
        # By room and participant, of whom this node serves: ids of the commands that they come, the oldest first.
        self._joins: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
        self._latest: dict[str, int] = {}  # by room, the number of the last command that is still to be carried out
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._collecting: list[asyncio.Future[Outcome]] | None = None
        self._unwritten: deque[tuple[str, Command]] = deque()
        self._news = asyncio.Event()
        self._written = asyncio.Event()
        self._loading: dict[str, asyncio.Task[Replica]] = {}
        self._behind: dict[str, bool] = {}  # rooms whose log is being read; whether it has to be read once more
        self._tasks: set[asyncio.Task[Any]] = set()
        log.on_entry = self._take
        log.on_missed = lambda: self.on_log_back()
        log.on_unavailable = self.lost_log

    # See `Decisions`

    @property
    def applying(self) -> bool:
        """See `Decisions.applying`."""
        return self._applying.replica is not None

    @property
    def asked(self) -> bool:
        """See `Decisions.asked`."""
        return self._collecting is not None

    def propose(
        self, room: str, kind: str, arguments: Mapping[str, Any], participant: Participant | None = None
    ) -> None:
        """See `Decisions.propose`."""
        replica = self.replicas.get(room)
        about = None if kind in ("join", "leave", "node_lost") or replica is None else replica.conference_id
        self._number += 1
        command = Command(kind, arguments, self.id, self._number, self._wallclock(), about)
        if participant is not None:
            self._local[command.number] = participant
            self._joins[room].setdefault(participant.id, []).append(command.id)
            if replica is None:
                self._start(self.follow(room))
        if self._collecting is not None:
            future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            self._waiting[command.number] = future
            self._collecting.append(future)
        self._latest[room] = command.number
        self._unwritten.append((room, command))
        self._news.set()

    def connection(self, room: str, participant_id: str) -> str | None:
        """See `Decisions.connection`."""
        joins = self._joins.get(room, {}).get(participant_id)
        return joins[-1] if joins else None

    def take(self, published: Published) -> None:
        """See `Decisions.take`."""
        self._applying.take(published)

    def seats(self, room: str) -> RememberedSeats:
        """See `Decisions.seats`."""
        replica = self.replicas.get(room)
        return RememberedSeats() if replica is None else replica.seats

    # What requests ask for

    async def decide(self, room: Room, decision: Callable[[Room], _Result]) -> _Result:
        """Have something decided about a room, and wait until that is so on this node.

        Args:
            room: which.
            decision: calls the room's methods.

        Returns:
            What the last of those methods gives.

        Raises:
            LogUnavailable: it cannot be written down now, or it is not known yet whether it was.
            ConferenceError, ValueError, KeyError, SuppressionUnavailable: as the room's methods.
        """
        result: _Result = await self._ask(lambda: decision(room))
        return result

    async def join(self, room: str, participant: Participant, grant: Any, original_sound: bool | None) -> None:
        """Let somebody into a room, or back into their seat, and wait until that is so.

        Args:
            room: its name.
            participant: with their source, their sink and how to hang up on them.
            grant: what they may do there, as JSON.
            original_sound: see `Sessions.join`; it counts for whoever is in the room already.

        Raises:
            LogUnavailable: as :meth:`decide`.
            ConferenceError: the room does not let them in; see `Conference.join`.
        """
        if participant.id not in self._people(room):
            self.conference.check_limits(room)
        await self.follow(room)
        about = {"participant": newcomer(participant), "grant": grant, "original_sound": original_sound}
        await self._ask(lambda: self.propose(room, "join", about, participant))

    def _people(self, room: str) -> Mapping[str, Participant]:
        there = self.conference.get(room)
        return {} if there is None else there.participants

    async def _ask(self, ask: Callable[[], Any]) -> Any:
        if self.unavailable_since is not None:
            raise LogUnavailable(NO_LOG)
        collected: list[asyncio.Future[Outcome]] = []
        self._collecting = collected
        try:
            result = ask()
        finally:
            self._collecting = None
        if not collected:
            return result
        _, late = await asyncio.wait(collected, timeout=self._timeout)
        if late:
            self._withdraw(late)
            raise LogUnavailable(NO_LOG)
        outcomes = [one.result() for one in collected]
        for outcome in outcomes:
            if outcome.refusal is not None:
                raise outcome.refusal
        return outcomes[-1].result

    def _withdraw(self, late: set[asyncio.Future[Outcome]]) -> None:
        """Whoever asked is told that it was not done: so it is not to be done much later, when Redis is back."""
        numbers = {number for number, future in self._waiting.items() if future in late}
        for number in numbers:
            self._waiting.pop(number).cancel()
        refused = [
            (room, one) for room, one in self._unwritten if one.number in numbers and one.kind != "join"
        ]  # whoever joins and does not wait leaves, which is written behind it
        self._unwritten = deque(one for one in self._unwritten if one not in refused)
        for room, command in refused:
            if self._latest.get(room) == command.number:
                del self._latest[room]

    # Rooms

    async def follow(self, room: str) -> Replica:
        """Have a replica of a room that has read its log. Raises LogUnavailable if it cannot be read."""
        loading = self._loading.get(room)
        replica = self.replicas.get(room)
        if replica is not None and loading is None:
            return replica
        if loading is None:
            loading = self._loading[room] = asyncio.create_task(self._load(room), name=f"log of {room}")
            loading.add_done_callback(lambda _: self._loading.pop(room, None))
        return await asyncio.shield(loading)

    async def _load(self, room: str) -> Replica:
        await self._log.follow(room)
        snapshot = await self._log.snapshot(room)
        replica = self._new_replica(room)
        if snapshot is not None and not self._load_snapshot(replica, snapshot):
            replica = self._new_replica(room)
            entries = await self._log.read(room, START)
            if entries:
                replica.position = entries[0].before  # what stood there before nobody can know any more
        self.replicas[room] = replica
        try:
            await self._catch_up(replica)
        finally:
            replica.news_from = None
        return replica

    def _new_replica(self, room: str) -> Replica:
        replica = Replica(
            room,
            self.id,
            self.conference,
            self._applying,
            local=lambda number: self._local.pop(number, None),
            voices=self.voices,
            samples=lambda name: self.samples(name),
        )
        replica.news_from = min(self._local, default=self._number + 1)
        replica.on_replayed = lambda batch: self.on_replayed(batch)
        return replica

    def _load_snapshot(self, replica: Replica, snapshot: bytes) -> bool:
        """Have a replica begin with what was kept. Returns whether that can be read; if not, its room is empty."""
        try:
            replica.load(read_snapshot(snapshot))
        except Exception as error:  # it comes from elsewhere, maybe from another version
            _log.warning("room %s: what its log begins with is left out: %r", replica.name, error)
            self._empty(replica)
            return False
        self.on_people(replica)
        self.on_restored(replica)
        return True

    async def forget(self, room: str) -> None:
        """Follow a room no more, in which this node serves nobody."""
        replica = self.replicas.pop(room, None)
        if replica is not None:
            self._empty(replica)
        try:
            await self._log.unfollow(room)
        except LogUnavailable:
            _log.debug("room %s: it will be followed no more when Redis is back", room)

    def _empty(self, replica: Replica) -> None:
        """Take everybody out of the room of a replica that is given up, and tell nobody."""
        there = replica.room
        if there is None:
            return
        self._applying.replica = replica
        try:
            for participant_id in list(there.participants):
                self.voices.forget(participant_id)
                there.remove(participant_id, "This node follows the room no more.")
            self.conference.drop_if_empty(there)
        finally:
            self._applying.replica, self._applying.happened = None, []
        self.on_people(replica)

    def serves(self, room: str) -> bool:
        """Whether anybody is in a room, or about to be, whom this node serves."""
        return room in self._joins

    def grant_of(self, room: str, participant_id: str) -> Any:
        """What somebody may do, as JSON; ``None`` if nobody of that id came into a room through HTTP."""
        replica = self.replicas.get(room)
        return None if replica is None else replica.grants.get(participant_id)

    def was_removed(self, room: str, participant_id: str) -> bool:
        """Whether somebody was removed from a room, and cannot come back into their seat."""
        return self.seats(room).removed(room, participant_id)

    # From the log

    def _take(self, room: str, entry: Entry) -> None:
        replica = self.replicas.get(room)
        if replica is None:
            return  # it is about to be read, or followed no more
        match replica.follows(entry):
            case "next":
                self._carry_out(replica, entry)
            case "gap":
                self._start(self._catch_up(replica))

    def _carry_out(self, replica: Replica, entry: Entry) -> None:
        newcomer_here = None if entry.command is None else self._local.get(entry.command.number)
        outcome = replica.take(entry)
        if outcome is None:
            return
        command = outcome.command
        self._note_people(replica, command)
        if command.origin == self.id:
            self._local.pop(command.number, None)
            if self._latest.get(replica.name) == command.number:
                del self._latest[replica.name]
            waiting = self._waiting.pop(command.number, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(outcome)
            elif outcome.refusal is not None:
                self._refused(outcome, newcomer_here)
            self._keep_snapshot_of(replica, entry)
        for one in outcome.outcasts:  # they are here all the same
            self.propose(replica.name, "join", {"participant": newcomer(one)}, one)
        self.on_people(replica)

    def _refused(self, outcome: Outcome, newcomer_here: Participant | None) -> None:
        """Nobody waits for what was refused: it was this node's own doing, or came too late to be told."""
        _log.info("it was not carried out to %s: %s", outcome.command.kind, outcome.refusal)
        if newcomer_here is not None and newcomer_here.hang_up is not None:
            try:
                newcomer_here.hang_up(str(outcome.refusal))
            except Exception:
                _log.exception("the connection of somebody who was not let in cannot be ended")

    def _note_people(self, replica: Replica, command: Command) -> None:
        """Forget whom this node does not serve any more, once the log says so."""
        mine = self._joins.get(replica.name)
        if mine is None:
            return
        for participant_id, joins in list(mine.items()):
            now = replica.connections.get(participant_id)
            if command.id in joins and now != command.id:  # that join was refused
                joins.remove(command.id)
            if now in joins:
                del joins[: joins.index(now)]
            elif all(self._is_past(one, replica) for one in joins):
                del mine[participant_id]
        if not mine:
            del self._joins[replica.name]

    def _is_past(self, command_id: str, replica: Replica) -> bool:
        """Whether a command of this node has been carried out, or refused."""
        return int(command_id.rpartition("x")[2], 16) <= replica.seen(self.id)

    async def _catch_up(self, replica: Replica) -> None:
        """Read what this node was not told of."""
        room = replica.name
        if room in self._behind:
            self._behind[room] = True
            return
        self._behind[room] = True
        try:
            while self._behind[room]:
                self._behind[room] = False
                if not self._read_on(replica, await self._log.read(room, replica.position)):
                    self._start(self.begin_again(room))  # the log has begun anew since
                    return
        except LogUnavailable:
            self.lost_log()
        finally:
            del self._behind[room]

    def _read_on(self, replica: Replica, entries: list[Entry]) -> bool:
        """Carry out what was read. Returns whether nothing is missing before it."""
        for entry in entries:
            match replica.follows(entry):
                case "next":
                    self._carry_out(replica, entry)
                case "gap":
                    return False
        return True

    async def restore(self, room: str) -> None:
        """Have the log of a room that is lost begin with what this node knows of it, or with what another one did."""
        replica = self.replicas.get(room)
        if replica is not None and replica.room is not None:
            await self._log.restore(room, write_snapshot({**replica.dump(), "position": list(AFRESH)}))
        await self.begin_again(room)

    async def begin_again(self, room: str) -> None:
        """Take over a room as its log has it, whatever became of it here; whom this node serves stays in it."""
        mine = [one for one in self._people(room).values() if not one.remote]
        await self.forget(room)
        await self.follow(room)
        for one in mine:
            self.propose(room, "join", {"participant": newcomer(one)}, one)

    def _keep_snapshot_of(self, replica: Replica, entry: Entry) -> None:
        if replica.taken >= self._snapshot_every:
            replica.taken = 0
            data = write_snapshot(replica.dump())
            self._start(self._keep(replica.name, entry, data))

    async def _keep(self, room: str, entry: Entry, data: bytes) -> None:
        try:
            await self._log.keep_snapshot(room, entry.position, data)
        except LogUnavailable:
            _log.debug("room %s: no snapshot could be kept", room)

    def lost_log(self) -> None:
        """Redis cannot be reached, as somebody has found out."""
        if self.unavailable_since is None:
            self.unavailable_since = self._wallclock()
            _log.warning("Redis cannot be reached: those who are connected go on, and changes are refused")

    def found_log(self) -> None:
        """Redis can be reached again, and knows what it knew: what was missed is read, and what waits is written."""
        if self.unavailable_since is None:
            return
        self.unavailable_since = None
        _log.warning("Redis can be reached again")
        self._news.set()
        for replica in list(self.replicas.values()):
            self._start(self._catch_up(replica))

    # To the log

    async def run(self) -> None:
        """Write to the logs what is to be written, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._unwritten and self.unavailable_since is None:
                commands = [self._unwritten[place] for place in range(min(AT_ONCE, len(self._unwritten)))]
                try:
                    await self._log.append(commands)
                except LogUnavailable:
                    self.lost_log()
                    break  # until the log says that it is back
                written = {command.number for _, command in commands}
                while self._unwritten and self._unwritten[0][1].number in written:
                    self._unwritten.popleft()  # but for those that were withdrawn meanwhile
            self._written.set()

    async def flush(self) -> None:
        """Wait until all is written that is to be written."""
        if self._unwritten and self.unavailable_since is None:
            self._written.clear()
            await self._written.wait()

    async def carried_out(self) -> None:
        """Wait until all that this node has proposed so far has been carried out here, too."""
        loop = asyncio.get_running_loop()
        waiting = [self._waiting.setdefault(number, loop.create_future()) for number in self._latest.values()]
        if waiting:
            await asyncio.wait(waiting)

    async def close(self) -> None:
        """End what goes on in the background."""
        tasks = [*self._tasks, *self._loading.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(task.exception(), LogUnavailable):
            self.lost_log()
        elif not task.cancelled() and task.exception() is not None:
            _log.error("the cluster: something in the background failed", exc_info=task.exception())
