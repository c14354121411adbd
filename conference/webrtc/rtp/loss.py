"""How much of what we send to a peer is lost, smoothed: what its receiver reports say, one by one, is mostly chance.

A report covers a second or five, so 50 or 250 packets; a single one lost among 50 is 2 %. What is acted upon follows
quickly when loss begins and slowly when it ends.
"""

from __future__ import annotations

import math

RISE_S = 2.0
FALL_S = 10.0
"""Time constants in seconds."""

LONGEST_S = 6.0
"""A report says nothing about what was longer ago: a receiver of nothing but sound reports every 5 s or so."""

REPEAT_FROM = 0.01
REPEAT_UNTIL = 0.005
"""Shares of packets lost at which repeating them begins, and ends."""


class LossEstimate:
    """Of one peer.

    Attributes:
        fraction: of packets that are taken to be lost, 0 to 1.
        repeats: whether it is time to send packets twice.
    """

    __slots__ = ("_told_ns", "fraction", "repeats")

    def __init__(self) -> None:
        self.fraction = 0.0
        self.repeats = False
        self._told_ns: int | None = None

    def update(self, fraction_lost: float, now_ns: int) -> None:
        """Take in a receiver report.

        Args:
            fraction_lost: of the packets since the report before, 0 to 1 (RFC 3550 section 6.4.1).
            now_ns: when it came.
        """
        elapsed = 1.0 if self._told_ns is None else min(LONGEST_S, (now_ns - self._told_ns) / 1e9)
        self._told_ns = now_ns
        constant = RISE_S if fraction_lost > self.fraction else FALL_S
        self.fraction += (fraction_lost - self.fraction) * (1 - math.exp(-max(0.0, elapsed) / constant))
        self.repeats = self.fraction >= (REPEAT_UNTIL if self.repeats else REPEAT_FROM)
