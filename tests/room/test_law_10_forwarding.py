"""Forwarding: whoever is to hear exactly one voice, as it is, gets its own packets; and nobody hears the change."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SILENCE, TICK_NS, Samples
from conference.audio.noise_gate import GateSettings
from conference.room.sounds import Sound
from conference.room.voice import VoiceSettings
from tests.room.meeting import Meeting, Person, tone_power
from tests.speech import spoken

SPEECH = {name: spoken(12.0, seed=number) for number, name in enumerate(("amy", "ben", "cal"), 1)}
AMY_HZ, BEN_HZ = 440, 1000


def says(name: str, ticks: range | None = None) -> Callable[[int], Samples]:
    sound = SPEECH[name]

    def voice(tick: int) -> Samples:
        start = tick * FRAME_SAMPLES % (len(sound) - FRAME_SAMPLES)
        return sound[start : start + FRAME_SAMPLES] if ticks is None or tick in ticks else SILENCE

    return voice


def hums(hertz: float, *stretches: range) -> Callable[[int], Samples]:
    def voice(tick: int) -> Samples:
        if not any(tick in one for one in stretches):
            return SILENCE
        time = np.arange(tick * FRAME_SAMPLES, (tick + 1) * FRAME_SAMPLES) / 48_000
        return (6000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)

    return voice


def silent(_: int) -> Samples:
    return SILENCE


def assert_one_line(person: Person) -> None:
    """Sequence numbers without a gap or a repeat but for losses, and timestamps that never go back or overlap."""
    packets = [packet for _, packet in person.received]
    for before, after in pairwise(packets):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF >= FRAME_SAMPLES
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF < 2**31


@settings(max_examples=20, deadline=None)
@given(lost=st.sets(st.integers(60, 199), max_size=60), levels=st.booleans())
def test_law_10_in_a_room_of_two_each_gets_the_other_s_packets_bit_for_bit_and_at_once(
    lost: set[int], levels: bool
) -> None:
    amy, ben = Person("amy", says("amy"), levels=levels), Person("ben", says("ben"))
    meeting = Meeting(amy, ben)
    while not meeting.room.forwarded:
        meeting.go_on(1)
    begun, ben.received[:] = meeting.tick, []
    meeting.go_on(200 - begun, lambda name, tick: name == "amy" and tick in lost)
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy"}
    assert meeting.room.encoders.encoded_packets == 0
    came = [one for one in amy.sent if one.tick > begun and not one.lost]
    got = [packet for _, packet in ben.received]
    assert [packet.payload for packet in got] == [one.payload for one in came]
    for (said, then_said), (heard, then_heard) in zip(pairwise(came), pairwise(got), strict=True):
        assert (then_heard.sequence - heard.sequence) & 0xFFFF == then_said.sequence - said.sequence, "gaps are losses"
        passed = (then_heard.timestamp - heard.timestamp) & 0xFFFFFFFF
        assert passed == (then_said.tick - said.tick) * FRAME_SAMPLES
    assert all(at_ns < one.tick * TICK_NS for (at_ns, _), one in zip(ben.received, came, strict=True)), "without a wait"


def test_a_talker_whose_packets_say_no_level_is_decoded_beside_it_to_know_who_talks() -> None:
    amy, ben = Person("amy", says("amy"), levels=False), Person("ben", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(100)
    assert meeting.room.forwarded["ben"] == "amy"
    assert amy.participant.talking
    assert amy.source.stats.decoded > 50
    assert meeting.room.encoders.encoded_packets == 0


def test_who_talks_is_known_by_the_levels_of_forwarded_packets() -> None:
    amy, ben = Person("amy", hums(AMY_HZ, range(30, 80))), Person("ben", silent)
    meeting = Meeting(amy, ben)
    states = []
    for ticks in (20, 40, 100):
        meeting.go_on(ticks)
        states.append((amy.participant.talking, amy.participant.level > -30))
    assert states == [(False, False), (True, True), (False, False)]
    assert amy.source.stats.decoded <= 3, "but for those before it began"


def test_a_second_voice_is_heard_from_its_first_frame_and_the_first_one_goes_on() -> None:
    amy = Person("amy", hums(AMY_HZ, range(50), range(100, 220)))
    ben = Person("ben", hums(BEN_HZ, range(160, 300)))
    cal = Person("cal", silent)
    meeting = Meeting(amy, ben, cal)
    meeting.go_on(159)
    assert meeting.room.forwarded == {"ben": "amy", "cal": "amy"}
    meeting.go_on(1)
    assert meeting.room.forwarded == {"ben": "amy"}
    meeting.go_on(200)
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy", "cal": "ben"}, "over again, in the quiet"
    assert_one_line(cal)
    heard = cal.heard()
    frames = heard[: len(heard) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    both = frames[164:214]
    assert min(tone_power(frame, AMY_HZ) for frame in both) > 70
    assert min(tone_power(frame, BEN_HZ) for frame in both) > 70
    assert tone_power(frames[160], BEN_HZ) > 60, "the first frame"
    assert min(tone_power(frame, AMY_HZ) for frame in frames[104:159]) > 70
    assert max(tone_power(frame, AMY_HZ) for frame in frames[224:290]) < 30


def test_a_call_that_begins_in_mid_word_is_forwarded_from_its_first_packets() -> None:
    amy, ben = Person("amy", hums(AMY_HZ, range(400))), Person("ben", hums(BEN_HZ, range(400)))
    meeting = Meeting(amy, ben)
    meeting.go_on(100)
    assert meeting.room.encoders.encoded_packets == 0
    for listener, talker in ((ben, amy), (amy, ben)):
        assert [packet.payload for _, packet in listener.received] == [one.payload for one in talker.sent]
        assert_one_line(listener)


def test_who_comes_in_mid_word_gets_the_rest_of_it_as_it_came() -> None:
    amy, ben = Person("amy", hums(AMY_HZ, range(10, 150))), Person("ben", silent)
    cal = Person("cal", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(80)
    meeting.people.append(cal)
    meeting.room.add(cal.participant)
    meeting.go_on(60)
    assert meeting.room.forwarded["cal"] == "amy"
    assert meeting.room.encoders.encoded_packets == 0
    came = [one.payload for one in amy.sent if one.tick > 81]
    assert [packet.payload for _, packet in cal.received][-len(came) :] == came
    assert_one_line(cal)


def test_nobody_who_hears_a_mix_is_taken_over_to_packets_in_the_middle_of_a_word() -> None:
    amy, ben = Person("amy", hums(AMY_HZ, range(10, 150))), Person("ben", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(60)
    decide(meeting, "sound")
    meeting.go_on(60)
    assert not meeting.room.sounds
    assert "ben" not in meeting.room.forwarded, "it is still the same word"
    meeting.go_on(80)
    assert meeting.room.forwarded["ben"] == "amy"
    assert_one_line(ben)


@pytest.mark.parametrize("decided", ["muted", "held", "deafened", "whisper", "gain", "sound", "suppression"])
def test_what_is_decided_ends_it_at_once(decided: str) -> None:
    amy, ben = Person("amy", says("amy")), Person("ben", silent)
    meeting = Meeting(amy, ben)
    room = meeting.room
    meeting.go_on(60)
    assert room.forwarded["ben"] == "amy"
    decide(meeting, decided)
    assert "ben" not in room.forwarded
    already = {packet.payload for _, packet in ben.received}
    meeting.go_on(30)
    sent = {one.payload for one in amy.sent} - already
    if decided in ("muted", "held", "deafened", "whisper", "gain"):
        assert not {packet.payload for _, packet in ben.received} & sent
    assert_one_line(ben)


def decide(meeting: Meeting, what: str) -> None:
    """Have something decided with which Ben may not get Amy's packets any more."""
    room = meeting.room
    match what:
        case "muted":
            room.set_muted("amy", True)
        case "held":
            room.hold("ben", True)
        case "deafened":
            room.deafen("ben", True)
        case "whisper":
            room.whisper("amy", [])
        case "gain":
            room.set_gain("ben", "amy", 0.5)
        case "sound":
            room.play(Sound(id="1", name="beep", samples=np.full(5 * FRAME_SAMPLES, 500, np.int16)))
        case "suppression":
            pytest.importorskip("pywebrtc_audio", reason="MISSING: pywebrtc-audio, which suppresses noise")
            room.treat_voice("amy", noise_suppression=True)
            meeting.go_on(1)


