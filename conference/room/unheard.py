"""The packets of one source that are not decoded: those that are said to be silent, and those that nobody is to hear.

The last of them are kept. They are decoded just before the first packet that is to be heard, to give the decoder the
history that its encoder leaned on.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from conference.audio.items import SILENT_DBOV
from conference.audio.jitter import DTX_BYTES
from conference.codecs.base import DecodeError, Decoder
from conference.room.streamstats import StreamStats

PRIMING_PACKETS = 3
"""How many are kept. So many silent packets in a row are decoded, too, before the first that is not: ends of words."""

SILENT_KEEP_ALIVE = 10
"""Of the packets of a long silence, one in so many is taken note of: what the network does stays known."""

KEPT_BYTES = 160
"""A silent packet larger than that (64 kbit/s) does not go by without a look."""


class Door(Protocol):
    """What lets silent packets go by before they come to their source: where they arrive, many can be seen at once."""

    def open(self, packets: int) -> None:
        """So many of the next packets may go by: silent ones (RFC 6464), of at most :data:`KEPT_BYTES`."""
        ...

    def close(self) -> tuple[int, list[bytes]]:
        """None may go by any more.

        Returns:
            How many have gone by since it was opened, and the payloads of the last of these, the oldest first:
            :data:`PRIMING_PACKETS` of them, if there were so many.
        """
        ...


def is_silent(level: int | None, payload: bytes) -> bool:
    """Whether a packet is silence, as far as its header and its size tell.

    Args:
        level: what its sender measured, in dBov; ``None`` if nothing is known, or believed.
        payload: as short as an announcement of silence, perhaps.
    """
    return len(payload) <= DTX_BYTES if level is None else level <= SILENT_DBOV


class Unheard:
    """The packets of one source that are not decoded."""

    __slots__ = ("_granted", "_last", "_older", "_oldest", "arrived", "door", "passing", "played")

    arrived: int
    """Silent packets that came in a row."""

    passing: int
    """So many that come next may go by, if they are silent, without a look at anything else."""

    played: int
    """Silent packets whose turn came in a row."""

    door: Door | None
    """Where packets go by; ``None``: each of them comes here."""

    _last: bytes
    _older: bytes
    _oldest: bytes  # empty: there is none

    def __init__(self) -> None:
        self._granted = self.passing = 0
        self.arrived = self.played = 0
        self.door = None
        self.forget()

    def let_pass(self) -> None:
        """The silence is a long one: no look is taken at the next packets of it."""
        self._granted = self.passing = SILENT_KEEP_ALIVE - 1
        if self.door is not None:
            self.door.open(self.passing)

    def goes_by(self, level: int | None, payload: bytes) -> bool:
        """Whether a packet that has come goes by without a look: it is one of those in :attr:`passing`."""
        if self.door is not None:
            self._close(self.door)
        if not self.passing or level is None or level > SILENT_DBOV or len(payload) > KEPT_BYTES:
            return False
        self.passing -= 1
        self.keep(payload)
        return True

    def _close(self, door: Door) -> None:
        """Take over from the door: what is not silent has come, or more than may go by."""
        passed, payloads = door.close()
        self.passing -= passed
        for payload in payloads:
            self.keep(payload)

    def stop(self, stats: StreamStats) -> None:
        """Look at each packet again, and count those that have gone by without a look."""
        if self.passing and self.door is not None:
            self._close(self.door)
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
