"""Checks what a program gives, before anybody else has to do with it."""

from __future__ import annotations

from collections.abc import Callable

from conference.access.grants import ROLES
from conference.public.errors import ArgumentError

LONGEST_SECONDS = 1e12
"""Longer than anything lasts, and few enough to be counted in nanoseconds."""


def check_text(text: str, what: str, read: Callable[[str], str]) -> str:
    """A text as others are shown it. Raises ArgumentError, with a sentence.

    Args:
        text: what was given.
        what: it is, as people know it.
        read: trims it; raises ValueError with a sentence if it cannot be shown.
    """
    if not isinstance(text, str):
        raise ArgumentError(f"A {what} is text, and not {text!r}.")
    try:
        return read(text)
    except ValueError as error:
        raise ArgumentError(str(error)) from None


def check_role(role: str) -> None:
    """Raises ArgumentError for what is none."""
    if role not in ROLES:
        raise ArgumentError(f"A role is one of {', '.join(ROLES)}, and not {role!r}.")


def check_seconds(value: float, what: str) -> float:
    """A number of seconds, not negative and not without end. Raises ArgumentError, with a sentence.

    Args:
        value: what was given.
        what: its name.
    """
    try:
        right = 0 <= value <= LONGEST_SECONDS
    except TypeError:
        right = False
    if not right:
        raise ArgumentError(f"{what} is a number of seconds from 0 on, and not {value!r}.")
    return float(value)
