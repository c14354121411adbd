"""Who hears whom, and how loud: a gain for every (listener, source), of which nearly all are 1 and stand nowhere.

A gain is set for a pair, or for a source (to whoever listens), or for a listener (of whoever speaks). What is set for
the pair counts; else the two others multiply, each 1 unless it is set. With that, the named cases are a few settings
each, and hold for those who join later:

    whisper   the source 0 for everybody, 1 for those who are meant
    coach     the same: everybody is heard, one person hears
    sidebar   each member as source 0 and as listener 0 for everybody, 1 for each other
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias

from conference.audio.mix import quantise_gain

_Matches: TypeAlias = Callable[[str | None, str | None], bool]

MAX_RULES = 10_000
"""Settings of one room's matrix."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting of the matrix."""

    listener: str | None
    """``None``: whoever listens."""

    source: str | None
    """``None``: whoever speaks."""

    gain: float


class Hearing:
    """The matrix of one room.

    Own voices have no part in it: nobody ever hears their own.
    """

    def __init__(self) -> None:
        self._gains: dict[tuple[str | None, str | None], float] = {}

    @property
    def plain(self) -> bool:
        """Nothing is set: everybody hears everybody as they are."""
        return not self._gains

    @property
    def rules(self) -> list[Rule]:
        """All that is set."""
        return [Rule(listener, source, gain) for (listener, source), gain in self._gains.items()]

    def gain(self, listener: str, source: str) -> float:
        """How loud ``listener`` hears ``source``: 0 to 2, a multiple of 2**-16."""
        if listener == source:
            return 0.0
        gains = self._gains
        exact = gains.get((listener, source))
        if exact is not None:
            return exact
        of_listener, of_source = gains.get((listener, None), 1.0), gains.get((None, source), 1.0)
        if of_listener == 1.0 or of_source == 1.0:
            return of_listener * of_source
        return quantise_gain(of_listener * of_source)

    def set(self, listener: str | None, source: str | None, gain: float | None) -> bool:
        """Set a gain, 0 to 2; ``None`` takes back what was set. Returns whether that changed anything.

        Raises:
            ValueError: neither a listener nor a source is named, they are the same, the gain is not a number from 0 to
                2, or :data:`MAX_RULES` are set.
        """
        if listener == source:
            raise ValueError("Name a listener or a source, and not the same for both: nobody hears themselves.")
        place = (listener, source)
        if gain is None:
            return self._gains.pop(place, None) is not None
        if not 0 <= gain <= 2:
            raise ValueError("A gain is a number from 0 to 2.")
        if place not in self._gains and len(self._gains) >= MAX_RULES:
            raise ValueError("Too many gains are set in this room.")
        exact = quantise_gain(gain)
        if self._gains.get(place) == exact:
            return False
        self._gains[place] = exact
        return True

    def whisper(self, source: str, listeners: Iterable[str]) -> None:
        """Have ``source`` heard by these, and by nobody else, whoever joins; what was set for them as source goes.

        Raises:
            ValueError: they whisper to themselves, or :data:`MAX_RULES` are set; then nothing has changed.
        """
        chosen = list(listeners)
        if source in chosen:
            raise ValueError("Nobody can whisper to themselves.")
        with self._all_or_nothing():
            self.speak_up(source)
            self.set(None, source, 0.0)
            for listener in chosen:
                self.set(listener, source, 1.0)

    def speak_up(self, source: str) -> None:
        """Take back what is set for somebody as source: everybody hears them again."""
        self._drop(lambda _, one: one == source)

    def sidebar(self, members: Iterable[str]) -> None:
        """Have these hear each other only, and nobody else hear them; what was set for them goes.

        Raises:
            ValueError: they are fewer than two, or :data:`MAX_RULES` are set; then nothing has changed.
        """
        group = list(dict.fromkeys(members))
        if len(group) < 2:
            raise ValueError("A sidebar has two members or more.")
        with self._all_or_nothing():
            self.rejoin(group)
            for member in group:
                self.set(None, member, 0.0)
                self.set(member, None, 0.0)
            for listener, source in permutations(group, 2):
                self.set(listener, source, 1.0)

    def rejoin(self, members: Iterable[str], before: Iterable[Rule] = ()) -> None:
        """Take back all that is set for these, as sources and as listeners, and set again what was before."""
        group = set(members)
        self._drop(lambda listener, source: listener in group or source in group)
        self._gains.update({(one.listener, one.source): one.gain for one in before})

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before = dict(self._gains)
        try:
            yield
        except ValueError:
            self._gains = before
            raise

    def _drop(self, matches: _Matches) -> None:
        self._gains = {place: gain for place, gain in self._gains.items() if not matches(*place)}
