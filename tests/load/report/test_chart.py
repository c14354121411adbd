from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conference.load.report.chart import Line, Panel, svg, ticks

values = st.floats(0, 1e9, allow_nan=False)
points = st.lists(st.tuples(values, values), max_size=6)
SVG = "{http://www.w3.org/2000/svg}"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.lists(points, max_size=3))
@example("", [[(0.0, 5e-324)]])
def test_any_chart_is_well_formed_with_all_its_points_inside(name: str, lines: list[list[tuple[float, float]]]) -> None:
    panel = Panel(name, [Line(name, one) for one in lines])
    root = ET.fromstring(svg([panel, panel], title=name))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    circles = [one for one in root.iter(f"{SVG}circle") if one.find(f"{SVG}title") is not None]
    assert len(circles) == 2 * sum(len(one) for one in lines)
    for circle in circles:
        assert 0 <= float(circle.attrib["cx"]) <= width
        assert 0 <= float(circle.attrib["cy"]) <= height


@given(st.floats(1e-6, 1e9))
def test_an_axis_ends_just_above_its_highest_value(highest: float) -> None:
    marks = ticks(highest)
    assert marks[0] == 0
    assert marks[-1] >= highest * (1 - 1e-6)
    assert marks[-2] < highest
    assert 2 <= len(marks) <= 12


def test_higher_values_are_drawn_higher() -> None:
    root = ET.fromstring(svg([Panel("CPU", [Line("CPU", [(20, 1.0), (120, 3.0)])])], title="Load"))
    low, high = (float(one.attrib["cy"]) for one in root.iter(f"{SVG}circle"))
    assert high < low


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_what_cannot_be_drawn_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        svg([Panel("CPU", [Line("CPU", [(20, value)])])], title="Load")
