"""How an attendant looks after people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from conference.attendant.menu import Menu

Alone: TypeAlias = Literal["phones", "everybody", "nobody"]
"""Who is told that they are the only one."""

ALONE: tuple[Alone, ...] = get_args(Alone)


@dataclass(frozen=True, slots=True)
class AttendantSettings:
    """What an attendant does. Times are in seconds."""

    prompts: bool = True
    """Tell callers what happens to them. That a PIN is wanted is said in any case."""

    alone: Alone = "phones"
    """Who is told that they are the only one here."""

    menu: Menu = field(default_factory=Menu)
    """What keys do."""

    key_timeout: float = 3.0
    """Longest time between two keys that belong together."""

    pin_timeout: float = 10.0
    """How long a caller who is asked for a PIN may press nothing."""

    pin_tries: int = 3
    """PINs that a caller may try before the call is ended."""
