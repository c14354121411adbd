"""What waits for somebody who does not listen: in order, and without the oldest sound."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.outgoing_queue import OutgoingQueue


@given(st.lists(st.sampled_from(["sound", "other", "drop", "take"]), max_size=60))
def test_all_comes_in_the_order_in_which_it_was_put_but_for_the_oldest_sound_that_was_dropped(steps: list[str]) -> None:
    queue: OutgoingQueue[int] = OutgoingQueue()
    waiting: list[tuple[str, int]] = []
    for number, step in enumerate(steps):
        if step == "sound":
            queue.put_sound(f"sound {number}", number)
            waiting.append((step, number))
        elif step == "other":
            queue.put(f"other {number}")
            waiting.append((step, number))
        elif step == "drop" and queue.sounds:
            oldest = next(one for one in waiting if one[0] == "sound")
            assert queue.oldest == queue.drop_oldest() == oldest[1]
            waiting.remove(oldest)
        elif step == "take":
            assert queue.take() == [f"{kind} {number}" for kind, number in waiting]
            waiting.clear()
        assert queue.sounds + queue.others == len(waiting)
    assert queue.take() == [f"{kind} {number}" for kind, number in waiting]


class _Counted(deque[object]):
    """Counts how often anything is taken from it or put into it."""

    touched = 0

    def popleft(self) -> object:
        self.touched += 1
        return super().popleft()


def test_to_drop_sound_touches_nothing_else_however_much_waits() -> None:
    queue: OutgoingQueue[None] = OutgoingQueue()
    queue._others = others = _Counted()  # type: ignore[assignment]
    queue._sounds = sounds = _Counted()  # type: ignore[assignment]
    for _ in range(1000):
        queue.put("answer")
    for _ in range(100):
        queue.put_sound(b"", None)
        queue.drop_oldest()
    assert (others.touched, sounds.touched) == (0, 100)
