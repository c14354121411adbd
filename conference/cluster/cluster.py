"""A node among others: it says that it is there, sees who else is, and sees to those whose node is gone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from conference.cluster.log import Directory, LogUnavailable
from conference.cluster.node import Node
from conference.cluster.presence import NodeState, RoomPart, read_node, read_part, told_address, trunk_address
from conference.cluster.redis_log import RedisLog, connect
from conference.cluster.replica import Replica
from conference.cluster.settings import ClusterSettings
from conference.cluster.trunk.socket import TrunkSocket
from conference.cluster.trunk.trunk import Trunk

_log = logging.getLogger(__name__)

BEATS = 3
"""So many times in the time after which it is taken for gone, a node says that it is there."""

IDLE = 30.0
"""Seconds for which a room is followed that nobody has asked for, and in which this node serves nobody."""

REFRESH = 600.0
"""Seconds after which the logs of rooms in which there are people are kept for longer."""

EPOCH = "epoch"
"""The name of the secret that is another one, once Redis has forgotten everything."""


class Cluster:
    """All that a process does to be one of several nodes.

    Args:
        settings: how.
        node: its rooms.
        directory: where nodes say that they are there.
        log: whose connections are opened and closed with this.
        wanted: whether anybody here follows a room, though nobody is in it.
        host: the address at which other nodes reach this one's trunk.
        clock: monotonic time in seconds.
        now_ns: the same in nanoseconds.
        wallclock: unix time in seconds.
        cpu: seconds of processor time that this process has taken.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        node: Node,
        log: RedisLog,
        *,
        wanted: Callable[[str], bool] = lambda _: False,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.monotonic_ns,
        wallclock: Callable[[], float] = time.time,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self.node = node
        self.url: str | None = settings.node_url
        """Where other nodes reach this one's HTTP; ``None`` until it is known."""

        self.others: dict[str, NodeState] = {}
        """The other nodes, by id, as they were seen last."""

        self.wanted = wanted
        self.draining: Callable[[], bool] = lambda: False
        """Whether this node takes nobody new."""

        self._settings = settings
        self._log = log
        self._directory: Directory = log
        self._host = host
        self._socket = TrunkSocket(lambda datagram: self.trunk.receive(datagram))
        self.trunk = Trunk(node.id, self._socket.send, now_ns)
        """The sound of those whom other nodes serve."""

        node.voices = self.trunk
        node.on_people = self._note_audience
        self._clock = clock
        self._wallclock = wallclock
        self._cpu = cpu
        self._used: tuple[float, float] = (clock(), cpu())
        self._load = 0.0
        self._parts: dict[str, RoomPart] = {}  # as they were told last
        self._touched: dict[str, float] = {}  # when each room was asked for last
        self._missing: dict[str, float] = {}  # since when each node is that has people of a room
        self._refreshed = clock()
        self._secrets: dict[str, bytes] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._beat_now = asyncio.Event()
        node.on_log_back = self._beat_now.set

    # Beginning and end

    async def open(self) -> None:
        """Reach Redis, and begin to write and to read.

        Raises:
            LogUnavailable: it cannot be reached.
            TrunkUnavailable: the trunk's port cannot be had.
        """
        try:
            await self._log.open()
            await self.secret(EPOCH)
            self.trunk.share(await self.secret("trunk"))
            await self._socket.open(self._host, self._settings.trunk_port)
        except BaseException:
            await self._log.close()
            raise
        self._tasks = [
            asyncio.create_task(self.node.run(), name="cluster writer"),
            asyncio.create_task(self._beats(), name="cluster presence"),
        ]

    async def close(self) -> None:
        """Write what is to be written, say that this node is gone, and end. Doing it twice does no harm."""
        tasks, self._tasks = self._tasks, []
        if tasks:
            try:
                async with asyncio.timeout(self._settings.redis_timeout):
                    await self.node.flush()
                    await self._directory.withdraw(self.node.id)
            except (LogUnavailable, TimeoutError):
                _log.warning("the other nodes could not be told that this one ends: they will find out")
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.node.close()
        self._socket.close()
        await self._log.close()

    async def secret(self, name: str) -> bytes:
        """Random bytes that all nodes share.

        Raises:
            LogUnavailable: they cannot be had now.
        """
        if name not in self._secrets:
            self._secrets[name] = await self._directory.secret(name)
        return self._secrets[name]

    async def send_home(self, reason: str) -> None:
        """Take all whom this node serves out of their rooms as lost, so that they come back elsewhere."""
        for name, room in list(self.node.conference.rooms.items()):
            mine = [one.id for one in room.participants.values() if not one.remote]
            for participant_id in mine:
                if participant_id in room.participants:
                    room.dismiss(participant_id, reason, "lost")
            if mine:
                _log.debug("room %s: %d people are sent elsewhere", name, len(mine))
        try:
            async with asyncio.timeout(self._settings.redis_timeout):
                await self.node.carried_out()
        except TimeoutError:
            _log.warning("those who were connected here were not seen off: they will be found missing")

    # Rooms

    async def follow(self, room: str) -> None:
        """Know a room as it is, whoever serves the people in it. Raises LogUnavailable if its log cannot be read."""
        self._touched[room] = self._clock()
        if room in self.node.replicas or self.node.unavailable_since is not None:
            return
        async with asyncio.timeout(self._settings.redis_timeout):
            await self.node.follow(room)

    async def rooms(self) -> dict[str, RoomPart]:
        """All rooms with somebody in them, wherever those are, by name.

        Raises:
            LogUnavailable: it cannot be found out now.
        """
        found: dict[str, RoomPart] = dict(self._own_parts())
        for node in self.others:
            for room, data in (await self._directory.rooms(node)).items():
                part, known = read_part(data), found.get(room)
                if part is None:
                    continue
                if known is not None:
                    part = RoomPart(
                        part.participants + known.participants, min(part.created_at, known.created_at), part.guarded
                    )
                found[room] = part
        return found

    def _note_audience(self, replica: Replica) -> None:
        self.trunk.audience(replica.name, replica.nodes - {self.node.id})

    def _own_parts(self) -> dict[str, RoomPart]:
        parts = {}
        for name, room in self.node.conference.rooms.items():
            mine = sum(not one.remote for one in room.participants.values())
            if mine:
                parts[name] = RoomPart(mine, room.created_at, room.policy.pin is not None)
        return parts

    # Presence

    @property
    def here(self) -> NodeState:
        """What this node tells of itself."""
        parts = self._own_parts()
        return NodeState(
            id=self.node.id,
            url=self.url or "",
            udp=() if (reached := self._socket.address) is None else (told_address(reached),),
            participants=sum(one.participants for one in parts.values()),
            rooms=len(parts),
            load=round(self._load, 3),
            draining=self.draining(),
            seen_at=round(self._wallclock(), 3),
        )

    @property
    def nodes(self) -> list[NodeState]:
        """All nodes as they were seen last, this one among them."""
        return sorted([self.here, *self.others.values()], key=lambda one: one.id)

    def node_of(self, node_id: str | None) -> NodeState | None:
        """Another node; ``None`` if it is not there."""
        return None if node_id is None else self.others.get(node_id)

    def reached_at(self, url: str) -> None:
        """Other nodes reach this one's HTTP there, unless a setting says otherwise."""
        self.url = self.url or url
        self._beat_now.set()

    async def _beats(self) -> None:
        while True:
            try:
                await self._beat()
            except LogUnavailable:
                self.node.lost_log()
            except Exception:
                _log.exception("the other nodes could not be looked after")
            try:
                async with asyncio.timeout(self._settings.node_timeout / BEATS):
                    await self._beat_now.wait()
            except TimeoutError:
                pass
            self._beat_now.clear()

    async def _beat(self) -> None:
        await self._check_epoch()
        self.node.found_log()
        self._measure()
        await self._announce()
        await self._look_around()
        self._see_to_the_lost()
        await self._tidy_up()

    def _measure(self) -> None:
        (before, used_before), (now, used) = self._used, (self._clock(), self._cpu())
        if now > before:
            self._load = (used - used_before) / (now - before)
        self._used = now, used

    async def _announce(self) -> None:
        if self.url is None:
            return
        parts = self._own_parts()
        changes: dict[str, bytes | None] = {
            room: part.encode() for room, part in parts.items() if self._parts.get(room) != part
        }
        changes |= dict.fromkeys(self._parts.keys() - parts.keys(), None)
        self._parts = {}  # all is told anew, if this fails
        await self._directory.announce(self.node.id, self.here.encode(), changes, self._settings.node_timeout)
        self._parts = parts

    async def _look_around(self) -> None:
        found = await self._directory.nodes()
        found.pop(self.node.id, None)
        states = {node: read_node(data) for node, data in found.items()}
        self.others = {node: replace(state, id=node) for node, state in states.items() if state is not None}
        found_at = {node: trunk_address(state) for node, state in self.others.items()}
        self.trunk.meet({node: address for node, address in found_at.items() if address is not None})

    def _see_to_the_lost(self) -> None:
        """Those whose node has been gone for long enough have left; whichever node says so first."""
        now, alive = self._clock(), {self.node.id, *self.others}
        gone: dict[str, list[str]] = {}
        for room, replica in self.node.replicas.items():
            for node in replica.nodes - alive:
                gone.setdefault(node, []).append(room)
        self._missing = {node: self._missing.get(node, now) for node in gone}
        for node, rooms in gone.items():
            if now - self._missing[node] >= self._settings.node_grace:
                _log.warning("node %s is gone: its people leave %d rooms", node, len(rooms))
                for room in rooms:
                    self.node.propose(room, "node_lost", {"node": node})

    async def _tidy_up(self) -> None:
        now = self._clock()
        self._touched = {room: self._touched.get(room, now) for room in self.node.replicas}
        for room in list(self._touched):
            idle = now - self._touched[room] >= IDLE
            if idle and not self.node.serves(room) and not self.wanted(room):
                await self.node.forget(room)
        if now - self._refreshed >= min(REFRESH, self._settings.log_ttl / 3):
            self._refreshed = now
            await self._log.refresh([room for room in self.node.replicas if self.node.serves(room)])

    async def _check_epoch(self) -> None:
        """Notice that Redis has forgotten everything, and tell it what this node knows."""
        known = self._secrets[EPOCH]
        if await self._directory.secret(EPOCH) == known:
            return
        _log.warning("Redis has been emptied: this node tells it what it knows")
        for name, secret in self._secrets.items():
            if name != EPOCH:
                self._secrets[name] = await self._directory.secret(name, secret)
        self._parts = {}
        for room in list(self.node.replicas):
            await self.node.restore(room)
        self._secrets[EPOCH] = await self._directory.secret(EPOCH)


def open_log(settings: ClusterSettings) -> RedisLog:
    """The logs in the Redis that the settings name.

    Raises:
        RedisMissing: see `redis_log.connect`.
    """
    return RedisLog(connect(settings.redis or "", settings.redis_timeout), settings.log_ttl)
