"""What the network does to packets is hardly heard: speech through a server of its own, over sockets.

A few quick checks; the figures are those of `bench.sound`, which these lean on. They are kept loose, since a busy
machine delays packets too.
"""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from bench.sound_call import Call, Condition, place
from bench.sound_measure import Gaps, Place, at_16k, find_gaps, find_places
from bench.sound_speech import find_speech
from tests.netem import Network

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

CONDITIONS = (
    Condition("loss", "", ((0, Network(seed=4, loss=0.05)),), expected_loss=10, loops=1),
    Condition("jitter", "", ((0, Network(seed=2, jitter_ms=60)),), loops=1),
    Condition("storm", "", ((3.0, Network()), (3.0, Network(seed=7, jitter_ms=100)), (0, Network())), loops=2),
)


def judge(call: Call) -> tuple[list[Place], Gaps]:
    """Where what was said was heard, and what of it was missing."""
    said, heard = at_16k(call.said), at_16k(call.heard.samples)
    places, tried = find_places(call, said, heard, 0.0)
    assert len(places) > 0.7 * tried, "what was said is found again"
    return places, find_gaps(said, heard, places)


def delay(places: list[Place], *, after: float, before: float) -> float:
    return float(np.median([one.delay_ms for one in places if after <= one.second < before]))


async def test_neither_loss_nor_jitter_leaves_holes_or_a_delay_that_grows() -> None:
    speech = find_speech("synthetic").samples
    calls = await asyncio.gather(*(place(condition, speech) for condition in CONDITIONS))

    lossy, shaky, shaken = calls
    assert lossy.lost > 10
    places, gaps = judge(lossy)
    assert gaps.longest_ms <= 60
    assert delay(places, after=5, before=9) < delay(places, after=0, before=3) + 40

    places, gaps = judge(shaky)
    assert gaps.longest_ms <= 60
    assert gaps.share < 0.02
    assert delay(places, after=3, before=9) < 200

    places, _ = judge(shaken)
    assert delay(places, after=12, before=20) < delay(places, after=0, before=2) + 30, "the delay shrinks back"
