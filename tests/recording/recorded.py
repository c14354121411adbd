"""A conference that is recorded into a folder, on a clock of its own, with people who send packets."""

from __future__ import annotations

import json
import shutil
import threading
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICK_NS, Samples
from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.codecs.waveform import WaveformCodec
from conference.playout.source import PacketSource
from conference.recording.about import About
from conference.recording.finish import finish
from conference.recording.recordings import Recordings
from conference.recording.settings import RecordingSettings
from conference.recording.storage.objects import ObjectStorage
from conference.recording.wav_export import export_wav
from conference.room.conference import Conference
from conference.room.local import LocalSink
from conference.room.participant import Participant, Sink
from conference.room.room import Room
from conference.room.voice import VoiceSettings
from conference.telephony.intake import PacedSource
from conference.telephony.settings import LegSettings
from conference.web.events.event_json import event_json

OPUS = OpusCodec(fec=False, expected_loss=0)
AMPLITUDE = 6000.0


def tone(hertz: float, frame: int) -> Samples:
    """The frame of this number of a steady tone."""
    moments = np.arange(frame * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES)
    return np.rint(AMPLITUDE * np.sin(2 * np.pi * hertz * moments / SAMPLE_RATE)).astype(np.int16)


def loudness(samples: Samples, hertz: float) -> float:
    """The amplitude of a tone in a piece of sound, against :data:`AMPLITUDE`."""
    if not len(samples):
        return 0.0
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / SAMPLE_RATE) * np.hanning(len(samples))
    return float(2 * abs(samples.astype(float) @ turns) / np.hanning(len(samples)).sum() / AMPLITUDE)


@dataclass
class Person:
    """Somebody who sends a packet a tick, with a clock of their own."""

    participant: Participant
    source: PacketSource | PacedSource
    codec: Codec
    drift: float = 0.0
    """How much faster their clock is than ours."""

    lag_ns: int = 2_000_000
    sequence: int = 65_500
    timestamp: int = 2**32 - 5000
    encoder: Any = field(init=False)
    sent: int = 0
    begun_ns: int | None = None

    def __post_init__(self) -> None:
        self.encoder = self.codec.make_encoder()

    def say(self, frame: Samples, now_ns: int, *, lost: bool = False, late_ns: int = 0) -> None:
        """Send a frame whose last sample was said at ``now_ns``."""
        payload = self.encoder.encode(frame)
        arrival_ns = now_ns + self.lag_ns + late_ns
        if isinstance(self.source, PacedSource):
            self.source.push(payload, None, arrival_ns)
            return
        if not lost:
            self.source.push(self.sequence % 2**16, self.timestamp % 2**32, payload, arrival_ns)
        self.sequence += 1
        self.timestamp += FRAME_SAMPLES if self.codec.name == "opus" else 160

    def pause(self, ticks: int) -> None:
        """Send nothing for a while: their clock goes on."""
        self.timestamp += ticks * (FRAME_SAMPLES if self.codec.name == "opus" else 160)


def join(
    conference: Conference,
    name: str,
    codec: Codec,
    *,
    by_messages: bool,
    identity: str | None = None,
    make_sink: Callable[[Codec], Sink] = lambda _: LocalSink(lambda mix: None),
    **more: Any,
) -> Person:
    """Have somebody join who sends packets, or messages of a telephone."""
    source: PacketSource | PacedSource
    if by_messages:
        spoken = codec if isinstance(codec, WaveformCodec) else PcmuCodec()
        codec, source = spoken, PacedSource(spoken.make_decoder(), LegSettings(), spoken)
    else:
        source = PacketSource(codec.make_decoder())
    participant = Participant(
        id=name.lower(), name=name, transport="twilio" if by_messages else "webrtc", joined_at=0.0, source=source,
        sink=make_sink(codec), identity=identity,
    )  # fmt: skip
    conference.join("tea", participant)
    return Person(participant, source, codec, **more)


class Studio:
    """A conference, its recordings, and the time."""

    def __init__(
        self,
        folder: Path,
        voice: VoiceSettings | None = None,
        *,
        storage: ObjectStorage | None = None,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.now_ns = 5_000_000_000
        self.tick = 0
        self.said: list[tuple[str, Any]] = []
        self.conference = Conference(voice=voice or VoiceSettings(levelling=False))
        self.conference.subscribe(None, lambda event: self.said.append(event_json(event)))
        numbers = count(1)
        where: dict[str, Any] = {"recordings": folder}
        if storage is not None:
            where = {"recordings": storage.address, "recording_spool": folder}
        self.recordings = Recordings(
            RecordingSettings(**settings | where),
            self.conference,
            new_id=lambda: f"r{next(numbers)}",
            describe=event_json,
            monotonic_ns=lambda: self.now_ns,
            wallclock=lambda: 1_700_000_000.0 + self.now_ns / 1e9,
            storage=storage,
        )

    @property
    def room(self) -> Room:
        return self.conference.rooms["tea"]

    def join(self, name: str, codec: Codec = OPUS, *, by_messages: bool = False, **more: Any) -> Person:
        identity = f"{name.lower()}@example.org"
        return join(self.conference, name, codec, by_messages=by_messages, identity=identity, **more)

    def start(self, **wanted: Any) -> About:
        return self.recordings.start(self.room, by="Amy", **wanted)

    def pass_ticks(self, ticks: int, speak: Callable[[int], None] = lambda tick: None) -> None:
        """Let time pass; ``speak`` is called before each tick, with its number."""
        for _ in range(ticks):
            speak(self.tick)
            self.now_ns += TICK_NS
            self.conference.tick(self.tick, self.now_ns)
            self.tick += 1

    def finish(self, about: About) -> About:
        """As it is when all is written, and its files are made."""
        if about.status in ("recording", "paused"):
            self.recordings.stop(about.id, by="Amy")
        self.written()
        return finish(self.folder / about.id)

    def written(self) -> None:
        """Wait until all is on the disk that was handed to it."""
        self.recordings._writer.close()

    def written_so_far(self) -> None:
        """Wait until all is with the system that was handed to the thread that writes, which goes on."""
        written = threading.Event()
        self.recordings._writer.do(written.set)
        written.wait()

    def left_by_a_crash(self, about: About) -> Path:
        """A copy of what is there of a recording now, which nobody writes any more."""
        return Path(shutil.copytree(self.folder / about.id, self.folder / "left" / about.id))

    async def finished(self, recording_id: str) -> About:
        """A recording, as soon as its files are made or nothing can be made of it."""
        while (about := self.recordings.all[recording_id]).status == "finishing":
            await self.recordings.changed()
        return about

    def wav(self, about: About, target: Path) -> dict[str, Samples]:
        """What `conference export` makes of a recording, by the name of the file."""
        target.mkdir(exist_ok=True)
        return {path.name: read_wav(path) for path in export_wav(self.folder / about.id, target)}

    def events(self, about: About) -> list[dict[str, Any]]:
        lines = (self.folder / about.id / "events.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def read_wav(path: Path) -> Samples:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, SAMPLE_RATE)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
