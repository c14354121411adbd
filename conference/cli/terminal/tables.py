"""Tables for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_GAP = "  "


def render(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table: a line per row, columns lined up.

    Args:
        head: of each column.
        rows: of cells, as many as ``head`` has.
    """
    lines = [[one.upper() for one in head], *([_plain(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        _GAP.join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _plain(text: str) -> str:
    """Text that cannot steer the terminal."""
    return "".join(one if unicodedata.category(one)[0] != "C" else "?" for one in text)


def _width(text: str) -> int:
    """Columns that it takes."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )
