"""The sound for a caller: one media message a tick, and marks and clears that keep its delay known and short.

How much a client has buffered shows in its own words only: a *mark* comes back when what was sent before it has been
played. The time to its echo, less the shortest ever seen, is sound that waits in the network and in the client's
buffer. A little too much is made up for by leaving out silence; a lot is cleared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from conference.codecs.base import Codec
from conference.codecs.waveform import WaveformCodec
from conference.room.participant import Mix
from conference.telephony.dialect import Message, ServerEnd
from conference.telephony.joint import Joint
from conference.telephony.settings import LegSettings

NS_PER_MS = 1_000_000
MAX_PENDING_MARKS = 32
USUAL_SWING_MS = 70
"""Difference between two echoes that means nothing: a client looks at its marks once a frame, if that often, and what
it sends is read once a tick."""

KEPT_AFTER_STALL = 5
"""Frames that are still worth sending when a connection that took nothing for long takes something again."""


class PendingMark(NamedTuple):
    """A mark that was sent and has not come back."""

    name: str
    sent_ns: int


class Outlet:
    """What a caller hears: a sink of the room on one side, messages for the socket on the other.

    Satisfies `room.forwarding.ForwardingSink`: a caller can get another one's frames as they came.

    Args:
        end: writes the messages.
        settings: the limits.
    """

    def __init__(self, end: ServerEnd, settings: LegSettings) -> None:
        self.codec: Codec | None = None
        """The stream's, once it has started."""
        self.on_output: Callable[[], None] | None = None
        """Called when there is something to :meth:`take`."""
        self._end = end
        self._settings = settings
        self._max_queue = max(KEPT_AFTER_STALL, settings.max_outgoing_ms // 20)
        self._mark_every = settings.mark_every_ms // 20
        self._silent_frame = b""
        self._queue: deque[Message | None] = deque()  # None: a mark
        self._joint: Joint | None = None
        self._stalled = False
        self._clear_wanted = False
        self._cleared_ns: int | None = None
        self._answered = True  # an echo came back since the last clear
        self._pending: deque[PendingMark] = deque()
        self._shortest_ns: int | None = None
        self._measured_ms = 0.0
        self._frames_to_skip = 0
        self.sent_frames = 0
        """Media messages handed to the socket, or waiting for it."""
        self.skipped_frames = 0
        """Silent frames left out so that the client's buffer shrinks."""
        self.dropped_frames = 0
        """Frames dropped because the socket did not take them."""
        self.marks_sent = 0
        self.marks_echoed = 0
        self.clears = 0

    def open(self, codec: WaveformCodec) -> None:
        """The stream has started, with sound in this codec; until then the mix is not heard."""
        self.codec, self._silent_frame, self._joint = codec, codec.silent_frame, Joint(codec)

    def deliver(self, mix: Mix) -> None:
        """Take the mix of one tick."""
        if mix.payload is not None and self._joint is not None:
            self._send(self._joint.join(mix.payload, forwarded=False))

    paced = True
    """A caller gets one frame on each tick, from sources that give one."""

    max_bitrate: float | None = None
    """Each of their codecs has one bitrate, which all callers take who have that codec."""

    @property
    def forwards(self) -> str | None:
        """The encoding name of what can be sent on: the caller's own."""
        return None if self.codec is None else self.codec.name

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None = None
    ) -> None:
        """Send on a frame of another caller; see `PacketTaker.forward`."""
        del sequence, timestamp, duration, arrival_ns, level
        if self._joint is not None:
            self._send(self._joint.join(payload, forwarded=True))

    def restart_forwarding(self) -> None:
        """The next frame is the first of another stream."""
        if self._joint is not None:
            self._joint.restart()

    def _send(self, payload: bytes) -> None:
        if self._frames_to_skip and payload == self._silent_frame:
            self._frames_to_skip -= 1
            self.skipped_frames += 1
            return
        message = self._end.media(payload)
        self.sent_frames += 1
        if message is not None:
            self._queue.append(message)
        if self._mark_every and self.sent_frames % self._mark_every == 0:
            self._queue.append(None)
        if len(self._queue) > self._max_queue:
            self._drop_oldest()
        self._wake()

    def clear(self) -> None:
        """Empty the caller's buffer, and what waits for the socket: they hear what comes from now on."""
        self._queue.clear()
        self._clear_wanted = True
        self._wake()

    def take(self, now_ns: int) -> list[Message]:
        """What is to be sent now, in order; the caller sends all of it before the next call."""
        if self._stalled or self._is_overdue(now_ns):
            self._recover()
        messages: list[Message] = []
        if self._clear_wanted and self.codec is not None:
            self._clear_wanted = False
            self._clear(messages, now_ns)
        for queued in self._queue:
            message = self._mark(now_ns) if queued is None else queued
            if message is not None:
                messages.append(message)
        self._queue.clear()
        return messages

    def echo(self, name: str, now_ns: int) -> None:
        """A mark came back. Earlier ones that did not will not any more."""
        if all(mark.name != name for mark in self._pending):
            return
        while (mark := self._pending.popleft()).name != name:
            pass
        self.marks_echoed += 1
        if self._cleared_ns is not None and mark.sent_ns < self._cleared_ns:
            return  # came back because of the clear, and tells nothing about time
        self._answered = True
        elapsed_ns = now_ns - mark.sent_ns
        self._shortest_ns = elapsed_ns if self._shortest_ns is None else min(elapsed_ns, self._shortest_ns)
        self._measured_ms = (elapsed_ns - self._shortest_ns) / NS_PER_MS
        self._frames_to_skip = int(self._measured_ms // 20) if self._measured_ms > USUAL_SWING_MS else 0
        if 0 < self._settings.clear_above_ms < self._measured_ms:
            self.clear()

    def buffered_ms(self, now_ns: int) -> float | None:
        """Sound on its way or in the client's buffer beyond the least ever seen; ``None`` before the first echo."""
        if self._shortest_ns is None:
            return None
        return max(self._measured_ms, self._oldest_ns(now_ns) / NS_PER_MS)

    def _clear(self, messages: list[Message], now_ns: int) -> None:
        message = self._end.clear()
        if message is None:  # what waited for the socket is gone, and more cannot be done
            return
        self._answered = False
        self._cleared_ns = now_ns
        self._frames_to_skip = 0
        self.clears += 1
        messages.append(message)

    def _mark(self, now_ns: int) -> Message | None:
        name = f"conference-{self.marks_sent + 1}"
        message = self._end.mark(name)
        if message is None:
            return None
        self.marks_sent += 1
        if len(self._pending) == MAX_PENDING_MARKS:  # a client that echoes none
            self._pending.popleft()
        self._pending.append(PendingMark(name, now_ns))
        return message

    def _oldest_ns(self, now_ns: int) -> int:
        """How much longer than usual the oldest mark that can still tell something has been away."""
        cleared_ns = -1 if self._cleared_ns is None else self._cleared_ns
        sent_ns = next((mark.sent_ns for mark in self._pending if mark.sent_ns >= cleared_ns), now_ns)
        return max(0, now_ns - sent_ns - (self._shortest_ns or 0))

    def _is_overdue(self, now_ns: int) -> bool:
        # A client that echoes nothing after a clear is not cleared again: it may simply have stopped to echo.
        limit_ms = self._settings.clear_above_ms
        if not limit_ms or self._shortest_ns is None or not self._answered:
            return False
        return self._oldest_ns(now_ns) > limit_ms * NS_PER_MS

    def _recover(self) -> None:
        """The client has far more than it should: clear that, and send it the newest only."""
        self._stalled = False
        if not self._settings.clear_above_ms:
            return
        while len(self._queue) > KEPT_AFTER_STALL:
            self._drop_oldest()
        self._stalled = False
        self._clear_wanted = True

    def _drop_oldest(self) -> None:
        self._stalled = True
        if self._queue.popleft() is not None:
            self.dropped_frames += 1

    def _wake(self) -> None:
        if self.on_output is not None:
            self.on_output()
