"""How late ticks are, in buckets."""

from __future__ import annotations

import pytest

from conference.engine.lateness import LATE_NS, Lateness


@pytest.mark.parametrize(("late_ms", "bound"), [(0, "0.0005"), (0.7, "0.001"), (30, "0.05"), (900, "+Inf")])
def test_lateness_is_counted_in_the_bucket_it_belongs_to(late_ms: float, bound: str) -> None:
    lateness = Lateness()
    lateness.add(int(late_ms * 1_000_000))
    buckets = lateness.buckets()
    assert next(label for label, count in buckets if count) == bound
    assert buckets[-1] == ("+Inf", 1.0)


def test_a_tick_is_late_from_the_bound_on_that_says_so() -> None:
    lateness = Lateness()
    for late_ns in (-5, LATE_NS - 1, LATE_NS, LATE_NS + 1, 10 * LATE_NS):
        lateness.add(late_ns)
    assert (lateness.late, lateness.worst_ns) == (2, 10 * LATE_NS)
    assert lateness.total_ns == 13 * LATE_NS
