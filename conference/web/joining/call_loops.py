"""Which servers' rooms a call has come through, so that no chain of calls leads back to where it began.

Two rooms that are connected by two calls hear their own echo, for ever. So a call says which server has placed it, and
before that, those whose calls are in the room that places it, as far as they are known by then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

PLACED_BY: Final = "Conference-Placed-By"
"""The header of a request or a handshake that belongs to a call out. Its value is a list, of ids of servers."""

MAX_IDS: Final = 16
"""So many of them are read, and passed on."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_placed_by(value: str | None) -> tuple[str, ...]:
    """The servers that a header names."""
    ids = (one.strip() for one in (value or "").split(",", MAX_IDS)[:MAX_IDS])
    return tuple(one for one in ids if _ID.fullmatch(one))


def write_placed_by(own_id: str, before: Iterable[str]) -> str:
    """What a header says: this server, and those before it."""
    others = sorted(set(before) - {own_id})
    return ", ".join([own_id, *others][:MAX_IDS])
