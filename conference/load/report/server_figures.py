"""What a server says of itself: the text format of Prometheus, as far as a load test needs it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})?\s+(\S+)")
_ON_TIME = '{le="0.02"}'


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """One look at a server. What it does not tell is ``None``."""

    cpu_seconds: float | None = None
    """Used so far."""

    memory_bytes: float | None = None
    talking: int | None = None
    ticks_late: int | None = None
    """Ticks that began 5 ms late or more, so far."""

    ticks_very_late: int | None = None
    """Ticks that began more than 20 ms late, so far."""

    ticks_skipped: int | None = None


def parse_figures(text: str) -> ServerFigures:
    """Read ``/metrics``. Lines that mean nothing to us, or nothing at all, are skipped."""
    samples: dict[str, float] = {}
    for line in text.splitlines():
        found = _SAMPLE.match(line)
        if found is None:
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        if math.isfinite(value):
            samples[found[1] + (found[2] or "")] = value
    ticks = _whole(samples, "conference_tick_lateness_seconds_count")
    on_time = _whole(samples, "conference_tick_lateness_seconds_bucket" + _ON_TIME)
    return ServerFigures(
        cpu_seconds=samples.get("process_cpu_seconds_total"),
        memory_bytes=samples.get("process_resident_memory_bytes"),
        talking=_whole(samples, "conference_talking"),
        ticks_late=_whole(samples, "conference_ticks_late_total"),
        ticks_very_late=None if ticks is None or on_time is None else max(0, ticks - on_time),
        ticks_skipped=_whole(samples, "conference_ticks_skipped_total"),
    )


def _whole(samples: Mapping[str, float], name: str) -> int | None:
    value = samples.get(name)
    return None if value is None else round(value)
