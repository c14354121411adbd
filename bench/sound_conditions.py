"""The conditions under which `bench.sound` lets somebody speak, and what the sound should be like under each."""

from __future__ import annotations

import math

from bench.sound_call import Condition
from tests.netem import Network

FEC_PERCENT = 10
"""What the senders under loss were told of it; a browser's encoder is told by RTCP. At 32 kb/s, libopus adds no
redundancy at all for 5 % or less."""

SAID_SECONDS, LOSSY_SECONDS = 42, 56
"""How long somebody talks under a condition, about."""

CALM_SECONDS = 10
AFTER_SECONDS = 20


def conditions(speech_seconds: float, *, quick: bool) -> list[Condition]:
    """All of them.

    Args:
        speech_seconds: how long it takes to say everything once.
        quick: a quarter of a minute of jitter instead of a whole one, and everything said once.
    """
    loops = lossy_loops = 1
    if not quick:  # what is lost is chance: it takes more speech to tell
        loops, lossy_loops = (max(1, round(seconds / speech_seconds)) for seconds in (SAID_SECONDS, LOSSY_SECONDS))
    loss1, loss5 = Network(seed=3, loss=0.01), Network(seed=4, loss=0.05)
    jitter60 = Network(seed=2, jitter_ms=60)
    burst10 = Network(seed=5, loss=0.1, burst=3)
    both = Network(seed=6, loss=0.05, jitter_ms=60)
    return [
        Condition("clean", "clean", loops=loops),
        Condition("clean-fec", "clean, sender uses FEC", expected_loss=FEC_PERCENT, loops=lossy_loops),
        Condition("jitter60", "jitter 0–60 ms", ((0, jitter60),), loops=loops),
        Condition("loss1", "1 % loss, FEC", ((0, loss1),), expected_loss=FEC_PERCENT, loops=lossy_loops),
        Condition("loss5", "5 % loss, FEC", ((0, loss5),), expected_loss=FEC_PERCENT, loops=lossy_loops),
        Condition("burst10", "10 % loss in bursts, FEC", ((0, burst10),), expected_loss=FEC_PERCENT, loops=lossy_loops),
        Condition(
            "loss5-jitter60",
            "5 % loss and jitter 0–60 ms, FEC",
            ((0, both),),
            expected_loss=FEC_PERCENT,
            loops=lossy_loops,
        ),
        Condition("one-lost", "one packet lost every 4 s", drop_every=200, loops=loops),
        _storm(storm_seconds(quick=quick), speech_seconds),
    ]


def storm_seconds(*, quick: bool) -> float:
    """How long the network shakes in the condition that calms down again."""
    return 15.0 if quick else 60.0


def _storm(seconds: float, speech_seconds: float) -> Condition:
    """Calm, then jitter of 0 to 100 ms, then calm again."""
    shaking = Network(seed=7, jitter_ms=100)
    phases = ((CALM_SECONDS + 1.0, Network()), (seconds, shaking), (0.0, Network()))
    total = CALM_SECONDS + seconds + AFTER_SECONDS
    return Condition(
        "storm", f"{seconds:g} s of jitter 0–100 ms, then calm", phases, loops=math.ceil(total / speech_seconds)
    )
