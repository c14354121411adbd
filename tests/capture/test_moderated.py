"""A capture of a room that is moderated: sounds, hold, deafening, gains and whispers are heard again, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from conference.capture.format import decode
from conference.capture.records import Ruled, SoundBegan, SoundPulled
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.prompts.library import Library
from conference.room.local import LocalSource
from conference.room.policy import RoomPolicy
from conference.room.room import Room
from conference.room.sounds import Sound
from conference.room.voice import VoiceSettings
from tests.capture.captured import Ear, all_samples, at, captured_room, join, replayed
from tests.speech import spoken
from tests.tones import level_at, tone

TICKS = 300
VOICES = [spoken(TICKS / 50, seed=seed).reshape(-1, 960) for seed in range(3)]
NAMES = ("amy", "ben", "cat")
MUSIC = tone(1000.0, 1.0, -20.0, fade=0)


class Evening:
    """Three people who talk all the time, and somebody who decides about them."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.sources = {name: LocalSource() for name in NAMES}
        self.ears = {"amy": Ear(OpusCodec()), "ben": Ear(OpusCodec()), "cat": Ear(PcmuCodec())}
        for name in NAMES:
            join(room, name, self.sources[name], self.ears[name])

    def play(self, id: str, name: str, **given: object) -> None:  # noqa: A002 - as of a sound
        samples = MUSIC if name == "music" else Library().samples(name)
        self.room.play(Sound(id=id, name=name, samples=samples, **given))  # type: ignore[arg-type]

    def run(self) -> None:
        steps: dict[int, Callable[[], object]] = {
            10: lambda: self.play("s1", "join-tone"),
            20: lambda: self.play("s2", "muted", audience=frozenset({"amy"}), talk_gain=0.3, gain=0.5),
            40: lambda: self.room.set_gain("amy", "ben", 0.25),
            45: lambda: self.room.set_volume("cat", "ben", 0.5),
            50: lambda: self.room.set_gain(None, "cat", 1.5),
            55: lambda: self.room.set_volume("amy", "cat", 2.0),
            85: lambda: self.room.set_volume("cat", "ben", 1.0),
            60: lambda: self.play("hold", "music", for_absent=True, loop=True),
            65: lambda: self.room.hold("ben", True, by="Host"),
            90: lambda: self.room.whisper("cat", ["amy"], by="Host"),
            100: lambda: self.play("s3", "others-2", talk_gain=0.0),
            120: lambda: self.room.hold("ben", False, by="Host"),
            130: lambda: self.room.stop_sound("hold"),
            140: lambda: self.room.speak_up("cat"),
            150: lambda: self.room.deafen("cat", True),
            155: lambda: self.room.remove("ben", "bored"),
            160: lambda: self.play("loop", "music", loop=True, gain=0.1),
            170: lambda: self.room.set_muted("amy", True, by="Host"),
            180: lambda: join(self.room, "ben", self.sources["ben"], self.ears["ben"]),
            190: lambda: self.room.sidebar(["amy", "ben"], by="Host"),
            200: lambda: self.room.set_role("cat", "listener"),
            210: lambda: self.room.stop_sound("loop"),
            220: lambda: self.room.rejoin(["amy", "ben"]),
            230: lambda: self.room.deafen("cat", False),
            240: lambda: self.room.set_gain("amy", "ben", None),
            250: lambda: self.play("never", "music"),
        }
        for tick in range(TICKS):
            if tick in steps:
                steps[tick]()
            if tick == 250:
                self.room.stop_sound("never")  # before it began
            for name, voice in zip(NAMES, VOICES, strict=True):
                self.sources[name].push(voice[tick], at(tick))
            self.room.tick(tick, at(tick))


@pytest.fixture(scope="module")
def evening() -> tuple[Evening, object]:
    room, memory = captured_room()
    evening = Evening(room)
    evening.run()
    memory.capture.end("over")
    return evening, memory


