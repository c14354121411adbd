from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.cli.terminal.progress import (
    Meter,
    Progress,
    Snapshot,
    bar,
    clock,
    decibels,
    live_line,
    percent,
    plain_line,
    summary,
)

CALL = Snapshot(
    elapsed_s=62.4,
    remaining_s=8.2,
    level_in=-18.3,
    level_out=-127.0,
    packets_in=297,
    packets_out=310,
    lost=3,
    buffered_ms=42.0,
)


def test_the_live_line_shows_levels_packets_loss_and_time_left() -> None:
    line = live_line(CALL, columns=200)
    assert line == (
        "1:02, 0:08 left  in ███████··· -18  out ··········   -  packets 297 in 310 out  loss 1.0 %  buffered 42 ms"
    )


def test_a_narrow_terminal_gets_shorter_bars_and_still_all_that_matters() -> None:
    assert live_line(CALL, columns=80) == (
        "1:02, 0:08 left  in ████·· -18  out ······   -  packets 297/310  loss 1.0 %"
    )
    assert live_line(CALL, columns=66) == "1:02, 0:08 left  in -18  out   -  packets 297/310  loss 1.0 %"


def test_a_terminal_without_block_characters_gets_ascii() -> None:
    assert live_line(CALL, columns=200, blocks=False).isascii()


def test_the_plain_line_spells_the_units_out() -> None:
    assert plain_line(CALL) == (
        "1:02 elapsed, level in -18 dB, level out - dB, packets 297 in 310 out  loss 1.0 %  buffered 42 ms, 0:08 left"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert live_line(Snapshot(elapsed_s=1.0, packets_out=5), columns=80) == "0:01  packets 0 in 5 out"


@given(columns=st.integers(1, 300), level=st.floats(-200, 50), elapsed=st.floats(0, 1e6))
def test_the_live_line_never_fills_the_terminal_so_it_never_wraps(columns: int, level: float, elapsed: float) -> None:
    line = live_line(Snapshot(elapsed_s=elapsed, level_in=level), columns=columns)
    assert len(line) <= max(1, columns - 1)
    assert "\n" not in line


@given(level=st.floats(allow_nan=True, allow_infinity=True), blocks=st.booleans())
def test_a_bar_is_always_as_wide(level: float, blocks: bool) -> None:
    assert len(bar(level, cells=10, blocks=blocks)) == 10


@given(quiet=st.floats(-130, 10), louder=st.floats(0, 60))
def test_a_louder_level_never_has_a_shorter_bar(quiet: float, louder: float) -> None:
    def filled(level: float) -> int:
        text = bar(level)
        return 2 * text.count("█") + text.count("▌")

    assert filled(quiet + louder) >= filled(quiet)


def test_full_scale_fills_the_bar_and_silence_leaves_it_empty() -> None:
    assert bar(0.0) == "█" * 10
    assert bar(-127.0) == "·" * 10
    assert bar(-30.0, blocks=False) == "#####....."


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0:00"), (0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3723, "1:02:03")]
)
def test_times_read_like_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_silence_has_a_dash_for_a_level() -> None:
    assert decibels(-127.0) == "-"
    assert decibels(math.nan) == "-"
    assert decibels(-17.6) == "-18"


def test_loss_of_nothing_is_no_loss() -> None:
    assert percent(0, 0) == "0.0 %"
    assert percent(3, 300) == "1.0 %"


def test_the_summary_lines_its_values_up() -> None:
    assert summary([("heard", "1:02"), ("lost", "")]) == "  heard  1:02\n  lost"
    assert summary([]) == ""


def test_a_meter_tells_the_level_since_it_was_last_read() -> None:
    meter = Meter()
    assert meter.read() == -127.0
    meter.add(np.full(960, -32768, np.int16))
    assert meter.read() == 0.0
    meter.add(np.full(960, 3277, np.int16))
    meter.add(np.full(160, 3277, np.int16))
    assert meter.read() == pytest.approx(-20.0, abs=0.01)
    assert meter.read() == -127.0


def test_a_terminal_gets_one_line_that_rewrites_itself_and_a_summary_below() -> None:
    stream = io.StringIO()
    progress = Progress(stream, live=True)
    for elapsed in (0.0, 0.05, 0.2):
        progress.update(Snapshot(elapsed_s=elapsed))
    progress.note("A sentence.")
    progress.finish([("sent", "10")])

    text = stream.getvalue()
    assert text.count("\r0:00") == 2, "0.05 s is too soon for another look"
    assert text.endswith("\r\x1b[KA sentence.\n  sent  10\n")


def test_a_log_gets_a_plain_line_every_five_seconds() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    for tick in range(600):
        progress.update(Snapshot(elapsed_s=tick * 0.02))

    lines = stream.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["0:00", "0:05", "0:10"]
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_reader_that_has_gone_does_not_end_the_call() -> None:
    stream = io.StringIO()
    progress = Progress(stream, live=False)
    stream.close()
    progress.update(CALL)
    progress.finish([("sent", "10")])
