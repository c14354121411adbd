"""Pieces of event streams on their way to those who read them.

What many are told alike is put into a :class:`Channel` once; each :class:`Subscription` knows how far its viewer has
been told. So an event for hundreds of viewers costs as much as one for a few, until it is written to their connections.
That is done by :class:`FanOut`, a few connections in each turn of the event loop, and for each of them all that is due
is one write.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

AT_ONCE = 32
"""Viewers who are written to in one turn of the event loop: that takes half a millisecond."""

BYTES_AT_ONCE = 1 << 18
"""Bytes after which the viewers who are left have to wait for the next turn."""

_KEPT = 64
"""Pieces of a channel from which on it is looked whether all have read the first of them."""


class ViewerConnection(Protocol):
    """Where a viewer's stream goes: their connection."""

    def write(self, data: bytes) -> bool:
        """Send something, at once. Returns whether more may be sent: if not, `Subscription.resume` says when it may."""

    def ended(self) -> None:
        """Nothing more comes."""


class FanOut:
    """Writes what is due, a few viewers at a time, so that the event loop has time for the sound."""

    def __init__(self) -> None:
        self._due: deque[Subscription] = deque()

    def add(self, subscription: Subscription) -> None:
        """Write to somebody in their turn."""
        self._due.append(subscription)
        if len(self._due) == 1:
            asyncio.get_running_loop().call_soon(self._write_some)

    def _write_some(self) -> None:
        written = 0
        try:
            for _ in range(min(AT_ONCE, len(self._due))):
                written += self._due.popleft().write()
                if written > BYTES_AT_ONCE:
                    break
        finally:  # whatever is wrong with one connection, the others go on
            if self._due:
                asyncio.get_running_loop().call_soon(self._write_some)


class Channel:
    """What all who see the same of a room are told.

    Args:
        fan_out: writes it to them.
    """

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self._pieces: list[bytes] = []
        self._begin = 0  # the number of the first piece that is kept
        self._look_at = _KEPT
        self._joined: tuple[int, int, bytes] = (0, 0, b"")  # from which piece to which
        self._members: dict[Subscription, None] = {}
        self._behind: set[Subscription] = set()
        self._called = False  # all members that can be written to will have their turn

    def __len__(self) -> int:
        """Pieces that are kept for those who have not read them."""
        return len(self._pieces)

    @property
    def end(self) -> int:
        """The number of the piece that will come next."""
        return self._begin + len(self._pieces)

    @property
    def empty(self) -> bool:
        """Nobody follows it."""
        return not self._members

    def append(self, piece: bytes) -> None:
        """Tell all members something. Those are cut off who have not taken what came before."""
        self._pieces.append(piece)
        for one in tuple(self._behind):
            one.check_backlog()
        if not self._called:
            self._called = True
            for one in self._members:
                one.call()
        if len(self._pieces) >= self._look_at:
            self._forget()

    def since(self, number: int) -> bytes:
        """All from the piece of this number on: the same object for all who ask for the same."""
        end = self.end
        if self._joined[:2] != (number, end):
            pieces = self._pieces[number - self._begin :]
            self._joined = number, end, pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return self._joined[2]

    def enter(self, member: Subscription, *, behind: bool) -> None:
        """Have somebody told what comes from now on; ``behind``: they cannot be written to yet."""
        self._members[member] = None
        self._called = False
        if behind:
            self._behind.add(member)

    def leave(self, member: Subscription) -> None:
        """Have somebody told nothing more."""
        self._members.pop(member, None)
        self._behind.discard(member)

    def stalled(self, member: Subscription, behind: bool) -> None:
        """Somebody cannot be written to for a while, or can again."""
        if behind:
            self._behind.add(member)
        else:
            self._behind.discard(member)

    def served(self) -> None:
        """A member has had their turn: with what comes next, they have to be called again."""
        self._called = False

    def _forget(self) -> None:
        """Drop what all have read."""
        first = min((one.position for one in self._members), default=self.end)
        del self._pieces[: first - self._begin]
        self._begin = first
        self._look_at = 2 * len(self._pieces) + _KEPT


