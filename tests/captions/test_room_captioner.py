"""What people say becomes captions with their names, from the first syllable on, and only while they may be heard."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from conference.audio.frame import TICK_NS
from conference.codecs.pcmu import PcmuCodec
from conference.playout.source import PacketSource
from conference.room.events import RecordingPaused, RecordingStarted
from conference.room.recorded import RecordingState
from tests.captions.captioned import WALLCLOCK, CaptionedConference, Ear, LatePool, Tones, at
from tests.recording.recorded import Person, tone

SECOND = 50


def say(conference: CaptionedConference, person: Person, hertz: float, ticks: int = SECOND) -> None:
    """Have somebody say a tone, and be silent after it for two seconds."""
    conference.pass_ticks(ticks, lambda tick: person.say(tone(hertz, tick), conference.now_ns))
    person.pause(2 * SECOND)
    conference.pass_ticks(2 * SECOND)


@pytest.mark.parametrize("how", [{}, {"codec": PcmuCodec()}, {"by_messages": True}], ids=["opus", "pcmu", "messages"])
@pytest.mark.parametrize("forwarding", [True, False], ids=["forwarded", "mixed"])
def test_each_voice_is_captioned_with_its_name_and_when_it_was_said(how: dict[str, Any], forwarding: bool) -> None:
    conference = CaptionedConference(forwarding=forwarding)
    amy, ben = conference.join("Amy", **how), conference.join("Ben", **how)
    conference.pass_ticks(SECOND)
    for person, hertz in ((amy, 800.0), (ben, 1500.0), (amy, 1200.0)):
        began_ns = conference.now_ns
        say(conference, person, hertz)
        caption = conference.final[-1]
        assert (caption.name, caption.text) == (person.participant.name, str(int(hertz)))
        begins, ends = at(caption)
        assert begins == pytest.approx(began_ns / 1e9, abs=0.15)
        assert ends == pytest.approx(began_ns / 1e9 + 1.0, abs=0.3)
        assert caption.begins_at == pytest.approx(WALLCLOCK + begins, abs=0.01)
    assert len(conference.final) == 3
    assert len({one.id for one in conference.final}) == 3


def test_who_is_only_forwarded_is_captioned_and_stays_so() -> None:
    conference = CaptionedConference()
    amy, ben = conference.join("Amy"), conference.join("Ben")
    conference.pass_ticks(SECOND)
    say(conference, amy, 800.0)
    assert isinstance(amy.source, PacketSource)
    ear = ben.participant.sink
    assert isinstance(ear, Ear)
    got = ear.got
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(900.0, tick), conference.now_ns))
    assert conference.room.forwarded["ben"] == "amy"
    assert ear.got - got == SECOND
    assert not amy.source.plays
    conference.pass_ticks(2 * SECOND)
    assert conference.final[-1].text == "900"


def test_people_who_talk_at_once_have_captions_of_their_own() -> None:
    conference = CaptionedConference()
    people = {800: conference.join("Amy"), 1300: conference.join("Ben"), 2100: conference.join("Eve")}

    def speak(tick: int) -> None:
        for hertz, one in people.items():
            one.say(tone(hertz, tick), conference.now_ns)

    conference.pass_ticks(SECOND, speak)
    conference.pass_ticks(2 * SECOND)
    assert {(one.name, one.text) for one in conference.final} == {("Amy", "800"), ("Ben", "1300"), ("Eve", "2100")}


def test_nothing_is_recognised_where_nobody_asked_for_it_and_nothing_more_once_nobody_does() -> None:
    conference = CaptionedConference(captions=False)
    amy = conference.join("Amy")
    conference.join("Ben")
    say(conference, amy, 800.0)
    assert conference.told == []
    conference.room.set_policy(replace(conference.room.policy, captions=True), by="Amy")
    say(conference, amy, 900.0)
    assert [one.text for one in conference.final] == ["900"]
    conference.room.set_policy(replace(conference.room.policy, captions=False), by="Amy")
    say(conference, amy, 1000.0)
    assert [one.text for one in conference.final] == ["900"]


@pytest.mark.parametrize("how", ["muted", "held", "listener", "lobby"])
def test_who_is_not_heard_is_not_captioned(how: str) -> None:
    conference = CaptionedConference()
    amy = conference.join("Amy")
    conference.join("Ben")
    conference.pass_ticks(10)
    room = conference.room
    match how:
        case "muted":
            room.set_muted("amy", True)
        case "held":
            room.hold("amy", True)
        case "listener":
            room.set_role("amy", "listener")
        case "lobby":
            amy.participant.waiting = True
    say(conference, amy, 800.0)
    assert conference.told == []


def test_what_is_said_before_and_after_being_muted_is_in_no_caption_with_what_is_said_meanwhile() -> None:
    conference = CaptionedConference()
    amy = conference.join("Amy")
    conference.join("Ben")
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(800.0, tick), conference.now_ns))
    conference.room.set_muted("amy", True)
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(1500.0, tick), conference.now_ns))
    conference.room.set_muted("amy", False)
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(2500.0, tick), conference.now_ns))
    conference.pass_ticks(2 * SECOND)
    assert "1500" not in " ".join(one.text for one in conference.told)
    assert [one.text for one in conference.final] == ["800", "2500"]


def test_a_long_talk_is_several_captions_without_a_gap() -> None:
    conference = CaptionedConference(captions_max_utterance=2.0)
    amy = conference.join("Amy")
    conference.join("Ben")
    conference.pass_ticks(7 * SECOND, lambda tick: amy.say(tone(800.0, tick), conference.now_ns))
    conference.pass_ticks(2 * SECOND)
    times = [at(one) for one in conference.final]
    assert len(times) == 4
    assert all(after[0] - before[1] < 0.1 for before, after in pairwise(times))


def test_a_pause_of_a_recording_ends_the_caption_that_goes_on() -> None:
    conference = CaptionedConference()
    amy = conference.join("Amy")
    conference.join("Ben")
    state = RecordingState("r", "recording", 0.0, None)
    conference.room.note_recording(RecordingStarted("tea", state))
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(800.0, tick), conference.now_ns))
    conference.room.note_recording(RecordingPaused("tea", replace(state, status="paused")))
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(1500.0, tick), conference.now_ns))
    conference.pass_ticks(2 * SECOND)
    assert [one.text for one in conference.final] == ["800", "1500"]


def test_lost_and_late_packets_move_nothing() -> None:
    conference = CaptionedConference()
    amy = conference.join("Amy")
    conference.join("Ben")
    conference.pass_ticks(SECOND)
    say(conference, amy, 800.0)
    assert conference.room.forwarded["ben"] == "amy"
    began_ns = conference.now_ns
    conference.pass_ticks(
        2 * SECOND,
        lambda tick: amy.say(
            tone(900.0, tick), conference.now_ns, lost=tick % 10 in (4, 5), late_ns=(tick % 3) * TICK_NS
        ),
    )
    conference.pass_ticks(2 * SECOND)
    begins, ends = at(conference.final[-1])
    assert conference.final[-1].text == "900"
    assert begins == pytest.approx(began_ns / 1e9, abs=0.15)
    assert ends == pytest.approx(began_ns / 1e9 + 2.0, abs=0.3)


def test_those_who_left_are_captioned_with_what_they_said_last_and_the_room_may_be_gone() -> None:
    conference = CaptionedConference()
    amy = conference.join("Amy")
    conference.join("Ben")
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(800.0, tick), conference.now_ns))
    conference.conference.leave("tea", "ben", "left")
    conference.conference.leave("tea", "amy", "left")
    assert [one.text for one in conference.final] == ["800"]


@pytest.mark.parametrize("others", [True, False], ids=["others meet there", "nobody is there"])
def test_what_is_understood_when_a_room_is_gone_is_not_told_to_others_who_meet_by_its_name(others: bool) -> None:
    conference = CaptionedConference()
    pool = conference.captions.pool = LatePool(conference.settings, Tones)
    amy = conference.join("Amy")
    conference.join("Ben")
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(800.0, tick), conference.now_ns))
    conference.conference.leave("tea", "ben", "left")
    conference.conference.leave("tea", "amy", "left")
    if others:
        conference.join("Eve")
    told = len(conference.told)
    pool.understand()
    assert [one.text for one in conference.told[told:]] == ([] if others else ["800"])
    assert not others or conference.captions.kept(conference.room) == ()


def test_nothing_is_left_of_a_room_that_is_gone_once_all_that_was_said_there_is_understood() -> None:
    conference = CaptionedConference()
    pool = conference.captions.pool = LatePool(conference.settings, Tones)
    amy = conference.join("Amy")
    conference.join("Ben")
    conference.pass_ticks(SECOND, lambda tick: amy.say(tone(800.0, tick), conference.now_ns))
    room = weakref.ref(conference.room)
    conference.conference.leave("tea", "ben", "left")
    conference.conference.leave("tea", "amy", "left")
    gc.collect()
    assert room() is not None
    pool.understand()
    gc.collect()
    assert room() is None


def test_captions_are_kept_for_a_while_and_so_many() -> None:
    conference = CaptionedConference(captions_kept=2, captions_kept_seconds=60.0)
    amy = conference.join("Amy")
    conference.join("Ben")
    for hertz in (800.0, 900.0, 1000.0):
        say(conference, amy, hertz)
    assert [one.text for one in conference.captions.kept(conference.room)] == ["900", "1000"]
    conference.pass_ticks(70 * SECOND)
    assert conference.captions.kept(conference.room) == ()
