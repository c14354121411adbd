"""Law 5: frames of one tick were captured within 30 ms of each other; early ones wait, late ones are dropped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.audio.mix import minus, total
from conference.audio.noise_gate import NoiseGate
from conference.audio.timeline import WINDOW_NS, TimedFrames

MS = 1_000_000


def numbered(n: int) -> Samples:
    return np.full(FRAME_SAMPLES, n, dtype=np.int16)


def due_at(tick_time_ns: int, captured_ns: int, frame: Samples) -> Samples | None:
    """The frame, if that is when a source plays it."""
    frames = TimedFrames()
    frames.push(captured_ns, frame)
    return frames.pull(tick_time_ns)


def test_the_worked_example() -> None:
    """Amy says "Hi!" at 1.00 s, Ben "Hey!" at 1.01 s, Charlie is silent at 1.02 s."""
    said = {
        "Amy": (1_000 * MS, numbered(1_000)),
        "Ben": (1_010 * MS, numbered(300)),
        "Charlie": (1_020 * MS, numbered(0)),
    }
    due = {name: due_at(1_020 * MS, time, frame) for name, (time, frame) in said.items()}
    talking = {name: frame for name, frame in due.items() if frame is not None and NoiseGate().process(frame)}
    everything = total(list(talking.values()))
    heard = {name: minus(everything, talking[name]) if name in talking else everything for name in said}
    assert {name: set(mix.tolist()) for name, mix in heard.items()} == {
        "Amy": {300.0},
        "Ben": {1_000.0},
        "Charlie": {1_300.0},
    }


@given(st.lists(st.integers(-100 * MS, 100 * MS), max_size=30), st.integers(-10 * MS, 10 * MS))
def test_what_many_sources_play_at_one_tick_was_captured_near_each_other(times: list[int], tick: int) -> None:
    due = [time for time in times if due_at(tick, time, numbered(1)) is not None]
    assert sorted(due) == sorted(time for time in times if tick - WINDOW_NS <= time <= tick)
    assert all(abs(a - b) <= WINDOW_NS for a in due for b in due)


@pytest.mark.parametrize(("captured", "is_due"), [(0, True), (30 * MS, True), (30 * MS + 1, False), (-1, False)])
def test_the_edges_of_the_window_belong_to_it(captured: int, is_due: bool) -> None:
    assert (due_at(30 * MS, captured, numbered(1)) is not None) is is_due


@given(
    gaps=st.lists(st.integers(1, 60 * MS), min_size=1, max_size=60),
    delays=st.lists(st.integers(0, 90 * MS), min_size=60, max_size=60),
)
def test_no_frame_is_played_twice_out_of_order_or_outside_its_window(gaps: list[int], delays: list[int]) -> None:
    """A source whose frames are captured and arrive at any times: on the wire they keep their order."""
    captured = np.cumsum(gaps).tolist()
    arrivals = np.maximum.accumulate([c + d for c, d in zip(captured, delays, strict=False)]).tolist()
    frames, played, pushed = TimedFrames(), [], 0
    for tick in range(0, arrivals[-1] + 200 * MS, TICK_NS):
        while pushed < len(captured) and arrivals[pushed] <= tick:
            frames.push(captured[pushed], numbered(pushed))
            pushed += 1
        frame = frames.pull(tick)
        if frame is not None:
            played.append(int(frame[0]))
            assert tick - WINDOW_NS <= captured[played[-1]] <= tick
    assert played == sorted(set(played))
    assert len(played) + frames.late == len(captured)
    assert not len(frames)


@given(offset=st.integers(0, TICK_NS - 1))
def test_a_steady_source_loses_nothing_wherever_its_frames_lie_between_ticks(offset: int) -> None:
    frames, played = TimedFrames(), []
    for n in range(50):
        frames.push(n * TICK_NS + offset, numbered(n))
        frame = frames.pull((n + 1) * TICK_NS)
        assert frame is not None
        played.append(int(frame[0]))
    assert played == list(range(50))


def test_an_early_frame_waits_for_its_tick() -> None:
    frames = TimedFrames()
    frames.push(100 * MS, numbered(7))
    assert [frames.pull(t * MS) is not None for t in (60, 80, 100, 120)] == [False, False, True, False]


def test_a_late_frame_is_never_played_beside_newer_ones() -> None:
    frames = TimedFrames()
    frames.push(0, numbered(1))
    frames.push(65 * MS, numbered(2))
    frame = frames.pull(80 * MS)
    assert frame is not None
    assert frame[0] == 2
    assert frames.late == 1


def test_a_frame_not_newer_than_the_last_is_dropped() -> None:
    frames = TimedFrames()
    frames.push(10, numbered(1))
    frames.push(10, numbered(2))
    assert (len(frames), frames.late) == (1, 1)


def test_what_waits_is_bounded() -> None:
    frames = TimedFrames(limit=3)
    for n in range(10):
        frames.push(n, numbered(n))
    assert (len(frames), frames.late) == (3, 7)
    frame = frames.pull(10)
    assert frame is not None
    assert frame[0] == 7


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        TimedFrames(limit=0)
