"""What of a text can be seen."""

from __future__ import annotations

import re

BLANK = (
    r"\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\u2800\ufff9-\ufffb\U00013430-\U00013442"
)
"""Characters that show as nothing, as the inside of a class in a regular expression: spaces, those that are default
ignorable (The Unicode Standard, section 5.21), the empty braille pattern, and two kinds of format characters."""

_VISIBLE = re.compile(rf"[^{BLANK}\x00-\x1f\x7f-\x9f]")


def shows(text: str) -> bool:
    """Whether anything of a text can be seen; invisible characters between others, as in emoji, do no harm."""
    return _VISIBLE.search(text) is not None
