"""How much of what a connection's other end sends is read, whatever it is, and how much of it at once.

Everything that arrives costs something: a ping, an empty frame or a fragment of a message that never ends, of which a
server's own code sees nothing. So it is counted before anything else is done with it, in bytes and in frames. What is
beyond the limits stays in the kernel's buffers, and then with the sender (TCP), and takes time from nobody.

What a caller says is needed on the next tick, and not before. So the connections of those in a room are read right
before each tick of it (:meth:`LimitedReading.collect`), and wake nobody in between.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from conference.telephony.frame_scanner import FrameScanner, FrameSize
from conference.telephony.websocket_frames import websocket_frame_size
from conference.token_bucket import TokenBucket

READ_BYTES = 8192
"""Most that is read at once."""

FRAMES_AT_ONCE = 16
"""Frames that are handed on before others have their turn."""

BURST_SECONDS = 2.0
"""What is allowed in so many seconds may come at once: a connection that stalled brings all it held up."""

CALM_SECONDS = 1.0
"""Who has sent no more than allowed for so long has stopped to send too much."""


LOOK_SECONDS = 0.01
"""After so long it is looked again whether who had paused a transport has resumed it: nothing tells."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one connection may send."""

    bytes_per_second: float
    """Bytes of any kind, over time."""

    frames_per_second: float | None = None
    """Frames of a WebSocket or an AudioSocket, of any kind, over time; ``None`` where there are none, or not yet."""

    flood_seconds: float | None = None
    """How long the other end may go on sending more than that, before it is called a flood; ``None`` for ever."""


class Messages(Protocol):
    """Takes messages out of what arrives; see `TextMessages`."""

    @property
    def taken(self) -> bool: ...

    def start(self, take: Callable[[Any], None]) -> bytes: ...

    def feed(self, data: bytes) -> bytes: ...

    def is_usual(self, data: bytes) -> bool: ...


