"""A packet that one of the peers was sent, for those who listen to its sound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrived:
    """An RTP packet that came."""

    sequence: int
    timestamp: int
    payload: bytes
    at_ns: int
    """``time.monotonic_ns()`` when the socket was read, or when the kernel had it."""
