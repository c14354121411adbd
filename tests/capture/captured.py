"""A room that is captured into memory, with people made of code, and a replay of what was captured."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from conference.audio.frame import TICK_NS, Samples
from conference.capture.format import MAGIC, read_capture
from conference.capture.replay import Replay
from conference.capture.room_capture import RoomCapture
from conference.codecs.base import Codec
from conference.room.participant import Mix, Participant, Sink, Source
from conference.room.room import Room
from conference.room.voice import DEFAULT_VOICE, VoiceSettings


class Memory:
    """An output that keeps what it gets."""

    capture: RoomCapture
    """What it gets it from."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.closed = False

    def write(self, block: bytes, *, last: bool = False) -> None:
        assert not self.closed
        self.blocks.append(block)
        self.closed = last

    def file(self) -> io.BytesIO:
        """As it would be on disk."""
        return io.BytesIO(MAGIC + zlib.compress(b"".join(self.blocks)))


class Ear:
    """A sink that keeps what it gets."""

    def __init__(self, codec: Codec | None = None) -> None:
        self.codec = codec
        self.mixes: list[Mix] = []

    def deliver(self, mix: Mix) -> None:
        self.mixes.append(mix)

    @property
    def heard(self) -> list[tuple[bytes, bytes | None]]:
        return [(mix.samples.tobytes(), mix.payload) for mix in self.mixes]


def captured_room(voice: VoiceSettings = DEFAULT_VOICE, **limits: Any) -> tuple[Room, Memory]:
    memory = Memory()
    room = Room("tea", 1_700_000_000.0, lambda event: None, voice, **limits)
    memory.capture = RoomCapture(room, memory)
    return room, memory


def join(
    room: Room,
    name: str,
    source: Source | None = None,
    sink: Sink | None = None,
    hang_up: Callable[[str], None] | None = None,
) -> Participant:
    participant = Participant(
        id=name, name=name.title(), transport="webrtc", joined_at=0.0, source=source, sink=sink, hang_up=hang_up
    )
    room.add(participant)
    return participant


def replayed(capture: Memory | io.BytesIO | Path) -> tuple[Replay, dict[str, list[tuple[bytes, bytes | None]]]]:
    """A replay that has been run, and what each listener heard in it."""
    heard: dict[str, list[tuple[bytes, bytes | None]]] = {}

    def on_mix(listener: str, mix: Mix) -> None:
        heard.setdefault(listener, []).append((mix.samples.tobytes(), mix.payload))

    replay = Replay(on_mix)
    if isinstance(capture, Path):
        with capture.open("rb") as file:
            replay.run(read_capture(file))
    else:
        replay.run(read_capture(capture.file() if isinstance(capture, Memory) else capture))
    return replay, heard


def all_samples(heard: list[tuple[bytes, bytes | None]]) -> Samples:
    return np.frombuffer(b"".join(samples for samples, _ in heard), dtype=np.int16)


def at(tick: int) -> int:
    return 10**12 + tick * TICK_NS
