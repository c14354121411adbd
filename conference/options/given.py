"""What somebody has set, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Given:
    """A setting that was given."""

    value: Any
    texts: tuple[str, ...]
    """As it was written: several texts where there can be several values."""

    origin: str
    """Where: an option, a variable of the environment, a line of a file."""
