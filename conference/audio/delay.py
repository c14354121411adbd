"""How long a jitter buffer has to wait: the target delay, from how late packets have recently been.

The *transit* of a packet is its arrival time minus its media time. Only differences of transits mean anything, because
the two clocks have nothing in common: the smallest recent transit is the network at its best (the *base*), and what a
packet's transit has over it is that packet's *relative delay*. Waiting for a high quantile of the relative delays lets
that share of the packets arrive in time.

The target rises at once when a packet came too late, and falls when the window has forgotten the bad moment. The base
follows a sender whose clock runs off, because it forgets too.
"""

from __future__ import annotations

from collections import deque

WINDOW_PACKETS = 128
"""How many recent packets count: 2.6 s at 50 packets a second."""

REFRESH_PACKETS = 8
"""The quantile is computed anew after so many packets, and after each late one."""

QUANTILE = 0.98


class DelayEstimator:
    """Tracks the base and the target delay of one stream. All values are in samples of the stream's clock.

    Args:
        minimum: the target never falls below this, even on a perfect network.
        maximum: the target never rises above this; packets later than that count as lost.
    """

    __slots__ = ("_maximum", "_minimum", "_since_refresh", "_transits", "base", "target")

    def __init__(self, *, minimum: int, maximum: int) -> None:
        self._minimum = minimum
        self._maximum = maximum
        self._transits: deque[int] = deque(maxlen=WINDOW_PACKETS)
        self._since_refresh = 0
        self.base = 0
        """The smallest recent transit."""

        self.target = minimum
        """How long after the base a packet is played."""

    def observe(self, transit: int) -> None:
        """Take the transit of a packet that has just arrived."""
        if transit - self.base > self._maximum:
            # Too late to wait for, ever: the sender's clock has jumped (it does not count during a mute, say).
            self._transits.clear()
        self._transits.append(transit)
        self._since_refresh += 1
        if len(self._transits) == 1 or transit < self.base:
            self.base = transit
        if self._since_refresh >= REFRESH_PACKETS:
            self._refresh()

    def observe_late(self, transit: int) -> None:
        """Take the transit of a packet whose turn had passed: the target makes room for its like."""
        self.observe(transit)
        self._refresh()
        wanted = min(transit - self.base, self._maximum)
        late = sum(1 for one in self._transits if one - self.base > self.target)
        # A single straggler is a loss; a second one within the window is a trend.
        if late > 1:
            self.target = max(self.target, wanted)

    def reset(self) -> None:
        """Forget the stream."""
        self._transits.clear()
        self._since_refresh = 0
        self.base = 0
        self.target = self._minimum

    def _refresh(self) -> None:
        ordered = sorted(self._transits)
        self.base = ordered[0]
        quantile = ordered[int(QUANTILE * (len(ordered) - 1))] - self.base
        self.target = min(max(quantile, self._minimum), self._maximum)
        self._since_refresh = 0