class LimitedReading(asyncio.BufferedProtocol):
    """Stands between a connection and the protocol that it had, and hands on what arrives within the limits.

    The transport is paused meanwhile. The other protocol may pause it, too: whoever paused it resumes it.

    Args:
        protocol: what the connection's bytes are for.
        limits: how much.
        loop: the event loop.
        transport: the connection, if it is open already.
        frame_size: tells how long the frames are that are counted.
    """

    def __init__(
        self,
        protocol: asyncio.Protocol,
        limits: ReadLimits,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport | None = None,
        frame_size: FrameSize = websocket_frame_size,
    ) -> None:
        self.on_flood: Callable[[], None] | None = None
        """Called once when the other end has sent too much for too long."""
        self.held_back_seconds = 0.0
        """For how long nothing was read, because there was too much."""
        self.received = 0
        """Bytes that were handed on."""
        self._messages: Messages | None = None  # takes what it can before the other protocol gets the rest
        self._frame_size = frame_size
        self._transport = transport
        self._protocol = protocol
        self._loop = loop
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._pending = bytearray()  # read, and not yet handed on
        self._timer: asyncio.TimerHandle | None = None  # runs until more may be handed on
        self._paused = False  # by us
        self._collects = False  # paused by us, too: it is read when somebody collects
        self._descriptor: int | None = None  # of the socket, if it can be read without the transport
        self._flooded_since: float | None = None
        self._flooded_until = 0.0
        self.limit(limits)

    def keep_messages(self, messages: Messages) -> None:
        """Have messages taken out of what comes next, which begins with a frame: see :meth:`take_messages`."""
        self._messages = messages

    def take_messages(self, take: Callable[[Any], None]) -> None:
        """Hand messages to somebody, and all else to the other protocol. Those kept so far come at once."""
        if self._messages is not None:
            self._pass_on(self._messages.start(take))

    def collect(self) -> None:
        """Read what has come. Whoever calls this calls it often: the connection itself wakes nobody from now on.

        It does all the same, until the next call, if more has come than is read at once, or something that is not only
        for whoever takes the messages. Where the bytes are not what the socket has, as with TLS, this does nothing.
        """
        transport = self._transport
        if self._timer is not None or transport is None or transport.is_closing():
            return
        if not self._collects and not self._begin_to_collect(transport):
            return
        assert self._descriptor is not None  # noqa: S101 - for the type checker
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._hand_on(data)
        if not data or len(data) == READ_BYTES:  # the transport finds out what is the matter, or reads the rest
            self.let_go()

    def let_go(self) -> None:
        """Nobody collects any more: what comes wakes the event loop again."""
        if not self._collects:
            return
        self._collects = False
        if self._timer is not None:
            self._paused = True  # until more may be handed on
        elif self._transport is not None:
            self._transport.resume_reading()

    def _begin_to_collect(self, transport: asyncio.Transport) -> bool:
        """Whether the connection can be read without its transport, and nobody wants it not to be read."""
        if self._messages is None or not self._messages.taken or not transport.is_reading():
            return False
        if self._descriptor is None:
            self._descriptor = _descriptor_of(transport)
        if self._descriptor < 0:
            return False
        self._collects = True
        transport.pause_reading()
        return True

    def limit(self, limits: ReadLimits) -> None:
        """Go by these limits from now on. If they count frames, what comes next begins with one."""
        self._limits = limits
        self._bytes = TokenBucket(limits.bytes_per_second, limits.bytes_per_second * BURST_SECONDS)
        frames = limits.frames_per_second
        self._frames = None if frames is None else TokenBucket(frames, frames * BURST_SECONDS)
        self._scanner = FrameScanner(self._frame_size)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """See `asyncio.BufferedProtocol`."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See `asyncio.BufferedProtocol`."""
        data = bytes(self._buffer[:nbytes])
        if self._timer is None:
            self._hand_on(bytes(self._pending) + data if self._pending else data)
        else:  # the other protocol had paused the transport, and resumed it
            self._pending += data
            self._pause()

    def eof_received(self) -> bool | None:
        """See `asyncio.BufferedProtocol`."""
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        self._collects = False
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._protocol.resume_writing()

    def _hand_on(self, data: bytes) -> None:
        """Hand on as much as may be, of all that waits; the rest waits on."""
        now_ns, seconds, size = round(self._loop.time() * 1e9), 0.0, len(data)
        if self._frames is not None:
            if self._messages is not None and self._scanner.is_between and self._messages.is_usual(data):
                frames = 1  # nearly always
            else:
                size, frames = self._scanner.scan(data, FRAMES_AT_ONCE)
            seconds = self._frames.charge(frames, now_ns)
        seconds = max(seconds, self._bytes.charge(size, now_ns))
        if self._pending or size < len(data):
            self._pending = bytearray(data[size:])
            data = data[:size]
        self.received += size
        self._pass_on(data if self._messages is None else self._messages.feed(data))
        if seconds or self._pending:
            self._pause()
            self._timer = self._loop.call_later(seconds, self._go_on)
        if seconds:  # for once, perhaps only because the loop came back late
            self._watch(seconds)

    def _pass_on(self, data: bytes) -> None:
        if data:
            self.let_go()  # it is for the other protocol to see a transport that reads, and to pause it
            self._protocol.data_received(data)

    def _go_on(self) -> None:
        self._timer = None
        if self._transport is None or self._transport.is_closing():
            return
        if self._paused:  # before anything is handed on: it is for the other protocol to see a transport that reads
            self._paused = False
            self._transport.resume_reading()
        elif self._pending and not self._collects and not self._transport.is_reading():
            self._timer = self._loop.call_later(LOOK_SECONDS, self._go_on)  # the other protocol wants no more for now
            return
        if self._pending:
            self._hand_on(bytes(self._pending))

    def _pause(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()
            self._paused = True

    def _watch(self, seconds: float) -> None:
        """Take note of how long there has been too much."""
        now, limit = self._loop.time(), self._limits.flood_seconds
        if self._flooded_since is None or now > self._flooded_until + CALM_SECONDS:
            self._flooded_since = now
        self._flooded_until = now + seconds
        self.held_back_seconds += seconds
        if limit is not None and now - self._flooded_since >= limit:
            on_flood, self.on_flood = self.on_flood, None
            if on_flood is not None:
                on_flood()


def _descriptor_of(transport: asyncio.Transport) -> int:
    """Where the bytes of a connection can be read; -1 if they cannot, or are not its own."""
    found = transport.get_extra_info("socket")
    if found is None or transport.get_extra_info("sslcontext") is not None or os.name != "posix":
        return -1
    return int(found.fileno())


def limit_reading(transport: asyncio.Transport, limits: ReadLimits) -> LimitedReading:
    """Read no more than this from a connection from now on.

    Args:
        transport: the connection. If frames are to be counted, the next byte that is read of it is the first of one.
        limits: how much.
    """
    protocol = transport.get_protocol()
    if isinstance(protocol, LimitedReading):
        protocol.limit(limits)
        return protocol
    limited = LimitedReading(cast("asyncio.Protocol", protocol), limits, asyncio.get_running_loop(), transport)
    transport.set_protocol(limited)
    return limited
