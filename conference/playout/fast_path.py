"""The fast path of packets that are only forwarded: they are handed on together with those of other sources.

As long as nothing is out of the ordinary, nobody has to look at such a packet by itself. Whoever receives packets hands
them on, then, and keeps account of them (`webrtc.forward.table`); the source takes the account in before it does, or
says, anything for which it matters. Both ways of a packet lead to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

MOST_PACKETS: Final = 256
"""So many packets at most take the fast path before the source takes them in: of so many it is known when they came."""

CATCH_UP_PACKETS: Final = 20
"""So many of the last packets are decoded at most when a decoder takes over in the middle of a word. After so many
packets of 20 ms, of real voices none is then off by more than -36 dB of what one decodes that has followed from the
beginning; after 10, 5 % are off by more than -20 dB, until the vowel is over (measured)."""

NO_LEVEL: Final = -128
"""Lower than any level that a header can tell."""


class FastPathTerms(NamedTuple):
    """Which packets may take the fast path, and what is known as it opens."""

    packets: int
    """So many at most."""

    duration: int
    """Each is so long, at the codec's clock rate."""

    above: int
    """Each is louder than that, in dBov, as it says."""

    up_to: int
    """And no louder than that."""

    sequence: int
    """RTP sequence number of the last packet before them, 16 bits."""

    omitted: int
    """By so much the sequence numbers are lowered that are handed on."""

    quiet_since_ns: int | None
    """Since when packets have been quiet; ``None``: the last one was not."""

    quiet_dbov: int
    """What is no louder is quiet."""

    bitrate: float
    """Bits per second, over the last second."""


class FastPackets(NamedTuple):
    """The account of packets that took the fast path."""

    sequence: int
    """Of the last one, as are the next two."""

    arrival_ns: int
    level: int
    """In dBov, as it said."""

    loudest: int
    """Of those since this was last asked, as they said, in dBov; `NO_LEVEL`: there were none."""

    quiet_since_ns: int | None
    bitrate: float
    arrivals: Sequence[tuple[int, int, int]]
    """Of each: sequence number, timestamp, and when it came."""

    payloads: Sequence[tuple[bytes, int]]
    """Of the last :data:`CATCH_UP_PACKETS`, each with what it said of its loudness."""


class FastPath(Protocol):
    """Where packets of one source are handed on before they come to it."""

    @property
    def is_open(self) -> bool:
        """Packets may have taken it since it was last closed."""
        ...

    @property
    def is_worth_while(self) -> bool:
        """Enough packets come together for it to be opened."""
        ...

    @property
    def bitrate(self) -> float | None:
        """Bits per second, over the last second; ``None`` while it is not open."""
        ...

    def open(self, outlets: Sequence[Any], terms: FastPathTerms) -> None:
        """Let packets take it, if that is possible.

        Args:
            outlets: the sinks that get each packet.
            terms: which packets.
        """
        ...

    def close(self) -> FastPackets | None:
        """Let no packet take it any more. Returns the account of those that did; ``None``: there were none."""
        ...

    def take_loudest(self) -> int:
        """How loud, in dBov, the loudest packet said to be since this was last asked; `NO_LEVEL`: none has come."""
        ...
