"""Those who were in a captured room, in its replay: what they say, what they hear, and what came of their packets."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from conference.audio.frame import SILENCE, Samples
from conference.capture.digest import HeardSoFar, Ledger, mark_of_packet
from conference.capture.recipes import make_decoder
from conference.codecs.base import Codec
from conference.playout.source import PacketSource
from conference.room.participant import Mix, Source, Transport
from conference.room.sounds import Sound
from conference.room.talking_voice import TalkingVoice
from conference.telephony.intake import PacedSource

OnMix: TypeAlias = Callable[[str, Mix], None]
"""Takes a listener's id and a mix."""

OnForwarded: TypeAlias = Callable[[str, Samples], None]
"""Takes a listener's id and a frame."""


@dataclass(slots=True)
class Spurt:
    """Somebody talked."""

    start_tick: int
    end_tick: int | None = None
    """``None``: they still do."""


@dataclass(slots=True)
class RecordedListener:
    """A participant in a replay: what they heard, said, and what came of their packets."""

    id: str
    name: str
    transport: Transport
    listens: bool = False
    ticks: int = 0
    """Mixes heard, and ticks on which somebody's own packets were, in place of one."""

    forwarded: int = 0
    """Packets of others that came in place of mixes."""

    sound: Any = field(default_factory=hashlib.sha256)
    """SHA-256 of the samples of all mixes heard: int16, as in memory."""

    packets: Any = field(default_factory=hashlib.sha256)
    """SHA-256 of the payloads of all mixes heard, and of all packets that came in place of them, each with its length
    before it (4 bytes, little-endian)."""

    sent: int = 0
    """Payloads."""

    spurts: list[Spurt] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """What came of the packets of their source, or of each of their sources."""

    so_far: HeardSoFar = field(default_factory=HeardSoFar)
    source: Source | None = None

    def hear(self, mix: Mix, mark: tuple[int, int]) -> None:
        """A tick's mix arrives."""
        self.ticks += 1
        self.so_far.note(mark)
        self.sound.update(mix.samples.data)
        if mix.payload is not None:
            self._get(mix.payload)

    def take(self, payload: bytes, mark: tuple[int, int]) -> None:
        """Somebody's own packet arrives."""
        self.forwarded += 1
        self.so_far.note_packet(mark)
        self._get(payload)

    def _get(self, payload: bytes) -> None:
        self.sent += 1
        self.packets.update(len(payload).to_bytes(4, "little") + payload)

    def count(self) -> None:
        """Add up what came of the packets of the source, which is done with."""
        for name, number in _numbers(self.source).items():
            self.counts[name] = self.counts.get(name, 0) + number
        self.source = None


class FramesSource:
    """Gives the frames that the captured source gave."""

    def __init__(self) -> None:
        self.frame: Samples | None = None
        self.fails = False

    def pull(self, now_ns: int) -> Samples | None:
        """See `participant.Source`."""
        del now_ns
        frame, self.frame = self.frame, None
        if self.fails:
            raise RuntimeError("the captured source failed here")
        return frame


class ReplayedSound(Sound):
    """Plays the frames that the captured sound gave.

    Args:
        about: what the capture says of it.
    """

    __slots__ = ("_frame", "_last")

    def __init__(self, about: Mapping[str, Any]) -> None:
        audience = about.get("audience")
        super().__init__(
            id=str(about["id"]),
            name=str(about.get("name")),
            samples=SILENCE,
            audience=None if audience is None else frozenset(audience),
            talk_gain=about["talk_gain"],
            gain=about["gain"],
            for_absent=about.get("for_absent") is True,
        )
        self._frame: Samples | None = None
        self._last = False

    @property
    def stopping(self) -> bool:
        """See `Sound.stopping`."""
        return self._last

    def give(self, samples: bytes | None, *, ended: bool) -> None:
        """Have this pulled next."""
        self._frame = None if samples is None else np.frombuffer(samples, dtype="<i2").astype(np.int16)
        self._last = ended

    def pull(self, now_ns: int) -> Samples | None:
        """See `Sound.pull`."""
        del now_ns
        frame, self._frame = self._frame, None
        self.ended = self._last
        return frame


class NobodysVoices:
    """Stands for somebody who heard each voice apart, so that the same voices are decoded."""

    def hear(self, talking: Sequence[TalkingVoice], now_ns: int) -> None:
        """See `participant.VoicesSink`."""


class CheckingSink:
    """Hears what a captured listener heard. Satisfies `room.forwarding.ForwardingSink`.

    Args:
        listener: who.
        codec: of the mixes.
        ledger: of the room.
        on_mix: is called with each mix, if anybody wants to know.
    """

    def __init__(self, listener: RecordedListener, codec: Codec | None, ledger: Ledger, on_mix: OnMix | None) -> None:
        self.codec = codec
        self.expected_loss: float | None = None
        self.forwards: str | None = None
        self.max_bitrate: float | None = None
        self.paced = False
        self.forwarded_codec: str | None = None  # the last of `forwards`: what is being forwarded goes on without it
        self._ear: PacketSource | None = None  # plays what is forwarded
        self._listener = listener
        self._ledger = ledger
        self._on_mix = on_mix

    def deliver(self, mix: Mix) -> None:
        """See `participant.Sink`."""
        self._listener.hear(mix, self._ledger.note(mix))
        if self._on_mix is not None:
            self._on_mix(self._listener.id, mix)

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None = None
    ) -> None:
        """See `ForwardingSink.forward`."""
        del level
        self._listener.take(payload, mark_of_packet(sequence, timestamp, duration, payload))
        if self._ear is None:
            self._ear = PacketSource(make_decoder(self.forwarded_codec))
        self._ear.push(sequence, timestamp, payload, arrival_ns)

    def restart_forwarding(self) -> None:
        """See `ForwardingSink.restart_forwarding`."""
        self._listener.so_far.restart()
        self._ear = None

    def play_forwarded(self, now_ns: int) -> Samples:
        """Let a tick pass on which packets came in place of a mix.

        Returns:
            Their sound, as it is played here: shape ``(960,)``, int16.
        """
        self._listener.ticks += 1
        frame = None if self._ear is None else self._ear.pull(now_ns)
        return SILENCE if frame is None else frame


def _numbers(source: object) -> dict[str, int]:
    """The counters of a source, by name."""
    if isinstance(source, PacedSource):
        return {"dropped": source.dropped_frames, "concealed": source.concealed_frames}
    if isinstance(source, PacketSource):
        return _flat(source.stats)
    return {}


def _flat(stats: object) -> dict[str, int]:
    counts: dict[str, int] = {}
    if dataclasses.is_dataclass(stats):
        for one in dataclasses.fields(stats):
            value = getattr(stats, one.name)
            if isinstance(value, int):
                counts[one.name] = counts.get(one.name, 0) + value
            else:
                counts |= _flat(value)
    return counts
