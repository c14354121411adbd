"""Listening in on what arrives at a source: for captures, recordings, and whatever else follows one voice.

    untap = source.tap(tap)

A tap belongs to one source, and costs the others nothing. One that raises is told no more, and its packet is played
all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from conference.codecs.base import Decoder

log = logging.getLogger(__name__)


class Told(Protocol):
    """Whoever is told of what happens, and must not be in its way: no method may block."""

    @property
    def about(self) -> str:
        """What it is, for the log: "the capture", "a recording"."""
        ...

    def dropped(self) -> None:
        """It has raised, and is told nothing more."""
        ...


class PacketTap(Told, Protocol):
    """What is told of the packets of a `playout.source.PacketSource`, as they arrive and before any is left out."""

    @property
    def wants_silence(self) -> bool:
        """Whether every silent packet is to come to the source. Else those that take the bypass are not told of."""
        ...

    def packet_arrived(
        self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None, redundant: bool
    ) -> None:
        """A packet has arrived; see `PacketSource.push` for what is said of it."""
        ...

    def restarted(self, decoder: Decoder | None) -> None:
        """Another stream takes over; with ``decoder``, in another codec."""
        ...


class MessageTap(Told, Protocol):
    """What is told of the messages in which a caller's sound arrives, before any of it is dropped."""

    def message_arrived(self, payload: bytes, timestamp_ms: int | None, now_ns: int) -> None:
        """A message has arrived.

        Args:
            payload: in the source's codec.
            timestamp_ms: the message's; ``None`` if it has none.
            now_ns: when it came.
        """
        ...


_Told = TypeVar("_Told", bound=Told)


def tell_each(those: Iterable[_Told], tell: Callable[[_Told], None], drop: Callable[[_Told], None], owner: str) -> None:
    """Tell each of those who listen in. Never raises.

    Args:
        those: who.
        tell: tells one of them.
        drop: sees to it that one of them, who has raised, is told no more.
        owner: whom they listen to, for the log.
    """
    for one in those:
        try:
            tell(one)
        except Exception:
            log.exception("%s: %s failed, and is told no more", owner, one.about)
            drop(one)
            try:
                one.dropped()
            except Exception:
                log.exception("%s: %s could not come to its end", owner, one.about)
