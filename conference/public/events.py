"""What happens in a room, as a program is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_EVENTS = 1000
"""So many events may wait for each reader; with more, the oldest go."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. Names and data are those of a server's event stream: see docs/interfaces.md."""

    name: str
    """``participant.joined``, ``talking.started``, ``message``, … ."""

    data: Mapping[str, Any]
    """As JSON has it. Ids of participants are opaque text; times are unix times in seconds, levels dBov."""
