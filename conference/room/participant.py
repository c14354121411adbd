"""One person or bot in a room: what it gives (a source), what it gets (a sink), and its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from conference.audio.frame import SILENT_LEVEL, Samples
from conference.codecs.base import Codec
from conference.room.voice import Voice

Transport: TypeAlias = Literal["webrtc", "twilio", "local"]
"""The way a participant came in. ``local`` is code in this process."""


class Source(Protocol):
    """Where a participant's voice comes from. The room pulls it once a tick."""

    def pull(self, now_ns: int) -> Samples | None:
        """The next 20 ms, shape ``(960,)``, int16; ``None`` if there is nothing to hear."""
        ...


@dataclass(frozen=True, slots=True)
class Mix:
    """What one participant hears during one tick. Everyone with the same mix and codec shares one of these."""

    tick: int
    """Number of the tick."""

    samples: Samples
    """The mix, limited: shape ``(960,)``, int16; read-only. All zero when nobody speaks."""

    payload: bytes | None
    """The mix in the sink's codec; ``None`` when nothing need be sent, or when no codec was asked for."""


class Sink(Protocol):
    """Where a participant's mix goes. Must not block and must not raise.

    A sink that knows how many packets are lost on their way has an attribute ``expected_loss``, too: percent, 0 to 100.
    The encoder's FEC follows it.
    """

    codec: Codec | None
    """What :attr:`Mix.payload` is to be encoded with; ``None`` for PCM alone."""

    def deliver(self, mix: Mix) -> None:
        """Take the mix of one tick. Called once a tick while in a room."""
        ...


@dataclass(frozen=True, slots=True)
class ParticipantState:
    """A participant at one moment, as the API shows it."""

    id: str
    name: str
    transport: Transport
    muted: bool
    talking: bool
    level: float
    """Level of the last frame in dBov, -127 (silence) to 0 (full scale)."""

    joined_at: float
    """Unix time in seconds."""

    levelling: bool = True
    """Their voice is brought to a common loudness."""

    noise_suppression: bool = False
    """Noise is taken out of their voice."""


class Participant:
    """Somebody in a room.

    Args:
        id: unique within the server, opaque, safe in a URL.
        name: what people see.
        transport: the way they came in.
        joined_at: unix time in seconds.
        source: their voice; ``None`` for one who only listens.
        sink: their ear; ``None`` for one who only speaks.
        hang_up: ends the participant's connection, for a reason that people can read; must not block.
    """

    __slots__ = (
        "hang_up",
        "id",
        "joined_at",
        "level",
        "muted",
        "name",
        "sink",
        "source",
        "talking",
        "transport",
        "voice",
    )

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - the API's own word
        name: str,
        transport: Transport,
        joined_at: float,
        source: Source | None = None,
        sink: Sink | None = None,
        hang_up: Callable[[str], None] | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.transport = transport
        self.joined_at = joined_at
        self.source = source
        self.sink = sink
        self.hang_up = hang_up
        self.muted = False
        self.talking = False
        self.level = SILENT_LEVEL
        self.voice = Voice()  # until a room says how voices are treated there

    def state(self) -> ParticipantState:
        """A snapshot."""
        return ParticipantState(
            id=self.id,
            name=self.name,
            transport=self.transport,
            muted=self.muted,
            talking=self.talking,
            level=round(self.level, 1),
            joined_at=self.joined_at,
            levelling=self.voice.settings.levelling,
            noise_suppression=self.voice.settings.noise_suppression,
        )
