"""How late ticks are, in buckets."""

from __future__ import annotations

import pytest

from conference.engine.lateness import Lateness


@pytest.mark.parametrize(("late_ms", "bound"), [(0, "0.0005"), (0.7, "0.001"), (30, "0.05"), (900, "+Inf")])
def test_lateness_is_counted_in_the_bucket_it_belongs_to(
    late_ms: float, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns = 10_000_000_000
    monkeypatch.setattr("conference.engine.lateness.time.monotonic_ns", lambda: now_ns)
    ticked: list[tuple[int, int]] = []
    lateness = Lateness(lambda number, deadline_ns: ticked.append((number, deadline_ns)))
    deadline_ns = now_ns - int(late_ms * 1_000_000)
    lateness(7, deadline_ns)
    assert ticked == [(7, deadline_ns)]
    buckets = lateness.buckets()
    assert next(label for label, count in buckets if count) == bound
    assert buckets[-1] == ("+Inf", 1.0)