@pytest.mark.parametrize("stage", ["levelling", "noise_suppression", "original_sound"])
@pytest.mark.parametrize("begins_with", [False, True])
def test_a_stage_of_somebodys_voice_that_alone_was_switched_is_heard_again(stage: str, begins_with: bool) -> None:
    if stage == "noise_suppression":
        pytest.importorskip("pywebrtc_audio", reason="MISSING: pywebrtc-audio, which suppresses noise")
    voice = VoiceSettings(**{stage: begins_with})  # type: ignore[arg-type]
    heard = []
    for switched in (False, True):
        room, memory = captured_room(voice)
        source, ear = LocalSource(), Ear(PcmuCodec())
        join(room, "amy", source)
        join(room, "ben", None, ear)
        join(room, "cat", None, Ear(PcmuCodec()))  # in a room of two nobody is levelled
        for tick in range(150):
            if switched and tick == 50:
                room.treat_voice("amy", **{stage: not begins_with})  # type: ignore[arg-type]
            source.push(VOICES[0][tick] // 8, at(tick))
            room.tick(tick, at(tick))
        memory.capture.end("over")
        replay, again = replayed(memory)
        assert replay.identical
        assert again["ben"] == ear.heard
        heard.append(ear.heard)
    assert heard[0][:50] == heard[1][:50]
    assert heard[0] != heard[1], "or the test would show nothing"


def test_in_a_room_of_two_levelling_is_asked_for_again_where_it_was_on_already() -> None:
    heard = []
    for asked in (False, True):
        room, memory = captured_room(VoiceSettings(levelling=True))
        source, ear = LocalSource(), Ear(PcmuCodec())
        join(room, "amy", source)
        join(room, "ben", None, ear)
        for tick in range(150):
            if asked and tick == 50:
                room.treat_voice("amy", levelling=True)
            source.push(VOICES[0][tick] // 8, at(tick))
            room.tick(tick, at(tick))
        memory.capture.end("over")
        replay, again = replayed(memory)
        assert replay.identical
        assert again["ben"] == ear.heard
        heard.append(ear.heard)
    assert heard[0] != heard[1], "or the test would show nothing"


def test_whoever_was_lost_hears_others_as_loud_as_before_and_does_so_in_the_replay_too() -> None:
    room, memory = captured_room()
    source, ear = LocalSource(), Ear(PcmuCodec())
    join(room, "amy", source)
    join(room, "ben", None, ear)
    join(room, "cat", None, Ear(PcmuCodec()))
    room.set_volume("ben", "amy", 0.25)
    for tick in range(100):
        if tick == 30:
            room.remove("ben", "lost", "lost")
        if tick == 40:
            join(room, "ben", None, ear)
        source.push(VOICES[0][tick], at(tick))
        room.tick(tick, at(tick))
    memory.capture.end("over")
    replay, again = replayed(memory)
    assert room.volumes.volume("ben", "amy") == 0.25
    assert again["ben"] == ear.heard
    assert replay.identical


def test_all_that_was_decided_is_heard_again_bit_for_bit(evening: tuple[Evening, object]) -> None:
    live, memory = evening
    replay, heard = replayed(memory)  # type: ignore[arg-type]
    assert replay.identical
    assert replay.ended == "over"
    assert replay.ticks == TICKS
    for name, ear in live.ears.items():
        assert heard[name] == ear.heard, name


def test_a_captured_room_that_is_moderated_sounds_like_one_that_is_not_captured(
    evening: tuple[Evening, object],
) -> None:
    plain = Evening(Room("tea", 0.0, lambda event: None))
    plain.run()
    for name, ear in evening[0].ears.items():
        assert plain.ears[name].heard == ear.heard, name


def test_what_was_heard_is_what_was_decided(evening: tuple[Evening, object]) -> None:
    """Or else the two tests above might compare silence with silence."""
    ben, amy = (all_samples(evening[0].ears[name].heard) for name in ("ben", "amy"))
    on_hold = slice(70 * 960, 118 * 960)
    assert level_at(ben[on_hold], 48_000, 1000.0) == pytest.approx(-20.0, abs=0.5)
    assert level_at(amy[on_hold], 48_000, 1000.0) < -35.0
    cat = all_samples(evening[0].ears["cat"].heard)
    assert np.any(cat[165 * 960 : 169 * 960]) == np.False_  # deafened: neither talk nor what is played to all


def test_the_capture_says_what_was_played_and_what_was_set(evening: tuple[Evening, object]) -> None:
    records = list(decode(evening[1].blocks))  # type: ignore[attr-defined]
    played = [one.about["name"] for one in records if isinstance(one, SoundBegan)]
    assert played == ["join-tone", "muted", "music", "others-2", "music", "music"]
    ruled = [one.about for one in records if isinstance(one, Ruled)]
    assert ruled[1] == {"rules": [["amy", "ben", 0.25]], "volumes": [["cat", "ben", 0.5]]}
    rules = [one["rules"] for one in ruled]
    assert rules[0] == [["amy", "ben", 0.25]]
    assert rules[2] == [["amy", "ben", 0.25], [None, "cat", 1.5]]
    assert rules[-1] == []
    ends = [one.index for one in records if isinstance(one, SoundPulled) and one.ended]
    assert sorted(ends) == list(range(6))


def test_who_waited_in_the_lobby_waits_when_it_is_heard_again() -> None:
    room, memory = captured_room()
    room.set_policy(RoomPolicy(lobby="admit"))
    evening = Evening(room)
    room.admit(NAMES[:2])
    evening.run()
    memory.capture.end("over")
    assert not np.any(all_samples(evening.ears["cat"].heard)[: 60 * 960])
    replay, heard = replayed(memory)
    assert replay.identical
    assert heard["cat"] == evening.ears["cat"].heard
