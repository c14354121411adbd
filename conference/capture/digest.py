"""Checks of what is heard: taken while a room runs, and again when it is replayed.

A check is a CRC-32: it is to find a difference that a machine made, not one that somebody made on purpose. Each
distinct mix is checked once, however many hear it.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Callable

from conference.audio.frame import SILENCE
from conference.room.participant import Mix

_PRIME = 0x01000193  # of FNV-1a, for a chain of checks where the order counts
_MASK = 0xFFFFFFFF
_RESTARTED = (1, 0)
_FORWARDED = struct.Struct("<HII")
_SILENT = zlib.crc32(SILENCE.data)


def _chain(check: int, following: int) -> int:
    """The check of a sequence, one element later."""
    return ((check ^ following) * _PRIME + 1) & _MASK


class Ledger:
    """Checks of the mixes of one room, in the order in which they are delivered."""

    __slots__ = ("_mix", "mark", "packets", "sound")

    def __init__(self) -> None:
        self._mix: Mix | None = None
        self.mark = (0, 0)
        """Checks of the mix delivered last: its samples, and its payload (0 if it has none)."""

        self.sound = 0
        """Check of all distinct mixes since `begin`."""

        self.packets = 0
        """The same of their payloads."""

    def begin(self) -> None:
        """A tick begins."""
        self._mix = None
        self.sound = self.packets = 0

    def note(self, mix: Mix) -> tuple[int, int]:
        """A listener gets this mix. Returns :attr:`mark`."""
        if mix is not self._mix:
            self._mix = mix
            sound = _SILENT if mix.samples is SILENCE else zlib.crc32(mix.samples.data)
            packet = 0 if mix.payload is None else zlib.crc32(mix.payload)
            self.mark = (sound, packet)
            self.sound = _chain(self.sound, sound)
            self.packets = _chain(self.packets, packet)
        return self.mark


def mark_of_packet(sequence: int, timestamp: int, duration: int, payload: bytes) -> tuple[int, int]:
    """The mark of a packet that is forwarded: a check of its place and length, and of its payload."""
    return zlib.crc32(_FORWARDED.pack(sequence, timestamp, duration)), zlib.crc32(payload)


class HeardSoFar:
    """Check of what one listener hears, from one reading to the next."""

    __slots__ = ("_marks", "_restarted", "note")

    def __init__(self) -> None:
        self._marks: list[tuple[int, int]] = []
        self.note: Callable[[tuple[int, int]], None] = self._marks.append
        """A mix is heard that has this `Ledger.mark`."""

        self._restarted = False

    def note_packet(self, mark: tuple[int, int]) -> None:
        """Somebody's own packet comes in place of a mix, with this `mark_of_packet`."""
        if self._restarted:
            self._restarted = False
            self.note(_RESTARTED)
        self.note(mark)

    def restart(self) -> None:
        """The next packet is of another stream. That it is comes to be checked with this packet, if it ever comes."""
        self._restarted = True

    def read(self) -> tuple[int, int]:
        """Checks of samples and of payloads since the last reading."""
        sounds = array("I", [sound for sound, _ in self._marks])
        packets = array("I", [packet for _, packet in self._marks])
        self._marks.clear()
        return zlib.crc32(sounds), zlib.crc32(packets)
