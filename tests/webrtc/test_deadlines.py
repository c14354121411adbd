from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.deadlines import Deadlines


def test_what_is_due_is_told_once_the_longest_due_first() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for thing, due_ns in (("later", 30), ("soon", 10), ("next", 20), ("also next", 20)):
        deadlines.add(thing, due_ns)
    assert deadlines.take_due(9) == []
    assert deadlines.take_due(20) == ["soon", "next", "also next"]
    assert deadlines.take_due(20) == []
    assert deadlines.take_due(99) == ["later"]
    assert len(deadlines) == 0


def test_what_was_struck_off_is_never_due() -> None:
    deadlines: Deadlines[object] = Deadlines()
    kept, gone = object(), object()
    for thing in (gone, kept, gone):
        deadlines.add(thing, 5)
    deadlines.discard(gone)
    deadlines.discard(object())
    assert deadlines.take_due(5) == [kept]


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=60))
def test_everything_is_told_on_time_whatever_the_order(steps: list[tuple[int, bool]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    waiting: list[tuple[int, int]] = []
    now_ns = 0
    for number, (step, asks) in enumerate(steps):
        if asks:
            now_ns += step
            told = [number for due_ns, number in sorted(waiting) if due_ns <= now_ns]
            assert deadlines.take_due(now_ns) == told
            waiting = [one for one in waiting if one[0] > now_ns]
        else:
            deadlines.add(number, now_ns + step)
            waiting.append((now_ns + step, number))
    assert len(deadlines) == len(waiting)
