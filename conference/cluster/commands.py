"""What is decided about a room, as entries of its log: written by one node, and read by all that have people there.

A command says all that it takes to carry it out: the time, and every id that chance has to make, travel in it. So
whoever carries out the same commands in the same order has the same room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Position: TypeAlias = tuple[int, int]
"""The place of an entry in a log, as Redis numbers them: milliseconds, and a number within these."""

START: Position = (0, 0)
"""Before the first entry."""


class MalformedEntry(ValueError):
    """What stands in a log is none of our entries; the text says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """One decision, or one that somebody comes, goes or is lost."""

    kind: str
    """What is to be done: a method of `Room`, or one of those that `Replica` knows besides."""

    arguments: Mapping[str, Any]
    """By name, as JSON has them."""

    origin: str
    """Id of the node that wrote it."""

    number: int
    """Counts what that node has written, in every log together: what comes again, or late, is known by it."""

    at: float
    """When it was decided, unix time in seconds."""

    conference: str | None = None
    """Which of the conferences that were held in a room of this name it is about, by the id of the command that began
    it; ``None`` for whichever is held when it is carried out."""

    @property
    def id(self) -> str:
        """Unique over all logs: letters and digits."""
        return f"{self.origin}x{self.number:x}"

    def encode(self) -> bytes:
        """As it stands in a log."""
        fields = [self.kind, dict(self.arguments), self.origin, self.number, self.at, self.conference]
        return json.dumps(fields, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Entry:
    """A command at its place in a log."""

    position: Position
    before: Position
    """Where the entry before it stands: whoever has not got that one has missed something."""

    command: Command | None
    """``None`` for one that this version cannot read: its place counts all the same."""


def decode(data: bytes) -> Command:
    """Read a command.

    Raises:
        MalformedEntry: it is none.
    """
    try:
        fields = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise MalformedEntry("This is no JSON.") from None
    match fields:
        case [str(kind), dict(arguments), str(origin), int(number), int() | float() as at, None | str() as conference]:
            if (
                isinstance(number, bool)
                or isinstance(at, bool)
                or not 0 <= at < 1e12
                or number < 0
                or not re.fullmatch("[0-9a-z]+", origin)
            ):
                raise MalformedEntry("Its origin, its number or its time cannot be one.")
            return Command(kind, arguments, origin, number, float(at), conference)
    raise MalformedEntry("It has not the fields of a command.")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON.")


def read_position(text: str) -> Position:
    """A position from text, as Redis writes it: ``1700000000000-0``.

    Raises:
        MalformedEntry: it is none.
    """
    match = re.fullmatch(r"([0-9]{1,20})-([0-9]{1,20})", text)
    if match is None:
        raise MalformedEntry(f"{text!r} is no place in a log.")
    return int(match[1]), int(match[2])


def write_position(position: Position) -> str:
    """A position as Redis writes it."""
    return f"{position[0]}-{position[1]}"
