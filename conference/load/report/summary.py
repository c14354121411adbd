"""What a load test shows: a line every second, and at the end a table. Pure: figures to text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conference.load.report.figures import Sample, StepFigures, client_slope, slope

LATE_SHARE = 0.02
"""More than that, and the clients' own lateness shows in the figures."""

_MIB = 2**20

LIVE_HEADER = (
    "  time  joined  talking  packets/s in     out    loss   delay  late  server CPU      memory  clients' CPU"
)


def live_line(before: Sample, now: Sample, delay_ms: float | None) -> str:
    """One second of the test.

    Args:
        before: the look a second ago.
        now: this one.
        delay_ms: of the bursts that were found in that second.
    """
    seconds = max(now.at_s - before.at_s, 1e-9)
    received, lost = now.received - before.received, max(0, now.lost - before.lost)
    cpu, late = None, None
    if now.server.cpu_seconds is not None and before.server.cpu_seconds is not None:
        cpu = (now.server.cpu_seconds - before.server.cpu_seconds) / seconds
    if now.server.ticks_late is not None and before.server.ticks_late is not None:
        late = now.server.ticks_late - before.server.ticks_late
    memory = now.server.memory_bytes
    own = (now.client_cpu_seconds - before.client_cpu_seconds) / seconds
    return (
        f"{_clock(now.at_s):>6}  {now.joined:>6}  {_number(now.server.talking):>7}  {received / seconds:>12.0f}"
        f"  {(now.sent - before.sent) / seconds:>6.0f}  {lost / max(1, lost + received):>6.1%}"
        f"  {_number(delay_ms, ' ms'):>6}  {_number(late):>4}"
        f"  {_number(None if cpu is None else cpu * 100, ' %'):>10}"
        f"  {_number(None if memory is None else memory / _MIB, ' MiB'):>10}  {own:>12.0%}"
    )


_COLUMNS = (
    ("people", "there"),
    ("CPU ms per", "person-second"),
    ("of a", "core"),
    ("KiB per", "person"),
    ("delay", "median"),
    ("", "95 %"),
    ("", "loss"),
    ("gaps", "heard"),
    ("ticks late", ">5  >20 ms"),
    ("join ms", "median  95 %"),
    ("packets/s", "in  out"),
    ("clients' CPU", "ms per p-s"),
)


def summary(steps: Sequence[StepFigures]) -> str:
    """The table at the end."""
    rows = [[top for top, _ in _COLUMNS], [bottom for _, bottom in _COLUMNS]]
    rows += [_cells(step) for step in steps]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *_notes(steps)])


def _cells(step: StepFigures) -> list[str]:
    return [
        str(step.participants),
        _number(step.cpu_ms_per_participant_second, digits=2),
        _number(None if step.core_share is None else step.core_share * 100, " %"),
        _number(step.kib_per_participant),
        _number(step.delay_median_ms, " ms"),
        _number(step.delay_95_ms, " ms"),
        f"{step.loss:.2%}",
        str(step.gaps_heard),
        f"{_number(step.ticks_late)} {_number(step.ticks_very_late):>6}",
        f"{_number(step.join_median_ms)} {_number(step.join_95_ms):>6}",
        f"{step.packets_in_per_second:.1f} {step.packets_out_per_second:>4.1f}",
        f"{step.client_cpu_ms_per_participant_second:.2f}",
    ]


def _notes(steps: Sequence[StepFigures]) -> list[str]:
    notes = []
    more = slope(steps)
    if more is not None:
        first, last = steps[0].participants, steps[-1].participants
        own = _number(client_slope(steps), " ms", digits=2)
        notes.append(
            f"One participant more costs {more:.2f} ms of CPU per second (slope from {first} to {last}); "
            f"to play one costs {own}."
        )
    for step in steps:
        who = f"With {step.participants}"
        notes += [f"{who}: {note}" for note in (*_findings(step), *_troubles(step))]
    return ["", *notes] if notes else []


def _findings(step: StepFigures) -> Iterator[str]:
    """What the columns do not show."""
    if step.rooms > 1 and step.rooms_per_core is not None:
        each = _number(step.participants / step.rooms, digits=1).removesuffix(".0")
        yield f"a core holds {step.rooms_per_core:.0f} such rooms, of {each} each."
    if step.events_per_second:
        yield f"each was told {step.events_per_second:.1f} events a second."


def _troubles(step: StepFigures) -> Iterator[str]:
    """What was not as it should be."""
    if step.participants < step.wanted:
        yield f"{step.wanted - step.participants} of {step.wanted} were not there."
    if step.bursts_found < step.bursts_said:
        yield f"the delay is of {step.bursts_found} bursts; {step.bursts_said} went in."
    if step.ticks_skipped:
        yield f"the server left out {step.ticks_skipped} ticks."
    if step.joining_ticks_very_late:
        yield f"{step.joining_ticks_very_late} ticks were more than 20 ms late while people joined."
    if step.forged:
        yield f"{step.forged} packets were not authentic, of the few that were decrypted."
    if step.client_late > LATE_SHARE:
        yield (
            f"the clients were late {step.client_late:.0%} of the time, so they, not the server, are what was short. "
            "Don't believe the delay: give them more processors, or --processes."
        )


def _number(value: float | None, unit: str = "", *, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}{unit}"


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes}:{second:02}"
