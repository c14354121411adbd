"""What has gone over all connections since the server began, those included that are gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from conference.room.participant import Transport

Read = Callable[[], Mapping[str, int]]

AT_ONCE = 50
"""Connections that are asked before others on the event loop have their turn."""


class Traffic:
    """Totals that never go down: of open connections as they stand, of closed ones as they ended."""

    def __init__(self) -> None:
        self._open: dict[object, tuple[Transport, Read]] = {}
        self._gone: Counter[tuple[Transport, str]] = Counter()
        self._highest: Counter[tuple[Transport, str]] = Counter()

    def opened(self, connection: object, transport: Transport, read: Read) -> None:
        """Count a connection from now on; ``read`` gives its counts by name."""
        self._open[connection] = (transport, read)

    def closed(self, connection: object) -> None:
        """Keep a connection's last counts. Doing it twice does no harm."""
        found = self._open.pop(connection, None)
        if found is not None:
            _add(self._gone, *found)

    async def totals(self) -> Counter[tuple[Transport, str]]:
        """All counts by transport and name. Holds nobody up, however many connections there are."""
        totals = Counter(self._gone)
        for number, (connection, (transport, read)) in enumerate(list(self._open.items()), 1):
            if connection in self._open:  # else it has ended meanwhile, and its counts are there the next time
                _add(totals, transport, read)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        self._highest |= totals  # losses can be taken back when a packet was only late; a counter must not fall
        return self._highest


def _add(totals: Counter[tuple[Transport, str]], transport: Transport, read: Read) -> None:
    for name, count in read().items():
        totals[transport, name] += count


def leg_counts(leg: Any, now_ns: int) -> dict[str, int]:
    """The counts of a Twilio-compatible stream."""
    stats = leg.stats(now_ns)
    return {
        "packets_in": stats.media_received,
        "packets_out": stats.media_sent,
        "lost_in": stats.incoming_dropped_frames,
        "lost_out": stats.outgoing_dropped_frames,
        "rejected": stats.malformed,
        "undecodable": of_source(leg.source, "undecodable"),
        "concealed": stats.incoming_concealed_frames,
    }


def of_source(source: object, name: str) -> int:
    """One of the counts of a source."""
    return _count(getattr(source, "stats", None), name)


def _count(stats: object, name: str) -> int:
    value = stats.get(name) if isinstance(stats, Mapping) else getattr(stats, name, None)
    return int(value) if isinstance(value, int | float) else 0