def test_who_allows_less_than_a_talker_sends_hears_a_mix() -> None:
    amy, ben = Person("amy", says("amy")), Person("ben", silent)
    ben.sink.max_bitrate = 12_000
    meeting = Meeting(amy, ben)
    meeting.go_on(150)
    assert "ben" not in meeting.room.forwarded
    assert meeting.room.encoders.encoded_packets > 50


def test_nothing_is_forwarded_where_that_is_switched_off() -> None:
    amy, ben = Person("amy", says("amy")), Person("ben", silent)
    meeting = Meeting(amy, ben, forwarding=False)
    meeting.go_on(60)
    assert not meeting.room.forwarded
    assert amy.source.plays


def test_somebody_who_leaves_or_comes_back_leaves_no_route() -> None:
    amy, ben = Person("amy", says("amy")), Person("ben", says("ben"))
    meeting = Meeting(amy, ben)
    meeting.go_on(60)
    meeting.room.remove("amy", "left")
    assert not meeting.room.forwarded
    assert amy.source.taker is None
    assert ben.source.taker is None
    again = Person("amy", says("amy"))
    meeting.people[0] = again
    meeting.room.add(again.participant)
    meeting.go_on(150)
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy"}
    assert_one_line(ben)


LOUD = VoiceSettings(gate=GateSettings(adaptive=False), levelling=False)
TURNS = st.lists(st.tuples(st.sampled_from(["amy", "ben", "both", "nobody"]), st.integers(3, 40)), max_size=10)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["mute", "hold", "deafen", "leave", "whisper"]), st.sampled_from(["amy", "ben", "cal"])),
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(turns=TURNS, changes=CHANGES)
def test_who_hears_whom_is_the_same_with_forwarding_and_without(
    turns: list[tuple[str, int]], changes: list[tuple[str, str]]
) -> None:
    heard = [hearing_of(turns, changes, forwarding=forwarding) for forwarding in (True, False)]
    assert heard[0] == heard[1]


