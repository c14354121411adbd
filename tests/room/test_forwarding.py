"""Forwarding where it begins and ends, and where somebody is not what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conference.audio.frame import TICK_NS, Samples
from conference.audio.noise_gate import level_of
from conference.room.forwarding import MAX_LISTENERS_OF_ONE
from conference.room.speaker_selector import SpeakerSelector
from tests.room.meeting import Meeting, Person, tone_power
from tests.room.test_law_10_forwarding import AMY_HZ, BEN_HZ, assert_one_line, hums, says, silent


def quietly(voice: Callable[[int], Samples]) -> Callable[[int], Samples]:
    return lambda tick: (voice(tick) // 16).astype(np.int16)


def test_who_is_to_be_levelled_in_a_call_of_two_after_all_is_mixed_and_levelled() -> None:
    amy, ben = Person("amy", quietly(says("amy"))), Person("ben", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(60)
    assert meeting.room.forwarded["ben"] == "amy"
    meeting.room.treat_voice("amy", levelling=True)
    meeting.go_on(200)
    assert "ben" not in meeting.room.forwarded
    assert amy.participant.voice.gain_db > 6
    meeting.room.treat_voice("amy", levelling=False)
    meeting.go_on(200)
    assert meeting.room.forwarded["ben"] == "amy"


def test_what_broke_off_long_ago_is_not_heard_again_when_somebody_else_begins() -> None:
    amy = Person("amy", hums(AMY_HZ, range(5, 20), range(60, 400)))
    ben, cal = Person("ben", hums(BEN_HZ, range(180, 260))), Person("cal", silent)
    meeting = Meeting(amy, ben, cal)
    meeting.go_on(99)
    assert meeting.room.forwarded["cal"] == "amy"
    meeting.go_on(121, lambda name, tick: name == "amy")
    heard = [samples for at_ns, samples in cal._decoded if at_ns >= 181 * TICK_NS]
    assert max(tone_power(samples, BEN_HZ) for samples in heard) > 70
    assert max(tone_power(samples, AMY_HZ) for samples in heard) < 40


@pytest.mark.parametrize("forwarding", [True, False])
def test_who_leaves_in_mid_word_fades(forwarding: bool) -> None:
    amy = Person("amy", hums(AMY_HZ, range(5, 20), range(60, 400)))
    ben, cal = Person("ben", silent), Person("cal", silent)
    meeting = Meeting(amy, ben, cal, forwarding=forwarding)
    meeting.go_on(100)
    assert ("cal" in meeting.room.forwarded) is forwarding
    meeting.room.remove("amy", "left")
    meeting.go_on(2)
    fading, silence = (samples for at_ns, samples in cal._decoded if at_ns > 100 * TICK_NS)
    assert -30 < level_of(fading) < -19
    assert level_of(silence) < -55
    meeting.go_on(60)
    assert_one_line(cal)


def murmurs(tick: int) -> Samples:
    return np.random.default_rng(tick).integers(-6, 7, 960).astype(np.int16)


@pytest.mark.parametrize(("said", "talks"), [(-127, True), (-100, True), (-30, False)])
def test_a_talker_who_is_not_as_loud_as_they_say_is_found_out_while_forwarded(said: int, talks: bool) -> None:
    amy, ben = Person("amy", silent), Person("ben", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(60)
    assert meeting.room.forwarded["ben"] == "amy"
    amy.says_level, amy.voice = said, hums(AMY_HZ, range(2000)) if talks else murmurs
    meeting.go_on(40)
    assert amy.participant.talking is not talks, "they are believed at first"
    meeting.go_on(1000)
    assert amy.source.stats.mistrusted == 1
    assert amy.participant.talking is talks
    assert meeting.room.forwarded["ben"] == "amy"


def test_who_says_the_truth_is_forwarded_undecoded_but_for_a_few_packets() -> None:
    amy, ben = Person("amy", says("amy")), Person("ben", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(60)
    decoded = amy.source.stats.decoded
    meeting.go_on(1000)
    assert amy.source.stats.decoded - decoded < 60
    assert amy.source.stats.mistrusted == 0
    assert amy.participant.talking


@pytest.mark.parametrize("broken", ["forward", "restart_forwarding", "forwards", "max_bitrate"])
def test_a_sink_that_raises_takes_its_own_participant_out_and_nobody_else(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [Person("amy", says("amy", range(30, 300))), Person("ben", silent), Person("cal", silent)]
    meeting = Meeting(*people)
    meeting.go_on(100)
    sink = people[1].sink

    class Broken(type(sink)):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> object:
            if name == broken:
                raise RuntimeError("broken")
            return super().__getattribute__(name)

    sink.__class__ = Broken
    meeting.room.renew("ben")
    meeting.room.set_muted("amy", True)
    meeting.go_on(5)
    meeting.room.set_muted("amy", False)
    meeting.go_on(400)
    assert meeting.room.participants.keys() == {"amy", "cal"}
    assert meeting.room.forwarded["cal"] == "amy"


def test_nothing_is_kept_of_those_who_have_left() -> None:
    amy = Person("amy", silent)
    meeting = Meeting(amy)
    for number in range(20):
        guest = Person(f"guest {number}", silent)
        meeting.people = [amy, guest]
        meeting.room.add(guest.participant)
        meeting.go_on(6)
        meeting.room.remove(guest.name, "left")
    meeting.go_on(2)
    assert len(meeting.room._forwarding._silent) <= 1


@pytest.mark.parametrize("listeners", [MAX_LISTENERS_OF_ONE - 1, MAX_LISTENERS_OF_ONE + 1])
def test_one_speaker_s_packets_go_to_as_many_listeners_as_cost_less_than_a_mix(listeners: int) -> None:
    amy = Person("amy", says("amy"))
    audience = [Person(f"listener {number}", silent) for number in range(listeners)]
    meeting = Meeting(amy, *audience)
    for one in audience:
        meeting.room.set_role(one.name, "listener")
    meeting.go_on(12)
    assert len(meeting.room.forwarded) == (listeners if listeners < MAX_LISTENERS_OF_ONE else 0)


def test_a_room_in_which_all_is_sent_on_looks_at_its_people_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    amy, ben = Person("amy", says("amy")), Person("ben", says("ben"))
    meeting = Meeting(amy, ben)
    meeting.go_on(60)
    looks, listen = [0], SpeakerSelector.listen

    def counted(*args: Any) -> dict[str, Samples]:
        looks[0] += 1
        return listen(*args)

    monkeypatch.setattr(SpeakerSelector, "listen", counted)
    meeting.go_on(100)
    assert looks[0] <= 40
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy"}
    assert amy.participant.talking


@pytest.mark.parametrize("ticks", range(60, 65))
def test_what_happens_in_such_a_room_is_seen_on_the_next_tick(ticks: int) -> None:
    amy, ben = Person("amy", says("amy")), Person("ben", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(ticks)
    assert meeting.room.forwarded["ben"] == "amy"
    cal = Person("cal", hums(BEN_HZ, range(ticks, 200)))
    meeting.people.append(cal)
    meeting.room.add(cal.participant)
    meeting.go_on(6)
    assert ben.hears_now(BEN_HZ)
    meeting.room.remove("cal", "left")
    meeting.people.remove(cal)
    meeting.go_on(1)
    meeting.room.set_muted("amy", True)
    assert "ben" not in meeting.room.forwarded
    meeting.go_on(1)
    assert not amy.participant.talking
