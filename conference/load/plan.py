"""Who takes part: participants with their rooms and roles, and the process that plays each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise


class LoadRole(StrEnum):
    """What a participant does."""

    EAR = "ear"
    """Is silent, and what it gets is searched for bursts."""
    MOUTH = "mouth"
    """Says bursts, which the ear is to hear."""
    TALKER = "talker"
    TURN_TAKER = "turn taker"
    """One who talks when nobody else in the room does."""
    SILENT = "silent"
    PHONE = "phone"
    """A Twilio-compatible caller who listens."""
    TALKING_PHONE = "talking phone"
    """One who talks."""


@dataclass(frozen=True, slots=True)
class Member:
    """One participant."""

    number: int
    room: str
    role: LoadRole
    turn: tuple[int, int] = (0, 1)
    """Of one who takes turns: when it is theirs, from 0 on, and how many do."""

    @property
    def name(self) -> str:
        """That the others see."""
        return f"{self.role} {self.number}"


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """What a load test asks for.

    Args:
        steps: numbers of WebRTC participants, rising.
        talkers: how many of them talk; ``None``: everybody does, callers too.
        phones: Twilio-compatible callers besides.
        rooms: over how many rooms all are spread.
        prefix: how the rooms' names begin.
        room: the one that all come into instead.
        turns: those who talk take turns in each room.
    """

    steps: tuple[int, ...]
    talkers: int | None = 3
    phones: int = 0
    rooms: int = 1
    prefix: str = "load"
    room: str | None = None
    turns: bool = False

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in pairwise(self.steps))
        if not self.steps or self.steps[0] < 0 or not rising:
            raise ValueError("the steps must rise")
        if self.talkers is not None and not 0 <= self.talkers <= self.steps[0]:
            raise ValueError(
                "there must be at least as many participants as talkers, from the first step on, "
                f"and {self.steps[0]} are not {self.talkers}: give fewer --talkers"
            )
        if self.steps[0] + self.phones < 1 or self.phones < 0:
            raise ValueError("there must be somebody")
        if self.rooms < 1:
            raise ValueError("there must be a room")
        if self.room is not None and self.rooms > 1:
            raise ValueError("one room is not several")
        if self.turns and (self.talkers is not None or self.phones or len(self.steps) > 1 or self.steps[0] < 2):
            raise ValueError("turns are for a step in which all talk (--talkers all), and two or more, without callers")

    @property
    def measures_delay(self) -> bool:
        """Whether two of the silent can be the ear and the mouth."""
        return self.talkers is not None and self.steps[0] >= self.talkers + 2

    def members(self, step: int) -> list[Member]:
        """Who comes at a step, in order: the later ones add to the earlier ones."""
        if step > 0:
            numbers = range(self.steps[step - 1], self.steps[step])
            role = LoadRole.TALKER if self.talkers is None else LoadRole.SILENT
            return [Member(number, self._room(number), role) for number in numbers]
        cast: list[Member] = []
        if self.measures_delay:  # both in the first room, which has talkers as any other
            cast = [Member(number, self._room(0), role) for number, role in enumerate((LoadRole.EAR, LoadRole.MOUTH))]
        first = len(cast)
        talkers = self.steps[0] if self.talkers is None else self.talkers
        for number in range(first, self.steps[0]):
            role = LoadRole.TALKER if number < first + talkers else LoadRole.SILENT
            cast.append(Member(number, self._room(number - first), role))
        if self.turns:
            return [replace(one, role=LoadRole.TURN_TAKER, turn=self._turn(one.number)) for one in cast]
        phone = LoadRole.TALKING_PHONE if self.talkers is None else LoadRole.PHONE
        # From the last room on: where there are fewer participants than rooms have places, callers fill them up.
        return cast + [Member(number, self._room(self.steps[0] + number), phone) for number in range(self.phones)]

    def _turn(self, number: int) -> tuple[int, int]:
        in_room = len(range(number % self.rooms, self.steps[0], self.rooms))
        return number // self.rooms, in_room

    def _room(self, number: int) -> str:
        return self.room or f"{self.prefix}-{number % self.rooms + 1}"


_LOUD = (LoadRole.EAR, LoadRole.MOUTH, LoadRole.TALKER, LoadRole.TURN_TAKER, LoadRole.TALKING_PHONE)


def divide(members: list[Member], workers: int) -> list[list[Member]]:
    """Give each member to a worker: the first has those who make sound, and if there are others, only those.

    So nobody's joining, which takes a while, makes a talker late.
    """
    shares: list[list[Member]] = [[] for _ in range(workers)]
    others = max(1, workers - 1)
    for number, member in enumerate(members):
        loud = member.role in _LOUD
        shares[0 if loud or workers == 1 else 1 + number % others].append(member)
    return shares
