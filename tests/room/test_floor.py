"""Who is decoded at all: those who may be heard, by what their packets say of themselves, and nobody who is silent."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.audio.gate import level_of
from conference.room.claims import FAR_OFF_DB
from conference.room.events import LevelsMeasured, RoomEvent, TalkingStarted, TalkingStopped
from conference.room.floor import SPARE
from conference.room.participant import Participant
from conference.room.room import Room
from conference.room.stream import PacketSource
from conference.room.voice import DEFAULT_VOICE, UNTOUCHED, VoiceSettings
from tests.room.fakes import Ear, PcmDecoder, at, steady

SILENT_FRAME = np.zeros(FRAME_SAMPLES, np.int16)


class CountingDecoder(PcmDecoder):
    def __init__(self) -> None:
        self.decoded = 0

    def decode(self, payload: bytes) -> Samples:
        self.decoded += 1
        return super().decode(payload)


@dataclass
class Crowd:
    """A room of people whose packets come a tick before they are played."""

    size: int
    max_talkers: int = 2
    voice: VoiceSettings = UNTOUCHED
    tick: int = 0
    events: list[RoomEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.room = Room("hall", 0.0, self.events.append, self.voice, max_talkers=self.max_talkers)
        self.decoders = [CountingDecoder() for _ in range(self.size)]
        self.sources = [PacketSource(decoder) for decoder in self.decoders]
        self.ears = [Ear() for _ in range(self.size)]
        for number in range(self.size):
            self.room.add(
                Participant(
                    id=str(number),
                    name=f"No. {number}",
                    transport="local",
                    joined_at=0.0,
                    source=self.sources[number],
                    sink=self.ears[number],
                )
            )

    def say(self, frames: dict[int, Samples | None], levels: dict[int, int | None] | None = None) -> None:
        """Let a tick pass. Levels are what is so, unless told otherwise."""
        for number, frame in frames.items():
            if frame is None:
                continue
            level: int | None = max(-127, round(level_of(frame)))
            if levels is not None and number in levels:
                level = levels[number]
            media_time = self.tick * FRAME_SAMPLES
            self.sources[number].push(self.tick, media_time, frame.tobytes(), at(self.tick), level)
        self.room.tick(self.tick, at(self.tick) + 10_000_000)
        self.tick += 1

    def heard_by(self, number: int) -> int:
        return int(self.ears[number].mixes[-1].samples[-1])

    def person(self, number: int) -> Participant:
        return self.room.participants[str(number)]


def test_only_the_loudest_few_are_decoded_when_everybody_talks() -> None:
    crowd = Crowd(12)
    frames = {number: steady(3000 - 200 * number) for number in range(12)}
    for _ in range(50):
        crowd.say(dict(frames))
    before = [one.decoded for one in crowd.decoders]
    for _ in range(50):
        crowd.say(dict(frames))
    decoded = [one.decoded - past for one, past in zip(crowd.decoders, before, strict=True)]
    assert decoded == [50] * (2 + SPARE) + [0] * (10 - SPARE)
    assert crowd.heard_by(11) == 3000 + 2800


def test_who_is_passed_over_is_still_known_to_talk_and_how_loud() -> None:
    crowd = Crowd(12)
    for _ in range(50):
        crowd.say({number: steady(3000 - 200 * number) for number in range(12)})
    assert all(one.talking for one in crowd.room.participants.values())
    assert crowd.person(11).level == pytest.approx(level_of(steady(800)), abs=0.5)


def test_who_is_passed_over_and_falls_silent_without_a_word_is_known_to_have_stopped() -> None:
    crowd = Crowd(12)
    frames: dict[int, Samples | None] = {number: steady(3000 - 200 * number) for number in range(12)}
    for _ in range(50):
        crowd.say(frames)
    for _ in range(50):
        crowd.say(frames | {11: None})
    assert not crowd.person(11).talking
    assert crowd.person(11).level == -127
    assert crowd.person(10).talking


def test_who_gets_louder_is_heard_at_once() -> None:
    crowd = Crowd(12)
    frames: dict[int, Samples | None] = {number: steady(1000) for number in range(12)}
    for _ in range(50):
        crowd.say(frames)
    frames[11] = steady(9000)
    crowd.say(frames)
    crowd.say(frames)
    assert crowd.heard_by(0) >= 9000


def test_those_who_say_nothing_of_their_loudness_are_always_decoded() -> None:
    crowd = Crowd(12)
    for _ in range(20):
        crowd.say({number: steady(1000) for number in range(12)}, dict.fromkeys(range(12)))
    assert [one.decoded for one in crowd.decoders] == [20] * 12


def test_who_claims_to_be_loud_and_is_not_takes_nobody_s_place_and_is_found_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    crowd = Crowd(12)
    frames: dict[int, Samples | None] = {number: steady(3000 - 100 * number) for number in range(8)}
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            crowd.say(frames)
        for _ in range(100):
            crowd.say(frames | {number: steady(60) for number in range(8, 12)}, dict.fromkeys(range(8, 12), 0))
            assert crowd.heard_by(7) == 3000 + 2900
    assert [source.stats.mistrusted for source in crowd.sources[:8]] == [0] * 8
    for source in crowd.sources[8:]:  # who was not decoded for long enough is known to be quiet all the same
        assert source.stats.mistrusted or source.claim == pytest.approx(level_of(steady(60)), abs=FAR_OFF_DB)
    assert sum(source.stats.mistrusted for source in crowd.sources) >= 3
    assert "participant 8 is louder or quieter than its packets say" in caplog.text


def test_who_claims_to_be_silent_and_is_not_is_heard_after_all() -> None:
    crowd = Crowd(3)
    for _ in range(50):
        crowd.say({0: steady(2000), 1: SILENT_FRAME}, {0: -127})
    assert crowd.sources[0].stats.mistrusted == 1
    assert crowd.heard_by(1) == 2000
    assert crowd.person(0).talking


def test_a_muted_participant_who_goes_on_talking_is_not_decoded_and_comes_back_at_once() -> None:
    crowd = Crowd(2)
    for _ in range(10):
        crowd.say({0: steady(2000)})
    crowd.room.set_muted("0", True)
    crowd.say({0: steady(2000)})
    decoded = crowd.decoders[0].decoded
    for _ in range(50):
        crowd.say({0: steady(2000)})
    assert crowd.decoders[0].decoded == decoded
    assert crowd.heard_by(1) == 0
    crowd.room.set_muted("0", False)
    crowd.say({0: steady(2000)})
    assert crowd.heard_by(1) == 2000


def test_a_room_in_which_nobody_speaks_pulls_nobody() -> None:
    crowd = Crowd(50, voice=DEFAULT_VOICE)
    for _ in range(40):
        crowd.say(dict.fromkeys(range(50), SILENT_FRAME))
    pulls = [0]
    for source in crowd.sources:
        source.pull = lambda now_ns: pulls.__setitem__(0, pulls[0] + 1)  # type: ignore[method-assign]
    for _ in range(100):
        crowd.say(dict.fromkeys(range(50), SILENT_FRAME))
    assert pulls == [0]


def test_somebody_who_left_asleep_is_not_woken_by_what_comes_late() -> None:
    crowd = Crowd(2)
    for _ in range(40):
        crowd.say({0: SILENT_FRAME})
    crowd.room.remove("0", "left")
    for _ in range(3):
        crowd.say({0: steady(2000)})
    assert crowd.heard_by(1) == 0
    assert list(crowd.room.participants) == ["1"]


def test_somebody_asleep_who_comes_back_with_another_connection_is_heard() -> None:
    crowd = Crowd(2)
    for _ in range(40):
        crowd.say({0: SILENT_FRAME})
    crowd.sources[0] = PacketSource(PcmDecoder())
    crowd.room.reseat("0", crowd.sources[0], crowd.ears[0], None)
    for _ in range(3):
        crowd.say({0: steady(2000)})
    assert crowd.heard_by(1) == 2000


speech = st.sampled_from([None, 0, 0, 20, 300, 300, 4000])


@settings(max_examples=15, deadline=None)
@given(scripts=st.lists(st.lists(speech, min_size=20, max_size=20), min_size=2, max_size=3), levels=st.booleans())
def test_sleep_changes_nothing_that_anybody_hears_or_sees(scripts: list[list[int | None]], levels: bool) -> None:
    """A room whose people may sleep, beside one whose people are kept awake."""
    asleep, awake = (Crowd(len(scripts), max_talkers=8, voice=DEFAULT_VOICE) for _ in range(2))
    awake.room._floor._let_sleep = lambda participant: None  # type: ignore[method-assign]
    for values in zip(*scripts, strict=True):
        for _ in range(12):  # long enough for pauses to count
            frames = {n: None if value is None else steady(value) for n, value in enumerate(values)}
            for crowd in (asleep, awake):
                crowd.say(frames, None if levels else dict.fromkeys(frames))
            assert told(asleep) == told(awake)
    for one, other in zip(asleep.ears, awake.ears, strict=True):
        np.testing.assert_array_equal(one.heard, other.heard)


def told(crowd: Crowd) -> list[str]:
    """What was told of talking and of levels on the last tick, in no order."""
    what = []
    for event in crowd.events:
        if isinstance(event, TalkingStarted | TalkingStopped):
            what.append(repr(event))
        elif isinstance(event, LevelsMeasured):
            what.append(repr(sorted(event.levels.items())))
    crowd.events.clear()
    return sorted(what)


def test_the_noise_of_many_is_nobody_s_talk_whether_it_is_decoded_or_not() -> None:
    crowd = Crowd(12, voice=DEFAULT_VOICE)
    noise = np.random.default_rng(1).normal(0, 33, (12, 250, FRAME_SAMPLES)).astype(np.int16)  # -60 dBov
    for tick in range(250):
        crowd.say({number: noise[number, tick] for number in range(12)})
    assert max(one.decoded for one in crowd.decoders) == 250
    assert min(one.decoded for one in crowd.decoders) < 10
    assert not any(one.talking for one in crowd.room.participants.values())
    assert crowd.heard_by(0) == 0
    speaker = (noise[11, 0] * 50).astype(np.int16)
    crowd.say({number: noise[number, 0] for number in range(11)} | {11: speaker})
    assert crowd.person(11).talking
    assert np.abs(crowd.ears[0].mixes[-1].samples).max() > 1000
