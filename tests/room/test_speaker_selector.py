"""Who is decoded at all: those who may be heard, by what their packets say of themselves, and nobody who is silent."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conference.audio.comfort_noise import RESIDUE_TICKS
from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.audio.noise_gate import level_of
from conference.playout.level_trust import FAR_OFF_DB
from conference.playout.source import PacketSource
from conference.room.events import LevelsMeasured, ParticipantLeft, RoomEvent, TalkingStarted, TalkingStopped, events_of
from conference.room.participant import Participant
from conference.room.room import Room
from conference.room.speaker_selector import SPARE
from conference.room.voice import DEFAULT_VOICE, UNTOUCHED, VoiceSettings
from tests.room.fakes import Ear, Mouth, PcmDecoder, at, steady

SILENT_FRAME = np.zeros(FRAME_SAMPLES, np.int16)


class CountingDecoder(PcmDecoder):
    def __init__(self) -> None:
        self.decoded = 0

    def decode(self, payload: bytes) -> Samples:
        self.decoded += 1
        return super().decode(payload)


class CountingSource(PacketSource):
    pulls = 0

    def pull(self, now_ns: int) -> Samples | None:
        self.pulls += 1
        return super().pull(now_ns)

    def skip(self, now_ns: int) -> None:
        self.pulls += 1
        super().skip(now_ns)


@dataclass
class Scene:
    """A room of people whose packets come a tick before they are played."""

    size: int
    max_talkers: int = 2
    voice: VoiceSettings = UNTOUCHED
    tick: int = 0
    events: list[RoomEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.room = Room(
            "hall", 0.0, lambda one: self.events.extend(events_of(one)), self.voice, max_talkers=self.max_talkers
        )
        self.decoders = [CountingDecoder() for _ in range(self.size)]
        self.sources = [CountingSource(decoder) for decoder in self.decoders]
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
    scene = Scene(12)
    frames = {number: steady(3000 - 200 * number) for number in range(12)}
    for _ in range(50):
        scene.say(dict(frames))
    before = [one.decoded for one in scene.decoders]
    for _ in range(50):
        scene.say(dict(frames))
    decoded = [one.decoded - past for one, past in zip(scene.decoders, before, strict=True)]
    assert decoded == [50] * (2 + SPARE) + [0] * (10 - SPARE)
    assert scene.heard_by(11) == 3000 + 2800


def test_who_is_passed_over_is_still_known_to_talk_and_how_loud() -> None:
    scene = Scene(12)
    for _ in range(50):
        scene.say({number: steady(3000 - 200 * number) for number in range(12)})
    assert all(one.talking for one in scene.room.participants.values())
    assert scene.person(11).level == pytest.approx(level_of(steady(800)), abs=0.5)


def test_who_is_passed_over_and_falls_silent_without_a_word_is_known_to_have_stopped() -> None:
    scene = Scene(12)
    frames: dict[int, Samples | None] = {number: steady(3000 - 200 * number) for number in range(12)}
    for _ in range(50):
        scene.say(frames)
    for _ in range(50):
        scene.say(frames | {11: None})
    assert not scene.person(11).talking
    assert scene.person(11).level == -127
    assert scene.person(10).talking


def test_who_gets_louder_is_heard_at_once() -> None:
    scene = Scene(12)
    frames: dict[int, Samples | None] = {number: steady(1000) for number in range(12)}
    for _ in range(50):
        scene.say(frames)
    frames[11] = steady(9000)
    scene.say(frames)
    scene.say(frames)
    assert scene.heard_by(0) >= 9000


def test_those_who_say_nothing_of_their_loudness_are_always_decoded() -> None:
    scene = Scene(12)
    for _ in range(20):
        scene.say({number: steady(1000) for number in range(12)}, dict.fromkeys(range(12)))
    assert [one.decoded for one in scene.decoders] == [20] * 12


def test_who_claims_to_be_loud_and_is_not_takes_nobody_s_place_and_is_found_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(12)
    frames: dict[int, Samples | None] = {number: steady(3000 - 100 * number) for number in range(8)}
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            scene.say(frames)
        for _ in range(100):
            scene.say(frames | {number: steady(60) for number in range(8, 12)}, dict.fromkeys(range(8, 12), 0))
            assert scene.heard_by(7) == 3000 + 2900
    assert [source.stats.mistrusted for source in scene.sources[:8]] == [0] * 8
    for source in scene.sources[8:]:  # who was not decoded for long enough is known to be quiet all the same
        assert source.stats.mistrusted or source.expected_level == pytest.approx(level_of(steady(60)), abs=FAR_OFF_DB)
    assert sum(source.stats.mistrusted for source in scene.sources) >= 3
    assert "participant 8 is louder or quieter than its packets say" in caplog.text


def test_who_claims_to_be_silent_and_is_not_is_heard_after_all() -> None:
    scene = Scene(3)
    for _ in range(50):
        scene.say({0: steady(2000), 1: SILENT_FRAME}, {0: -127})
    assert scene.sources[0].stats.mistrusted == 1
    assert scene.heard_by(1) == 2000
    assert scene.person(0).talking


def test_a_muted_participant_who_goes_on_talking_is_not_decoded_and_comes_back_at_once() -> None:
    scene = Scene(2)
    for _ in range(10):
        scene.say({0: steady(2000)})
    scene.room.set_muted("0", True)
    scene.say({0: steady(2000)})
    decoded = scene.decoders[0].decoded
    for _ in range(50):
        scene.say({0: steady(2000)})
    assert scene.decoders[0].decoded == decoded
    assert scene.heard_by(1) == 0
    scene.room.set_muted("0", False)
    scene.say({0: steady(2000)})
    assert scene.heard_by(1) == 2000


def test_a_room_in_which_nobody_speaks_pulls_nobody() -> None:
    scene = Scene(50, voice=DEFAULT_VOICE)
    for _ in range(40):
        scene.say(dict.fromkeys(range(50), SILENT_FRAME))
    pulls = [0]
    for source in scene.sources:
        source.pull = lambda now_ns: pulls.__setitem__(0, pulls[0] + 1)  # type: ignore[method-assign]
    for _ in range(100):
        scene.say(dict.fromkeys(range(50), SILENT_FRAME))
    assert pulls == [0]


def test_somebody_who_left_asleep_is_not_woken_by_what_comes_late() -> None:
    scene = Scene(2)
    for _ in range(40):
        scene.say({0: SILENT_FRAME})
    scene.room.remove("0", "left")
    for _ in range(3):
        scene.say({0: steady(2000)})
    assert scene.heard_by(1) == 0
    assert list(scene.room.participants) == ["1"]


def test_somebody_asleep_who_comes_back_with_another_connection_is_heard() -> None:
    scene = Scene(2)
    for _ in range(40):
        scene.say({0: SILENT_FRAME})
    scene.sources[0] = CountingSource(PcmDecoder())
    scene.room.reconnect("0", scene.sources[0], scene.ears[0], None)
    for _ in range(3):
        scene.say({0: steady(2000)})
    assert scene.heard_by(1) == 2000


speech = st.sampled_from([None, 0, 0, 20, 300, 300, 4000])


@settings(max_examples=15, deadline=None)
@given(scripts=st.lists(st.lists(speech, min_size=20, max_size=20), min_size=2, max_size=3), levels=st.booleans())
def test_sleep_changes_nothing_that_anybody_hears_or_sees(scripts: list[list[int | None]], levels: bool) -> None:
    """A room whose people may sleep, beside one whose people are kept awake."""
    asleep, awake = (Scene(len(scripts), max_talkers=8, voice=DEFAULT_VOICE) for _ in range(2))
    awake.room._speaker_selector._let_sleep = lambda participant: None  # type: ignore[method-assign]
    for values in zip(*scripts, strict=True):
        for _ in range(12):  # long enough for pauses to count
            frames = {n: None if value is None else steady(value) for n, value in enumerate(values)}
            for scene in (asleep, awake):
                scene.say(frames, None if levels else dict.fromkeys(frames))
            assert told(asleep) == told(awake)
    for one, other in zip(asleep.ears, awake.ears, strict=True):
        np.testing.assert_array_equal(one.heard, other.heard)


def told(scene: Scene) -> list[str]:
    """What was told of talking and of levels on the last tick, in no order."""
    what = []
    for event in scene.events:
        if isinstance(event, TalkingStarted | TalkingStopped):
            what.append(repr(event))
        elif isinstance(event, LevelsMeasured):
            what.append(repr(sorted(event.levels.items())))
    scene.events.clear()
    return sorted(what)


def test_the_noise_of_many_is_nobody_s_talk_whether_it_is_decoded_or_not() -> None:
    scene = Scene(12, voice=DEFAULT_VOICE)
    noise = np.random.default_rng(1).normal(0, 33, (12, 250, FRAME_SAMPLES)).astype(np.int16)  # -60 dBov
    for tick in range(250):
        scene.say({number: noise[number, tick] for number in range(12)})
    assert max(one.decoded for one in scene.decoders) == 250
    assert min(one.decoded for one in scene.decoders) < 10
    assert not any(one.talking for one in scene.room.participants.values())
    assert scene.heard_by(0) == 0
    speaker = (noise[11, 0] * 50).astype(np.int16)
    scene.say({number: noise[number, 0] for number in range(11)} | {11: speaker})
    assert scene.person(11).talking
    assert np.abs(scene.ears[0].mixes[-1].samples).max() > 1000


@dataclass
class Meeting:
    """People with open microphones, in rooms as loud as they are told."""

    size: int
    max_talkers: int = 2

    def __post_init__(self) -> None:
        self.scene = Scene(self.size, self.max_talkers, DEFAULT_VOICE)
        random = np.random.default_rng(1)
        self.noise = random.normal(0, 33, (50, FRAME_SAMPLES))  # -60 dBov
        self.places = random.integers(0, 50, self.size)

    def go_on(self, ticks: int, loudness: dict[int, float]) -> None:
        """Let time pass. Loudness is that of a few, as a factor; for all others it is 1."""
        for _ in range(ticks):
            frames: dict[int, Samples | None] = {
                number: (self.noise[(self.scene.tick + place) % 50] * loudness.get(number, 1)).astype(np.int16)
                for number, place in enumerate(self.places)
            }
            self.scene.say(frames)

    @property
    def awake(self) -> set[str]:
        return {one.id for one in self.scene.room._speaker_selector.awake}

    @property
    def squelched(self) -> list[int]:
        return [number for number, source in enumerate(self.scene.sources) if source.squelched]


def test_who_is_passed_over_and_does_not_talk_sleeps_through_the_noise_of_their_room() -> None:
    meeting = Meeting(30)
    meeting.go_on(250, {0: 100})
    assert len(meeting.awake) == 2 + SPARE
    assert len(meeting.squelched) == 30 - 2 - SPARE
    assert [one.id for one in meeting.scene.room.participants.values() if one.talking] == ["0"]
    before = sum(one.decoded for one in meeting.scene.decoders)
    meeting.go_on(100, {0: 100})
    assert sum(one.decoded for one in meeting.scene.decoders) - before < 100 * (2 + SPARE) + 30


def test_who_is_squelched_is_pulled_once_a_tick_like_anybody_until_they_sleep_and_not_decoded() -> None:
    meeting = Meeting(12)
    sources, decoders = meeting.scene.sources, meeting.scene.decoders
    drained = 0
    for _ in range(100):
        draining = [number for number in meeting.squelched if str(number) in meeting.awake]
        before = {number: (sources[number].pulls, decoders[number].decoded) for number in draining}
        meeting.go_on(1, {})
        for number, (pulled, decoded) in before.items():
            assert (sources[number].pulls, decoders[number].decoded) == (pulled + 1, decoded)
        drained += len(draining)
    assert drained >= 2 * (12 - 2 - SPARE)


def test_whoever_is_squelched_and_speaks_is_heard_at_once_and_their_noise_is_noise_again_afterwards() -> None:
    meeting = Meeting(30)
    meeting.go_on(250, {})
    number = meeting.squelched[-1]
    meeting.go_on(1, {number: 50})
    assert np.abs(meeting.scene.ears[number - 1].mixes[-1].samples).max() > 1000
    assert [one.id for one in meeting.scene.room.participants.values() if one.talking] == [str(number)]
    meeting.go_on(60, {})
    assert not any(one.talking for one in meeting.scene.room.participants.values())
    meeting.go_on(RESIDUE_TICKS + 40, {})
    assert meeting.scene.heard_by(0) == 0
    assert len(meeting.awake) == 2 + SPARE


def test_noise_that_slowly_becomes_louder_is_nobody_s_talk() -> None:
    meeting = Meeting(12)
    meeting.go_on(150, {})
    meeting.scene.events.clear()
    for tick in range(600):
        meeting.go_on(1, dict.fromkeys(range(12), 10 ** (tick / 1000)))  # by 12 dB
    assert not [event for event in meeting.scene.events if isinstance(event, TalkingStarted)]
    assert len(meeting.awake) == 2 + SPARE
    number = meeting.squelched[0]
    meeting.go_on(1, {number: 50})
    assert meeting.scene.person(number).talking


def test_when_others_leave_as_many_are_looked_at_again_as_there_is_room_for() -> None:
    meeting = Meeting(30)
    meeting.go_on(250, {})
    for one in meeting.awake:
        meeting.scene.room.remove(one, "left")
    meeting.go_on(40, {})
    assert len(meeting.awake) == 2 + SPARE
    for one in list(meeting.scene.room.participants)[3:]:
        meeting.scene.room.remove(one, "left")
    meeting.go_on(40, {})
    assert meeting.awake == set(meeting.scene.room.participants)


@pytest.mark.parametrize("callers", [0, 4])
def test_whoever_cannot_be_heard_or_is_heard_in_any_case_takes_no_place_of_those_who_are_squelched(
    callers: int,
) -> None:
    meeting = Meeting(30)
    room = meeting.scene.room
    for number in range(callers):
        caller = Participant(
            id=f"caller {number}", name="", transport="twilio", joined_at=0.0, source=Mouth([steady(0)] * 400)
        )
        room.add(caller)
    meeting.go_on(250, {})
    some = [str(number) for number in meeting.squelched[:2]]
    for one in room.participants:
        if one not in some:
            room.set_muted(one, True)
    meeting.go_on(40, {})
    assert not set(some) & {str(number) for number in meeting.squelched}
    assert set(some) <= meeting.awake
    assert len(meeting.squelched) == 30 - 2 - SPARE - 2


def test_nothing_is_left_of_who_fails_as_they_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting(12)
    room = meeting.scene.room
    meeting.go_on(2, {})
    one = meeting.scene.person(11)

    def hang_up(reason: str) -> None:
        room.remove(one.id, reason)

    one.hang_up = hang_up
    monkeypatch.setattr(meeting.scene.sources[11], "skip", lambda now_ns: 1 // 0)
    for _ in range(100):
        meeting.go_on(1, {})
    assert one.id not in room.participants
    left = next(number for number, event in enumerate(meeting.scene.events) if isinstance(event, ParticipantLeft))
    assert not [event for event in meeting.scene.events[left:] if isinstance(event, TalkingStarted)]
    assert room._speaker_selector.state(one.id) is None


def test_whose_noise_became_less_is_heard_as_soon_as_they_stand_out_from_what_is_left() -> None:
    meeting = Meeting(30)
    meeting.go_on(250, {})
    number = meeting.squelched[0]
    meeting.go_on(60, {number: 0.1})
    meeting.go_on(1, {number: 2})  # 6 dB above the others, and 26 above what it is now
    assert not meeting.scene.sources[number].squelched
    assert meeting.scene.person(number).talking


@settings(max_examples=10, deadline=None)
@example(words=[(0, 1, 0), (6, 2, 0), (2, 1, 18)])
@given(words=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=6))
def test_every_word_is_heard_as_if_no_noise_went_by(words: list[tuple[int, int, int]]) -> None:
    """A meeting whose people may be squelched, beside one in which nobody is.

    What may differ is whose noise is mixed after a word, until it is known that they are done: in a larger competition
    one of three who have just spoken may win another's place.
    """
    meeting, other = Meeting(8), Meeting(8)
    for source in other.scene.sources:
        source.squelch = lambda level: None  # type: ignore[method-assign]
    for one in (meeting, other):
        one.go_on(120, {})
        for speaker, length, pause in words:
            one.go_on(length, {speaker: 50})
            one.go_on(pause, {})
    assert meeting.squelched
    for ear, its_other in zip(meeting.scene.ears, other.scene.ears, strict=True):
        difference = ear.heard.astype(np.int32) - its_other.heard
        assert np.abs(difference).max() < 500, "as much as noise, of which a word has 50 times as much"
