"""Law 10 for callers on media WebSockets: each gets the other's frames as they came, one on every tick."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.stateful import initialize

from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.codecs.pcmu import PcmuCodec
from conference.playout.source import PacketSource
from conference.room.observer import RoomObserver
from conference.room.participant import Participant
from conference.room.sounds import Sound
from conference.webrtc.rtp.packet import parse_rtp
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.stream import SingleStream
from tests.room.callers import RATE, Caller
from tests.room.meeting import Meeting, Person, tone_power
from tests.room.test_law_10_forwarding import AMY_HZ, BEN_HZ, decide, hums, says, silent
from tests.room.test_law_10_privacy import NAMES, Gathering, Law10, Watched

SILENT_FRAME = b"\xff" * 160
"""20 ms of silence; in mu-law 0xFF is +0."""

STEEPEST = 6000 * 2 * np.pi * AMY_HZ / RATE
"""Between two samples of a tone as people hum it here."""


def meeting_of(*callers: Caller | Person, forwarding: bool = True) -> Meeting:
    return Meeting(*callers, forwarding=forwarding)  # type: ignore[arg-type]


def payloads(caller: Caller) -> list[bytes]:
    return [payload for _, payload in caller.got]


def holds_in_order(whole: Sequence[bytes], part: Sequence[bytes]) -> bool:
    return any(list(whole[start : start + len(part)]) == list(part) for start in range(len(whole) - len(part) + 1))


def test_each_of_two_callers_gets_the_other_s_frames_bit_for_bit_one_on_every_tick() -> None:
    amy, ben = Caller("amy", says("amy")), Caller("ben", says("ben"))
    meeting = meeting_of(amy, ben)
    while not meeting.room.forwarded:
        meeting.go_on(1)
    begun = meeting.tick
    amy.got, ben.got = [], []
    encoded = meeting.room.encoders.encoded_packets
    meeting.go_on(200 - begun)
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy"}
    assert meeting.room.encoders.encoded_packets == encoded
    assert not amy.source.plays
    assert not ben.source.plays
    for listener, talker in ((amy, ben), (ben, amy)):
        assert [at_ns // TICK_NS for at_ns, _ in listener.got] == list(range(begun + 1, 201)), "at the room's pace"
        assert holds_in_order([one.payload for one in talker.sent], payloads(listener))


def test_who_talks_and_how_loud_is_known_without_decoding() -> None:
    amy, ben = Caller("amy", hums(AMY_HZ, range(30, 80))), Caller("ben", silent)
    meeting = meeting_of(amy, ben)
    states = []
    for ticks in (20, 40, 60):
        meeting.go_on(ticks)
        states.append((amy.participant.talking, -18.5 < amy.participant.level < -17.5))
    assert states == [(False, False), (True, True), (False, False)]
    assert meeting.room.forwarded["ben"] == "amy"


def test_nobody_hears_where_frames_end_and_a_mix_begins() -> None:
    amy, ben = Caller("amy", hums(AMY_HZ, range(20, 120))), Caller("ben", silent)
    meeting = meeting_of(amy, ben)
    meeting.go_on(60)
    assert meeting.room.forwarded["ben"] == "amy"
    meeting.room.play(Sound(id="1", name="nothing to hear", samples=np.zeros(5 * FRAME_SAMPLES, np.int16)))
    meeting.go_on(30)
    assert "ben" not in meeting.room.forwarded
    meeting.go_on(90)
    assert meeting.room.forwarded["ben"] == "amy", "over again, in the quiet"
    assert len(ben.got) == 180
    sound = ben.heard().astype(int)[30 * 160 : 115 * 160]
    assert np.abs(np.diff(sound)).max() < 1.25 * STEEPEST
    for frame in sound.reshape(-1, 160):
        assert tone_power(frame.repeat(6), AMY_HZ) > 70


def test_a_second_voice_is_heard_from_its_first_frame_and_the_first_one_goes_on() -> None:
    amy = Caller("amy", hums(AMY_HZ, range(10, 30), range(60, 160)))
    ben = Caller("ben", hums(BEN_HZ, range(100, 160)))
    cal = Caller("cal", silent)
    meeting = meeting_of(amy, ben, cal)
    meeting.go_on(90)
    assert meeting.room.forwarded == {"ben": "amy", "cal": "amy"}
    meeting.go_on(60)
    assert meeting.room.forwarded == {"ben": "amy"}
    frames = [one.repeat(6) for one in cal.heard().reshape(-1, 160)]
    first = next(number for number, one in enumerate(frames) if tone_power(one, BEN_HZ) > 65)
    assert first <= 103, "after what callers have in hand"
    assert min(tone_power(one, AMY_HZ) for one in frames[64:145]) > 68
    assert min(tone_power(one, BEN_HZ) for one in frames[first + 1 : 145]) > 68


@settings(max_examples=30, deadline=None)
@given(
    stalls=st.lists(st.tuples(st.integers(40, 200), st.integers(1, 12)), max_size=4),
    buffer_ms=st.sampled_from([0, 40, 100]),
)
def test_stalls_are_made_up_for_as_in_a_mix_and_a_frame_goes_out_on_every_tick(
    stalls: list[tuple[int, int]], buffer_ms: int
) -> None:
    heard = []
    for forwarding in (True, False):
        amy, ben = (
            Caller("amy", hums(AMY_HZ, range(30, 90), range(120, 220)), buffer_ms=buffer_ms),
            Caller("ben", silent),
        )
        meeting = meeting_of(amy, ben, forwarding=forwarding)
        held: list[int] = []

        def speak(tick: int, now_ns: int, *, lost: bool = False, amy: Caller = amy, held: list[int] = held) -> None:
            held.append(tick)
            if not any(begin <= tick < begin + ticks for begin, ticks in stalls):
                for one in held:
                    Caller.speak(amy, one, now_ns, lost=lost)
                held.clear()

        amy.speak = speak  # type: ignore[method-assign]
        meeting.go_on(320)
        assert len(ben.got) == 320
        assert all(len(payload) == 160 for payload in payloads(ben))
        assert amy.source.buffered_ms <= 520
        heard.append([tone_power(one.repeat(6), AMY_HZ) > 60 for one in ben.heard().reshape(-1, 160)])
        if forwarding:
            assert meeting.room.forwarded["ben"] == "amy", "the quiet at the end"
    assert abs(sum(heard[0]) - sum(heard[1])) <= 8, "as long as in a mix"


@pytest.mark.parametrize("decided", ["muted", "held", "deafened", "whisper", "gain", "sound"])
def test_what_is_decided_ends_it_at_once(decided: str) -> None:
    amy, ben = Caller("amy", says("amy")), Caller("ben", silent)
    meeting = meeting_of(amy, ben)
    room = meeting.room
    meeting.go_on(60)
    assert room.forwarded["ben"] == "amy"
    decide(meeting, decided)
    assert "ben" not in room.forwarded
    ben.got.clear()
    meeting.go_on(30)
    assert len(ben.got) == 30, "silence is sent, too"
    if decided != "sound":
        assert not set(payloads(ben)) & {one.payload for one in amy.sent} - {SILENT_FRAME}


def test_a_caller_s_frames_go_to_a_peer_in_mu_law_and_its_packets_to_no_caller() -> None:
    peer = Person("peer", silent)
    agreed, got = Format(0, "PCMU"), []

    def transmit(packet: bytes) -> bool:
        got.append(parse_rtp(packet))
        return True

    peer.participant.sink = EgressSink(PcmuCodec(), agreed, SingleStream(agreed, 7, transmit, lambda: peer.now_ns))
    peer.participant.sink.open()
    peer.participant.source = said = PacketSource(PcmuCodec().make_decoder())
    amy = Caller("amy", says("amy"))
    meeting = meeting_of(amy, peer)
    for tick in range(100):
        said.push(tick, tick * 160, SILENT_FRAME, tick * TICK_NS, -127)
        meeting.go_on(1)
    assert meeting.room.forwarded == {"peer": "amy"}
    assert holds_in_order([one.payload for one in amy.sent], [packet.payload for packet in got[10:]])
    for before, after in pairwise(got):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 160


def test_nothing_is_forwarded_where_that_is_switched_off() -> None:
    amy, ben = Caller("amy", says("amy")), Caller("ben", says("ben"))
    meeting = meeting_of(amy, ben, forwarding=False)
    meeting.go_on(60)
    assert not meeting.room.forwarded
    assert amy.source.plays


def test_somebody_who_leaves_or_comes_back_leaves_no_route() -> None:
    amy, ben = Caller("amy", says("amy")), Caller("ben", says("ben"))
    meeting = meeting_of(amy, ben)
    meeting.go_on(60)
    meeting.room.remove("amy", "left")
    assert not meeting.room.forwarded
    assert amy.source.taker is None
    assert ben.source.taker is None
    again = Caller("amy", says("amy"))
    meeting.people[0] = again  # type: ignore[call-overload]
    meeting.room.add(again.participant)
    meeting.go_on(150)
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy"}
    assert len(ben.got) == 210


class FramesMayBeHad(RoomObserver):
    """Looks at each frame that is given on whether that is right."""

    def __init__(self, gathering: CallersGathering) -> None:
        self._gathering = gathering

    def packet_forwarded(
        self,
        talker: Participant,
        listeners: Collection[Participant],
        sequence: int,
        timestamp: int,
        duration: int,
        payload: bytes,
        arrival_ns: int,
    ) -> None:
        people = {one.participant.id: one for one in self._gathering.people}
        for listener in listeners:
            if not self._gathering.may_get(people[listener.id], people[talker.id]):
                self._gathering.wrong.append(f"{listener.id} gets a frame of {talker.id}")


class CallersGathering(Gathering):
    """As a gathering, but some have come by telephone."""

    def __init__(self, names: list[str], callers: Collection[str], *, forwarding: bool) -> None:
        self.callers = callers
        super().__init__(names, forwarding=forwarding)
        self.room.observe(FramesMayBeHad(self))

    def person(self, name: str, *, levels: bool = True) -> Watched:
        if name not in self.callers:
            return super().person(name, levels=levels)
        return Caller(name, self.voice_of(name))  # type: ignore[return-value]

    def go_on(self, ticks: int, lost: Callable[[str, int], bool] = lambda name, tick: False) -> None:
        for _ in range(ticks):
            people: list[Any] = list(self.people)
            before = {one.name: len(one.got) for one in people if isinstance(one, Caller)}
            super().go_on(1, lost)
            for one in people:
                if isinstance(one, Caller) and one.name in self.room.participants:
                    assert len(one.got) == before[one.name] + 1, "one frame on every tick"
                    del one.got[:-8]


class Law10ForCallers(Law10):
    """The same is done in a room with forwarding, and in one without: some or all are callers."""

    @initialize(
        names=st.lists(NAMES, min_size=2, max_size=4, unique=True), callers=st.sets(NAMES, min_size=1, max_size=4)
    )
    def meet(self, names: list[str], callers: set[str]) -> None:
        self.rooms = [CallersGathering(names, callers, forwarding=forwarding) for forwarding in (True, False)]
        self.go_on(10)


TestLaw10ForCallers = Law10ForCallers.TestCase
TestLaw10ForCallers.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
