"""How loud people want to hear each other: a volume of each listener's own, for each of the others.

A volume multiplies the gain that is set for the two (:mod:`conference.room.gains.gain_matrix`): twice of nothing is
nothing, so that no volume lets anybody hear what they are not to hear. It concerns one listener, and nobody else is
told of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from conference.audio.mix import quantise_gain

LOUDEST = 2.0


class Volumes:
    """The volumes of one room, of which nearly all are 1 and stand nowhere."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, float]] = {}

    @property
    def plain(self) -> bool:
        """Nothing is set."""
        return not self._of

    @property
    def listeners(self) -> frozenset[str]:
        """Who has set any, by id."""
        return frozenset(self._of)

    @property
    def all(self) -> list[tuple[str, str, float]]:
        """All that is set: listener, source and volume."""
        return [(listener, source, volume) for listener, mine in self._of.items() for source, volume in mine.items()]

    def of(self, listener: str) -> Mapping[str, float]:
        """What somebody has set, by the id of whom they hear."""
        return self._of.get(listener, {})

    def volume(self, listener: str, source: str) -> float:
        """How loud ``listener`` wants to hear ``source``: 0 to 2, a multiple of 2**-16."""
        mine = self._of.get(listener)
        return 1.0 if mine is None else mine.get(source, 1.0)

    def set(self, listener: str, source: str, volume: float) -> bool:
        """Set a volume, 0 to 2; 1 takes back what was set. Returns whether that changed anything.

        Raises:
            ValueError: they are the same, or it is not a number from 0 to 2.
        """
        if listener == source:
            raise ValueError("Nobody hears themselves: name somebody else.")
        if not 0 <= volume <= LOUDEST:
            raise ValueError("A volume is a number from 0 to 2.")
        exact = quantise_gain(volume)
        if self.volume(listener, source) == exact:
            return False
        mine = self._of.setdefault(listener, {})
        mine[source] = exact
        if exact == 1.0:
            self._drop(listener, source)
        return True

    def forget(self, participant_id: str) -> bool:
        """Somebody has gone for good: as a listener, and as whom others hear. Returns whether that changed anything."""
        changed = self._of.pop(participant_id, None) is not None
        for listener in [one for one, mine in self._of.items() if participant_id in mine]:
            self._drop(listener, participant_id)
            changed = True
        return changed

    def load(self, dumped: Iterable[tuple[str, str, float]]) -> None:
        """Set what :attr:`all` gave, and nothing else."""
        self._of = {}
        for listener, source, volume in dumped:
            self._of.setdefault(listener, {})[source] = volume

    def _drop(self, listener: str, source: str) -> None:
        del self._of[listener][source]
        if not self._of[listener]:
            del self._of[listener]
