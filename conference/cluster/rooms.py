"""Rooms and a conference that decide nothing by themselves: they propose it, and do it when it comes from the log.

A method of a room that decides something behaves in two ways. Called by anybody, it proposes a command and changes
nothing. Called while a command is being carried out, it does what it does in every room. So the attendant, the calls
and the handlers of requests work with these rooms as with any others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import wraps
from typing import Any, Protocol

from conference.cluster.events import LoggedBatch
from conference.room.admission import check_entry
from conference.room.conference import Conference
from conference.room.events import Published
from conference.room.participant import Departure, Participant
from conference.room.policy import RoomPolicy
from conference.room.remembered_seats import RememberedSeats
from conference.room.room import Room
from conference.room.sounds import Sound


class Decisions(Protocol):
    """Where rooms propose what they are asked to do, and what they know of the command that is being carried out."""

    @property
    def applying(self) -> bool:
        """A command is being carried out."""
        ...

    @property
    def asked(self) -> bool:
        """Somebody has asked for a decision, and waits for its outcome: it is not this node's own doing."""
        ...

    def propose(
        self, room: str, kind: str, arguments: Mapping[str, Any], participant: Participant | None = None
    ) -> None:
        """Have a command written to a room's log.

        Args:
            room: its name.
            kind: see `Command.kind`.
            arguments: as JSON has them.
            participant: whom this node serves, of a command that they come.
        """
        ...

    def connection(self, room: str, participant_id: str) -> str | None:
        """The id of the command with which somebody came whom this node serves; ``None`` if it serves nobody so."""
        ...

    def take(self, published: Published) -> None:
        """Note what the command that is being carried out brings about."""
        ...

    def seats(self, room: str) -> RememberedSeats:
        """Who has left a room, and might come back."""
        ...


