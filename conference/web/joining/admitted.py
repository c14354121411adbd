"""Why a caller is not let in, or not yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PinNeeded:
    """The caller has shown nothing, and may key in the room's PIN."""


class NotAdmitted(Exception):
    """The caller may not come in; the text is a sentence for them."""


class TooManyCalls(Exception):
    """There are too many callers; the text is a sentence for them."""
