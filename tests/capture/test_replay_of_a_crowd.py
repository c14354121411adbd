"""A room with more people than are heard: who sleeps and who is decoded is decided again as it was live."""

from __future__ import annotations

from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.audio.noise_gate import level_of
from conference.codecs.opus import OpusCodec
from conference.playout.source import PacketSource
from tests.capture.captured import Ear, captured_room, join, replayed
from tests.speech import spoken

PEOPLE = 8
TICKS = 150


def test_a_crowd_with_pauses_and_lies_sounds_the_same_again() -> None:
    room, memory = captured_room(max_talkers=2)
    sources, ears, packets = [], [], []
    for number in range(PEOPLE):
        codec = OpusCodec(bitrate=24_000)
        sources.append(PacketSource(codec.make_decoder()))
        ears.append(Ear(codec))
        join(room, f"no{number}", sources[-1], ears[-1])
        encoder, sound = codec.make_encoder(), spoken(TICKS / 50, seed=number, peak=3000 + 2000 * number)
        packets.append([(encoder.encode(one), round(level_of(one))) for one in sound.reshape(-1, FRAME_SAMPLES)])
    for tick in range(TICKS):
        for number, source in enumerate(sources):
            payload, level = packets[number][tick]
            level = {0: -127, 1: 0}.get(number, max(level, -127))
            if not (number > 2 and (tick // (10 * number)) % 2):  # they pause
                source.push(tick, tick * FRAME_SAMPLES, payload, tick * TICK_NS + number, level)
        room.tick(tick, tick * TICK_NS + 10_000_000)
    memory.capture.end("That is all.")
    assert sum(source.stats.mistrusted for source in sources) == 2
    assert sum(source.stats.decoded for source in sources) < PEOPLE * TICKS * 0.7
    replay, heard = replayed(memory)
    assert replay.identical
    assert {name: heard[name] for name in heard} == {f"no{number}": ear.heard for number, ear in enumerate(ears)}
    for number, source in enumerate(sources):
        assert replay.listeners[f"no{number}"].counts["decoded"] == source.stats.decoded