class ReplicatedRoom(Room):
    """A room that is on several nodes.

    Args:
        args: those of `Room`.
        decisions: where what it is asked to do goes.
        kwargs: those of `Room`.
    """

    def __init__(self, *args: Any, decisions: Decisions, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.decisions = decisions

    def remove(self, participant_id: str, reason: str, departure: Departure = "left") -> Participant | None:
        """See `Room.remove`. Whoever has a seat of their own is remembered, on every node alike."""
        participant = self.participants.get(participant_id)
        if participant is not None and participant.transport == "webrtc":
            self.decisions.seats(self.name).remember(self, participant, departure)
        return super().remove(participant_id, reason, departure)

    def detach(self, participant_id: str) -> None:
        """The connection of somebody has ended: they are silent until the log says that they have left."""
        self.reconnect(participant_id, None, None, None)


class ReplicatedConference(Conference):
    """The rooms of one node, of which others may have parts.

    Args:
        args: those of `Conference`.
        decisions: where what they are asked to do goes.
        kwargs: those of `Conference`; ``make_room`` makes a `ReplicatedRoom`.
    """

    def __init__(self, *args: Any, decisions: Decisions, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._decisions = decisions

    def join(self, room_name: str, participant: Participant, *, returning: bool = False) -> Room:
        """See `Conference.join`. They are in the room a moment later; or are hung up on, if it does not let them in."""
        self.check_limits(room_name)
        room = self.rooms.get(room_name)
        if room is not None and participant.id not in room.participants and not returning:
            check_entry(room.policy, room.participants.values(), participant)
        self._decisions.propose(room_name, "join", {"participant": newcomer(participant)}, participant)
        return room or self._make_room(room_name, participant.joined_at, lambda _: None, self._voice)

    def leave(self, room_name: str, participant_id: str, reason: str, departure: Departure = "left") -> None:
        """See `Conference.leave`. They are gone a moment later, and silent at once."""
        if self._decisions.applying:
            return  # it ends their connection: what becomes of them, it says itself
        connection = self._decisions.connection(room_name, participant_id)
        if connection is None:
            return
        room = self.rooms.get(room_name)
        there = None if room is None else room.participants.get(participant_id)
        if isinstance(room, ReplicatedRoom) and there is not None and not there.remote:
            room.detach(participant_id)
        self._decisions.propose(
            room_name,
            "leave",
            {"participant_id": participant_id, "reason": reason, "departure": departure, "connection": connection},
        )

    def enter(self, room_name: str, participant: Participant, *, returning: bool) -> Room:
        """Let somebody into a room as the log says, whatever the limits of this node."""
        return self._enter(room_name, participant, returning=returning)

    def reopen(self, room_name: str, created_at: float) -> Room:
        """Make a room of which somebody is put into it at once, as it was on other nodes."""
        room = self._open(room_name, created_at)
        min(self._phases, key=len)[room_name] = room
        self.rooms[room_name] = room
        return room

    def drop_if_empty(self, room: Room) -> None:
        """Forget a room that a command has emptied."""
        self._drop_if_empty(room)

    def tell(self, batch: LoggedBatch) -> None:
        """Tell everybody what a command has brought about."""
        super()._publish(batch.room, batch)

    def _publish(self, room_name: str, published: Published) -> None:
        if self._decisions.applying:
            self._decisions.take(published)
        else:
            super()._publish(room_name, published)


def newcomer(participant: Participant) -> dict[str, Any]:
    """Somebody who comes, as a command tells of them."""
    return {
        "id": participant.id,
        "name": participant.name,
        "transport": participant.transport,
        "joined_at": participant.joined_at,
        "role": participant.role,
        "identity": participant.identity,
        "call": participant.call,
        "original_sound": participant.original_sound,
        "bot": participant.bot,
        "muted": participant.muted,
    }


def changed_policy(before: RoomPolicy, after: RoomPolicy) -> dict[str, Any]:
    """What a decision changes of a policy: two at once, of different things, both hold."""
    old, new = asdict(before), asdict(after)
    return {name: value for name, value in new.items() if old[name] != value}


def described_sound(sound: Sound) -> dict[str, Any]:
    """A sound that is to be played, by its name."""
    return {
        "id": sound.id,
        "name": sound.name,
        "audience": None if sound.audience is None else sorted(sound.audience),
        "talk_gain": sound.talk_gain,
        "gain": sound.gain,
        "loop": sound.loop,
    }


DECISIONS: dict[str, tuple[str, ...]] = {
    "set_muted": ("participant_id", "muted"),
    "mute_all": ("spared",),
    "ask_to_unmute": ("participant_id",),
    "hold": ("participant_id", "held"),
    "deafen": ("participant_id", "deafened"),
    "admit": ("participant_ids",),
    "admit_all": (),
    "set_role": ("participant_id", "role"),
    "raise_hand": ("participant_id", "at"),
    "set_call_state": ("participant_id", "state"),
    "set_answered_by": ("participant_id", "who"),
    "rename": ("participant_id", "name"),
    "treat_voice": ("participant_id",),
    "set_policy": ("policy",),
    "press_digit": ("participant_id", "digit"),
    "send_message": ("participant_id", "name", "text", "sent_at"),
    "set_gain": ("listener", "source", "gain"),
    "set_volume": ("listener", "source", "volume"),
    "whisper": ("source", "listeners"),
    "speak_up": ("source",),
    "sidebar": ("members",),
    "rejoin": ("members",),
    "dismiss": ("participant_id", "reason", "departure"),
    "end": ("reason", "departure"),
    "play": ("sound",),
    "stop_sound": ("sound_id",),
}
"""The methods of a room that decide something, and what they are told in order; the rest they are told by name."""

OWN_UNLESS_ASKED = frozenset({"play", "stop_sound"})
"""What each node does by itself for those whom it serves, unless somebody asks for it: prompts and tones are played
wherever there is somebody to hear them."""

VOICE_STAGES = ("levelling", "noise_suppression", "original_sound")

NOTHING: dict[str, Any] = {"mute_all": [], "stop_sound": True}
"""What a method gives whose outcome is not there yet, where that is not nothing."""


def _proposing(kind: str, places: tuple[str, ...]) -> Callable[..., Any]:
    method = getattr(Room, kind)

    @wraps(method)
    def decided(self: ReplicatedRoom, *args: Any, **kwargs: Any) -> Any:
        if self.decisions.applying or (kind in OWN_UNLESS_ASKED and not self.decisions.asked):
            return method(self, *args, **kwargs)
        if kind == "treat_voice" and all(kwargs.get(one) is None for one in VOICE_STAGES):
            return None  # nothing is asked for
        arguments = {
            name: as_json(self, value) for name, value in {**dict(zip(places, args, strict=False)), **kwargs}.items()
        }
        self.decisions.propose(self.name, kind, arguments)
        return NOTHING.get(kind)

    return decided


def as_json(room: Room, value: Any) -> Any:
    """An argument of a decision, as a command has it."""
    if isinstance(value, RoomPolicy):
        return changed_policy(room.policy, value)
    if isinstance(value, Sound):
        return described_sound(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    return sorted(value) if isinstance(value, (set, frozenset)) else list(value)


for _kind, _places in DECISIONS.items():
    setattr(ReplicatedRoom, _kind, _proposing(_kind, _places))
