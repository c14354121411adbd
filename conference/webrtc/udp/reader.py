"""When a socket is read: as rarely as nobody notices, for each time that the event loop wakes up costs a dozen packets.

What has come is only needed on a tick, and each tick begins with a look (:meth:`Reader.read`). The kernel notes when a
datagram came, so that nothing is measured wrongly by being read later. Between ticks

* a socket on which little comes wakes the event loop;
* one on which packets follow each other closely is read by the clock: as often as there are many together, and sooner
  while somebody connects, which takes several round trips.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from conference.webrtc.udp import datagrams
from conference.webrtc.udp.datagrams import DatagramBatch
from conference.webrtc.udp.sockets import Address, SharedSocket

BURST = 1024
"""Datagrams read in one go, before others on the event loop have their turn."""

PLACES = 512
"""Datagrams that are read with one system call: what is done for all of them together is the cheaper, the more."""

QUEUED_BYTES = 3072
"""What a datagram may take of the socket's buffer while it waits, several times over."""

MAX_DATAGRAM = 2048

SOONEST_NS = 3_000_000
LATEST_NS = 20_000_000
"""Time between two looks by the clock. A tick is as long."""

FORWARDING_NS = 9_000_000
"""The same while packets are sent on as they come: half of it is what they wait, on average."""

QUICK_READS = 4
"""So many reads in a row, each no longer after the one before than that, are close succession."""

HURRY_NS = 500_000_000
"""For so long after something came that has to do with connecting, looks are as frequent as can be."""

BUSY_PER_SECOND = 15_000
"""When more datagrams come, looks are proportionally less frequent even then: there is little time left for them."""


class Handler(Protocol):
    """What becomes of that which was read. Its methods never raise."""

    def take(self, batch: DatagramBatch, count: int, arrivals_ns: NDArray[np.int64], via: SharedSocket) -> None: ...

    def take_one(self, data: bytes, address: Address, via: SharedSocket, now_ns: int) -> None: ...


class Reader:
    """Reads one socket.

    Args:
        via: the socket.
        handler: takes what is read.
        now: the clock of arrivals, in nanoseconds.
        most_ns: once reading has taken so long, no more is read in one go.
        forwards: whether what comes is sent on to somebody, who waits for it.
    """

    def __init__(
        self,
        via: SharedSocket,
        handler: Handler,
        now: Callable[[], int],
        most_ns: int = 1_000_000_000,
        forwards: Callable[[], bool] = lambda: False,
    ) -> None:
        self._via = via
        self._handler = handler
        self._now = now
        self._most_ns = most_ns
        self._forwards = forwards
        self._loop = asyncio.get_running_loop()
        self._batch = DatagramBatch(PLACES, MAX_DATAGRAM) if datagrams.AVAILABLE else None
        if self._batch is not None:
            datagrams.note_arrivals(via.sock)
        room = via.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // QUEUED_BYTES
        self._enough = max(1, min(PLACES, room))
        self._timer: asyncio.TimerHandle | None = None
        self._read_ns = self._received_ns = 0
        self._interval_ns = self._each_ns = LATEST_NS  # between looks; from one datagram to the next
        self._quick = 0  # reads before this one that followed each other closely
        self._hurry_until_ns = 0
        self.behind_ns = -(1 << 62)
        """When there was last more to read than could be."""

        self._loop.add_reader(via.sock.fileno(), self._readable)

    def hurry(self) -> None:
        """Somebody is connecting."""
        self._hurry_until_ns = self._clock_ns() + HURRY_NS

    def read(self) -> None:
        """Read what is there. Nothing more is done if it wakes the event loop anyway."""
        if self._timer is not None:
            self._read()

    def close(self) -> None:
        """Read no more, and close the socket."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._via.sock.fileno() >= 0:
            self._loop.remove_reader(self._via.sock.fileno())
            self._via.sock.close()

    def _readable(self) -> None:
        """Something has come: read it. If it comes in close succession, look for more by the clock from now on."""
        before_ns = self._read_ns
        self._read()
        self._quick = self._quick + 1 if self._read_ns - before_ns < self._longest_ns else 0
        if self._quick >= QUICK_READS and self._via.sock.fileno() >= 0:
            self._loop.remove_reader(self._via.sock.fileno())
            self._schedule(self._interval_ns)

    def _look(self) -> None:
        """Read what has come meanwhile, and look again soon; if there was nothing, be woken by the next datagram."""
        now_ns = self._clock_ns()
        due_ns = self._read_ns + self._interval_ns
        if now_ns + SOONEST_NS // 2 < due_ns:  # a tick has read it
            self._schedule(due_ns - now_ns)
            return
        self._read()
        if self._via.sock.fileno() < 0:
            return
        if self._read_ns - self._received_ns < 2 * LATEST_NS:
            self._schedule(self._interval_ns)
        else:
            self._timer = None
            self._quick = 0
            self._loop.add_reader(self._via.sock.fileno(), self._readable)

    def _schedule(self, delay_ns: int) -> None:
        self._timer = self._loop.call_later(delay_ns / 1e9, self._look)

    @property
    def _longest_ns(self) -> int:
        if self._read_ns >= self._hurry_until_ns:
            return FORWARDING_NS if self._forwards() else LATEST_NS
        busy_each_ns = 1_000_000_000 // BUSY_PER_SECOND
        return min(max(SOONEST_NS, SOONEST_NS * busy_each_ns // max(1, self._each_ns)), LATEST_NS)

    def _read(self) -> None:
        """Read what is there, up to a bound."""
        now_ns = self._clock_ns()
        received = self._drain()
        if received >= BURST:
            self.behind_ns = self._now()  # what comes is more than what is read: no time to wait
        if received:
            self._received_ns = now_ns
            self._each_ns = (now_ns - self._read_ns) // received
            full_ns = self._each_ns * self._enough  # as often as there are this many together
            self._interval_ns = min(max(SOONEST_NS, full_ns), self._longest_ns)
        self._read_ns = now_ns

    def _clock_ns(self) -> int:
        return int(self._loop.time() * 1e9)

    def _drain(self) -> int:
        via, batch, received = self._via, self._batch, 0
        began_ns = self._now()
        if batch is None:
            return self._drain_singly(began_ns)
        while received < BURST and via.sock.fileno() >= 0:
            count = batch.receive(via.sock.fileno())
            if count:
                self._handler.take(batch, count, self._now() - batch.ages_ns(count), via)
            received += count
            if count < PLACES or self._is_long(began_ns):
                break
        return received

    def _drain_singly(self, now_ns: int) -> int:
        receive = self._via.sock.recvfrom
        for number in range(BURST):
            try:
                data, address = receive(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return number
            except OSError:  # an ICMP error for something sent before
                continue
            self._handler.take_one(data, (address[0], address[1]), self._via, now_ns)
            if self._is_long(now_ns):
                return number + 1
        return BURST

    def _is_long(self, began_ns: int) -> bool:
        """Whether reading has taken as long as it may. What is left is read at the next look."""
        if self._now() - began_ns < self._most_ns:
            return False
        self.behind_ns = self._now()
        return True
