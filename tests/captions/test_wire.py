"""What the server and a process that recognises tell each other."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.captions.engines.base import Heard
from conference.captions.wire import (
    Order,
    Report,
    number_body,
    order,
    packet_body,
    read_number,
    read_orders,
    read_packet,
    read_report,
)

SECONDS = st.none() | st.floats(0, 1000)
HEARD = st.builds(Heard, st.text(), st.booleans(), SECONDS, SECONDS)
COUNT = st.integers(0, 2**32 - 1)
REPORTS = st.builds(
    Report,
    ready=st.booleans(),
    failed=st.none() | st.text(),
    utterance=st.none() | COUNT,
    taken=COUNT,
    heard=st.none() | HEARD,
    over=st.booleans(),
    trouble=st.none() | st.text(),
)


@given(REPORTS)
def test_a_report_is_read_as_it_was_written_in_one_line(report: Report) -> None:
    line = report.line()
    assert line.count(b"\n") == 1
    assert read_report(line) == report


@given(st.binary() | st.text().map(lambda text: json.dumps({"text": text, "final": 1, "taken": True}).encode()))
def test_any_line_is_read_or_left_out(line: bytes) -> None:
    report = read_report(line)
    assert report is None or (report.taken >= 0 and report.heard is None)


@pytest.mark.parametrize("moment", ["-1", "1e6", "NaN", "Infinity", "true", '"1"', "9" * 400])
def test_a_moment_that_makes_no_sense_is_left_out(moment: str) -> None:
    report = read_report(f'{{"utterance": 1, "text": "good", "final": true, "begins": {moment}}}'.encode())
    assert report is not None
    assert report.heard == Heard("good", final=True)


@given(st.lists(st.tuples(st.sampled_from(list(Order)), COUNT, st.binary(max_size=50))), st.integers(0, 8))
def test_orders_are_read_as_they_were_written_up_to_where_they_break_off(
    orders: list[tuple[Order, int, bytes]], cut: int
) -> None:
    written = b"".join(order(*one) for one in orders)
    assert list(read_orders(io.BytesIO(written))) == orders
    assert list(read_orders(io.BytesIO(written[: len(written) - cut]))) == orders[: len(orders) - bool(cut)] or cut >= 9


@given(st.sampled_from(["opus", "PCMU", "L16-16000-big"]), st.binary(), COUNT)
def test_bodies_are_read_as_they_were_written(codec: str, payload: bytes, number: int) -> None:
    assert read_packet(packet_body(codec, payload)) == (codec, payload)
    assert read_number(number_body(number, codec)) == (number, codec)
