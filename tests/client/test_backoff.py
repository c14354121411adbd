from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from conference.client.backoff import LONGEST_S, STEADY_S, Backoff


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def waits(backoff: Backoff, time: Time) -> list[float]:
    """All attempts, each of which takes no time."""
    found = []
    while (wait := backoff.next()) is not None:
        found.append(wait)
        time.now += wait
    return found


@given(st.floats(0, 1), st.floats(1, 1000))
def test_attempts_begin_at_once_grow_to_a_limit_and_end(chance: float, patience: float) -> None:
    time = Time()
    backoff = Backoff(patience, lambda: chance, time)
    backoff.lost()
    found = waits(backoff, time)
    assert found[0] <= 0.25
    assert all(one <= 1.25 * LONGEST_S for one in found)
    assert sum(found) <= patience
    assert all(low <= high for low, high in pairwise(found))
    assert sum(found) + 1.25 * LONGEST_S > patience


def test_two_who_lost_the_same_server_do_not_come_at_the_same_moments() -> None:
    first, second = Backoff(60, lambda: 0.1, Time()), Backoff(60, lambda: 0.9, Time())
    for one in (first, second):
        one.lost()
    assert [first.next() != second.next() for _ in range(6)] == [True] * 6


def test_a_server_that_asks_to_be_left_alone_is() -> None:
    backoff = Backoff(60, lambda: 0.5, Time())
    backoff.lost()
    assert backoff.next(30.0) == 30.0
    assert backoff.next(100.0) is None


def test_a_connection_that_did_not_hold_does_not_begin_patience_anew() -> None:
    time = Time()
    backoff = Backoff(20, lambda: 0.5, time)
    attempts = 0
    backoff.lost()
    while (wait := backoff.next()) is not None:
        time.now += wait
        backoff.back()
        time.now += 0.5
        backoff.lost()
        attempts += 1
        assert attempts < 50
    assert attempts < 10
    time.now += 100
    backoff.back()
    time.now += STEADY_S
    backoff.lost()
    assert (backoff.next() or 1.0) <= 0.25, "one that held does"
