"""How long a jitter buffer has to wait: the target delay, from how late packets have recently been.

The *transit* of a packet is its arrival time minus its media time. Only differences of transits mean anything, because
the two clocks have nothing in common: the smallest recent transit is the network at its best (the *base*), and what a
packet's transit has over it is that packet's *relative delay*. Waiting for a high quantile of the relative delays lets
that share of the packets arrive in time. NetEQ does the same with a histogram that fades; a window that ends instead
forgets a bad minute completely within seconds, and a moment that is gone cannot hold the delay up.

Both the base and the quantile come from one window, so that a sender whose clock runs off, and a network whose way has
become longer or shorter, are followed by themselves. The histogram is of transits and not of relative delays: when the
base moves, no entry of it is wrong.

All of it costs a few additions a packet: the quantile's bucket is not searched for but moved, and the smallest transit
is at the head of a queue that holds only those that can still become the smallest.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

WINDOW_SECONDS = 5
"""A packet counts for so long. A delay that was needed once is given up after it, so this is also how soon."""

LEAST_PACKETS = 25
"""So many count, however old they are: after a long pause the network is known already."""

QUANTILE = 0.988
"""The share of packets that come in time by the target alone. Three in a full window of 20 ms packets may be later."""

MARGIN = 32
"""The target is one part in so many over the quantile: what is yet to come may be later than all that has."""

LOSS_SECONDS = 15
"""Two packets lost within so long make it worth waiting for what can repair the next one."""

_LATE = 1 - QUANTILE

_Seen: TypeAlias = tuple[int, int, int]
"""A packet: its arrival, its number, its transit."""


class DelayEstimator:
    """Tracks the base and the target delay of one stream. All values are in samples of the stream's clock.

    Args:
        clock_rate: samples per second.
        minimum: the target never falls below this, even on a perfect network.
        maximum: the target never rises above this; packets later than that count as lost.
    """

    __slots__ = (
        "_above",
        "_bucket",
        "_counts",
        "_edge",
        "_loss_samples",
        "_losses",
        "_lows",
        "_maximum",
        "_minimum",
        "_number",
        "_odd",
        "_repairable",
        "_window",
        "_window_samples",
        "base",
        "least",
        "target",
    )

    def __init__(self, *, clock_rate: int, minimum: int, maximum: int) -> None:
        self._minimum = minimum
        self._maximum = maximum
        self._bucket = max(1, clock_rate // 1000)
        self._window_samples = WINDOW_SECONDS * clock_rate
        self._loss_samples = LOSS_SECONDS * clock_rate
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._window: deque[_Seen] = deque()
        self._lows: deque[_Seen] = deque()  # transits rising, and each the smallest of all that came after it
        self._counts: dict[int, int] = {}  # packets by transit, in buckets of a millisecond
        self._edge = 0  # the quantile's bucket
        self._above = 0  # packets in buckets above it
        self._number = 0
        self._odd = False
        self._losses: deque[tuple[int, int]] = deque(maxlen=2)  # when, and how long to wait for what repairs it
        self._repairable = False  # whether there has been a packet that could repair another
        self.base = 0
        """The smallest recent transit."""

        self.target = self._minimum
        """How long after the base a packet is played."""

        self.least = self._minimum
        """What of the target it takes for the packets themselves to come in time; the rest is for repairs."""

    def observe(self, transit: int, arrival: int) -> None:
        """Take the transit of a packet that has arrived at ``arrival``."""
        window = self._window
        if window and not -self._maximum <= transit - self.base <= self._maximum:
            if transit > self.base and not self._odd:
                self._odd = True  # one straggler tells nothing: it is too late to be waited for
                return
            self.reset()  # the clock has jumped (some senders' do not count during a mute), or the network has
            window = self._window
        self._odd = False
        number = self._number
        self._number = number + 1
        seen = (arrival, number, transit)
        window.append(seen)
        lows = self._lows
        while lows and lows[-1][2] >= transit:
            lows.pop()
        lows.append(seen)
        bucket = transit // self._bucket
        counts = self._counts
        counts[bucket] = counts.get(bucket, 0) + 1
        if number == 0:
            self._edge = bucket
        elif bucket > self._edge:
            self._above += 1
        if window[0][0] < arrival - self._window_samples and len(window) > LEAST_PACKETS:
            self._forget(arrival - self._window_samples)
        self._move_edge()
        self.base = base = lows[0][2]
        wanted = (self._edge + 1) * self._bucket - base
        wanted += wanted // MARGIN
        if wanted < self._minimum:
            wanted = self._minimum
        if wanted > self._maximum:
            wanted = self._maximum
        self.least = wanted
        if self._losses:
            wanted += self._repair(arrival, wanted)
        self.target = wanted if wanted < self._maximum else self._maximum

    def observe_repair(self, arrival: int, repair: int) -> None:
        """Take note of a packet that could repair the one before it, had that been lost.

        Senders do not add that for nothing: they were told of losses. So the first such packet is taken as a warning,
        and play waits for repairs from here on, until it turns out that none are needed.

        Args:
            arrival: its own.
            repair: as for `observe_loss`.
        """
        if not self._repairable:
            self._repairable = True
            self._losses.extend([(arrival, repair)] * 2)

    def observe_loss(self, arrival: int, repair: int) -> None:
        """Take note of a packet that was lost, though the packet behind it could have repaired it.

        Args:
            arrival: a recent one.
            repair: how long to wait so that the packet behind is there by the time the lost one should play.
        """
        self._losses.append((arrival, repair))

    def observe_late(self) -> None:
        """The packet last taken for lost was late."""
        if self._losses:
            self._losses.pop()

    def _repair(self, arrival: int, wanted: int) -> int:
        """What is added to the target so that lost packets can be repaired; 0 while none are lost, or only one.

        Where packets are waited for anyway, most repairs are there in time, and the rest is not worth as much delay.
        """
        losses = self._losses
        if len(losses) < 2 or losses[0][0] < arrival - self._loss_samples:
            return 0
        return max(0, losses[1][1] - (wanted - self._minimum) // 2)

    def _forget(self, before: int) -> None:
        """Take out what is too old."""
        window, counts = self._window, self._counts
        while len(window) > LEAST_PACKETS and window[0][0] < before:
            _, number, transit = window.popleft()
            bucket = transit // self._bucket
            left = counts[bucket] - 1
            if left:
                counts[bucket] = left
            else:
                del counts[bucket]
            if bucket > self._edge:
                self._above -= 1
            if self._lows[0][1] == number:
                self._lows.popleft()

    def _move_edge(self) -> None:
        """Make the edge the lowest bucket that has no more above it than may be late: one in any case."""
        packets = len(self._window)
        allowed = int(_LATE * packets) or packets > 1
        counts, edge, above = self._counts, self._edge, self._above
        while above > allowed:
            edge += 1
            above -= counts.get(edge, 0)
        while (more := above + counts.get(edge, 0)) <= allowed:
            above = more
            edge -= 1
        self._edge, self._above = edge, above
