"""The packets of one source that are not decoded: those that are said to be silent, and those that nobody is to hear.

The last of them are kept. They are decoded just before the first packet that is to be heard, to give the decoder the
history that its encoder leaned on.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from conference.audio.items import SILENT_DBOV
from conference.audio.jitter import DTX_BYTES
from conference.codecs.base import DecodeError, Decoder

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

    __slots__ = ("_history", "arrived", "played")

    arrived: int
    """Silent packets that came in a row."""

    played: int
    """Silent packets whose turn came in a row."""

    def __init__(self) -> None:
        self._history: deque[bytes] = deque(maxlen=PRIMING_PACKETS)
        self.arrived = self.played = 0

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
        self._history.append(payload)

    def prime(self, decoder: Decoder) -> None:
        """A packet is about to be decoded: give the decoder what came before it."""
        while self._history:
            with suppress(DecodeError):
                decoder.decode(self._history.popleft())

    def forget(self) -> None:
        """What was kept leads to nothing any more."""
        self._history.clear()
