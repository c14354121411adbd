"""What a phone has yet to play, and when its marks come back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from conference.telephony.playout_buffer import PlayoutBuffer


def test_sound_comes_out_in_order_and_silence_after_it() -> None:
    buffer = PlayoutBuffer()
    buffer.append(b"\x01" * 100)
    buffer.append(b"\x02" * 100)
    assert buffer.pull() == (b"\x01" * 100 + b"\x02" * 60, [])
    assert buffer.pull() == (b"\x02" * 40 + b"\xff" * 120, [])
    assert buffer.pull() == (b"\xff" * 160, [])


def test_a_mark_comes_back_at_once_when_nothing_is_buffered() -> None:
    assert PlayoutBuffer().mark("a") == ["a"]


def test_a_mark_comes_back_when_the_sound_before_it_has_been_played() -> None:
    buffer = PlayoutBuffer()
    buffer.append(b"\x01" * 320)
    assert buffer.mark("a") == []
    buffer.append(b"\x02" * 10)
    assert buffer.mark("b") == []
    assert buffer.mark("c") == []
    assert buffer.pull()[1] == []
    assert buffer.pull()[1] == ["a"]
    assert buffer.pull()[1] == ["b", "c"]
    assert buffer.pull()[1] == []


def test_clearing_gives_all_marks_back_in_order_and_leaves_silence() -> None:
    buffer = PlayoutBuffer()
    for name in "abc":
        buffer.append(b"\x01" * 500)
        buffer.mark(name)
    buffer.pull()
    assert buffer.clear() == ["a", "b", "c"]
    assert buffer.buffered_bytes == 0
    assert buffer.pull() == (b"\xff" * 160, [])
    buffer.append(b"\x03" * 160)
    assert buffer.pull() == (b"\x03" * 160, [])


def test_what_is_over_the_limit_is_discarded_from_the_end() -> None:
    buffer = PlayoutBuffer(max_bytes=1000)
    assert buffer.append(b"\x01" * 900) == 0
    assert buffer.append(b"\x02" * 300) == 200
    assert buffer.append(b"\x03" * 300) == 300
    assert buffer.buffered_bytes == 1000
    buffer.pull()
    assert buffer.append(b"\x03" * 300) == 140


def test_marks_are_bounded_and_none_is_kept_back() -> None:
    buffer = PlayoutBuffer(max_marks=2)
    buffer.append(b"\x01")
    assert [buffer.mark(name) for name in "abc"] == [[], [], ["c"]]
    assert buffer.pull()[1] == ["a", "b"]


@given(st.lists(st.binary(max_size=500), max_size=20), st.integers(1, 400))
def test_nothing_is_lost_and_nothing_is_played_twice(chunks: list[bytes], size: int) -> None:
    buffer = PlayoutBuffer()
    for chunk in chunks:
        buffer.append(chunk)
    total = b"".join(chunks)
    played = b""
    while buffer.buffered_bytes:
        played += buffer.pull(size)[0]
    assert played[: len(total)] == total
    assert set(played[len(total) :]) <= {0xFF}
    assert len(played) - len(total) < size


class Marks(RuleBasedStateMachine):
    """Every mark comes back once, in the order it was set."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = PlayoutBuffer()
        self.set = 0
        self.back: list[str] = []

    @rule(size=st.integers(0, 1000))
    def append(self, size: int) -> None:
        self.buffer.append(b"\x01" * size)

    @rule()
    def mark(self) -> None:
        self.set += 1
        self.back += self.buffer.mark(str(self.set))

    @rule(size=st.integers(1, 500))
    def pull(self, size: int) -> None:
        sound, names = self.buffer.pull(size)
        assert len(sound) == size
        self.back += names

    @rule()
    def clear(self) -> None:
        self.back += self.buffer.clear()
        assert len(self.back) == self.set

    @invariant()
    def marks_are_in_order(self) -> None:
        assert self.back == [str(number) for number in range(1, len(self.back) + 1)]

    @invariant()
    def marks_wait_only_for_sound(self) -> None:
        assert self.buffer.buffered_bytes or len(self.back) == self.set


TestMarks = Marks.TestCase
