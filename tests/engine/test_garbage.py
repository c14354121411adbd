from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from conference.engine.garbage import DEPARTURES, Collector


class Circle:
    """Garbage, once nobody holds it, that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _own_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


def leave_a_circle(collector: Collector) -> weakref.ref[Circle]:
    circle = Circle()
    collector.look()  # it has lasted
    collector.note_departure()
    return weakref.ref(circle)


def test_what_has_lasted_is_out_of_the_collector_s_sight() -> None:
    collector = Collector(lambda: False)
    left = leave_a_circle(collector)
    collector.look()
    gc.collect()
    assert left() is not None


def test_what_was_left_behind_is_found_when_nobody_is_there() -> None:
    present = True
    collector = Collector(lambda: not present)
    left = leave_a_circle(collector)
    collector.look()
    assert left() is not None
    present = False
    collector.look()
    assert left() is None


def test_what_was_left_behind_is_found_after_many_departures() -> None:
    collector = Collector(lambda: False)
    left = leave_a_circle(collector)
    for _ in range(DEPARTURES - 2):
        collector.note_departure()
    collector.look()
    assert left() is not None
    collector.note_departure()
    collector.look()
    assert left() is None


def test_an_empty_server_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector(lambda: True)
    leave_a_circle(collector)
    collector.look()
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("again"))
    collector.look()
