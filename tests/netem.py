"""A network made of numbers: when each packet sent arrives, if it does. Seeded, clockless, and the same every time.

In the spirit of netem(8) and of str0m's emulator: nothing here waits. Times are integers in nanoseconds, of one clock.

    network = Network(seed=1, loss=0.1, burst=3, delay_ms=20, jitter_ms=60)
    for arrival_ns, index in network.deliver(every_20_ms(500)):
        source.push(index, ..., arrival_ns)
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

NS_PER_MS = 1_000_000

Arrival: TypeAlias = tuple[int, int]
"""When a packet comes, in nanoseconds, and which: its index among the times at which packets were sent."""


@dataclass(frozen=True, slots=True)
class Network:
    """A way from a sender to a receiver. Equal ones treat equal packets equally.

    Args:
        seed: of all chance.
        loss: share of packets that never arrive, from 0 up to less than 1.
        burst: mean number of packets lost in a row, at least 1 (Gilbert's model: a good state that loses nothing and a
            bad one that loses all); ``None`` for losses that know nothing of each other.
        delay_ms: what every packet takes.
        jitter_ms: what chance adds: at most that for ``uniform``, on average for ``exponential``, and the standard
            deviation for ``normal`` (the absolute value counts).
        jitter: how chance distributes it.
        keeps_order: whether a packet that is late holds up those behind it (a queue), or is overtaken.
        reorder: share of packets held back by ``reorder_by_ms``, so that others overtake them.
        duplicate: share of packets that arrive twice, the second time up to 20 ms after the first.
        drift_ppm: by how much the sender's clock runs fast: what it takes for 20 ms is less, and packets come sooner.
        stall_every_ms: a stall begins this long after the one before it, on average; 0 for none.
        stall_ms: how long nothing arrives. Then all that was held up comes at once, in order: what TCP does.
    """

    seed: int = 0
    loss: float = 0.0
    burst: float | None = None
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    jitter: Literal["uniform", "exponential", "normal"] = "uniform"
    keeps_order: bool = False
    reorder: float = 0.0
    reorder_by_ms: float = 30.0
    duplicate: float = 0.0
    drift_ppm: float = 0.0
    stall_every_ms: float = 0.0
    stall_ms: float = 0.0

    def deliver(self, send_times_ns: Sequence[int]) -> list[Arrival]:
        """What arrives, and when.

        Args:
            send_times_ns: when each packet is sent, by the sender's clock, rising.

        Returns:
            In the order of arrival.
        """
        if not send_times_ns:
            return []
        chance = random.Random(self.seed)  # drawn from in one order, whatever happens to a packet
        lost = self._losses(random.Random(self.seed + 1))
        stalls = self._stalls(random.Random(self.seed + 2), send_times_ns[0])
        stall = next(stalls, None)
        arrivals: list[Arrival] = []
        start, latest = send_times_ns[0], 0
        for index, send_ns in enumerate(send_times_ns):
            sent_ns = start + round((send_ns - start) / (1 + self.drift_ppm * 1e-6))
            arrival_ns = sent_ns + self._transit_ns(chance)
            again_ns = None
            if chance.random() < self.duplicate:
                again_ns = arrival_ns + round(chance.uniform(0, 20) * NS_PER_MS)
            if next(lost):
                continue
            while stall is not None and stall[1] <= sent_ns:
                stall = next(stalls, None)
            if stall is not None and stall[0] <= arrival_ns:
                arrival_ns = max(arrival_ns, stall[1])
            if self.keeps_order or self.stall_every_ms:
                arrival_ns = latest = max(arrival_ns, latest)
            arrivals.append((arrival_ns, index))
            if again_ns is not None:
                arrivals.append((max(arrival_ns, again_ns), index))
        return sorted(arrivals)

    def _transit_ns(self, chance: random.Random) -> int:
        extra = {
            "uniform": lambda: chance.uniform(0, self.jitter_ms),
            "exponential": lambda: chance.expovariate(1 / self.jitter_ms) if self.jitter_ms else 0.0,
            "normal": lambda: abs(chance.gauss(0, self.jitter_ms)),
        }[self.jitter]()
        held = self.reorder_by_ms if chance.random() < self.reorder else 0.0
        return round((self.delay_ms + extra + held) * NS_PER_MS)

    def _losses(self, chance: random.Random) -> Iterator[bool]:
        """Whether each packet in turn is lost."""
        if self.burst is None or not self.loss:
            while True:
                yield chance.random() < self.loss
        leave_bad = 1 / max(self.burst, 1.0)
        enter_bad = leave_bad * self.loss / (1 - self.loss)  # so that the share of time in the bad state is the loss
        bad = False
        while True:
            bad = chance.random() >= leave_bad if bad else chance.random() < enter_bad
            yield bad

    def _stalls(self, chance: random.Random, start_ns: int) -> Iterator[tuple[int, int]]:
        """Beginning and end of each stall, in nanoseconds."""
        begin_ns = start_ns
        while self.stall_every_ms:
            begin_ns += round(self.stall_every_ms * chance.uniform(0.5, 1.5) * NS_PER_MS)
            yield begin_ns, begin_ns + round(self.stall_ms * NS_PER_MS)


def every_20_ms(packets: int, start_ns: int = 0) -> list[int]:
    """When a sender with a perfect clock sends so many packets."""
    return [start_ns + number * 20 * NS_PER_MS for number in range(packets)]


def in_phases(send_times_ns: Sequence[int], phases: Sequence[tuple[int, Network]]) -> list[Arrival]:
    """What arrives over a network that changes.

    Args:
        send_times_ns: when each packet is sent, rising.
        phases: how many packets go over which network, in turn; the last may have more than are left.
    """
    arrivals: list[Arrival] = []
    first = 0
    for packets, network in phases:
        part = network.deliver(send_times_ns[first : first + packets])
        arrivals += [(arrival_ns, first + index) for arrival_ns, index in part]
        first += packets
    return sorted(arrivals)
