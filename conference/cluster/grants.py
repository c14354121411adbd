"""What somebody may do, as a room's log has it."""

from __future__ import annotations

from typing import Any

from conference.access.grants import RIGHTS, ROLES, Grant


def grant_json(grant: Grant) -> dict[str, Any]:
    """A grant, as JSON has it."""
    return {
        "room": grant.room,
        "identity": grant.identity,
        "name": grant.name,
        "role": grant.role,
        "rights": sorted(grant.rights),
        "expires_at": grant.expires_at,
        "issued_at": grant.issued_at,
        "pin": grant.pin,
    }


def read_grant(told: Any) -> Grant | None:
    """A grant from what :func:`grant_json` gave; ``None`` for anything else, which grants nothing."""
    if not isinstance(told, dict) or told.get("role") not in ROLES or not isinstance(told.get("rights"), list):
        return None
    known: dict[str, Any] = {name: told.get(name) for name in Grant.__dataclass_fields__}
    if not all(known[name] is None or isinstance(known[name], str) for name in ("room", "identity", "name", "pin")):
        return None
    if not all(known[name] is None or isinstance(known[name], (int, float)) for name in ("expires_at", "issued_at")):
        return None
    return Grant(**{**known, "rights": frozenset(one for one in RIGHTS if one in told["rights"])})
