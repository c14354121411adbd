"""What a jitter buffer holds, what it says is next, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(order=True, slots=True)
class Waiting:
    """A packet that waits for its turn; times are in samples of the stream's clock, endless."""

    sequence: int
    timestamp: int = field(compare=False)
    duration: int = field(compare=False)
    payload: bytes = field(compare=False)
    level: int | None = field(compare=False)
    repairs: bool = field(compare=False)
    announces_silence: bool = field(compare=False)

    @property
    def end(self) -> int:
        """The media time behind it."""
        return self.timestamp + self.duration


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet whose turn it is."""

    payload: bytes
    duration: int
    """Samples at the stream's clock rate."""

    level: int | None = None
    """The sender's own measurement in dBov (RFC 6464), if there was one."""

    skip: int = 0
    """Samples at its start whose time has passed: they were concealed already."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A stretch that should have sounded, and whose packet is not here."""

    duration: int
    following: bytes | None
    """The packet right after the stretch, if it is here already: in-band FEC may hold the lost one."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch in which there is nothing to play."""

    duration: int


Item: TypeAlias = Packet | Lost | Silence


@dataclass(slots=True)
class JitterStats:
    """Counts since the stream began."""

    received: int = 0
    duplicate: int = 0
    late: int = 0
    """Came after their turn; dropped."""

    lost: int = 0
    """Stretches reported as `Lost`, in packets."""

    overflowed: int = 0
    """Dropped because the buffer was full."""

    restarts: int = 0