class Subscription:
    """What one viewer has yet to be told: what is for them alone, and then the rest of a channel.

    Args:
        limit: how many pieces may wait while their connection takes nothing.
        fan_out: writes it to them, in turn with others.
    """

    def __init__(self, limit: int, fan_out: FanOut) -> None:
        self._limit = limit
        self._fan_out = fan_out
        self._own: list[bytes] = []
        self._channel: Channel | None = None
        self._output: ViewerConnection | None = None
        self._called = False  # they will have their turn
        self._last = False
        self.position = 0
        """The number of the piece of the channel that they are told next."""
        self.behind = True
        """They cannot be written to: there is no connection yet, or it takes nothing."""
        self.closed = False
        """No more will come, and what waited is dropped: the viewer was too slow, or is gone."""
        self.cut_off = False
        """It was ended because too much waited."""
        self.on_overflow: Callable[[], None] | None = None
        """Called when that happens."""

    @property
    def over(self) -> bool:
        """There is nothing left to read, and nothing will come."""
        return self.closed or (self._last and not self._own)

    def attach(self, output: ViewerConnection) -> None:
        """From now on, write to this connection."""
        self._output = output
        self.resume()

    def resume(self) -> None:
        """The connection takes more."""
        self.behind = False
        if self._channel is not None:
            self._channel.stalled(self, behind=False)
        self.call()

    def follow(self, channel: Channel | None) -> None:
        """Be told what comes into a channel from now on, in place of another one; nothing of that is lost."""
        if self._channel is not None:
            rest = self._rest()
            if rest:
                self._own.append(rest)
            self._channel.leave(self)
        self._channel = None
        if channel is not None and not self.closed and not self._last:
            self._channel, self.position = channel, channel.end
            channel.enter(self, behind=self.behind)

    def push(self, data: bytes) -> None:
        """Tell them something that is for them alone, or cut them off if they have not read what came before."""
        if self.closed or self._last:
            return
        rest = self._rest()
        if rest:
            self._own.append(rest)
        self._own.append(data)
        self.check_backlog()
        self.call()

    def finish(self) -> None:
        """End it with what waits."""
        self.follow(None)
        self._last = True
        self.call()

    def close(self) -> None:
        """End it; what waited is dropped."""
        self.closed = True
        self.follow(None)
        self._own.clear()
        self.call()

    def call(self) -> None:
        """There is something to write."""
        if not self.behind and not self._called:
            self._called = True
            self._fan_out.add(self)

    def check_backlog(self) -> None:
        """Cut them off if too much waits for a connection that takes nothing."""
        waiting = len(self._own) + (0 if self._channel is None else self._channel.end - self.position)
        if self.behind and waiting > self._limit and not self.closed:
            self.cut_off = True
            self.close()
            if self.on_overflow is not None:
                self.on_overflow()

    def take(self) -> bytes:
        """All that waits."""
        rest = self._rest()
        if not self._own:
            return rest
        if rest:
            self._own.append(rest)
        data = self._own[0] if len(self._own) == 1 else b"".join(self._own)
        self._own.clear()
        return data

    def write(self) -> int:
        """Have their turn. Returns how many bytes were written."""
        self._called = False
        if self._channel is not None:
            self._channel.served()
        if self._output is None or self.behind:
            return 0
        data = self.take()
        if data and not self._output.write(data):
            self.behind = True
            if self._channel is not None:
                self._channel.stalled(self, behind=True)
        if self.over:
            self._output.ended()
        return len(data)

    def _rest(self) -> bytes:
        channel = self._channel
        if channel is None or self.position == channel.end:
            return b""
        rest = channel.since(self.position)
        self.position = channel.end
        return rest
