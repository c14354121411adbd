from __future__ import annotations

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.load.signal.arrived import Arrived
from conference.load.signal.delay_meter import NS_PER_SAMPLE, DelayMeter
from conference.load.signal.scripts import mouth
from conference.load.signal.voice import burst, hum, in_frames, speech

START_NS = 5_000_000_000


def packets(sound: Samples, delay_ms: float) -> list[Arrived]:
    """Each arrives when its last sample has been spoken, and so much later."""
    arrived_ns = START_NS + TICK_NS + round(delay_ms * 1e6)
    return [
        Arrived(number, number * FRAME_SAMPLES, frame.tobytes(), arrived_ns + number * TICK_NS)
        for number, frame in enumerate(in_frames(sound))
    ]


def meter() -> DelayMeter:
    return DelayMeter(0.0, lambda payload: np.frombuffer(payload, np.int16))


def with_bursts(sound: Samples, starts: list[int]) -> Samples:
    mixed = sound.astype(np.int32)
    for start in starts:
        mixed[start : start + burst().size] += burst()
    return np.clip(mixed, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("delay_ms", [0.0, 37.0, 180.0])
def test_the_delay_is_found_to_a_fraction_of_a_millisecond(delay_ms: float) -> None:
    starts = [24_000, 60_123]
    listener = meter()
    listener.spoken([START_NS + start * NS_PER_SAMPLE for start in starts])
    listener.heard(packets(with_bursts(hum(3.0), starts), delay_ms))
    assert listener.take() == pytest.approx([delay_ms, delay_ms], abs=0.1)
    assert listener.said == 2
    assert listener.take() == []


def test_it_is_found_among_five_who_talk() -> None:
    crowd = sum((speech(3.0, seed=seed, dbfs=-26).astype(np.int32) for seed in range(5)), np.int32(0))
    sound = np.clip(np.asarray(crowd), -32768, 32767).astype(np.int16)
    listener = meter()
    listener.spoken([START_NS + 30_000 * NS_PER_SAMPLE])
    listener.heard(packets(with_bursts(sound, [30_000]), 55.0))
    assert listener.take() == pytest.approx([55.0], abs=0.5)


def test_a_burst_that_does_not_come_is_said_but_not_found() -> None:
    listener = meter()
    listener.spoken([START_NS + 30_000 * NS_PER_SAMPLE])
    listener.heard(packets(speech(2.0), 55.0))
    assert listener.take() == []
    assert listener.said == 1


def test_a_burst_waits_until_all_that_could_hold_it_has_come() -> None:
    sound = packets(with_bursts(hum(3.0), [30_000]), 55.0)
    listener = meter()
    listener.spoken([START_NS + 30_000 * NS_PER_SAMPLE])
    listener.heard(sound[:40])
    assert listener.take() == []
    listener.heard(sound[40:])
    assert listener.take() == pytest.approx([55.0], abs=0.1)


def test_the_mouth_says_where_its_bursts_begin() -> None:
    script = mouth()
    assert len(script.bursts) > 8
    assert all(0 <= place < FRAME_SAMPLES for place in script.bursts.values())
    assert max(script.bursts) * 0.02 < 8.0 - 0.4