def hearing_of(turns: list[tuple[str, int]], changes: list[tuple[str, str]], *, forwarding: bool) -> list[object]:
    """Of each turn, whose tone each person hears in its middle, well after what was before."""
    talking = {"amy": False, "ben": False}
    tones = {"amy": AMY_HZ, "ben": BEN_HZ}

    def voice(name: str) -> Callable[[int], Samples]:
        return lambda tick: hums(tones[name], range(tick, tick + 1))(tick) if talking[name] else SILENCE

    people = [Person("amy", voice("amy")), Person("ben", voice("ben")), Person("cal", silent)]
    meeting = Meeting(*people, voice=LOUD, forwarding=forwarding)
    meeting.go_on(10)
    result: list[object] = []
    steps = [*turns, ("both", 20), ("nobody", 40), ("amy", 30), ("ben", 30)]
    for number, (who, ticks) in enumerate(steps):
        talking.update(amy=who in ("amy", "both"), ben=who in ("ben", "both"))
        if number < len(changes):
            change(meeting, *changes[number])
        meeting.go_on(ticks + 12)
        for person in people:
            assert_one_line(person)
        result.append({person.name: sorted(one for one in tones if person.hears_now(tones[one])) for person in people})
    return result


def change(meeting: Meeting, what: str, who: str) -> None:
    room = meeting.room
    one = room.participants.get(who)
    if one is None:
        return
    match what:
        case "mute":
            room.set_muted(who, not one.muted)
        case "hold":
            room.hold(who, not one.held)
        case "deafen":
            room.deafen(who, not one.deafened)
        case "whisper":
            room.whisper(who, [one for one in ("cal", "amy") if one != who][:1])
        case "leave":
            room.remove(who, "left")
