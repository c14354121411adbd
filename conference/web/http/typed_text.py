"""Text that people typed, checked so that it can be shown to others."""

from __future__ import annotations

import unicodedata

from conference.text import shows

DEFAULT_NAME = "Guest"
"""The name of somebody who gave none."""

_REFUSED_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def read_name(text: str, max_length: int) -> str:
    """Check and trim a name that somebody typed. If nothing of it can be seen, the name is :data:`DEFAULT_NAME`.

    Raises:
        ValueError: with a sentence, if it is too long or would not show as one line of text.
    """
    name = text.strip()
    if len(name) > max_length:
        raise ValueError(f"This name is too long: use at most {max_length} characters.")
    if any(map(_is_refused, name)):
        raise ValueError("This name has control characters in it: use letters, digits and signs.")
    return name if shows(name) else DEFAULT_NAME


def shown_name(text: str, max_length: int = 64) -> str:
    """A name that was not typed here, such as a token's: those characters of it that show as one line of text."""
    name = "".join(one for one in text if not _is_refused(one)).strip()[:max_length]
    return name if shows(name) else "somebody"


def _is_refused(character: str) -> bool:
    return unicodedata.category(character) in _REFUSED_CATEGORIES or character in _BIDI_CONTROLS


def read_text_message(text: str) -> str:
    """Check and trim what somebody wrote to others. It may have several lines.

    Raises:
        ValueError: with a sentence, if nothing of it can be seen, or if it has control characters besides line breaks
            and tabs.
    """
    message = text.strip()
    if not shows(message):
        raise ValueError("This message is empty: write something.")
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t" for one in message):
        raise ValueError("This message has control characters in it: use letters, digits and signs.")
    return message
