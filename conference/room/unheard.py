"""The packets of one source that are not decoded: those that are said to be silent, and those that nobody is to hear.

The last of them are kept. They are decoded just before the first packet that is to be heard, to give the decoder the
history that its encoder leaned on.
"""

from __future__ import annotations

from contextlib import suppress

from conference.audio.items import SILENT_DBOV
from conference.audio.jitter import DTX_BYTES
from conference.codecs.base import DecodeError, Decoder
from conference.room.streamstats import StreamStats

PRIMING_PACKETS = 3
"""How many are kept. So many silent packets in a row are decoded, too, before the first that is not: ends of words."""

SILENT_KEEP_ALIVE = 5
"""Of the packets of a long silence, one in so many is taken note of: what the network does stays known."""


def is_silent(level: int | None, payload: bytes) -> bool:
    """Whether a packet is silence, as far as its header and its size tell.

    Args:
        level: what its sender measured, in dBov; ``None`` if nothing is known, or believed.
        payload: as short as an announcement of silence, perhaps.
    """
    return len(payload) <= DTX_BYTES if level is None else level <= SILENT_DBOV


class Unheard:
    """The packets of one source that are not decoded."""

    __slots__ = ("_granted", "_last", "_older", "_oldest", "arrived", "passing", "played")

    arrived: int
    """Silent packets that came in a row."""

    passing: int
    """So many that come next may go by, if they are silent, without a look at anything else."""

    played: int
    """Silent packets whose turn came in a row."""

    _last: bytes
    _older: bytes
    _oldest: bytes  # empty: there is none

    def __init__(self) -> None:
        self._granted = self.passing = 0
        self.arrived = self.played = 0
        self.forget()

    def let_pass(self) -> None:
        """The silence is a long one: no look is taken at the next packets of it."""
        self._granted = self.passing = SILENT_KEEP_ALIVE - 1

    def go_by(self, payload: bytes) -> None:
        """One of those in :attr:`passing` has come."""
        self.passing -= 1
        self._oldest, self._older, self._last = self._older, self._last, payload

    def stop(self, stats: StreamStats) -> None:
        """Look at each packet again, and count those that have gone by without a look."""
        passed = self._granted - self.passing
        self._granted = self.passing = 0
        self.arrived += passed
        stats.passed_over += passed
        stats.jitter.received += passed

    def may_pass(self, level: int | None, payload: bytes) -> bool:
        """Whether a packet whose turn it is can be passed over: there has been silence for a while."""
        self.played = self.played + 1 if is_silent(level, payload) else 0
        return self.pausing

    @property
    def pausing(self) -> bool:
        """What plays has been silent for a while."""
        return self.played > PRIMING_PACKETS

    def keep(self, payload: bytes) -> None:
        """A packet is not decoded."""
        self._oldest, self._older, self._last = self._older, self._last, payload

    def prime(self, decoder: Decoder) -> None:
        """A packet is about to be decoded: give the decoder what came before it."""
        if not self._last:
            return
        kept = (self._oldest, self._older, self._last)
        self.forget()
        for payload in kept:
            if payload:
                with suppress(DecodeError):
                    decoder.decode(payload)

    def forget(self) -> None:
        """What was kept leads to nothing any more."""
        self._oldest = self._older = self._last = b""
