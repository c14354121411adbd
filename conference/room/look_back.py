"""What came right before a gate opened, so that a word that begins faintly is heard from its beginning.

In noise there is no telling a word's faint beginning from noise until it has gone on for a while. So while nothing is
heard of somebody, the last frames are kept in which something could be made out, and one between two of them in which
nothing could; and when the gate opens, play begins with the first of these. What that costs in delay, 80 ms at most and
mostly nothing, is given back as soon as the word is well under way: out of the next gap between two syllables, else a
pitch period at a time, as in a jitter buffer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.playout.stretch import SHORTEST, Stretcher, join

LOOK_BACK_TICKS = 4
"""So far back play begins at most: 80 ms."""

_UNDER_WAY_TICKS = 6
"""Nothing is left out before so many ticks have been played of what came since the gate opened: it would be a word's
beginning."""

_SEAM = 240  # samples: 5 ms, where what was kept is followed by what is not right behind it


class KeptFrame(NamedTuple):
    """A frame that was not heard."""

    frame: Samples
    level: float
    """In dBov."""

    clearance: float
    """How far it stood above the noise, in dB."""

    faint: bool
    """Something could be made out in it."""


class LookBack:
    """Keeps what one voice gives while nothing is heard of it, and plays it late when it is."""

    __slots__ = ("_kept", "_late", "_stretcher", "_ticks")

    def __init__(self) -> None:
        self._kept: tuple[KeptFrame, ...] = ()  # beginning with one in which something could be made out
        self._late: Samples | None = None  # what is yet to be heard, if anything is heard late
        self._ticks = 0  # played of what came since the gate opened
        self._stretcher: Stretcher | None = None  # few voices ever need one

    @property
    def keeps(self) -> bool:
        """Something that could be made out is kept."""
        return bool(self._kept)

    @property
    def delay(self) -> int:
        """By how many samples the voice is heard later than it came."""
        return 0 if self._late is None else len(self._late)

    def keep(self, frame: Samples, level: float, clearance: float, *, faint: bool) -> None:
        """Keep a frame of which nothing is heard.

        Args:
            frame: shape ``(960,)``, int16.
            level: in dBov.
            clearance: how far it stands above the noise, in dB.
            faint: whether something can be made out in it.
        """
        kept = self._kept
        if not faint and not (kept and kept[-1].faint):
            self._kept = ()  # what was made out may have been noise
            return
        kept = *kept[1 - LOOK_BACK_TICKS :], KeptFrame(frame, level, clearance, faint)
        self._kept = kept if kept[0].faint else kept[1:]

    def forget(self) -> None:
        """What comes next does not follow what came last."""
        self._kept = ()
        self._late = None

    def take(self) -> tuple[KeptFrame, ...]:
        """The gate opens. Returns what is to be heard before the frame that opened it."""
        kept, self._kept = self._kept, ()
        return kept

    def begin(self, frames: list[Samples]) -> None:
        """Play these, and all that comes, late: what is left of :meth:`take`, ready to be heard."""
        if frames:
            self._late = np.concatenate(frames)
            self._ticks = -len(frames)
            self._stretcher = Stretcher()

    def play(self, frame: Samples, *, background: bool) -> Samples:
        """Let a tick pass.

        Args:
            frame: what came, shape ``(960,)``, int16.
            background: whether there is nothing in it but the background.

        Returns:
            What is to be heard: the frame itself, unless something is heard late.
        """
        late, stretcher = self._late, self._stretcher
        if late is None or stretcher is None:
            return frame
        waiting = np.concatenate((late, frame))
        self._ticks += 1
        if self._ticks > _UNDER_WAY_TICKS and not stretcher.rests():
            waiting = self._shortened(waiting, stretcher, background=background)
        heard, rest = waiting[:FRAME_SAMPLES], waiting[FRAME_SAMPLES:]
        self._late = rest if len(rest) else None
        return heard

    def end(self, frame: Samples) -> Samples:
        """The gate closes: nobody misses what is left. Returns ``frame``, into which that fades."""
        late, self._late = self._late, None
        return frame if late is None or len(late) < _SEAM else join(late, frame, _SEAM, 0.0)

    @staticmethod
    def _shortened(waiting: Samples, stretcher: Stretcher, *, background: bool) -> Samples:
        spare = len(waiting) - FRAME_SAMPLES
        if background or spare < SHORTEST:  # nobody misses it, or it is less than a pitch period
            return join(waiting, waiting[spare:], _SEAM, 0.0 if background else 1.0)
        return stretcher.shorten(waiting, spare)
