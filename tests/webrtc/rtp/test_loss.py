from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.rtp.loss import LossEstimate

SECOND = 1_000_000_000


def told(*fractions: float, every_s: float = 1.0, estimate: LossEstimate | None = None) -> LossEstimate:
    estimate = estimate or LossEstimate()
    for number, fraction in enumerate(fractions):
        estimate.update(fraction, round(number * every_s * SECOND))
    return estimate


@pytest.mark.parametrize("every_s", [1.0, 5.0])
def test_loss_that_stays_is_known_within_seconds(every_s: float) -> None:
    assert told(*[0.1] * round(8 / every_s), every_s=every_s).fraction > 0.07


def test_one_packet_lost_is_no_reason_to_act() -> None:
    assert not told(*[0.0] * 10, 1 / 50, *[0.0] * 10).repeats


@pytest.mark.parametrize("every_s", [1.0, 5.0])
def test_chance_does_not_switch_it_to_and_fro(every_s: float) -> None:
    """2 % of 50 packets a second, lost by chance: in five minutes it begins to repeat once."""
    chance, estimate, switched = random.Random(7), LossEstimate(), 0
    packets = round(50 * every_s)
    for number in range(round(300 / every_s)):
        before = estimate.repeats
        lost = sum(chance.random() < 0.02 for _ in range(packets))
        estimate.update(lost / packets, round(number * every_s * SECOND))
        switched += before != estimate.repeats
    assert switched == 1


def test_it_is_forgotten_in_half_a_minute() -> None:
    estimate = told(*[0.05] * 20)
    assert estimate.repeats
    assert not told(*[0.0] * 30, estimate=estimate).repeats


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(-(2**40), 2**60)), max_size=40))
def test_it_is_always_a_fraction(reports: list[tuple[float, int]]) -> None:
    estimate = LossEstimate()
    for fraction, now_ns in reports:
        estimate.update(fraction, now_ns)
        assert 0 <= estimate.fraction <= 1
