"""A node and its log, without a Redis: what is asked of it, what it reads, and what it does when the log is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from conference.cluster.commands import START, Command, Entry, Position
from conference.cluster.log import AFRESH, LogUnavailable
from conference.cluster.node import Node
from conference.cluster.rooms import ReplicatedConference, ReplicatedRoom
from conference.cluster.snapshots import read_snapshot
from conference.room.errors import RoomLocked
from conference.room.participant import Participant
from conference.room.policy import RoomPolicy
from conference.room.room import Room

ROOM = "tea"


class Shelf:
    """The logs that several nodes share."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Entry]] = {}
        self.last: dict[str, Position] = {}
        self.snapshots: dict[str, tuple[Position, bytes]] = {}
        self.readers: list[ShelfLog] = []
        self.gone = False
        self.place = 1


class ShelfLog:
    """One node's way to them; see `cluster.log.Log`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.followed: set[str] = set()
        self.deaf = False  # is not told of entries
        self.on_entry: Callable[[str, Entry], None] = lambda room, entry: None
        self.on_missed: Callable[[], None] = lambda: None
        self.on_unavailable: Callable[[], None] = lambda: None
        shelf.readers.append(self)

    def _check(self) -> None:
        if self._shelf.gone:
            raise LogUnavailable("gone.")

    async def append(self, commands: list[tuple[str, Command]]) -> None:
        self._check()
        shelf = self._shelf
        for room, command in commands:
            shelf.place += 1
            entry = Entry((shelf.place, 0), shelf.last.get(room, START), command)
            shelf.last[room] = entry.position
            shelf.entries.setdefault(room, []).append(entry)
            for one in shelf.readers:
                if room in one.followed and not one.deaf:
                    asyncio.get_running_loop().call_soon(one.on_entry, room, entry)

    async def read(self, room: str, after: Position) -> list[Entry]:
        self._check()
        await asyncio.sleep(0)
        return [one for one in self._shelf.entries.get(room, []) if one.position > after]

    async def snapshot(self, room: str) -> bytes | None:
        self._check()
        await asyncio.sleep(0)
        kept = self._shelf.snapshots.get(room)
        return None if kept is None else kept[1]

    async def keep_snapshot(self, room: str, position: Position, data: bytes) -> None:
        self._check()
        kept = self._shelf.snapshots.get(room)
        if kept is None or kept[0] < position:
            self._shelf.snapshots[room] = position, data
            self._shelf.entries[room] = [one for one in self._shelf.entries[room] if one.position > position]

    async def restore(self, room: str, data: bytes) -> None:
        self._check()
        if room not in self._shelf.snapshots and room not in self._shelf.last:
            self._shelf.snapshots[room], self._shelf.last[room] = (AFRESH, data), AFRESH

    async def follow(self, room: str) -> None:
        self._check()
        self.followed.add(room)

    async def unfollow(self, room: str) -> None:
        self.followed.discard(room)


class Member:
    """A node with its rooms, and those who connect to it."""

    def __init__(self, shelf: Shelf) -> None:
        self.log = ShelfLog(shelf)
        self.node = Node(self.log, wallclock=lambda: 1000.0, timeout=5.0, snapshot_every=10)
        self.node.conference = ReplicatedConference(
            make_room=partial(ReplicatedRoom, decisions=self.node), decisions=self.node
        )
        self.hung_up: list[tuple[str, str]] = []

    def newcomer(self, participant_id: str, **about: Any) -> Participant:
        def hang_up(reason: str) -> None:
            self.hung_up.append((participant_id, reason))

        return Participant(
            id=participant_id, name=participant_id, transport="webrtc", joined_at=1.0, hang_up=hang_up, **about
        )

    async def join(self, participant_id: str, **about: Any) -> None:
        await self.node.join(ROOM, self.newcomer(participant_id, **about), None, None)

    async def rename_often(self) -> None:
        for number in range(40):
            await self.node.decide(self.room, partial(rename_amy, f"Amy {number}"))

    @property
    def room(self) -> ReplicatedRoom:
        room = self.node.conference.rooms[ROOM]
        assert isinstance(room, ReplicatedRoom)
        return room

    @property
    def people(self) -> list[str]:
        room = self.node.conference.get(ROOM)
        return [] if room is None else list(room.participants)


def rename_amy(name: str, room: Room) -> None:
    room.rename("amy", name)


@asynccontextmanager
async def members(count: int) -> AsyncIterator[tuple[Shelf, list[Member]]]:
    shelf = Shelf()
    found = [Member(shelf) for _ in range(count)]
    running = [asyncio.create_task(one.node.run()) for one in found]
    try:
        yield shelf, found
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        for one in found:
            await one.node.close()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for is done by other tasks, in a few turns
            await asyncio.sleep(0)


async def test_whoever_asks_is_answered_with_what_came_of_it() -> None:
    async with members(2) as (_, [a, b]):
        await a.join("amy")
        await b.join("ben")
        await until(lambda: a.people == ["amy", "ben"])
        assert await b.node.decide(b.room, lambda room: room.mute_all(set(), by="Ben")) == ["amy", "ben"]
        assert b.room.participants["amy"].muted
        await a.node.decide(a.room, lambda room: room.set_policy(RoomPolicy(locked=True)))
        with pytest.raises(RoomLocked):
            await b.join("cleo")
        with pytest.raises(KeyError):
            await b.node.decide(b.room, lambda room: room.hold("nobody", True))


async def test_a_caller_who_is_not_let_in_is_hung_up_on() -> None:
    async with members(2) as (_, [a, b]):
        await a.join("amy")
        await a.node.decide(a.room, lambda room: room.set_policy(RoomPolicy(locked=True)))
        b.node.conference.join(ROOM, b.newcomer("ben"))  # as calls do, which do not wait
        await until(lambda: b.hung_up)
        assert b.hung_up[0][0] == "ben"
        assert "locked" in b.hung_up[0][1]
        assert not b.node.serves(ROOM)


async def test_whoever_hangs_up_before_they_were_let_in_does_not_stay() -> None:
    async with members(1) as (_, [a]):
        a.node.conference.join(ROOM, a.newcomer("amy"))
        a.node.conference.leave(ROOM, "amy", "bye")
        await until(lambda: ROOM in a.node.replicas and a.node.replicas[ROOM].seen(a.node.id) == 2)
        assert a.people == []


async def test_a_node_that_was_not_told_of_an_entry_reads_it() -> None:
    async with members(2) as (_, [a, b]):
        await a.join("amy")
        await b.join("ben")
        b.log.deaf = True
        await a.node.decide(a.room, lambda room: room.rename("amy", "Amelia"))
        assert b.room.participants["amy"].name == "amy"
        b.log.deaf = False
        await a.node.decide(a.room, lambda room: room.rename("ben", "Benjamin"))
        await until(lambda: b.room.participants["ben"].name == "Benjamin")
        assert b.room.participants["amy"].name == "Amelia"


async def test_a_log_does_not_grow_and_who_comes_late_has_the_same_room() -> None:
    async with members(2) as (shelf, [a, b]):
        await a.join("amy")
        await a.rename_often()
        await until(lambda: len(shelf.entries[ROOM]) < 10)
        await b.join("ben")
        assert b.room.participants["amy"].name == "Amy 39"
        assert b.node.replicas[ROOM].dump() == a.node.replicas[ROOM].dump()


async def test_a_node_for_which_the_log_has_gone_on_too_far_begins_again_and_keeps_its_people() -> None:
    async with members(2) as (_, [a, b]):
        await a.join("amy")
        await b.join("ben")
        b.log.deaf = True
        await a.rename_often()
        b.log.deaf = False
        await a.node.decide(a.room, lambda room: room.rename("amy", "Amelia"))
        await until(lambda: "ben" in b.people and b.room.participants["amy"].name == "Amelia")
        await until(lambda: not b.room.participants["ben"].remote)
        assert b.hung_up == []


async def test_while_the_log_is_gone_decisions_are_refused_and_who_left_meanwhile_has_left_afterwards() -> None:
    async with members(2) as (shelf, [a, b]):
        await a.join("amy")
        await b.join("ben")
        await until(lambda: a.people == ["amy", "ben"])
        shelf.gone = True
        b.node.conference.leave(ROOM, "ben", "bye")
        await until(lambda: b.node.unavailable_since is not None)
        with pytest.raises(LogUnavailable):
            await b.node.decide(b.room, lambda room: room.hold("amy", True))
        assert a.people == ["amy", "ben"]
        shelf.gone = False
        b.node.found_log()
        await until(lambda: a.people == b.people == ["amy"])


async def test_a_log_that_is_lost_begins_anew_with_what_nodes_know() -> None:
    async with members(2) as (shelf, [a, b]):
        await a.join("amy")
        await b.join("ben")
        await a.node.decide(a.room, lambda room: room.set_policy(RoomPolicy(locked=True)))
        await until(lambda: b.room.policy.locked)
        shelf.entries.clear()
        shelf.last.clear()
        shelf.snapshots.clear()
        for one in (b, a):
            await one.node.restore(ROOM)
        await until(lambda: all(set(one.people) == {"amy", "ben"} for one in (a, b)))
        await until(lambda: not (a.room.participants["amy"].remote or b.room.participants["ben"].remote))
        assert a.room.policy.locked
        assert b.room.policy.locked
        assert read_snapshot(shelf.snapshots[ROOM][1])["position"] == list(AFRESH)
        await a.node.decide(a.room, lambda room: room.hold("ben", True))
        await until(lambda: b.room.participants["ben"].held)


async def test_a_room_that_nobody_is_in_here_can_be_forgotten_and_is_known_again_when_it_is_asked_for() -> None:
    async with members(2) as (_, [a, b]):
        await a.join("amy")
        others: list[frozenset[str]] = []
        b.node.on_people = lambda replica: others.append(replica.nodes)
        await b.node.follow(ROOM)
        assert b.people == ["amy"]
        assert others[-1] == {a.node.id}
        await b.node.forget(ROOM)
        assert b.people == []
        assert others[-1] == frozenset()
        assert a.people == ["amy"]
        await a.node.decide(a.room, lambda room: room.rename("amy", "Amelia"))
        await b.node.follow(ROOM)
        assert b.room.participants["amy"].name == "Amelia"


async def test_what_was_refused_while_the_log_was_gone_is_not_done_when_it_is_back() -> None:
    async with members(1) as (shelf, [a]):
        await a.join("amy")
        shelf.gone = True
        asked = asyncio.create_task(a.node.decide(a.room, lambda room: room.set_muted("amy", True)))
        await until(lambda: a.node.unavailable_since is not None)
        a.node._withdraw(set(a.node._waiting.values()))
        await asyncio.wait([asked])
        shelf.gone = False
        a.node.found_log()
        await a.node.decide(a.room, partial(rename_amy, "Amelia"))
        assert (a.room.participants["amy"].name, a.room.participants["amy"].muted) == ("Amelia", False)


@pytest.mark.parametrize(
    "part", [{}, {"created_at": 1.0}, {"created_at": 1.0, "policy": {}, "people": [{"node": "b"}]}]
)
async def test_a_snapshot_that_nobody_can_read_is_left_out_and_the_room_goes_on_from_there(
    part: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with members(2) as (shelf, [a, b]):
        await a.join("amy")
        await a.rename_often()
        await until(lambda: ROOM in shelf.snapshots and len(shelf.entries[ROOM]) < 10)
        position, kept = shelf.snapshots[ROOM]
        shelf.snapshots[ROOM] = position, json.dumps({**json.loads(kept), "room": part}).encode()
        for _ in range(2):
            await b.node.follow(ROOM)
        await b.join("ben")
        assert b.people == ["ben"]
        await until(lambda: a.people == ["amy", "ben"])
    assert sum("what its log begins with is left out" in one.message for one in caplog.records) == 1


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("join", {"participant": 5}),
        ("join", {"participant": {"id": ["ben"]}}),
        ("send_message", {"participant_id": "amy", "name": [], "text": 5, "sent_at": {}}),
        ("set_policy", {"policy": 5}),
        ("whisper", {"source": "amy", "listeners": 5}),
        ("admit", {"participant_ids": {"a": 1}}),
        ("play", {"sound": []}),
        ("raise_hand", {"participant_id": "amy", "at": 1, "and": 2}),
        ("node_lost", {}),
        ("leave", []),
        ("explode", {}),
    ],
)
async def test_a_command_of_another_version_is_left_out(kind: str, arguments: Any) -> None:
    async with members(2) as (_, [a, b]):
        await a.join("amy")
        await b.join("ben")
        await a.log.append([(ROOM, Command(kind, arguments, "other", 1, 1.0))])
        await a.node.decide(a.room, partial(rename_amy, "Amelia"))
        await until(lambda: b.room.participants["amy"].name == "Amelia")
