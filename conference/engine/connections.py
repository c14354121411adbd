"""The connections of a conference's participants, by whatever transport: found by participant, and counted in all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from conference.access.grants import Grant
from conference.room.participant import Transport

AT_ONCE = 50
"""Connections that are asked for their counts before others on the event loop have their turn."""


class Connection(Protocol):
    """The connection of one participant, or of somebody who is about to be one."""

    @property
    def transport(self) -> Transport: ...

    @property
    def participant_id(self) -> str: ...

    @property
    def room_name(self) -> str | None:
        """Where the participant is; ``None`` while they are in no room."""
        ...

    @property
    def grant(self) -> Grant:
        """What the participant may do there."""
        ...

    @property
    def prompted(self) -> bool:
        """Whether the participant is told by sounds what happens to them."""
        ...

    def stats(self) -> Any:
        """How the connection does: figures that depend on the transport, as a dataclass."""
        ...

    def tally(self) -> Mapping[str, int]:
        """What was counted so far, by name; cheap, for who asks for all connections at once."""
        ...


_Kind = TypeVar("_Kind")


class ConnectionRegistry:
    """Every open connection, and what has gone over all that there were.

    A participant has one connection. One that takes the place of another is found from then on; the other is counted
    until it is closed, too.
    """

    def __init__(self) -> None:
        self._open: dict[Connection, None] = {}
        self._found: dict[str, Connection] = {}
        self._gone: Counter[tuple[Transport, str]] = Counter()
        self._highest: Counter[tuple[Transport, str]] = Counter()

    def opened(self, connection: Connection) -> None:
        """Find and count a connection from now on."""
        self._open[connection] = None
        self._found[connection.participant_id] = connection

    def closed(self, connection: Connection) -> None:
        """Find a connection no more, and keep its last counts. Doing it twice does no harm."""
        self.lost(connection)
        if connection in self._open:
            del self._open[connection]
            _add(self._gone, connection)

    def lost(self, connection: Connection) -> bool:
        """Find a connection no more, though it is counted until it is closed.

        Returns:
            Whether it was found until now: neither lost before, nor replaced by another.
        """
        if self._found.get(connection.participant_id) is not connection:
            return False
        del self._found[connection.participant_id]
        return True

    def get(self, participant_id: str) -> Connection | None:
        """The connection of somebody, in a room or not yet; ``None`` for those who have none."""
        return self._found.get(participant_id)

    def find(self, room: str, participant_id: str) -> Connection | None:
        """The connection of a participant of a room; ``None`` for those who have none, or are not there."""
        connection = self._found.get(participant_id)
        return connection if connection is not None and connection.room_name == room else None

    def of_kind(self, kind: type[_Kind]) -> list[_Kind]:
        """All that are open of one kind."""
        return [one for one in self._open if isinstance(one, kind)]

    async def totals(self) -> Counter[tuple[Transport, str]]:
        """Totals that never go down, by transport and name: of open connections as they stand, of others as they ended.

        Holds nobody up, however many connections there are.
        """
        totals = Counter(self._gone)
        for number, connection in enumerate(list(self._open), 1):
            if connection in self._open:  # else it has ended meanwhile, and its counts are there the next time
                _add(totals, connection)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        self._highest |= totals  # losses can be taken back when a packet was only late; a counter must not fall
        return self._highest


def _add(totals: Counter[tuple[Transport, str]], connection: Connection) -> None:
    for name, count in connection.tally().items():
        totals[connection.transport, name] += count
