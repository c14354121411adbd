"""How a stay ended: one word and one status, whichever way somebody was there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conference.client import endings
from conference.client.call_endings import ending_of
from conference.client.endings import ENDED, LOST, REFUSED, REMOVED, SERVER_STOPPED, Ending
from conference.telephony.caller import CallEnd

INTERFACES = Path(__file__).parents[2] / "docs" / "interfaces.md"


@pytest.mark.parametrize(
    ("code", "reason", "been_in", "ending"),
    [
        (1000, "removed", True, REMOVED),
        (1000, "The conference was ended.", True, ENDED),
        (1001, "The server is being stopped.", True, SERVER_STOPPED),
        (1012, "restart", True, SERVER_STOPPED),
        (1006, "the connection was lost", True, LOST),
        (None, "the connection was lost", False, LOST),
        (1011, "the server had an error", True, LOST),
        (1013, "full", True, LOST),
        (1013, "full", False, REFUSED),
        (1008, "The room is locked.", True, REFUSED),
        (1003, "no", True, REFUSED),
        (4000, "no", True, REFUSED),
    ],
)
def test_a_close_code_tells_how_a_call_ended(code: int | None, reason: str, been_in: bool, ending: Ending) -> None:
    found = ending_of(CallEnd(True, code, reason), been_in=been_in)
    assert (found.word, found.status, found.comes_back) == (ending.word, ending.status, ending.comes_back)


def test_the_documented_table_is_the_one_that_holds() -> None:
    rows = re.findall(r"^\| `([a-z ]+)` \| [^|]* \| (\d) \|", INTERFACES.read_text(encoding="utf-8"), re.MULTILINE)
    known = {one.word: one.status for one in vars(endings).values() if isinstance(one, Ending)}
    assert {word: int(status) for word, status in rows} == known
