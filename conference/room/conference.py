"""The rooms of a server, by name: made by their first join, gone with the last to leave."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

from conference.audio.frame import TICK_NS
from conference.codecs.base import BEST_COMPLEXITY
from conference.room.errors import InvalidRoomName, RoomFull, TooManyRooms
from conference.room.events import Published, RoomEvent, events_of
from conference.room.mixing.loudest import DEFAULT_LIMIT
from conference.room.participant import Departure, Participant
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.room.room import Room
from conference.room.voice import DEFAULT_VOICE, VoiceSettings

log = logging.getLogger(__name__)

_Event = TypeVar("_Event", bound=Published)

RoomFactory: TypeAlias = Callable[..., Room]
"""Makes a room; called with the arguments of `Room`."""

_ROOM_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DOT_SEGMENTS = (".", "..")


@dataclass(frozen=True, slots=True)
class ConferenceLimits:
    """How much a server takes on."""

    max_rooms: int = 1000
    max_participants: int = 1000
    """In one room."""

    max_talkers: int = DEFAULT_LIMIT
    """Who are mixed at once, in one room: the loudest."""


def check_room_name(name: str) -> str:
    """The name, if it is one.

    Raises:
        InvalidRoomName: it is not 1 to 64 characters of ``A-Z a-z 0-9 . _ -``, or is a dot segment (RFC 3986, section
            5.2.4): whoever resolves an address would take such a room out of it.
    """
    if not isinstance(name, str) or not _ROOM_NAME.fullmatch(name):
        raise InvalidRoomName("A room's name is 1 to 64 characters of A-Z a-z 0-9 . _ -")
    if name in _DOT_SEGMENTS:
        raise InvalidRoomName("A room's name cannot be only a dot, or two: add a letter or a digit")
    return name


class Conference:
    """All rooms, and those who follow what happens in them.

    Args:
        limits: how much it takes on.
        voice: how the voices of all participants are treated, unless told otherwise of one.
        make_room: makes the rooms, in place of `Room`.
        phases: in how many parts of a tick rooms have theirs. Each room is given to the one with the fewest people;
            :meth:`tick` is for the first, :meth:`later` for the others.
        policy_of: how a room of this name is run, to begin with.
        opened: is told of each room before anybody is in it: where it may be observed from its beginning.
    """

    def __init__(
        self,
        limits: ConferenceLimits = ConferenceLimits(),
        voice: VoiceSettings = DEFAULT_VOICE,
        make_room: RoomFactory = Room,
        policy_of: Callable[[str], RoomPolicy] = lambda _: DEFAULT_POLICY,
        phases: int = 1,
        opened: Callable[[Room], None] = lambda _: None,
    ) -> None:
        self.rooms: dict[str, Room] = {}
        self._phases: tuple[dict[str, Room], ...] = tuple({} for _ in range(phases))  # all rooms, by when they tick
        self._make_room = make_room
        self._policy_of = policy_of
        self._opened = opened
        self._limits = limits
        self._voice = voice
        self._complexity = BEST_COMPLEXITY
        self._subscribers: dict[str | None, list[Callable[[Published], None]]] = {}
        self._untold: deque[tuple[str, Published]] = deque()

    def get(self, room_name: str) -> Room | None:
        """The room of that name, if anybody is in it."""
        return self.rooms.get(room_name)

    def join(self, room_name: str, participant: Participant, *, returning: bool = False) -> Room:
        """Let somebody into a room, which is made if there is none.

        Args:
            room_name: which.
            participant: who.
            returning: they were there before and lost their connection; see `Room.add`.

        Raises:
            InvalidRoomName: the name is not one.
            TooManyRooms: the room would be one too many.
            RoomFull: the participant would be one too many.
            RoomLocked: nobody but hosts may come in.
            ValueError: somebody with the same id is in the room.
        """
        self.check_limits(room_name)
        return self._enter(room_name, participant, returning=returning)

    def check_limits(self, room_name: str) -> None:
        """Whether somebody more can be taken into a room, whatever its policy.

        Raises:
            InvalidRoomName: the name is not one.
            TooManyRooms: the room would be one too many.
            RoomFull: the participant would be one too many.
        """
        check_room_name(room_name)
        room = self.rooms.get(room_name)
        if room is None and len(self.rooms) >= self._limits.max_rooms:
            raise TooManyRooms("This server has no place for another room; please try again later")
        if room is not None and len(room.participants) >= self._limits.max_participants:
            raise RoomFull(f"Room {room_name} is full")

    def _enter(self, room_name: str, participant: Participant, *, returning: bool) -> Room:
        """Let somebody into a room as far as its policy does, however many there are."""
        room = self.rooms.get(room_name)
        if room is None:
            room = self._open(room_name, participant.joined_at)
            min(self._phases, key=_people)[room_name] = room
        self.rooms[room_name] = room  # before the first event, so that whoever is told of it finds the room
        try:
            room.add(participant, returning=returning)
        finally:
            self._drop_if_empty(room)
        return room

    def _open(self, room_name: str, created_at: float) -> Room:
        room = self._make_room(
            room_name,
            created_at,
            lambda event: self._publish(room_name, event),
            self._voice,
            max_talkers=self._limits.max_talkers,
            policy=self._policy_of(room_name),
        )
        room.limit_complexity(self._complexity)
        try:
            self._opened(room)
        except Exception:
            log.exception("room %s: it cannot be observed", room_name)
        return room

    def leave(self, room_name: str, participant_id: str, reason: str, departure: Departure = "left") -> None:
        """Take somebody out of a room, which goes with its last participant. Does nothing if they are not in it."""
        room = self.rooms.get(room_name)
        if room is None:
            return
        room.remove(participant_id, reason, departure)
        self._drop_if_empty(room)

    def dismiss(
        self,
        room_name: str,
        participant_id: str,
        reason: str,
        departure: Departure = "removed",
        *,
        by: str | None = None,
    ) -> None:
        """Send somebody away, and end their connection; see `Room.dismiss`.

        Raises:
            KeyError: there is no such room, or they are not in it.
        """
        room = self.rooms[room_name]
        room.dismiss(participant_id, reason, departure, by=by)
        self._drop_if_empty(room)

    def end(self, room_name: str, reason: str, departure: Departure = "ended", *, by: str | None = None) -> None:
        """Send everybody in a room away.

        Raises:
            KeyError: there is no such room.
        """
        room = self.rooms[room_name]
        room.end(reason, departure, by=by)
        self._drop_if_empty(room)

    def _drop_if_empty(self, room: Room) -> None:
        if not room.participants and self.rooms.get(room.name) is room:
            del self.rooms[room.name]
            for rooms in self._phases:
                rooms.pop(room.name, None)

    def subscribe(self, room_name: str | None, callback: Callable[[RoomEvent], None]) -> Callable[[], None]:
        """Have ``callback`` called with every event of a room; it must not block. Returns how to end that.

        With ``None``, those of all rooms. What a callback causes itself is told when all know what happened before.
        """

        def each(published: Published) -> None:
            for event in events_of(published):
                _call(callback, event, event.room)

        return self.subscribe_to_batches(room_name, each)

    def subscribe_to_batches(self, room_name: str | None, callback: Callable[[Published], None]) -> Callable[[], None]:
        """As :meth:`subscribe`, but be called once for all that one decision brought about."""
        self._subscribers.setdefault(room_name, []).append(callback)

        def unsubscribe() -> None:
            callbacks = self._subscribers.get(room_name, [])
            if callback in callbacks:
                callbacks.remove(callback)
            if not callbacks:
                self._subscribers.pop(room_name, None)

        return unsubscribe

    def publish(self, event: RoomEvent) -> None:
        """Tell something about a room that may be gone."""
        self._publish(event.room, event)

    @property
    def encoded_packets(self) -> int:
        """Packets made by codec work, in the rooms that there are, since each of them began."""
        return sum(room.encoders.encoded_packets for room in self.rooms.values())

    def limit_complexity(self, complexity: int) -> None:
        """Let encoding a mix take no more work than this, in all rooms and in those to come; see `Room`'s."""
        self._complexity = complexity
        for room in self.rooms.values():
            room.limit_complexity(complexity)

    def tick(self, tick: int, now_ns: int) -> None:
        """Let 20 ms pass in every room of the first phase: in all rooms, if there is only one. See `Room.tick`."""
        self._tick(self._phases[0], tick, now_ns)

    def later(self) -> list[tuple[int, Callable[[int, int], None]]]:
        """The ticks of the other phases in which there are rooms.

        Returns:
            By how many nanoseconds after :meth:`tick` each is due, and what is then to be called as that is.
        """
        step = TICK_NS // len(self._phases)
        return [(n * step, partial(self._tick, rooms)) for n, rooms in enumerate(self._phases) if n and rooms]

    def wants_media(self, offset_ns: int) -> bool:
        """Whether the rooms that tick so much after :meth:`tick` need what has come until then: one plays it."""
        step = TICK_NS // len(self._phases)
        return not all(room.resting for room in self._phases[offset_ns // step].values())

    def _tick(self, rooms: Mapping[str, Room], tick: int, now_ns: int) -> None:
        ticking = [room for room in rooms.values() if not room.rests_through(tick)]
        for room in ticking:  # of all rooms first: what is done many times in a row takes less time
            room.collect()
        for room in ticking:
            try:
                room.tick(tick, now_ns)
            except Exception:
                log.exception("room %s: tick %d failed", room.name, tick)
            self._drop_if_empty(room)  # a room that ends with its host may end on a tick

    def _publish(self, room_name: str, published: Published) -> None:
        self._untold.append((room_name, published))
        if len(self._untold) > 1:
            return  # a callback caused this one
        while self._untold:
            try:
                self._tell(*self._untold[0])
            finally:
                self._untold.popleft()

    def _tell(self, room_name: str, published: Published) -> None:
        for callback in (*self._subscribers.get(None, ()), *self._subscribers.get(room_name, ())):
            _call(callback, published, room_name)


def _call(callback: Callable[[_Event], None], event: _Event, room_name: str) -> None:
    try:
        callback(event)
    except Exception:
        log.exception("room %s: a subscriber failed", room_name)


def _people(rooms: Mapping[str, Room]) -> int:
    return sum(len(room.participants) for room in rooms.values())
