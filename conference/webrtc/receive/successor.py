"""Decides when a stream with another SSRC takes over from the one that is heard without a pause between the two.

A sender that begins anew (an SFU or a gateway that changes to another voice, a restarted encoder) takes another SSRC
and sends on at once. Two authentic packets of the new stream in a row, with none of the old stream between them, show
that the old stream has ended. The first of the two is kept until the second comes, so that waiting loses nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from conference.playout.sequence import sequence_step

MAX_AHEAD = 16
"""The second packet may be ahead of the first by so many sequence numbers; the packets between them were lost."""

STAY_NS = 100_000_000
"""For so long a stream that took over is heard before the next may take over. A sender of several streams at once makes
the stream change ten times a second at most."""


class Held(NamedTuple):
    """The first packet of a stream that may follow."""

    packet: bytes
    """Authentic, without SRTP."""

    arrival_ns: int


class Successor:
    """Watches the streams of one peer that are not heard."""

    __slots__ = ("_held", "_packets", "_since_ns")

    def __init__(self) -> None:
        self._held: Held | None = None
        self._packets = 0  # of the stream that is heard, when it came
        self._since_ns: int | None = None  # when one last followed

    def add(self, packet: bytes, arrival_ns: int, *, packets: int, seen_ns: int) -> Held | None:
        """Take an authentic RTP packet of a stream that is not heard.

        Args:
            packet: it.
            arrival_ns: when it came.
            packets: how many came of the stream that is heard.
            seen_ns: when the last one of these came.

        Returns:
            The packet before it, if their stream follows now; else ``None``.
        """
        held = self._held
        undisturbed = packets == self._packets and held is not None and seen_ns <= held.arrival_ns
        if held is not None and undisturbed and _in_a_row(held.packet, packet) and self._may_follow(arrival_ns):
            self._held, self._since_ns = None, arrival_ns
            return held
        self._held, self._packets = Held(packet, arrival_ns), packets
        return None

    def forget(self) -> None:
        """Drop the packet that was kept: another stream is heard from now on."""
        self._held = None

    def _may_follow(self, now_ns: int) -> bool:
        return self._since_ns is None or now_ns - self._since_ns >= STAY_NS


def _in_a_row(first: bytes, second: bytes) -> bool:
    """Whether two RTP packets are of one stream, the second soon after the first."""
    step = sequence_step(int.from_bytes(second[2:4], "big"), int.from_bytes(first[2:4], "big"))
    return first[8:12] == second[8:12] and 0 < step <= MAX_AHEAD
