"""The audit log: who did what in a room, when, and to whom. The logger ``conference.audit`` writes a line for each act.

What one decision did alike to many people is one line, with their ids; for more than fifty people it is several lines.

A line is ``key=value`` pairs. Whatever people chose themselves, such as their names, is quoted, so that it can neither
end a line nor pretend to be another key. What people say, write and key in is not logged, and neither are PINs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

from conference.room.conference import Conference
from conference.room.events import (
    HearingChanged,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RecordingEvent,
    RoomEvent,
    RoomUpdated,
    ServerDraining,
    SoundStarted,
    SoundStopped,
    TransferUpdated,
    UnmuteRequested,
)
from conference.room.gains.gain_matrix import Rule
from conference.room.participant import ParticipantState
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.web.events.event_json import EVENT_NAMES
from conference.web.events.journal_entry import JournalEntry

log = logging.getLogger("conference.audit")

_TOLD = (
    "name",
    "role",
    "muted",
    "muted_by",
    "held",
    "deafened",
    "waiting",
    "levelling",
    "noise_suppression",
    "original_sound",
)
_MOST_RULES = 10
_IDS_A_LINE = 50
_WHO = ("who", "id", "identity")

_Pair: TypeAlias = tuple[str, Any]
"""A key and its value."""


Told: TypeAlias = Mapping[str, Any]
"""What a line tells, by key."""


def _log_line(line: str, told: Told) -> None:
    """Write a line; where the log is JSON, what it tells stands in ``audit``, too."""
    log.info("%s", line, extra={"room": told["room"], "participant": told.get("id"), "audit": told})


@dataclass(slots=True)
class _KnownRoom:
    """What was known of a room before the next event."""

    policy: RoomPolicy
    people: dict[str, ParticipantState] = field(default_factory=dict)
    rules: frozenset[Rule] = frozenset()
    sounds: set[str] = field(default_factory=set)
    """Sounds that a person has started, by id."""


class Audit:
    """Writes what happens in all rooms.

    Args:
        conference: the rooms.
        write: takes a line, and what it tells.
    """

    def __init__(self, conference: Conference, write: Callable[[str, Told], None] = _log_line) -> None:
        self._conference = conference
        self._write = write
        self._rooms: dict[str, _KnownRoom] = {}

    def take(self, entry: JournalEntry) -> None:
        """Write what somebody did: one line for all people to whom the same happened."""
        alike: dict[tuple[_Pair, ...], list[list[_Pair]]] = {}
        for event in entry.events:
            told = self._told(event)
            if told:
                rest = tuple(pair for pair in told if pair[0] not in _WHO)
                alike.setdefault(rest, []).append(told)
        if not entry.ours:
            return  # another node writes it
        for rest, lines in alike.items():
            if len(lines) == 1:
                self._tell([("room", entry.room), *lines[0]])
            else:
                self._write_alike(entry.room, rest, [str(dict(told)["id"]) for told in lines])

    def _write_alike(self, room: str, told: tuple[_Pair, ...], ids: list[str]) -> None:
        did_by, rest = told[:2], told[2:]
        for first in range(0, len(ids), _IDS_A_LINE):
            some = ids[first : first + _IDS_A_LINE]
            self._tell([("room", room), *did_by, ("people", len(some)), ("ids", ",".join(some)), *rest])

    def _tell(self, pairs: Iterable[_Pair]) -> None:
        known = {key: value for key, value in pairs if value is not None}
        self._write(" ".join(f"{key}={_value(value)}" for key, value in known.items()), known)

    def _told(self, event: RoomEvent) -> list[_Pair]:
        room = self._rooms.get(event.room)
        if room is None:
            there = self._conference.get(event.room)
            room = self._rooms[event.room] = _KnownRoom(DEFAULT_POLICY if there is None else there.policy)
        told = _people_told(event, room) or _room_told(event, room)
        if not room.people:
            del self._rooms[event.room]
        return told


def _people_told(event: RoomEvent, room: _KnownRoom) -> list[_Pair]:
    """The pairs of an event about a participant; none of another event."""
    match event:
        case ParticipantJoined(participant=one):
            room.people[one.id] = one
            return [
                ("did", "join"), *_who(one), ("transport", one.transport), ("role", one.role), ("waiting", one.waiting)
            ]  # fmt: skip
        case ParticipantLeft(participant=one):
            room.people.pop(one.id, None)
            did = "remove" if event.departure == "removed" else "leave"
            return [("did", did), ("by", event.by), *_who(one), ("how", event.departure), ("reason", event.reason)]
        case ParticipantUpdated(participant=one):
            before = room.people.get(one.id)
            room.people[one.id] = one
            changes = [("reconnected", True)] if before is None else list(_changes(before, one))
            return [("did", "change"), ("by", event.by), *_who(one), *(changes or [("reconnected", True)])]
        case UnmuteRequested():
            asked = room.people.get(event.participant_id)
            return [("did", "ask_to_unmute"), ("by", event.by), *([] if asked is None else _who(asked))]
        case _:
            return []


def _room_told(event: RoomEvent, room: _KnownRoom) -> list[_Pair]:
    """The pairs of an event about a room as a whole; none of another event."""
    match event:
        case RoomUpdated():
            before, room.policy = room.policy, event.policy
            return [("did", "change_room"), ("by", event.by), *_policy_changes(before, event.policy)]
        case HearingChanged():
            before_rules, room.rules = room.rules, frozenset(event.rules)
            set_now = [f"{_pair(one)}={one.gain:g}" for one in event.rules if one not in before_rules]
            places = {_pair(one) for one in event.rules}
            unset = sorted(_pair(one) for one in before_rules if _pair(one) not in places)
            return [("did", "change_hearing"), ("by", event.by), ("set", _few(set_now)), ("unset", _few(unset))]
        case SoundStarted() if event.by is not None:  # or else the server plays it: a prompt, or a tone
            room.sounds.add(event.sound_id)
            to = None if event.audience is None else _few(sorted(event.audience))
            return [("did", "play"), ("by", event.by), ("sound", event.name), ("sound_id", event.sound_id), ("to", to)]
        case SoundStopped() if event.sound_id in room.sounds:
            room.sounds.discard(event.sound_id)
            return [("did", "sound_ended"), ("sound", event.name), ("sound_id", event.sound_id)]
        case RecordingEvent(recording=one):
            did = EVENT_NAMES[type(event)].replace(".", "_")
            return [("did", did), ("by", event.by), ("recording", one.id), ("reason", one.reason)]
        case TransferUpdated(transfer=one):
            people = [("caller", one.caller), ("agent", one.agent), ("callee", one.callee)]
            return [("did", "transfer"), ("by", event.by), ("transfer", one.id), *people, ("state", one.state)]
        case ServerDraining():
            ends = None if event.ends_at is None else round(event.ends_at, 3)
            return [("did", "drain"), ("by", event.by), ("ends_at", ends)]
        case MessageSent():
            return [("did", "write"), ("who", event.name), ("id", event.participant_id), ("chars", len(event.text))]
        case _:
            return []


def _who(one: ParticipantState) -> list[_Pair]:
    return [("who", one.name), ("id", one.id), ("identity", one.identity)]


def _changes(before: ParticipantState, after: ParticipantState) -> Iterator[_Pair]:
    for key in _TOLD:
        value = getattr(after, key)
        if value != getattr(before, key):
            yield key, value if value is not None else "nobody"
    if (before.hand_raised_at is None) != (after.hand_raised_at is None):
        yield "hand_raised", after.hand_raised_at is not None


def _policy_changes(before: RoomPolicy, after: RoomPolicy) -> Iterator[_Pair]:
    if before.pin != after.pin:
        yield "pin", "none" if after.pin is None else "changed" if before.pin else "set"
    before = replace(before, pin=after.pin)
    for one in fields(after):
        value = getattr(after, one.name)
        if value != getattr(before, one.name):
            yield one.name, "none" if value is None else value


def _pair(rule: Rule) -> str:
    return f"{rule.source or '*'}>{rule.listener or '*'}"


def _few(texts: list[str]) -> str | None:
    if len(texts) > _MOST_RULES:
        return f"{','.join(texts[:_MOST_RULES])} and {len(texts) - _MOST_RULES} more"
    return ",".join(texts) or None


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> str:
    """A text as it is, if it is plain; else in quotes, with every character escaped that cannot be seen as it is."""
    if text and text.isascii() and all(one.isalnum() or one in "._-" for one in text):
        return text
    shown = (one if one.isprintable() and one not in '"\\' else _escaped(one) for one in text)
    return f'"{"".join(shown)}"'


def _escaped(one: str) -> str:
    return f"\\{one}" if one in '"\\' else f"\\u{{{ord(one):x}}}"
