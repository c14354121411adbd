"""Keeps the last packets of a silence, for the decoder to be given before the first packet that is heard after it.

Packets of a silence are not decoded, but the encoder predicted the next word from them. So the last of them are kept,
and decoded just before that word.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from conference.codecs.base import DecodeError, Decoder

HISTORY_PACKETS = 3
"""How many are kept."""


class KeepsPackets(Protocol):
    """Keeps the packets that took the bypass."""

    def kept(self, packets: int) -> list[bytes]:
        """The payloads of the last packets that went by.

        Args:
            packets: how many to look for: of the last :data:`HISTORY_PACKETS` at most.

        Returns:
            The oldest first; empty bytes for each packet that turns out not to be authentic.
        """
        ...


class DecoderHistory:
    """The last packets of one source that were not decoded, :data:`HISTORY_PACKETS` at most."""

    __slots__ = ("_last", "_older", "_oldest", "_where")

    # A payload each; ``None``: it went by elsewhere, and is kept there; empty: there is none.
    _last: bytes | None
    _older: bytes | None
    _oldest: bytes | None

    def __init__(self) -> None:
        self._where: KeepsPackets | None = None
        self.forget()

    def keep(self, payload: bytes | None) -> None:
        """Keep a packet that is not decoded; ``None``: it went by, and is kept where it did."""
        self._oldest, self._older, self._last = self._older, self._last, payload

    def prime(self, decoder: Decoder) -> None:
        """Give the decoder what came before the packet that it is about to get. What cannot be decoded is left out."""
        if self._last == b"":
            return
        kept = self._take_kept()
        self.forget()
        for payload in kept:
            if payload:
                with suppress(DecodeError):
                    decoder.decode(payload)

    def fetch(self) -> list[bytes]:
        """What is kept, the oldest first; it goes on being kept. What turned out not to be authentic is left out."""
        self._oldest, self._older, self._last = kept = self._take_kept()
        return [payload for payload in kept if payload]

    def follow(self, where: KeepsPackets | None) -> None:
        """From now on packets take another bypass. Those that took the one before are fetched from it first."""
        self._oldest, self._older, self._last = self._take_kept()
        self._where = where

    def forget(self) -> None:
        """Drop what was kept: another stream begins."""
        self._oldest = self._older = self._last = b""

    def _take_kept(self) -> list[bytes]:
        kept = (self._oldest, self._older, self._last)
        away = kept.count(None)
        there = iter(self._where.kept(away) if self._where is not None and away else ())
        return [next(there, b"") if payload is None else payload for payload in kept]
