from __future__ import annotations

import dataclasses

import pytest

from conference.load.report.figures import Sample, StepFigures, client_slope, quantile, slope, step_figures
from conference.load.report.server_figures import ServerFigures
from conference.load.report.summary import LIVE_HEADER, live_line, summary

BEFORE = Sample(
    at_s=10.0,
    server=ServerFigures(2.0, 50 * 2**20, 3, ticks_late=7, ticks_very_late=1, ticks_skipped=0),
    joined=20,
    sent=1000,
    received=2000,
    lost=5,
    gaps=2,
    clients=((1000, 10), (500, 0)),
    client_cpu_seconds=1.0,
)
AFTER = Sample(
    at_s=20.0,
    server=ServerFigures(3.0, 52 * 2**20, 3, ticks_late=9, ticks_very_late=1, ticks_skipped=2),
    joined=20,
    sent=3000,
    received=11_900,
    lost=105,
    gaps=9,
    clients=((2000, 110), (1500, 20)),
    client_cpu_seconds=1.4,
)


def figures(**changes: object) -> StepFigures:
    step = step_figures(
        BEFORE, AFTER, wanted=21, delays=[40.0, 50.0, 42.0], bursts_said=4, joins_ms=[30.0, 60.0],
        memory_before=48 * 2**20,
    )  # fmt: skip
    return dataclasses.replace(step, **changes)  # type: ignore[arg-type]


def test_a_step_is_the_difference_of_two_looks() -> None:
    step = figures()
    assert step.cpu_ms_per_participant_second == pytest.approx(5.0)
    assert step.core_share == pytest.approx(0.1)
    assert step.kib_per_participant == pytest.approx(4 * 1024 / 20)
    assert (step.delay_median_ms, step.delay_95_ms) == (42.0, 50.0)
    assert step.loss == pytest.approx(100 / 10_000)
    assert (step.ticks_late, step.ticks_very_late, step.ticks_skipped) == (2, 0, 2)
    assert (step.join_median_ms, step.join_95_ms) == (30.0, 60.0)
    assert step.packets_in_per_second == pytest.approx(49.5)
    assert step.packets_out_per_second == pytest.approx(10.0)
    assert step.client_cpu_ms_per_participant_second == pytest.approx(2.0)
    assert step.client_late == pytest.approx(0.1)  # of the process that was late most often
    assert step.gaps_heard == 7


def test_how_many_rooms_fill_a_core_is_said_where_there_are_several() -> None:
    assert "With 20: a core holds 100 such rooms, of 2 each." in summary([figures(rooms=10)])
    assert "of 6.7 each" in summary([figures(rooms=3)])
    assert "a core holds" not in summary([figures()])
    assert figures(rooms=3, core_share=None).rooms_per_core is None


def test_what_the_server_does_not_tell_stays_unknown() -> None:
    silent = dataclasses.replace(AFTER, server=ServerFigures())
    step = step_figures(BEFORE, silent, wanted=20, delays=[], bursts_said=0, joins_ms=[], memory_before=None)
    assert step.cpu_ms_per_participant_second is None
    assert step.kib_per_participant is None
    assert step.ticks_late is None
    assert step.delay_median_ms is None
    assert "-" in summary([step])


def test_the_slope_leaves_out_what_an_empty_server_takes() -> None:
    small = figures(participants=20, core_share=0.15, client_cpu_ms_per_participant_second=5.0)
    large = figures(participants=120, core_share=0.25, client_cpu_ms_per_participant_second=1.25)
    assert slope([small, large]) == pytest.approx(1.0)
    assert client_slope([small, large]) == pytest.approx(0.5)
    assert slope([small]) is None


def test_quantiles_are_values_that_were_seen() -> None:
    values = [float(one) for one in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.95), quantile([], 0.5)) == (50.0, 95.0, None)


def test_the_summary_says_what_not_to_believe() -> None:
    text = summary([figures()])
    assert "1 of 21 were not there" in text
    assert "3 bursts; 4 went in" in text
    assert "left out 2 ticks" in text
    assert "late 10% of the time" in text


def test_a_line_fits_under_its_header() -> None:
    line = live_line(BEFORE, AFTER, 42.0)
    assert len(line) == len(LIVE_HEADER)
    assert "42 ms" in line
    assert "990" in line
    assert "10 %" in line
