from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.text import shows

SHOWN_FORMATS = ("ARABIC", "SYRIAC", "KAITHI")
"""Format characters that are drawn: signs that stand over the digits after them."""


BLANK = (
    "",
    " ",
    "\u200b",
    "\u200d\u200d",
    "\u2060\ufeff",
    "\u00ad",
    "\u3164",
    "\uffa0",
    "\u115f\u1160",
    "\u2800",
    "\u034f",
    "\ufe0f",
    "\u180e",
    "\u3000",
    "\u061c",
    "\U000e0020",
    "\U000e0100",
    "\u2063",
    "\x00\t\n",
    "\u2028",
    "\u202e",
)
WRITTEN = ("a", "é", "中", "🙂", "👩\u200d🚀", "🏴\U000e0067\U000e0062\U000e007f", "م\u200cن", "…", "\u0301", "\u0600")


@pytest.mark.parametrize("text", BLANK, ids=ascii)
def test_of_invisible_characters_alone_nothing_shows(text: str) -> None:
    assert not shows(text)
    assert shows(text + "a")


@pytest.mark.parametrize("text", WRITTEN)
def test_what_people_write_shows(text: str) -> None:
    assert shows(text)


def test_every_space_and_every_format_character_is_known() -> None:
    for one in map(chr, range(sys.maxunicode + 1)):
        kind, name = unicodedata.category(one), unicodedata.name(one, "")
        shown = "MARK" in name or "HIEROGLYPH" in name or name.startswith(SHOWN_FORMATS)
        if kind in ("Zs", "Zl", "Zp", "Cc") or (kind == "Cf" and not shown):
            assert not shows(one), ascii(one)


@given(st.text(), st.text())
def test_more_never_shows_less(one: str, other: str) -> None:
    assert shows(one + other) == (shows(one) or shows(other))
