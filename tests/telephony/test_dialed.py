"""Somebody whom a room has called: what they say is played in real time, what they hear goes on without a pause."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import SILENCE
from conference.room.participant import Mix
from conference.telephony.dialect import CallIdentity, Message
from conference.telephony.dialed import MAX_WAITING, DialedLeg
from conference.telephony.phone import Phone
from conference.telephony.settings import LegSettings
from conference.telephony.twilio.messages import Clear, ServerMark, ServerMedia, build

SID = CallIdentity("AC", "CA", "MZ")
LOUD = b"\x10" * 160


def make(**settings: int) -> DialedLeg:
    return DialedLeg(Phone(SID), LegSettings(**settings))


def read(messages: list[Message]) -> list[dict[str, Any]]:
    return [json.loads(one) for one in messages]


def events(leg: DialedLeg) -> list[str]:
    return [one["event"] for one in read(leg.take_output())]


def test_it_begins_as_twilio_does_and_then_says_something_on_every_tick() -> None:
    leg = make()
    leg.sink.deliver(Mix(0, SILENCE, LOUD))  # nobody has answered yet
    assert leg.take_output() == []
    leg.answered()
    for tick in range(3):
        leg.sink.deliver(Mix(tick, SILENCE, None if tick == 1 else LOUD))
    assert events(leg) == ["connected", "start", "media", "media", "media"]


def test_what_it_says_at_once_is_played_in_real_time_and_then_nothing() -> None:
    leg = make()
    leg.answered()
    leg.receive(build(ServerMedia("MZ", LOUD * 5)))
    frames = [leg.source.pull(0) for _ in range(9)]
    assert [frame is not None for frame in frames] == [True] * 6 + [False] * 3  # the end of what the resampler delays
    assert all(frame.shape == (960,) and frame.dtype == np.int16 for frame in frames if frame is not None)


def test_marks_come_back_when_they_are_reached_and_all_of_them_when_it_clears() -> None:
    leg = make()
    leg.answered()
    leg.take_output()
    leg.receive(build(ServerMark("MZ", "at once")))
    assert [one["mark"]["name"] for one in read(leg.take_output())] == ["at once"]
    for name in "abc":
        leg.receive(build(ServerMedia("MZ", LOUD)))
        leg.receive(build(ServerMark("MZ", name)))
    assert leg.take_output() == []
    leg.source.pull(0)
    assert [one["mark"]["name"] for one in read(leg.take_output())] == ["a"]
    leg.receive(build(Clear("MZ")))
    assert [one["mark"]["name"] for one in read(leg.take_output())] == ["b", "c"]
    leg.source.pull(0)
    assert leg.source.pull(0) is None


@given(st.lists(st.sampled_from(["media", "mark", "clear", "tick"]), max_size=80))
def test_every_mark_comes_back_once_and_in_order(steps: list[str]) -> None:
    leg, asked, echoed = make(), 0, []
    leg.answered()
    for step in [*steps, "clear"]:
        if step == "media":
            leg.receive(build(ServerMedia("MZ", LOUD * 2)))
        elif step == "mark":
            leg.receive(build(ServerMark("MZ", str(asked))))
            asked += 1
        elif step == "clear":
            leg.receive(build(Clear("MZ")))
        else:
            leg.source.pull(0)
        echoed += [one["mark"]["name"] for one in read(leg.take_output()) if one["event"] == "mark"]
    assert echoed == [str(number) for number in range(asked)]


def test_for_a_connection_that_takes_nothing_the_oldest_sound_is_dropped_and_no_answer() -> None:
    leg = make(max_outgoing_ms=100)
    leg.answered()
    for number in range(20):
        leg.sink.deliver(Mix(0, SILENCE, LOUD))
        leg.receive(build(ServerMark("MZ", str(number))))
    said = read(leg.take_output())
    assert [one["event"] for one in said].count("media") == 5
    assert [one["mark"]["name"] for one in said if one["event"] == "mark"] == [str(number) for number in range(20)]
    assert leg.stats().outgoing_dropped_frames == 15


def test_who_asks_on_and_on_and_takes_no_answers_is_stuck() -> None:
    leg = make()
    leg.answered()
    for _ in range(MAX_WAITING + 1):
        leg.receive(build(ServerMark("MZ", "x")))
    assert leg.stuck


def test_keys_are_told_once_the_call_is_answered() -> None:
    leg = make()
    leg.press("5")
    leg.answered()
    leg.press("5")
    assert [one.get("dtmf", {}).get("digit") for one in read(leg.take_output())] == [None, None, "5"]


@given(st.lists(st.text(max_size=30) | st.binary(max_size=30) | st.sampled_from(['{"event":"media"}', "[]"])))
def test_nothing_that_is_sent_to_it_raises(messages: list[Message]) -> None:
    leg = make()
    leg.answered()
    for message in messages:
        leg.receive(message)
        leg.source.pull(0)
        leg.sink.deliver(Mix(0, SILENCE, LOUD))
        leg.take_output()
    leg.stats()
