"""Server-sent events as bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping


def encode_event(name: str, data: Mapping[str, object], *, event_id: str | None = None) -> bytes:
    """One event of a ``text/event-stream``.

    Args:
        name: its type.
        data: becomes one line of JSON.
        event_id: what a viewer who comes back names as the last event that they have got; ``None`` for one that they
            need not know of.
    """
    first = "" if event_id is None else f"id: {event_id}\n"
    return f"{first}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
