"""Who is mixed when more people talk than anybody can follow: the loudest, without flickering.

More than a handful of voices at once is a murmur, and each costs a decoder and an encoder. So only the loudest few are
mixed. Loudness is smoothed, rising at once and falling slowly, so that the gaps between syllables do not count; and
whoever is mixed already has a head start, so that two equally loud voices do not take turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nlargest

DEFAULT_LIMIT = 8

HEAD_START_DB = 6.0
"""By how much somebody must be louder than one who is mixed to take their place."""

_RELEASE = 0.04  # of the way down, per tick: half in 340 ms


class TalkerSelection:
    """The loudest talkers of one room.

    Args:
        limit: how many are mixed at most, 1 or more.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        if limit < 1:
            raise ValueError("at least one talker must be let through")
        self.limit = limit
        """How many are mixed at most."""

        self._loudness: dict[str, float] = {}
        self.chosen: frozenset[str] = frozenset()
        """Who was mixed last."""

    def choose(self, levels: Mapping[str, float]) -> frozenset[str]:
        """Say who is to be mixed.

        Args:
            levels: in dBov, of everybody who talks, by id.

        Returns:
            All of them, or the loudest if they are too many.
        """
        if len(levels) <= self.limit:
            self._loudness.clear()
            self.chosen = frozenset(levels)
            return self.chosen
        loudness = {}
        for one, level in levels.items():
            before = self._loudness.get(one, level)
            loudness[one] = max(level, before + (level - before) * _RELEASE)
        self._loudness = loudness
        scores = {one: value + HEAD_START_DB * (one in self.chosen) for one, value in loudness.items()}
        self.chosen = frozenset(nlargest(self.limit, scores, key=scores.__getitem__))
        return self.chosen
