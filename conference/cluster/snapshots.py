"""What a replica is, as bytes, and back; read with care, for it comes from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from conference.cluster.commands import MalformedEntry

FORMAT = 1
"""Of what :func:`write_snapshot` writes."""

_PARTS: dict[str, type | tuple[type, ...]] = {
    "position": list,
    "history": (str, type(None)),
    "told": int,
    "conference": (str, type(None)),
    "connections": dict,
    "grants": dict,
    "seats": dict,
    "seen": list,
    "room": (dict, type(None)),
}


def write_snapshot(dumped: dict[str, Any]) -> bytes:
    """Of what `Replica.dump` gave."""
    return json.dumps({"format": FORMAT, **dumped}, separators=(",", ":")).encode()


def read_snapshot(data: bytes) -> dict[str, Any]:
    """What `Replica.load` takes.

    Raises:
        MalformedEntry: it is no snapshot of ours.
    """
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        raise MalformedEntry("It is no JSON.") from None
    if not isinstance(told, dict) or told.pop("format", None) != FORMAT:
        raise MalformedEntry("It is of another version.")
    if told.keys() != _PARTS.keys() or not all(isinstance(told[name], kind) for name, kind in _PARTS.items()):
        raise MalformedEntry("It has not the parts of a snapshot.")
    return told
