"""How long a jitter buffer has to wait: the target delay, from how late packets have recently been.

The *transit* of a packet is its arrival time minus its media time. Only differences of transits mean anything, because
the two clocks have nothing in common: the smallest recent transit is the network at its best (the *base*), and what a
packet's transit has over it is that packet's *relative delay*. Waiting for a high quantile of the relative delays lets
that share of the packets arrive in time. NetEQ does the same with a histogram that fades; a window that ends instead
forgets a bad minute completely within seconds, and a moment that is gone cannot hold the delay up.

A single stall is an exception: the target rises with it, so that what it held up is played, and falls a second later
(:mod:`conference.playout.stall`).

Both the base and the quantile come from one window. So both follow a sender's clock that drifts, and a network path
that has become longer or shorter. The histogram counts transits instead of relative delays, so that its entries stay
right when the base moves.

A packet costs a few additions: the quantile's bucket is moved instead of searched for, and the smallest transit is at
the head of a queue that holds only those that can still become the smallest. The window is a ring of plain numbers, 16
bytes a packet. Objects would take 160 bytes, too many for the caches with hundreds of streams.
"""

from __future__ import annotations

from array import array

from conference.playout.stall import LATE_MS, SingleStall

WINDOW_SECONDS = 5
"""A packet counts for so long. So a delay that is no longer needed is given up after so long."""

LEAST_PACKETS = 25
"""So many count, however old they are: after a long pause the network is known already."""

FRESH_PACKETS = 8
"""Unless there are so many in the window: of a silence, no more than two a second may be looked at."""

QUANTILE = 0.988
"""The share of packets that come in time by the target alone. Three in a full window of 20 ms packets may be later."""

MARGIN = 32
"""The target is one part in so many over the quantile: what is yet to come may be later than all that has."""

LOSS_SECONDS = 15
"""Two packets lost within so long make it worth waiting for what can repair the next one."""

_LATE = 1 - QUANTILE
_RING = 64
"""Places from the first packet on; a power of two. It holds `LEAST_PACKETS`, and grows with what is in the window."""

_EMPTY = array("q")


