"""TCP connections that are open: how many there may be, and whose gives way to a newcomer's.

A connection *waits* while the client has to send something: a request, its body, or the ``start`` of a call. It *works*
while the server has something to do for it. It *stays* once its client has been let in, as a reader of events or into a
room. From then on, the limits of this module do not count it: event streams and calls have limits of their own.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

GRACE_S = 1.0
"""How long a connection may wait before another one from its address may take its place: clients send at once."""

_COMPARED = 32
"""So many of those that have waited longest are compared; the one goes whose address has the most."""


@dataclass(slots=True, eq=False)
class TcpConnection:
    """One TCP connection that is open."""

    address: str
    """The part of the client's address that one person cannot change at will: see `origin.rate_key`."""

    drop: Callable[[], None]
    """Closes the connection at once. What was not sent yet is lost."""

    since: float
    """Since when the connection waits, in monotonic seconds."""

    stays: bool = False


class TcpConnections:
    """The TCP connections of one server.

    Args:
        most: that may wait or work at one time.
        most_per_address: the same, of one address; 0 for no limit, as behind a proxy, where all have the proxy's.
    """

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self.most_in_all: int | None = None
        """How many may be open at one time, with those that stay, if the system sets a limit; else ``None``."""
        self._open: set[TcpConnection] = set()
        self._staying = 0
        self._of_address: Counter[str] = Counter()  # those that wait or work
        self._waiting: OrderedDict[TcpConnection, None] = OrderedDict()  # the longest first
        self._waiting_of: defaultdict[str, OrderedDict[TcpConnection, None]] = defaultdict(OrderedDict)
        self.refused = 0
        """Newcomers that were closed at once."""
        self.dropped = 0
        """Those that gave way to a newcomer."""

    def __len__(self) -> int:
        return len(self._open)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def staying(self) -> int:
        """How many stay."""
        return self._staying

    def open(self, address: str, drop: Callable[[], None], now: float) -> TcpConnection | None:
        """Take in a newcomer, who waits at first.

        Args:
            address: as of :class:`TcpConnection`.
            drop: as of :class:`TcpConnection`.
            now: monotonic time in seconds.

        Returns:
            ``None`` if there is no place for it, and none that could give way.
        """
        if not self._make_place(address, now):
            self.refused += 1
            return None
        connection = TcpConnection(address, drop, now)
        self._open.add(connection)
        self._of_address[address] += 1
        self._wait(connection)
        return connection

    def waits(self, connection: TcpConnection, now: float) -> None:
        """The client has to send something."""
        if connection in self._open:
            self._count(connection, stays=False)
            self._wait_no_more(connection)
            connection.since = now
            self._wait(connection)

    def works(self, connection: TcpConnection) -> None:
        """The server has something to do."""
        if connection in self._open:
            self._count(connection, stays=False)
            self._wait_no_more(connection)

    def stays(self, connection: TcpConnection) -> None:
        """The client has been let in."""
        if connection in self._open:
            self._count(connection, stays=True)
            self._wait_no_more(connection)

    def closed(self, connection: TcpConnection) -> None:
        """The connection is open no more. Saying so twice does no harm."""
        if connection in self._open:
            self._count(connection, stays=True)
            self._staying -= 1
            self._wait_no_more(connection)
            self._open.discard(connection)

    def drop_one(self) -> bool:
        """Drop one of those that wait: the one that is missed the least. Returns whether one waited."""
        if not self._waiting:
            return False
        self._drop(self._least_missed())
        return True

    def _make_place(self, address: str, now: float) -> bool:
        if self._most_per_address and self._of_address[address] >= self._most_per_address:
            oldest = next(iter(self._waiting_of.get(address, ())), None)
            if oldest is None or now - oldest.since < GRACE_S:
                return False
            self._drop(oldest)
        elif self._full():
            if not self._waiting:
                return False
            least = self._least_missed()
            more = self._of_address[least.address] > self._of_address[address] + 1
            if not more and now - least.since < GRACE_S:
                return False
            self._drop(least)
        return True

    def _full(self) -> bool:
        everything = self.most_in_all is not None and len(self._open) >= self.most_in_all
        return everything or len(self._open) - self._staying >= self._most

    def _least_missed(self) -> TcpConnection:
        """Of those that have waited longest, the first whose address has more than the others'."""
        return max(islice(self._waiting, _COMPARED), key=lambda one: self._of_address[one.address])

    def _drop(self, connection: TcpConnection) -> None:
        self.dropped += 1
        self.closed(connection)
        connection.drop()

    def _count(self, connection: TcpConnection, *, stays: bool) -> None:
        if connection.stays == stays:
            return
        connection.stays = stays
        step = -1 if stays else 1
        self._staying -= step
        self._of_address[connection.address] += step
        if not self._of_address[connection.address]:
            del self._of_address[connection.address]

    def _wait(self, connection: TcpConnection) -> None:
        self._waiting[connection] = None
        self._waiting_of[connection.address][connection] = None

    def _wait_no_more(self, connection: TcpConnection) -> None:
        if self._waiting.pop(connection, self) is self:
            return
        of_address = self._waiting_of[connection.address]
        del of_address[connection]
        if not of_address:
            del self._waiting_of[connection.address]
