"""The limits and habits of a leg, each a setting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LegSettings:
    """How a caller's leg behaves, and what it puts up with. Times are in milliseconds of sound."""

    buffer_ms: int = 40
    """Sound kept in hand against uneven arrival, before a caller who sends in real time is played."""

    max_ahead_ms: int = 10_000
    """Most sound kept for a client that sends faster than real time; what is over is dropped."""

    max_behind_ms: int = 500
    """Surplus after a stalled connection (the sound of that time comes at once) beyond which the oldest is dropped.

    Less than that is made up for little by little, in silence where there is any.
    """

    max_outgoing_ms: int = 1_000
    """Sound kept for a connection that does not take it; what is older is dropped."""

    mark_every_ms: int = 1_000
    """Sound between two marks, whose echoes tell how much the client has buffered. 0: none are sent."""

    clear_above_ms: int = 1_500
    """Buffered at the client beyond what is usual for it, at which its buffer is cleared. 0: never."""

    max_digits_per_second: int = 10
    """Keys that a client may press per second over time; five seconds' worth may come at once. All are told of each."""

    max_malformed: int = 50
    """Messages outside of the protocol until the connection is closed. One more is forgiven every second."""

    max_name_chars: int = 64
    """Longest name of a participant; what is over is cut off."""
