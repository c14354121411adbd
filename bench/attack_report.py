"""What `bench.attack` measured, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LATE = "0.02"
"""Bound, in seconds as ``/metrics`` has it, from which on a late tick can be heard."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What an attacker did.

    Attributes:
        count: datagrams, connections, requests or frames: see ``unit``.
        bytes: sent, without headers of IP and below.
        seconds: for how long.
        unit: what was counted.
        note: what else is worth telling.
    """

    count: int
    bytes: int
    seconds: float
    unit: str = "datagrams"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A server and its listeners at one moment."""

    at: float
    """Seconds, monotonic."""

    lateness: Mapping[str, int]
    """Ticks that began no later than so many seconds: cumulative."""

    skipped: int
    """Ticks that were left out, for they would have come more than 200 ms late."""

    heard: int
    """Packets that all listeners got."""

    lost: int
    """Packets missing among those, by sequence number."""

    gaps: int
    """Times that one of them had nothing to play."""

    log_bytes: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Datagrams that the server dropped, by why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attack, or none, between two snapshots."""

    name: str
    before: Snapshot
    after: Snapshot
    listeners: int
    cpu_percent: float
    """Of a core, that the server took meanwhile."""

    sent: Sent | None = None
    joined_ms: float | None = None
    """How long a newcomer took; ``None``: they did not get in."""

    asked: bool = True
    """Whether a newcomer tried."""

    @property
    def due(self) -> int:
        """Packets that the listeners should have got."""
        return round((self.after.at - self.before.at) * self.listeners * PACKETS_PER_SECOND)

    @property
    def ticks(self) -> dict[str, int]:
        """How many ticks began so late, by upper bound in seconds; not cumulative."""
        below, counts = 0, {}
        for bound in self.after.lateness:
            reached = self.after.lateness[bound] - self.before.lateness.get(bound, 0)
            counts[bound] = reached - below
            below = reached
        return counts

    @property
    def late(self) -> int:
        """Ticks that began more than 20 ms late, or never."""
        bounds = list(self.ticks)
        skipped = self.after.skipped - self.before.skipped
        return skipped + sum(count for bound, count in self.ticks.items() if bounds.index(bound) > bounds.index(LATE))

    @property
    def worst(self) -> str:
        """The bound that the latest tick stayed below."""
        worst = max((bound for bound, count in self.ticks.items() if count), key=float, default="")
        if not worst:
            return "-"
        bounds = list(self.ticks)
        if worst == bounds[-1] or self.after.skipped > self.before.skipped:
            return f"> {float(bounds[-2]) * 1000:g} ms"
        return f"<= {float(worst) * 1000:g} ms"


PACKETS_PER_SECOND = 50

HEADS = ("attack", "sent", "rate", "server", "heard", "lost", "gaps", "ticks > 20 ms", "worst tick", "newcomer")


def report(rows: Sequence[Row]) -> str:
    """All rows as a table, and below it what was dropped and noted of each."""
    cells = [HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines.insert(1, "-" * max(map(len, lines)))
    notes = [note for row in rows for note in _notes(row)]
    return "\n".join([*lines, "", *notes]).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    sent, heard = row.sent, row.after.heard - row.before.heard
    ticks = sum(row.ticks.values()) + row.after.skipped - row.before.skipped
    newcomer = "-" if not row.asked else "NOT IN" if row.joined_ms is None else f"{row.joined_ms:.0f} ms"
    return (
        row.name,
        "-" if sent is None else f"{sent.count} {sent.unit}",
        "-" if sent is None else _rate(sent),
        f"{row.cpu_percent:.0f} %",
        f"{heard} of {row.due}",
        str(row.after.lost - row.before.lost),
        str(row.after.gaps - row.before.gaps),
        f"{row.late} of {ticks}",
        row.worst,
        newcomer,
    )


def _rate(sent: Sent) -> str:
    return f"{sent.count / sent.seconds:.0f}/s, {8 * sent.bytes / sent.seconds / 1e6:.2f} Mbit/s"


def _notes(row: Row) -> list[str]:
    dropped = {why: row.after.dropped[why] - row.before.dropped.get(why, 0) for why in row.after.dropped}
    told = [f"{count} {why}" for why, count in dropped.items() if count]
    notes = [f"dropped by the server: {', '.join(told)}"] if told else []
    if row.sent is not None and row.sent.note:
        notes.append(row.sent.note)
    if logged := row.after.log_bytes - row.before.log_bytes:
        notes.append(f"{logged} bytes logged")
    return [f"{row.name}: {'; '.join(notes)}."] if notes else []
