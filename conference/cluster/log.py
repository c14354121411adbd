"""The logs of all rooms, and what nodes know of each other: what a node needs of whatever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from conference.cluster.commands import Command, Entry, Position

AFRESH: Position = (0, 1)
"""Where a log that was lost begins anew: before all that is written to it."""


class LogUnavailable(Exception):
    """What keeps the logs cannot be reached; the text is a sentence for people."""


class Log(Protocol):
    """Keeps the logs of all rooms, each in one order, and tells of each entry those who follow its room.

    All that waits raises `LogUnavailable` if it cannot be done now.
    """

    on_entry: Callable[[str, Entry], None]
    """Called with a room's name and what has been written to its log; set by whoever follows."""

    on_missed: Callable[[], None]
    """Called when entries may have been written of which nobody was told; all that is followed is to be read again."""

    on_unavailable: Callable[[], None]
    """Called when entries are not told of any more, until :attr:`on_missed` is called."""

    async def append(self, commands: list[tuple[str, Command]]) -> None:
        """Write commands to the logs of their rooms, in this order. Those that were written may be written again."""
        ...

    async def read(self, room: str, after: Position) -> list[Entry]:
        """All entries of a room's log that stand after a place."""
        ...

    async def snapshot(self, room: str) -> bytes | None:
        """What a replica can begin with, the latest that was kept; ``None``: it reads the log from its beginning."""
        ...

    async def keep_snapshot(self, room: str, position: Position, data: bytes) -> None:
        """Keep what a replica has become at a place, and drop all entries up to there."""
        ...

    async def restore(self, room: str, data: bytes) -> None:
        """Begin a log that is lost with what a replica is, at `AFRESH`, unless another node was first."""
        ...

    async def follow(self, room: str) -> None:
        """Be told of the entries of a room's log from now on."""
        ...

    async def unfollow(self, room: str) -> None:
        """Be told of them no more."""
        ...


class Directory(Protocol):
    """Which nodes there are, and what they tell of themselves. All that waits raises `LogUnavailable`."""

    async def announce(self, node: str, about: bytes, rooms: Mapping[str, bytes | None], seconds: float) -> None:
        """Tell of a node, for so long unless it is told anew.

        Args:
            node: its id.
            about: all there is to be told.
            rooms: what has changed about its part of rooms, by their names; ``None`` for none any more.
            seconds: after which it is gone, if nothing more is heard.
        """
        ...

    async def withdraw(self, node: str) -> None:
        """It is gone, by its own will."""
        ...

    async def nodes(self) -> dict[str, bytes]:
        """What is told of each node that is there, by id."""
        ...

    async def rooms(self, node: str) -> dict[str, bytes]:
        """What a node tells of its part of rooms, by their names."""
        ...

    async def secret(self, name: str, known: bytes | None = None) -> bytes:
        """Random bytes that all nodes share, made by the first that asks; ``known``, if nobody else knows of others."""
        ...
