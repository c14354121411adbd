"""What a capture holds: one value for each thing that happens in a room.

Participants are numbered from 0 in the order of joining.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


class CaptureError(Exception):
    """The file is no capture, or is damaged from some record on; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The first record: versions, the room, and how it treats voices."""

    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody came in; ``about`` says who, and what their source and sink are made of."""

    index: int
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody went."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reconnected:
    """Somebody got another connection; ``about`` has its source and sink."""

    index: int
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """Something about somebody changed: each key of ``about`` has its new value."""

    index: int
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PacketArrived:
    """A packet was pushed into a `playout.source.PacketSource`."""

    index: int
    sequence: int
    timestamp: int
    payload: bytes
    arrival_ns: int
    level: int | None
    redundant: bool


@dataclass(frozen=True, slots=True)
class Restarted:
    """A `PacketSource` was told that another stream takes over; ``codec`` is its new one, empty for the same."""

    index: int
    codec: str


@dataclass(frozen=True, slots=True)
class SoundArrived:
    """A message's sound was pushed into a `telephony.intake.PacedSource`."""

    index: int
    timestamp_ms: int | None
    payload: bytes
    now_ns: int


@dataclass(frozen=True, slots=True)
class FramePulled:
    """A source that is captured by what it gives gave this in the coming tick; ``None`` if it failed."""

    index: int
    samples: bytes | None
    """960 samples, int16, little-endian."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """The matrix of gains was changed, or what listeners have set for themselves.

    ``about["rules"]`` and ``about["volumes"]`` are all that is set: listener, source and gain of each.
    """

    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SoundBegan:
    """A sound is played from the next tick on. Sounds are numbered from 0; ``about`` has all but the samples."""

    index: int
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SoundPulled:
    """A sound gives this in the coming tick; ``None`` for nothing."""

    index: int
    ended: bool
    """It gives nothing after this."""

    samples: bytes | None
    """960 samples, int16, little-endian."""


@dataclass(frozen=True, slots=True)
class ComplexityLimited:
    """Mixes are encoded with no more work than this from the next tick on."""

    complexity: int
    """0 to 10, on the scale of Opus."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """A tick was run, after all that stands before it."""

    tick: int
    now_ns: int
    sound: int
    """Check of all mixes of the tick, see `digest.Ledger`."""

    packets: int
    """The same of what they were encoded to."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody has heard since their last such record."""

    index: int
    sound: int
    packets: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The last record; ``reason`` is for people."""

    reason: str


Record: TypeAlias = (
    Opened
    | Joined
    | Left
    | Reconnected
    | Changed
    | PacketArrived
    | Restarted
    | SoundArrived
    | FramePulled
    | Ruled
    | SoundBegan
    | SoundPulled
    | ComplexityLimited
    | Ticked
    | Heard
    | Ended
)
