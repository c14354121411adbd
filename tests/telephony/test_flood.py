"""How much a client may send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.flood import TokenBucket

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
