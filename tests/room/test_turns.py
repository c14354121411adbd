"""People take turns in a room of three: whose turn comes is forwarded from the first word on, with the quiet before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.room.voice import VoiceSettings
from tests.room.meeting import Meeting, Person
from tests.room.test_law_10_forwarding import AMY_HZ, BEN_HZ, assert_one_line, hums

HERTZ = (AMY_HZ, BEN_HZ, 1700)
AS_THEY_ARE = VoiceSettings(levelling=False)


def with_hum(voice: Callable[[int], Samples], seed: int, dbov: float = -85.0) -> Callable[[int], Samples]:
    """A voice in a quiet room, whose microphone is never quite silent."""
    chance = np.random.default_rng(seed)
    hum = np.rint(chance.normal(0, 32768 * 10 ** (dbov / 20), (64, FRAME_SAMPLES))).astype(np.int16)
    return lambda tick: voice(tick) + hum[tick % 64]


def three(amy: Callable[[int], Samples], ben: Callable[[int], Samples], cal: Callable[[int], Samples]) -> list[Person]:
    voices = {"amy": amy, "ben": ben, "cal": cal}
    return [Person(name, with_hum(voice, seed), dtx=False) for seed, (name, voice) in enumerate(voices.items())]


def turns(gap: int) -> tuple[list[int], list[Person], Meeting]:
    """Six turns of 50 ticks, with so many ticks between two. Returns the first tick of each."""
    begins = [60 + turn * (50 + gap) for turn in range(6)]
    stretches = [range(begin, begin + 50) for begin in begins]
    people = three(*(hums(hertz, *stretches[place::3]) for place, hertz in enumerate(HERTZ)))
    meeting = Meeting(*people, voice=AS_THEY_ARE)
    meeting.go_on(begins[0] - 1)
    return begins, people, meeting


@pytest.mark.parametrize("gap", [7, 8, 11, 60])
def test_turns_with_a_pause_between_them_need_no_codec(gap: int) -> None:
    begins, people, meeting = turns(gap)
    for turn, begin in enumerate(begins):
        meeting.go_on(begin - meeting.tick)
        talker = people[turn % 3]
        others = [one for one in people if one is not talker]
        assert all(meeting.room.forwarded.get(one.name) == talker.name for one in others), turn
        meeting.go_on(40)
        came = [one.payload for one in talker.sent if one.tick >= begin - 3]
        for one in others:
            assert [packet.payload for _, packet in one.received][-len(came) :] == came, "with the quiet before it"
        assert talker.participant.talking
        assert sum(one.participant.talking for one in people) == 1
    assert meeting.room.encoders.encoded_packets == 0
    for one in people:
        assert_one_line(one)


@pytest.mark.parametrize("gap", [0, 1, 3, 9, 11])
def test_whose_turn_comes_is_heard_from_the_first_frame_and_no_later_for_the_turns_before(gap: int) -> None:
    begins, people, meeting = turns(gap)
    for turn, begin in enumerate(begins):
        meeting.go_on(begin + 4 - meeting.tick)
        assert all(one.hears_now(HERTZ[turn % 3]) for one in people if one is not people[turn % 3]), turn
    for one in people:
        assert_one_line(one)
        ahead = [
            (packet.timestamp - one.received[0][1].timestamp & 0xFFFFFFFF) / FRAME_SAMPLES
            - (at_ns - one.received[0][0]) / TICK_NS
            for at_ns, packet in one.received
        ]
        assert max(ahead) < 3.5, "packets are not put behind each other without end"
