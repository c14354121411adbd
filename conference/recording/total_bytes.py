"""How much all recordings take up together."""

from __future__ import annotations

from typing import Final

FULL: Final = "All recordings together are as large as they may be (--recording-total-bytes)."


class TotalBytes:
    """Adds up what each recording takes up.

    Args:
        most: bytes that all may take up together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._each: dict[str, int] = {}
        self._all = 0

    def note(self, recording_id: str, size: int) -> None:
        """A recording takes up so many bytes now; none if it is gone."""
        self._all += size - self._each.pop(recording_id, 0)
        if size:
            self._each[recording_id] = size

    @property
    def now(self) -> int:
        """What they take up, in bytes."""
        return self._all

    @property
    def reached(self) -> bool:
        """They are as large as they may be."""
        return self._all >= self._most
