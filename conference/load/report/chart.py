"""A chart of a load test as SVG: panels with lines against the number of participants. Pure: numbers to text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
PANEL_HEIGHT = 260
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 44, 46

_STYLE = """
svg { background: #fff; color: #1a1a1a; font: 13px system-ui, sans-serif; }
text { fill: currentColor; } .title { font-weight: 600; font-size: 15px; }
.grid { stroke: #ddd; } .axis { stroke: #888; } .line { fill: none; stroke-width: 2; }
@media (prefers-color-scheme: dark) { svg { background: #161616; color: #eee; } .grid { stroke: #333; } }
"""
_COLOURS = ("#1667b7", "#c2410c", "#2f7d32")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel."""

    name: str
    points: Sequence[tuple[float, float]]
    """Participants, and a value each. Without points nothing is drawn but the name."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes."""

    title: str
    lines: Sequence[Line]


def svg(panels: Sequence[Panel], *, title: str, across: str = "participants") -> str:
    """Panels, one below the other.

    Args:
        panels: what to draw.
        title: above them, and what a screen reader says.
        across: what the horizontal axes count.

    Raises:
        ValueError: a point is not finite, or negative.
    """
    for panel in panels:
        for line in panel.lines:
            if any(not math.isfinite(value) or value < 0 for point in line.points for value in point):
                raise ValueError(f"'{line.name}' has a point that cannot be drawn")
    height = TOP + len(panels) * PANEL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="26">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate(0 {TOP + number * PANEL_HEIGHT})">')
        parts += _panel(panel, across)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


TINY = 1e-9
"""Less than this is nothing: it could not be told from zero on any axis, and its logarithm may not exist."""


def ticks(highest: float, *, about: int = 5) -> list[float]:
    """Round numbers from 0 to at least ``highest``, for an axis: steps of 1, 2 or 5 times a power of ten."""
    if highest < TINY:
        return [0.0, 1.0]
    rough = highest / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [step * number for number in range(math.ceil(highest / step - 1e-9) + 1)]


def _panel(panel: Panel, across: str) -> list[str]:
    points = [point for line in panel.lines for point in line.points]
    sideways = ticks(max((x for x, _ in points), default=0))
    upwards = ticks(max((y for _, y in points), default=0))
    width, height = WIDTH - LEFT - RIGHT, PANEL_HEIGHT - 30 - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / sideways[-1] * width, 30 + (1 - y / upwards[-1]) * height

    parts = [f'<text x="{LEFT}" y="18">{escape(panel.title)}</text>']
    for value in upwards:
        _, y = place(0, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{LEFT + width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in sideways:
        x, y = place(value, 0)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y + 5:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 19:.1f}" text-anchor="middle">{value:g}</text>')
    x, y = place(sideways[-1], 0)
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{x:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(f'<text x="{x:.1f}" y="{y + 35:.1f}" text-anchor="end">{escape(across)}</text>')
    for number, line in enumerate(panel.lines):
        parts += _line(line, _COLOURS[number % len(_COLOURS)], [place(*point) for point in line.points])
    return parts + _legend(panel)


def _line(line: Line, colour: str, points: Sequence[tuple[float, float]]) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [f'<polyline class="line" stroke="{colour}" points="{path}"/>'] if len(points) > 1 else []
    for (x, y), (people, value) in zip(points, line.points, strict=True):
        label = f"{escape(line.name)}: {value:g} at {people:g}"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{label}</title></circle>')
    return parts


def _legend(panel: Panel) -> list[str]:
    if len(panel.lines) < 2:
        return []
    parts, x = [], WIDTH - RIGHT
    for number, line in reversed(list(enumerate(panel.lines))):
        parts.append(f'<text x="{x}" y="18" text-anchor="end">{escape(line.name)}</text>')
        x -= 8 * len(line.name) + 12
        parts.append(f'<circle cx="{x + 4}" cy="14" r="4" fill="{_COLOURS[number % len(_COLOURS)]}"/>')
        x -= 14
    return parts
