"""What the network does to packets is hardly heard: speech through a room, with a network and a clock made of numbers.

The figures over sockets are those of `bench.sound`, on whose measures these lean.
"""

from __future__ import annotations

import numpy as np

from bench.sound_call import Call, Condition, Heard, encoded, said_in
from bench.sound_measure import Gaps, Place, at_16k, find_gaps, find_places
from bench.sound_speech import find_speech
from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.load.signal.arrived import Arrived
from conference.playout.source import PacketSource
from conference.room.participant import Mix, Participant
from conference.room.room import Room
from tests.netem import Network

LOSS = Condition("loss", "", ((0, Network(seed=4, loss=0.05)),), expected_loss=10, loops=1)
JITTER = Condition("jitter", "", ((0, Network(seed=2, jitter_ms=60)),), loops=1)
STORM = Condition("storm", "", ((3.0, Network()), (3.0, Network(seed=7, jitter_ms=100)), (0, Network())), loops=2)

START_NS = 1_000_000_000
BETWEEN_TICKS_NS = 7_000_000
"""Where between two ticks a packet comes that nothing holds up."""

AFTERWARDS_TICKS = 100


class Listener:
    """A sink that notes when it got which packet."""

    def __init__(self) -> None:
        self.codec: Codec | None = OpusCodec()
        self.heard = Heard()
        self.now_ns = 0

    def deliver(self, mix: Mix) -> None:
        if mix.payload is not None:
            number = len(self.heard.packets)
            self.heard.packets.append(Arrived(number, mix.tick * FRAME_SAMPLES, mix.payload, self.now_ns))


def place(condition: Condition) -> Call:
    """One speaks to another through a room, under a condition."""
    said = said_in(condition, find_speech("synthetic").samples)
    payloads = encoded(said, condition.expected_loss)
    arrivals = sorted(condition.arrivals(len(payloads)))
    source, listener = PacketSource(OpusCodec().make_decoder()), Listener()
    room = Room("tea", 0.0, lambda _: None)
    room.add(Participant(id="mouth", name="Mouth", transport="webrtc", joined_at=0.0, source=source))
    room.add(Participant(id="ear", name="Ear", transport="webrtc", joined_at=0.0, sink=listener))
    begin_ns = START_NS + BETWEEN_TICKS_NS
    due = iter([*arrivals, (np.inf, -1)])
    at_ns, index = next(due)
    for tick in range(len(payloads) + AFTERWARDS_TICKS):
        listener.now_ns = START_NS + tick * TICK_NS
        while begin_ns + at_ns <= listener.now_ns:
            source.push(index, index * FRAME_SAMPLES, payloads[index], begin_ns + int(at_ns))
            at_ns, index = next(due)
        room.tick(tick, listener.now_ns)
    listener.heard.play()
    lost = len(payloads) - len({index for _, index in arrivals})
    return Call(said, begin_ns - TICK_NS, listener.heard, lost, None, 0, len(arrivals))


def judge(call: Call) -> tuple[list[Place], Gaps]:
    """Where what was said was heard, and what of it was missing."""
    said, heard = at_16k(call.said), at_16k(call.heard.samples)
    places, tried = find_places(call, said, heard, 0.0)
    assert len(places) > 0.7 * tried, "what was said is found again"
    return places, find_gaps(said, heard, places)


def delay(places: list[Place], *, after: float, before: float) -> float:
    return float(np.median([one.delay_ms for one in places if after <= one.second < before]))


def test_loss_leaves_no_holes_and_no_delay_that_grows() -> None:
    call = place(LOSS)
    assert call.lost > 10
    places, gaps = judge(call)
    assert gaps.longest_ms <= 60
    assert delay(places, after=5, before=9) < delay(places, after=0, before=3) + 40


def test_jitter_leaves_no_holes_and_little_delay() -> None:
    places, gaps = judge(place(JITTER))
    assert gaps.longest_ms <= 60
    assert gaps.share < 0.02
    assert delay(places, after=3, before=9) < 200


def test_the_delay_of_a_storm_shrinks_back() -> None:
    places, _ = judge(place(STORM))
    assert delay(places, after=4, before=6) > delay(places, after=0, before=2) + 30
    assert delay(places, after=12, before=20) < delay(places, after=0, before=2) + 30
