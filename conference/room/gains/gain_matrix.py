"""Who hears whom, and how loud: a gain for every (listener, source), which is 1 unless it was set.

A gain is set for a pair, or for a source (to whoever listens), or for a listener (of whoever speaks). What is set for
the pair counts; else the two others multiply, each 1 unless it is set. With that, the named cases are a few settings
each, and hold for those who join later:

    whisper   the source 0 for everybody, 1 for those who are meant
    coach     the same: everybody is heard, one person hears
    sidebar   each member as source 0 and as listener 0 for everybody, 1 for each other

While a sidebar lasts, the gains that were set before for its members do not count; they count again when it ends. A
gain that is set while the sidebar lasts counts at once, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, TypeAlias

from conference.audio.mix import quantise_gain

_Place: TypeAlias = tuple[str | None, str | None]
"""A listener and a source."""

MAX_RULES = 10_000
"""Settings of one room's matrix."""

_TOO_MANY = "Too many gains are set in this room."


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting of the matrix."""

    listener: str | None
    """``None``: whoever listens."""

    source: str | None
    """``None``: whoever speaks."""

    gain: float


@dataclass(frozen=True, slots=True)
class _Sidebar:
    members: frozenset[str]
    gains: dict[_Place, float]
    since: int
    """Its place in the order in which things were set."""

    def covers(self, place: _Place, since: int) -> bool:
        """Whether something that was set then does not count while this lasts."""
        return since < self.since and (place[0] in self.members or place[1] in self.members)


class Hearing:
    """The matrix of one room.

    Own voices have no part in it: nobody ever hears their own.
    """

    def __init__(self) -> None:
        self._set: dict[_Place, float] = {}
        self._since: dict[_Place, int] = {}  # in which order they were set
        self._sidebars: list[_Sidebar] = []
        self._gains = self._set  # what counts: all that is set, but for what sidebars are laid over
        self._steps = 0

    @property
    def plain(self) -> bool:
        """Nothing is set: everybody hears everybody as they are."""
        return not self._gains

    @property
    def rules(self) -> list[Rule]:
        """All that counts. What comes back at the end of a sidebar does not until then."""
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
        changed = self._take_back(place) if gain is None else self._put(place, gain)
        if changed:
            self._settle()
        return changed

    def whisper(self, source: str, listeners: Iterable[str]) -> None:
        """Have ``source`` heard by these, and by nobody else, whoever joins; what was set for them as source goes.

        Raises:
            ValueError: they whisper to themselves, or :data:`MAX_RULES` are set; then nothing has changed.
        """
        chosen = list(listeners)
        if source in chosen:
            raise ValueError("Nobody can whisper to themselves.")
        with self._all_or_nothing():
            self._take_back_of(source)
            self._put((None, source), 0.0)
            for listener in chosen:
                self._put((listener, source), 1.0)
        self._settle()

    def speak_up(self, source: str) -> None:
        """Take back what is set for somebody as source: everybody hears them again."""
        self._take_back_of(source)
        self._settle()

    def sidebar(self, members: Iterable[str]) -> None:
        """Have these hear each other only, and nobody else hear them, until they :meth:`rejoin`.

        What was set for them does not count meanwhile.

        Raises:
            ValueError: they are fewer than two, or :data:`MAX_RULES` are set; then nothing has changed.
        """
        group = list(dict.fromkeys(members))
        if len(group) < 2:
            raise ValueError("A sidebar has two members or more.")
        apart: dict[_Place, float] = {}
        for member in group:
            apart[None, member] = apart[member, None] = 0.0
        apart.update(dict.fromkeys(permutations(group, 2), 1.0))
        if self._size + len(apart) > MAX_RULES:
            raise ValueError(_TOO_MANY)
        self._sidebars.append(_Sidebar(frozenset(group), apart, self._step()))
        self._settle()

    def rejoin(self, members: Iterable[str]) -> None:
        """End the sidebars that these are in: what was set for their members counts again."""
        group = set(members)
        self._sidebars = [one for one in self._sidebars if not one.members & group]
        self._settle()

    def dump(self) -> dict[str, Any]:
        """All that is set, and in which order, as JSON has it, for :meth:`load`."""
        return {
            "set": [[*place, gain, self._since[place]] for place, gain in self._set.items()],
            "sidebars": [
                [sorted(one.members), [[*place, gain] for place, gain in one.gains.items()], one.since]
                for one in self._sidebars
            ],
            "steps": self._steps,
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Set this, and nothing else."""
        self._set = {(listener, source): gain for listener, source, gain, _ in dumped["set"]}
        self._since = {(listener, source): since for listener, source, _, since in dumped["set"]}
        self._sidebars = [
            _Sidebar(frozenset(members), {(listener, source): gain for listener, source, gain in gains}, since)
            for members, gains, since in dumped["sidebars"]
        ]
        self._steps = dumped["steps"]
        self._settle()

    @property
    def _size(self) -> int:
        return len(self._set) + sum(len(one.gains) for one in self._sidebars)

    def _step(self) -> int:
        self._steps += 1
        return self._steps

    def _put(self, place: _Place, gain: float) -> bool:
        if not 0 <= gain <= 2:
            raise ValueError("A gain is a number from 0 to 2.")
        if place not in self._set and self._size >= MAX_RULES:
            raise ValueError(_TOO_MANY)
        exact = quantise_gain(gain)
        if self._set.get(place) == self._gains.get(place) == exact:
            return False
        self._set[place], self._since[place] = exact, self._step()
        return True

    def _take_back(self, place: _Place) -> bool:
        """Take back what was set at a place; else what a sidebar set there."""
        if place in self._set:
            del self._set[place], self._since[place]
            return True
        for sidebar in reversed(self._sidebars):
            if place in sidebar.gains:
                del sidebar.gains[place]
                return True
        return False

    def _take_back_of(self, source: str) -> None:
        places = [*self._set, *(place for one in self._sidebars for place in one.gains)]
        for place in places:
            if place[1] == source:
                self._take_back(place)

    def _settle(self) -> None:
        """Find out what counts, after something has changed."""
        self._gains = self._set
        if not self._sidebars:
            return
        self._gains = {place: gain for place, gain in self._set.items() if not self._covered(place, self._since[place])}
        for sidebar in self._sidebars:
            for place, gain in sidebar.gains.items():
                if place not in self._gains and not self._covered(place, sidebar.since):
                    self._gains[place] = gain

    def _covered(self, place: _Place, since: int) -> bool:
        return any(one.covers(place, since) for one in self._sidebars)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before, since = dict(self._set), dict(self._since)
        sidebars = [replace(one, gains=dict(one.gains)) for one in self._sidebars]
        try:
            yield
        except ValueError:
            self._set, self._since, self._sidebars = before, since, sidebars
            self._settle()
            raise
