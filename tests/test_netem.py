"""The network that the tests are run over does what it says."""

from __future__ import annotations

from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.netem import NS_PER_MS, Network, every_20_ms, in_phases

SENT = every_20_ms(20_000, start_ns=7)


def missing(network: Network) -> list[bool]:
    arrived = {index for _, index in network.deliver(SENT)}
    return [index not in arrived for index in range(len(SENT))]


def test_a_network_without_faults_delivers_everything_in_order_and_in_time() -> None:
    assert Network(delay_ms=30).deliver(SENT) == [(at + 30 * NS_PER_MS, index) for index, at in enumerate(SENT)]


@given(seed=st.integers(0, 2**32), loss=st.floats(0, 0.5), jitter=st.floats(0, 100), duplicate=st.floats(0, 0.5))
def test_the_same_seed_gives_the_same_arrivals(seed: int, loss: float, jitter: float, duplicate: float) -> None:
    network = Network(seed=seed, loss=loss, burst=2, jitter_ms=jitter, duplicate=duplicate, stall_every_ms=500)
    arrivals = network.deliver(SENT[:200])
    assert arrivals == network.deliver(SENT[:200])
    assert arrivals == sorted(arrivals)
    assert all(at >= SENT[index] for at, index in arrivals)


@pytest.mark.parametrize("burst", [None, 1, 3, 8])
def test_as_much_is_lost_as_was_asked_for(burst: float | None) -> None:
    assert sum(missing(Network(seed=3, loss=0.1, burst=burst))) == pytest.approx(2000, rel=0.15)


@pytest.mark.parametrize("burst", [2, 3, 8])
def test_losses_come_in_bursts_of_the_mean_length_asked_for(burst: float) -> None:
    runs = [len(list(run)) for lost, run in groupby(missing(Network(seed=3, loss=0.1, burst=burst))) if lost]
    assert sum(runs) / len(runs) == pytest.approx(burst, rel=0.15)


def test_uniform_jitter_fills_its_range_and_may_reorder() -> None:
    arrivals = Network(seed=5, jitter_ms=60).deliver(SENT)
    transits = [(at - SENT[index]) / NS_PER_MS for at, index in arrivals]
    assert 0 <= min(transits) < 1
    assert 59 < max(transits) <= 60
    assert sum(transits) / len(transits) == pytest.approx(30, rel=0.05)
    indices = [index for _, index in arrivals]
    assert indices != sorted(indices)
    queued = [index for _, index in Network(seed=5, jitter_ms=60, keeps_order=True).deliver(SENT)]
    assert queued == sorted(queued)


def test_a_fast_clock_sends_early() -> None:
    *_, (last_ns, _) = Network(drift_ppm=200).deliver(SENT)
    assert last_ns - SENT[-1] == pytest.approx(-200e-6 * SENT[-1], rel=0.01)


def test_a_share_comes_twice_and_a_share_is_overtaken() -> None:
    assert len(Network(seed=1, duplicate=0.2).deliver(SENT)) == pytest.approx(1.2 * len(SENT), rel=0.05)
    indices = [index for _, index in Network(seed=1, reorder=0.1).deliver(SENT)]
    overtaken = sum(after < before for before, after in pairwise(indices))
    assert overtaken == pytest.approx(0.1 * len(SENT), rel=0.2)


def test_a_stall_holds_everything_up_and_then_lets_it_come_at_once() -> None:
    arrivals = Network(seed=2, stall_every_ms=2000, stall_ms=200).deliver(SENT)
    assert [index for _, index in arrivals] == list(range(len(SENT)))
    assert max(at - SENT[index] for at, index in arrivals) == pytest.approx(200 * NS_PER_MS, rel=0.1)
    together = [len(list(run)) for _, run in groupby(at for at, _ in arrivals)]
    assert max(together) == 10
    assert sum(size > 8 for size in together) == pytest.approx(200, rel=0.1)


def test_phases_follow_each_other() -> None:
    arrivals = in_phases(SENT[:100], [(50, Network(delay_ms=100)), (1000, Network(delay_ms=10))])
    transits = {index: at - SENT[index] for at, index in arrivals}
    assert {transits[index] for index in range(50)} == {100 * NS_PER_MS}
    assert {transits[index] for index in range(50, 100)} == {10 * NS_PER_MS}
