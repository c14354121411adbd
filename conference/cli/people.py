"""Whom somebody means who names people on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conference.client.api import ApiError


def pick(people: Sequence[dict[str, Any]], wanted: Sequence[str], room: str) -> list[dict[str, Any]]:
    """Participants by id or by name, in whatever case.

    Args:
        people: of a room, as the API shows them.
        wanted: ids and names.
        room: its name, for complaints.

    Raises:
        ApiError: nobody is meant, or more than one.
    """
    return [_pick(people, one, room) for one in dict.fromkeys(wanted)]


def _pick(people: Sequence[dict[str, Any]], wanted: str, room: str) -> dict[str, Any]:
    for found in (
        [one for one in people if one["id"] == wanted],
        [one for one in people if one["name"] == wanted],
        [one for one in people if one["name"].casefold() == wanted.casefold()],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(one["id"] for one in found)
            raise ApiError(f"{len(found)} people in room {room} are called '{wanted}': say which by id: {ids}.")
    here = listed([one["name"] for one in people]) or "nobody"
    raise ApiError(f"nobody called '{wanted}' is in room {room}; here {'are' if len(people) > 1 else 'is'} {here}.")


def listed(names: Sequence[str]) -> str:
    """``Amy, Ben and Cleo``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def state_of(participant: dict[str, Any]) -> str:
    """What is to be said of somebody, in a few words."""
    muted_by = participant["muted_by"]
    call = participant.get("call", {"state": "answered"})["state"]
    said = {
        call: call != "answered",
        "waiting": participant["waiting"],
        "on hold": participant["held"],
        "talking": participant["talking"],
        f"muted by {muted_by}" if muted_by else "muted": participant["muted"],
        "deafened": participant["deafened"],
        "hand raised": participant["hand_raised_at"] is not None,
    }
    return ", ".join(word for word, holds in said.items() if holds)
