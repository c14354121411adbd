"""What everybody in a room may know of its recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

RecordingStatus: TypeAlias = Literal["recording", "paused", "finishing", "ready", "failed"]
"""How far a recording is: going on; going on, and nothing is kept; its files are being made; they are there; they could
not be made."""


@dataclass(frozen=True, slots=True)
class RecordingState:
    """A recording at one moment."""

    id: str
    status: RecordingStatus
    started_at: float
    """Unix time in seconds."""

    started_by: str | None
    """Who began it; ``None``: the server, which records every room."""

    reason: str | None = None
    """Why it ended, for people to read; ``None`` while it goes on."""
