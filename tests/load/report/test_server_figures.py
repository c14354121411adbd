from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.load.report.server_figures import ServerFigures, parse_figures

TEXT = """
# HELP conference_talking Participants who are talking.
# TYPE conference_talking gauge
conference_talking 3.0
conference_tick_lateness_seconds_bucket{le="0.01"} 5.0
conference_tick_lateness_seconds_bucket{le="0.02"} 997.0
conference_tick_lateness_seconds_bucket{le="+Inf"} 1000.0
conference_tick_lateness_seconds_count 1000.0
conference_ticks_late_total 12.0
conference_ticks_skipped_total 1.0
process_cpu_seconds_total 4.25
process_resident_memory_bytes 1.0e+08
"""


def test_the_figures_are_read() -> None:
    assert parse_figures(TEXT) == ServerFigures(
        cpu_seconds=4.25, memory_bytes=1e8, talking=3, ticks_late=12, ticks_very_late=3, ticks_skipped=1
    )


def test_what_a_server_does_not_tell_is_unknown() -> None:
    assert parse_figures("up 1\n<html>") == ServerFigures()


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    parse_figures(text)
    parse_figures(f"conference_talking {text}\nprocess_cpu_seconds_total NaN")
