"""How much a client may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.token_bucket import TokenBucket

SECOND = 1_000_000_000


def test_a_burst_goes_through_and_what_is_over_does_not() -> None:
    bucket = TokenBucket(rate=10, capacity=20)
    assert [bucket.take(1, 0) for _ in range(21)] == [True] * 20 + [False]
    assert bucket.take(1, SECOND // 10)
    assert not bucket.take(1, SECOND // 10)


def test_it_never_holds_more_than_its_capacity() -> None:
    bucket = TokenBucket(rate=10, capacity=20)
    bucket.take(0, 0)
    assert not bucket.take(21, 1000 * SECOND)


def test_time_that_goes_backwards_gives_nothing() -> None:
    bucket = TokenBucket(rate=10, capacity=1)
    assert bucket.take(1, 5 * SECOND)
    assert not bucket.take(1, 0)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, SECOND)), max_size=60))
def test_over_any_time_no_more_than_the_rate_and_one_burst_goes_through(steps: list[tuple[float, int]]) -> None:
    bucket, now, passed = TokenBucket(rate=3, capacity=7), 0, 0.0
    for cost, step in steps:
        now += step
        passed += cost if bucket.take(cost, now) else 0
    assert passed <= 7 + 3 * now / SECOND + 1e-6


@given(st.lists(st.tuples(st.floats(0.1, 50), st.integers(0, 10**9)), min_size=1, max_size=50))
def test_what_was_spent_beyond_it_is_owed_and_waiting_for_as_long_as_it_says_pays(
    costs: list[tuple[float, int]],
) -> None:
    bucket, now, spent = TokenBucket(10, 20), 0, 0.0
    for cost, pause_ns in costs:
        now += pause_ns
        seconds = bucket.charge(cost, now)
        spent += cost
        now += round(seconds * 1e9)
        assert bucket.charge(0, now) == pytest.approx(0, abs=1e-6)
    assert spent <= 20 + 10 * now / 1e9 + 1e-3