class DelayEstimator:
    """Tracks the base and the target delay of one stream. All values are in samples of the stream's clock.

    Args:
        clock_rate: samples per second.
        minimum: the target never falls below this, even on a perfect network.
        maximum: the target never rises above this; packets later than that count as lost.
    """

    __slots__ = (
        "_above",
        "_arrivals",
        "_bucket",
        "_counts",
        "_edge",
        "_end",
        "_first",
        "_late",
        "_loss_samples",
        "_losses",
        "_lows",
        "_mask",
        "_maximum",
        "_minimum",
        "_odd",
        "_repairable",
        "_stall",
        "_transits",
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
        self._late = LATE_MS * clock_rate // 1000
        self._stall = SingleStall(clock_rate)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        # The packets of the window, by number: the place of number n in the ring is n & mask.
        self._first = self._end = 0  # the oldest one's number, and the next one's
        self._mask = -1
        self._arrivals = self._transits = _EMPTY
        self._lows: list[int] = []  # numbers: transits rise, and each is the smallest of all that came after it
        self._counts: dict[int, int] = {}  # packets by transit, in buckets of a millisecond
        self._edge = 0  # the quantile's bucket
        self._above = 0  # packets in buckets above it
        self._odd = False
        self._losses: tuple[tuple[int, int], ...] = ()  # the last two: when, and how long to wait for what repairs it
        self._repairable = False  # whether there has been a packet that could repair another
        self.base = 0
        """The smallest recent transit."""

        self.target = self._minimum
        """How long after the base a packet is played."""

        self.least = self._minimum
        """What of the target it takes for the packets themselves to come in time; the rest is for repairs."""

    def observe(self, transit: int, arrival: int) -> None:
        """Take the transit of a packet that has arrived at ``arrival``."""
        number = self._end
        if number and not -self._maximum <= transit - self.base <= self._maximum:
            if not self._has_jumped(transit):
                return
            number = 0
        self._odd = False
        mask, transits, first = self._mask, self._transits, self._first
        if number - first > mask:
            self._grow()
            mask, transits = self._mask, self._transits
        self._arrivals[number & mask] = arrival
        transits[number & mask] = transit
        self._end = number + 1
        lows = self._lows
        while lows and transits[lows[-1] & mask] >= transit:
            lows.pop()
        lows.append(number)
        bucket = transit // self._bucket
        counts = self._counts
        counts[bucket] = counts.get(bucket, 0) + 1
        if number == 0:
            self._edge = bucket
        elif bucket > self._edge:
            self._above += 1
        self._look_for_stall(number, transit, arrival)
        if number - first >= FRESH_PACKETS and self._arrivals[first & mask] < arrival - self._window_samples:
            self._forget(arrival - self._window_samples)
        self._move_edge()
        self.base = base = transits[lows[0] & mask]
        wanted = (self._edge + 1) * self._bucket - base
        wanted += wanted // MARGIN
        wanted = wanted if wanted > self._minimum else self._minimum
        self.least = wanted = wanted if wanted < self._maximum else self._maximum
        if self._losses:
            wanted += self._repair(arrival, wanted)
        self.target = wanted if wanted < self._maximum else self._maximum

    def _has_jumped(self, transit: int) -> bool:
        """Whether a transit out of all proportion is to be believed; then all that was known is forgotten."""
        if transit > self.base and not self._odd:
            self._odd = True  # one straggler tells nothing: it is too late to be waited for
            return False
        self.reset()  # the clock has jumped (some senders' do not count during a mute), or the network has
        return True

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
            self._losses = ((arrival, repair),) * 2

    def observe_loss(self, arrival: int, repair: int) -> None:
        """Take note of a packet that was lost, though the packet behind it could have repaired it.

        Args:
            arrival: a recent one.
            repair: how long to wait so that the packet behind is there by the time the lost one should play.
        """
        self._losses = (*self._losses[-1:], (arrival, repair))

    def observe_late(self) -> None:
        """The packet last taken for lost was late."""
        self._losses = self._losses[:-1]

    def _repair(self, arrival: int, wanted: int) -> int:
        """What is added to the target so that lost packets can be repaired; 0 while none are lost, or only one.

        Where packets are waited for anyway, most repairs are there in time, and the rest is not worth as much delay.
        """
        losses = self._losses
        if len(losses) < 2 or losses[0][0] < arrival - self._loss_samples:
            return 0
        return max(0, losses[1][1] - (wanted - self._minimum) // 2)

    def _look_for_stall(self, number: int, transit: int, arrival: int) -> None:
        """Take note of whether a packet is late. Once a single stall is over, what it held up counts no more."""
        stall = self._stall
        if number == 0:
            stall.begin(transit, arrival)
        elif transit - self.base > self._late:
            stall.late(number, arrival)
        elif transit < self.base:
            stall.earliest(number, transit, arrival)
        elif arrival > stall.over_at:
            self._pardon(stall.take())

    def _pardon(self, numbers: range) -> None:
        """Count these packets as if they had come in time."""
        mask, transits, counts, base = self._mask, self._transits, self._counts, self.base
        in_time = base // self._bucket
        for number in numbers[max(0, self._first - numbers.start) :]:
            bucket = transits[number & mask] // self._bucket
            if bucket <= in_time:
                continue
            transits[number & mask] = base
            counts[in_time] = counts.get(in_time, 0) + 1
            self._above += (in_time > self._edge) - (bucket > self._edge)
            counts[bucket] -= 1
            if not counts[bucket]:
                del counts[bucket]

    def _forget(self, before: int) -> None:
        """Take out what is too old."""
        mask, arrivals, transits = self._mask, self._arrivals, self._transits
        first, counts, lows = self._first, self._counts, self._lows
        fresh = self._end - FRESH_PACKETS
        last = fresh if arrivals[fresh & mask] >= before else self._end - LEAST_PACKETS
        while first < last and arrivals[first & mask] < before:
            bucket = transits[first & mask] // self._bucket
            left = counts[bucket] - 1
            if left:
                counts[bucket] = left
            else:
                del counts[bucket]
            if bucket > self._edge:
                self._above -= 1
            if lows[0] == first:
                del lows[0]
            first += 1
        self._first = first

    def _grow(self) -> None:
        """Make room for twice as many packets: all places are taken."""
        if self._mask < 0:
            self._mask = _RING - 1
            self._arrivals, self._transits = array("q", bytes(8 * _RING)), array("q", bytes(8 * _RING))
            return
        self._mask = 2 * self._mask + 1
        # What was at n modulo the old size is there in both halves, and so at n modulo the new one, too.
        self._arrivals, self._transits = self._arrivals * 2, self._transits * 2

    def _move_edge(self) -> None:
        """Make the edge the lowest bucket that has no more above it than may be late: one in any case."""
        packets = self._end - self._first
        allowed = int(_LATE * packets) or packets > 1
        counts, edge, above = self._counts, self._edge, self._above
        while above > allowed:
            edge += 1
            above -= counts.get(edge, 0)
        while (more := above + counts.get(edge, 0)) <= allowed:
            above = more
            edge -= 1
        self._edge, self._above = edge, above
