"""The numbers of a load test: what was seen from second to second, and what it comes to for each step. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from conference.load.report.server_figures import ServerFigures


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at everything. Counts and times are totals since the start."""

    at_s: float
    server: ServerFigures = field(default_factory=ServerFigures)
    joined: int = 0
    failed: int = 0
    sent: int = 0
    received: int = 0
    lost: int = 0
    gaps: int = 0
    forged: int = 0
    events: int = 0
    clients: tuple[tuple[int, int], ...] = ()
    """Of each process that plays participants: steps, and those of them that came late."""
    client_cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What a step comes to. What could not be measured is ``None``."""

    participants: int
    """Those who were there while it was measured, WebRTC and Twilio."""
    wanted: int
    seconds: float
    cpu_ms_per_participant_second: float | None
    core_share: float | None
    """CPU time of the server per second: 1 is a whole core."""
    kib_per_participant: float | None
    """Growth of the server since before the first join."""
    delay_median_ms: float | None
    delay_95_ms: float | None
    bursts_said: int
    bursts_found: int
    loss: float
    """Share of packets that did not come, of those the server sent."""
    ticks_late: int | None
    """Began 5 ms late or more."""
    ticks_very_late: int | None
    """Began more than 20 ms late."""
    ticks_skipped: int | None
    join_median_ms: float | None
    """From the request until packets could flow."""
    join_95_ms: float | None
    packets_in_per_second: float
    """That each participant got."""
    packets_out_per_second: float
    """That each participant sent."""
    client_cpu_ms_per_participant_second: float
    client_late: float
    """Share of time in which participants sent too late for the figures to be believed; of the process that was late
    most often."""
    gaps_heard: int = 0
    """Times that a listener who keeps 40 ms in store had nothing to play, of all WebRTC participants together."""
    forged: int = 0
    """Packets that were not authentic, of those that were decrypted."""
    events_per_second: float = 0.0
    """That each participant was told, of those that follow them."""
    joining_ticks_very_late: int | None = None
    """Ticks that began more than 20 ms late while people were coming in."""
    rooms: int = 1
    """That they were spread over."""

    @property
    def rooms_per_core(self) -> float | None:
        """How many such rooms would fill a core; ``None`` if that is not known."""
        return self.rooms / self.core_share if self.core_share else None


def step_figures(
    first: Sample,
    last: Sample,
    *,
    wanted: int,
    delays: Sequence[float],
    bursts_said: int,
    joins_ms: Sequence[float],
    memory_before: float | None,
    before_joins: Sample | None = None,
    rooms: int = 1,
) -> StepFigures:
    """What two looks, and what was gathered between them, come to.

    Args:
        first: when everybody was in.
        last: when the time was over.
        wanted: participants that there should be.
        delays: of bursts, in ms.
        bursts_said: how many were looked for.
        joins_ms: how long each join of this step took.
        memory_before: of the server, in bytes, before anybody joined.
        before_joins: a look from before the joins of this step.
        rooms: over how many rooms they are spread.
    """
    seconds = max(last.at_s - first.at_s, 1e-9)
    people = max(1, last.joined)
    cpu = _since(first.server.cpu_seconds, last.server.cpu_seconds)
    lost, received = max(0, last.lost - first.lost), last.received - first.received
    grown = _since(memory_before, last.server.memory_bytes)
    return StepFigures(
        participants=last.joined,
        wanted=wanted,
        seconds=seconds,
        cpu_ms_per_participant_second=None if cpu is None else cpu * 1000 / seconds / people,
        core_share=None if cpu is None else cpu / seconds,
        kib_per_participant=None if grown is None else grown / 1024 / people,
        delay_median_ms=quantile(delays, 0.5),
        delay_95_ms=quantile(delays, 0.95),
        bursts_said=bursts_said,
        bursts_found=len(delays),
        loss=lost / max(1, lost + received),
        ticks_late=_whole(first.server.ticks_late, last.server.ticks_late),
        ticks_very_late=_whole(first.server.ticks_very_late, last.server.ticks_very_late),
        ticks_skipped=_whole(first.server.ticks_skipped, last.server.ticks_skipped),
        join_median_ms=quantile(joins_ms, 0.5),
        join_95_ms=quantile(joins_ms, 0.95),
        packets_in_per_second=received / seconds / people,
        packets_out_per_second=(last.sent - first.sent) / seconds / people,
        client_cpu_ms_per_participant_second=(last.client_cpu_seconds - first.client_cpu_seconds)
        * 1000
        / seconds
        / people,
        client_late=max(map(_late, first.clients, last.clients), default=0.0),
        gaps_heard=last.gaps - first.gaps,
        forged=last.forged - first.forged,
        events_per_second=(last.events - first.events) / seconds / people,
        joining_ticks_very_late=None
        if before_joins is None
        else _whole(before_joins.server.ticks_very_late, first.server.ticks_very_late),
        rooms=rooms,
    )


def quantile(values: Sequence[float], share: float) -> float | None:
    """The least of the values that ``share`` of them don't exceed; ``None`` if there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def slope(steps: Sequence[StepFigures]) -> float | None:
    """What one participant more costs: CPU in ms per second, from the first step to the last.

    ``None`` if there is only one step, or it is not known.
    """
    if len(steps) < 2:
        return None
    first, last = steps[0], steps[-1]
    if first.core_share is None or last.core_share is None or last.participants <= first.participants:
        return None
    return (last.core_share - first.core_share) * 1000 / (last.participants - first.participants)


def client_slope(steps: Sequence[StepFigures]) -> float | None:
    """The same for the processes that play the participants."""
    if len(steps) < 2 or steps[-1].participants <= steps[0].participants:
        return None
    first, last = (step.client_cpu_ms_per_participant_second * step.participants for step in (steps[0], steps[-1]))
    return (last - first) / (steps[-1].participants - steps[0].participants)


def _late(first: tuple[int, int], last: tuple[int, int]) -> float:
    return (last[1] - first[1]) / max(1, last[0] - first[0])


def _since(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _whole(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, after - before)
