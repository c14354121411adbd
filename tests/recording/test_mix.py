"""The mix of a recording is what a listener heard live, bit for bit, though nothing was mixed for it meanwhile."""

from __future__ import annotations

import random
from collections import deque
from pathlib import Path

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SILENCE, Samples
from conference.audio.noise_gate import level_of
from conference.capture.format import decode
from conference.playout.history import HISTORY_PACKETS
from conference.playout.source import PacketSource
from conference.recording.about import JOURNAL
from conference.recording.journal_format import RECORDS, read_blocks
from conference.recording.legs import Legs, segments_of
from conference.recording.mixdown import mix_frames
from conference.room.local import LocalSink
from conference.room.participant import Participant
from conference.room.voice import VoiceSettings
from tests.recording.recorded import Studio
from tests.speech import spoken


class Bypass:
    """Lets silent packets go by, as the receive table does. Satisfies `playout.gate.SilenceBypass`."""

    def __init__(self) -> None:
        self.left = 0
        self.passed = 0
        self._last: deque[bytes] = deque(maxlen=HISTORY_PACKETS)

    def takes(self, payload: bytes) -> bool:
        """Whether a silent packet goes by."""
        if not self.left:
            return False
        self.left -= 1
        self.passed += 1
        self._last.append(payload)
        return True

    def open(self, packets: int, silent_dbov: int) -> None:
        del silent_dbov
        self.left = packets

    last_passed: int | None = None

    def close(self) -> int:
        left, self.left = self.left, 0
        return left

    def kept(self, packets: int) -> list[bytes]:
        return list(self._last)[-packets:]


def heard_again(studio: Studio, recording_id: str) -> dict[int, Samples]:
    """The frames of the mix, by their number."""
    records = bytearray()
    with (studio.folder / recording_id / JOURNAL).open("rb") as file:
        for kind, block in read_blocks(file):
            if kind == RECORDS:
                records += block
    [segment] = segments_of(decode([bytes(records)]))
    return dict(mix_frames(segment, Legs().add(segment)))


def test_it_is_what_a_listener_heard_with_losses_jitter_mutes_and_whispers(tmp_path: Path) -> None:
    chance = random.Random(3)
    studio = Studio(tmp_path, VoiceSettings(levelling=True))
    heard: list[Samples] = []
    listener = Participant(
        id="ear", name="Ear", transport="local", joined_at=0.0, sink=LocalSink(lambda mix: heard.append(mix.samples))
    )
    studio.conference.join("tea", listener)
    about = studio.start()
    people = [studio.join("Amy"), studio.join("Ben", by_messages=True), studio.join("Charlie")]
    voices = [spoken(12.0, seed=seed) for seed in range(3)]

    def speak(tick: int) -> None:
        for person, voice in zip(people, voices, strict=True):
            piece = voice[tick * FRAME_SAMPLES : (tick + 1) * FRAME_SAMPLES]
            late_ns = int(chance.expovariate(1 / 8e6))
            person.say(piece, studio.now_ns, lost=chance.random() < 0.05, late_ns=late_ns)
        match tick:
            case 150:
                studio.room.set_muted("amy", True)
            case 220:
                studio.room.set_muted("amy", False)
            case 260:
                studio.room.whisper("charlie", ["amy"])
            case 330:
                studio.room.speak_up("charlie")
            case 400:
                studio.room.hold("ben", True)
            case 450:
                studio.room.hold("ben", False)
            case 500:
                studio.conference.leave("tea", "charlie", "gone")
            case _:
                pass

    studio.pass_ticks(550, speak)
    studio.written()
    again = heard_again(studio, about.id)
    # Who can be heard again begins anew here, and live goes on: bit for bit is what comes before.
    assert all(np.array_equal(again[tick], heard[tick]) for tick in range(150))
    live, kept = np.concatenate(heard[150:500]).astype(float), np.concatenate([again[n] for n in range(150, 500)])
    assert np.corrcoef(live, kept)[0, 1] > 0.9


def test_silence_that_goes_by_unread_changes_nothing_of_what_is_heard(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    heard: list[Samples] = []
    listener = Participant(
        id="ear", name="Ear", transport="local", joined_at=0.0, sink=LocalSink(lambda mix: heard.append(mix.samples))
    )
    studio.conference.join("tea", listener)
    about = studio.start()
    amy = studio.join("Amy")
    words = spoken(2.0, seed=5)
    bypass, source = Bypass(), amy.source
    assert isinstance(source, PacketSource)
    source.bypass = bypass

    def speak(tick: int) -> None:
        phase = tick % 250
        piece = words[phase * FRAME_SAMPLES : (phase + 1) * FRAME_SAMPLES] if phase < 100 else SILENCE
        silent, payload = not piece.any(), amy.encoder.encode(piece)
        if not (silent and bypass.takes(payload)):
            level = -127 if silent else round(level_of(piece))
            source.push(amy.sequence % 2**16, amy.timestamp % 2**32, payload, studio.now_ns, level)
        amy.sequence += 1
        amy.timestamp += FRAME_SAMPLES

    studio.pass_ticks(1000, speak)
    studio.written()
    assert bypass.passed > 100
    again = heard_again(studio, about.id)
    live, kept = np.concatenate(heard[:1000]), np.concatenate([again.get(n, SILENCE) for n in range(1000)])
    same = sum(np.array_equal(a, b) for a, b in zip(np.split(live, 1000), np.split(kept, 1000), strict=True))
    assert same > 600
    assert np.corrcoef(live.astype(float), kept.astype(float))[0, 1] > 0.98
