"""What a client says: in order, in real time, to whom it is for, and counted to the sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import Samples
from conference.voices.messages import Address
from conference.voices.speech import MAX_ADDRESSES, Speech
from tests.tones import tone


class Talk:
    """A speech at 48 kHz, where a frame comes out as it went in, and what it told."""

    def __init__(self, max_ahead_ms: int = 60_000) -> None:
        self.speech = Speech(48_000, max_ahead_ms)
        self.marks: list[tuple[str, float]] = []
        self.overflow = 0.0
        self.asked = 0
        self.heard: list[tuple[tuple[str, ...] | None, Samples]] = []
        self.audience: tuple[str, ...] | None = None
        self.speech.on_marks = self._marked
        self.speech.on_overflow = self._overflowed
        self.speech.on_address = self._ask

    def _marked(self, names: Sequence[str], played_ms: float) -> None:
        self.marks += [(name, played_ms) for name in names]

    def _overflowed(self, milliseconds: float) -> None:
        self.overflow += milliseconds

    def _ask(self) -> None:
        self.asked += 1

    def tick(self) -> Samples | None:
        frame = self.speech.pull(0)
        if frame is not None:
            self.heard.append((self.audience, frame))
        if self.asked:  # as the event loop does, between two ticks
            self.asked = 0
            awaited = self.speech.awaited
            assert awaited is not None
            self.audience = awaited.listeners
            self.speech.go_on()
        return frame

    def sound(self, audience: tuple[str, ...] | None = None) -> list[int]:
        frames = [frame for to, frame in self.heard if to == audience]
        whole = np.concatenate(frames) if frames else np.zeros(0, np.int16)
        return [int(sample) for sample in whole if sample]


def numbered(begin: int, size: int) -> bytes:
    return (np.arange(size) % 30_000 + begin + 1).astype("<i2").tobytes()


@given(st.lists(st.integers(0, 5000), max_size=8), st.integers(1, 7))
def test_sound_cut_anywhere_is_played_once_and_in_order(sizes: list[int], step: int) -> None:
    talk = Talk()
    data = numbered(0, sum(sizes))
    for begin in range(0, len(data), step * 97):
        talk.speech.append(data[begin : begin + step * 97])
    for _ in range(len(data) // 1920 + 2):
        talk.tick()
    assert talk.sound() == np.frombuffer(data, "<i2").tolist()
    assert talk.speech.flush().played_ms == pytest.approx(len(data) / 96, abs=0.001)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("say"), st.integers(1, 4000)),
            st.tuples(st.just("mark"), st.integers(0, 3)),
            st.tuples(st.just("tick"), st.integers(1, 4)),
            st.tuples(st.just("flush"), st.just(0)),
            st.tuples(st.just("to"), st.integers(0, 2)),
        ),
        max_size=40,
    )
)
def test_marks_come_back_once_and_in_order_and_no_millisecond_is_lost(steps: list[tuple[str, int]]) -> None:
    talk, set_marks, said, accounted = Talk(), list[str](), 0, 0.0
    for kind, number in steps:
        match kind:
            case "say":
                talk.speech.append(numbered(0, number))
                said += number
            case "mark":
                set_marks.append(str(len(set_marks)))
                talk.speech.mark(set_marks[-1])
            case "tick":
                for _ in range(number):
                    talk.tick()
            case "to":
                talk.speech.address(Address((str(number),)))
            case _:
                flushed = talk.speech.flush()
                talk.marks += [(name, -1.0) for name in flushed.marks]
                accounted += flushed.played_ms + flushed.unheard_ms + flushed.dropped_ms
                assert talk.speech.buffered_ms == 0
    flushed = talk.speech.flush()
    talk.marks += [(name, -1.0) for name in flushed.marks]
    accounted += flushed.played_ms + flushed.unheard_ms + flushed.dropped_ms
    assert [name for name, _ in talk.marks] == set_marks
    assert accounted == pytest.approx(said / 48, abs=0.05)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(1, 3000)), min_size=1, max_size=6))
def test_nobody_hears_a_sample_that_is_for_others(parts: list[tuple[str | None, int]]) -> None:
    talk = Talk()
    wanted: dict[tuple[str, ...] | None, list[int]] = {}
    begin = 0
    for whom, size in parts:
        listeners: tuple[str, ...] | None = None if whom is None else (whom,)
        talk.speech.address(Address(listeners))
        data = numbered(begin, size)
        begin += size
        talk.speech.append(data)
        wanted.setdefault(listeners, []).extend(np.frombuffer(data, "<i2").tolist())
    for _ in range(begin // 960 + 5 * len(parts)):
        talk.tick()
    for listeners, samples in wanted.items():
        assert talk.sound(listeners) == samples


def test_after_a_change_of_listeners_there_is_a_tick_of_silence_in_which_gains_can_move() -> None:
    talk = Talk()
    talk.speech.append(numbered(0, 960))
    talk.speech.address(Address(("a",)))
    talk.speech.append(numbered(0, 960))
    frames = [talk.tick() for _ in range(5)]
    assert [frame is not None and bool(frame.any()) for frame in frames] == [True, False, False, True, False]


def test_what_goes_by_while_nobody_may_hear_it_is_not_counted_as_played() -> None:
    talk = Talk()
    talk.speech.append(numbered(0, 2 * 960))
    talk.tick()
    talk.speech.is_audible = lambda: False
    talk.tick()
    flushed = talk.speech.flush()
    assert (flushed.played_ms, flushed.unheard_ms, flushed.dropped_ms) == (20.0, 20.0, 0.0)


def test_what_is_withheld_is_heard_by_nobody_until_it_is_for_others_again() -> None:
    talk = Talk()
    talk.speech.on_address = lambda: None
    talk.speech.address(Address(("a",)))
    talk.speech.append(numbered(0, 1920))
    talk.speech.address(Address(None))
    talk.speech.append(numbered(0, 960))
    assert talk.tick() is None
    talk.speech.go_on(heard=False)
    assert [talk.tick() is None for _ in range(4)][:3] == [True, True, True]
    talk.speech.go_on()
    heard = [frame for frame in (talk.tick() for _ in range(4)) if frame is not None and frame.any()]
    assert len(heard) == 1
    assert talk.speech.flush().unheard_ms == 40.0


def test_what_finds_no_room_is_dropped_from_the_end_and_told_now_and_then() -> None:
    talk = Talk(max_ahead_ms=100)
    talk.speech.append(numbered(0, 48_000))
    for _ in range(10):
        talk.tick()
    assert talk.overflow == talk.speech.overflow_ms == 900.0
    assert talk.sound() == np.frombuffer(numbered(0, 4800), "<i2").tolist()


def test_changes_of_who_is_to_hear_it_are_bounded_in_number() -> None:
    talk = Talk()
    talk.speech.append(numbered(0, 9600))
    assert all(talk.speech.address(Address(None)) for _ in range(MAX_ADDRESSES))
    assert not talk.speech.address(Address(None))
    talk.speech.flush()
    assert talk.speech.address(Address(None))


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000])
def test_what_a_flush_has_dropped_is_not_heard_later(rate: int) -> None:
    speech = Speech(rate, 1000)
    speech.append(tone(440, 0.5, rate=rate, fade=0).astype("<i2").tobytes())
    assert speech.pull(0) is not None
    speech.flush()
    assert speech.pull(0) is None
    speech.append(bytes(rate // 50 * 2))
    frame = speech.pull(0)
    assert frame is not None
    assert not frame.any()
