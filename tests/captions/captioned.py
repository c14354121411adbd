"""A conference whose talk is recognised in this process, on a clock of its own, with people who send packets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import SAMPLE_RATE, TICK_NS, Samples
from conference.captions.captions import Captions
from conference.captions.engines.base import RATE, Engine, Heard
from conference.captions.pool import Pool, SentUtterance
from conference.captions.process import Listener
from conference.captions.settings import CaptionSettings
from conference.captions.wire import Order
from conference.captions.worker import Sound
from conference.codecs.base import Codec
from conference.room.captioned import Caption
from conference.room.conference import Conference
from conference.room.events import Captioned, RoomEvent
from conference.room.local import LocalSink
from conference.room.policy import RoomPolicy
from conference.room.room import Room
from conference.room.voice import VoiceSettings
from tests.recording.recorded import OPUS, Person, join

WALLCLOCK = 1_700_000_000.0


class LocalPool(Pool):
    """Recognises at once, in this process."""

    def __init__(self, settings: CaptionSettings, engine: Engine) -> None:
        super().__init__(settings, lambda: 0)
        self._engine = engine

    def begin(self, listener: Listener) -> SentUtterance:
        return LocalUtterance(self._engine, listener)


class LatePool(LocalPool):
    """Understands for good what was said when it is told to."""

    def __init__(self, settings: CaptionSettings, engine: Engine) -> None:
        super().__init__(settings, engine)
        self._held: list[LateUtterance] = []

    def begin(self, listener: Listener) -> SentUtterance:
        self._held.append(LateUtterance(self._engine, listener))
        return self._held[-1]

    def understand(self) -> None:
        for one in self._held:
            LocalUtterance.end(one)
        self._held.clear()


class LocalUtterance(SentUtterance):
    def __init__(self, engine: Engine, listener: Listener) -> None:
        self._recognizer = engine()
        self._listener = listener
        self._sound = Sound()
        self._said: list[Samples] = []

    def send(self, kind: Order, body: bytes) -> None:
        self._said.append(self._sound.take(kind, body))

    def flush(self) -> None:
        if self._said:
            said, self._said = np.concatenate(self._said), []
            self._tell(self._recognizer.hear(said))

    def end(self) -> None:
        self.flush()
        self._tell(self._recognizer.end())
        self._listener.over()

    def _tell(self, heard: Sequence[Heard]) -> None:
        for one in heard:
            self._listener.heard(one)


class LateUtterance(LocalUtterance):
    def end(self) -> None:
        self.flush()


class Tones:
    """An engine that understands tones: their frequencies, to 100 Hz, are its words, each at least 60 ms long."""

    piece = RATE // 50

    def __init__(self) -> None:
        self._rest = np.zeros(0)
        self._pieces: list[str] = []

    def hear(self, samples: Samples) -> Sequence[Heard]:
        self._rest = np.concatenate([self._rest, samples.astype(float)])
        while len(self._rest) >= self.piece:
            self._pieces.append(self._word(self._rest[: self.piece]))
            self._rest = self._rest[self.piece :]
        return self._understood(final=False)

    def end(self) -> Sequence[Heard]:
        return self._understood(final=True)

    def _understood(self, *, final: bool) -> Sequence[Heard]:
        words: list[tuple[str, int, int]] = []
        for word, run in groupby(enumerate(self._pieces), lambda one: one[1]):
            places = [place for place, _ in run]
            if word and len(places) >= 3:
                words.append((word, places[0], places[-1] + 1))
        if not words:
            return ()
        text = " ".join(word for word, _ in groupby(word for word, _, _ in words))
        return (Heard(text, final, begins_s=words[0][1] / 50, ends_s=words[-1][2] / 50),)

    def _word(self, piece: NDArray[np.float64]) -> str:
        if np.abs(piece).max() < 500:
            return ""
        strength = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), RATE // 10))
        return str(round(int(np.argmax(strength)) / 10) * 100)


class Silent:
    """An engine that understands nothing."""

    def hear(self, samples: Samples) -> Sequence[Heard]:
        del samples
        return ()

    def end(self) -> Sequence[Heard]:
        return ()


class Ear(LocalSink):
    """A sink to which packets can be forwarded."""

    max_bitrate: float | None = None

    def __init__(self, codec: Codec, *, paced: bool) -> None:
        super().__init__(lambda mix: None, codec)
        self.forwards: str | None = codec.name
        self.paced = paced
        self.got = 0

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None
    ) -> None:
        self.got += 1

    def restart_forwarding(self) -> None:
        pass


class CaptionedConference:
    """A conference, its captions, and the time."""

    def __init__(self, engine: Engine = Tones, *, captions: bool = True, forwarding: bool = True, **more: Any) -> None:
        self.now_ns = 5_000_000_000
        self.tick = 0
        self.told: list[Caption] = []
        self.conference = Conference(
            voice=VoiceSettings(levelling=False),
            make_room=lambda *args, **named: Room(*args, forwarding=forwarding, **named),
            policy_of=lambda _: RoomPolicy(captions=captions),
        )
        self.settings = CaptionSettings(**more)
        numbers = count(1)
        self.captions = Captions(
            self.settings,
            self.conference,
            new_id=lambda: f"u{next(numbers)}",
            monotonic_ns=lambda: self.now_ns,
            wallclock=lambda: WALLCLOCK + self.now_ns / 1e9,
            pool=LocalPool(self.settings, engine),
        )
        self.conference.subscribe(None, self._take)

    def _take(self, event: RoomEvent) -> None:
        if isinstance(event, Captioned):
            self.told.append(event.caption)

    @property
    def final(self) -> list[Caption]:
        return [one for one in self.told if one.final]

    @property
    def room(self) -> Room:
        return self.conference.rooms["tea"]

    def join(self, name: str, codec: Codec = OPUS, *, by_messages: bool = False, **more: Any) -> Person:
        make_sink = partial(Ear, paced=by_messages)
        return join(self.conference, name, codec, by_messages=by_messages, make_sink=make_sink, **more)

    def pass_ticks(self, ticks: int, speak: Callable[[int], None] = lambda tick: None) -> None:
        """Let time pass; ``speak`` is called before each tick, with its number from here on."""
        for number in range(ticks):
            speak(number)
            self.now_ns += TICK_NS
            self.conference.tick(self.tick, self.now_ns)
            self.tick += 1


def at(caption: Caption) -> tuple[float, float]:
    """When a caption begins and ends, in seconds on the clock of the room."""
    return caption.begins_ns / 1e9, caption.ends_ns / 1e9


def frames_of(samples: Samples) -> list[Samples]:
    """Cut into ticks, padded with silence."""
    frame = SAMPLE_RATE // 50
    padded = np.pad(samples, (0, -len(samples) % frame))
    return list(padded.reshape(-1, frame))
