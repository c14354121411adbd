"""What a node tells the others of itself."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node at one moment."""

    id: str
    url: str
    """Where other nodes reach its HTTP."""

    udp: tuple[str, ...] = ()
    """Where its trunk is reached, each as ``ADDRESS:PORT``, that of IPv6 in brackets; the likeliest first."""

    participants: int = 0
    """Whom it serves."""

    rooms: int = 0
    """In which it serves anybody."""

    load: float = 0.0
    """How much of a processor it takes: 1 is all of one."""

    draining: bool = False
    """It takes nobody new."""

    seen_at: float = 0.0
    """When it said this, unix time in seconds."""

    def encode(self) -> bytes:
        """As it is told."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()


def told_address(address: tuple[str, int]) -> str:
    """An address as `NodeState.udp` has it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def trunk_address(node: NodeState) -> tuple[str, int] | None:
    """Where to send what is for a node; ``None`` if that is not known."""
    for one in node.udp:
        host, _, port = one.rpartition(":")
        if re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536 and _is_address(host.strip("[]")):
            return host.strip("[]"), int(port)
    return None


def _is_address(host: str) -> bool:
    """Whether it is an address, and no name, which would have to be looked up for each datagram."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def read_node(data: bytes) -> NodeState | None:
    """A node's state; ``None`` if it cannot be read, or is that of a version which tells other things."""
    try:
        told = json.loads(data)
        if not isinstance(told, Mapping):
            return None
        known = {name: told[name] for name in NodeState.__dataclass_fields__ if name in told}
        udp = tuple(map(str, known.pop("udp", ())))
        state = NodeState(**known, udp=udp)
    except (ValueError, TypeError, RecursionError):
        return None
    whole = all(isinstance(one, int) for one in (state.participants, state.rooms))
    real = all(isinstance(one, (int, float)) and math.isfinite(one) for one in (state.load, state.seen_at))
    return state if whole and real and isinstance(state.id, str) and isinstance(state.url, str) else None


@dataclass(frozen=True, slots=True)
class RoomPart:
    """What a node has of a room: how many people it serves there, and since when there is the room."""

    participants: int
    created_at: float
    guarded: bool = False
    """The room has a PIN."""

    def encode(self) -> bytes:
        """As it is told."""
        return json.dumps([self.participants, self.created_at, self.guarded]).encode()


def read_part(data: bytes) -> RoomPart | None:
    """A node's part of a room; ``None`` if it cannot be read."""
    try:
        match json.loads(data):
            case [int(participants), int() | float() as created_at, bool(guarded)]:
                return RoomPart(participants, float(created_at), guarded)
    except (ValueError, RecursionError):
        pass
    return None
