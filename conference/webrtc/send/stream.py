"""Outgoing RTP streams (RFC 3550 section 5.1): sequence numbers, timestamps, and what was sent."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from conference.audio.frame import TICKS_PER_SECOND
from conference.playout.silence import DTX_BYTES
from conference.webrtc.rtp.packet import build_rtp, level_extension
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.continuity import Continuity, LineState


@dataclass(slots=True)
class SendStats:
    """What went out."""

    packets: int = 0
    bytes: int = 0
    """Payload, without headers."""

    failed: int = 0
    """Not sent: the socket's buffer was full, or the network said no."""


class SendStream(Protocol):
    """One stream on its way to one peer.

    Attributes:
        payload_type: of the packets from now on.
    """

    payload_type: int

    @property
    def tells_levels(self) -> bool:
        """Packets say how loud they are (RFC 6464)."""
        ...

    def post(self, tick: int, payload: bytes, level: int | None = None) -> None:
        """Send the packet of a tick, now or before the next tick. A tick without one is a gap in timestamps.

        Args:
            tick: its number.
            payload: in the codec that was agreed on.
            level: how loud it is, in dBov; ``None`` if that is not known, or not told.
        """
        ...

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None = None
    ) -> None:
        """Send on a packet of somebody else's stream: see `Continuity.place`."""
        ...

    def restart_forwarding(self) -> None:
        """The next packet that is sent on is the first of another stream."""
        ...

    def timestamp(self, now_ns: int) -> int | None:
        """The RTP timestamp of a moment; ``None`` if nothing was sent yet."""
        ...

    @property
    def stats(self) -> SendStats: ...

    def close(self) -> None:
        """Send nothing any more."""
        ...


def first_sequence() -> int:
    """Where to begin.

    "a random value ... in the lower half": a wrap right at the start, with packets lost, confuses SRTP (RFC 3711
    section 3.3.1 estimates the rollover counter from the sequence number).
    """
    return random.randrange(0x8000)  # noqa: S311 - not a secret


class SingleStream:
    """A stream that goes packet by packet. Satisfies :class:`SendStream`.

    Args:
        agreed: payload type and clock rate.
        ssrc: of the stream.
        transmit: protects a packet and sends it; returns whether it went out.
        now: the monotonic clock, in nanoseconds.
        level_id: id of the header extension for levels (RFC 6464); 0: packets do not say how loud they are.
    """

    def __init__(
        self,
        agreed: Format,
        ssrc: int,
        transmit: Callable[[bytes], bool],
        now: Callable[[], int],
        *,
        level_id: int = 0,
    ) -> None:
        self.payload_type = agreed.payload_type
        self.stats = SendStats()
        self._ssrc = ssrc
        self._clock_rate = agreed.clock_rate
        self._samples = agreed.clock_rate // TICKS_PER_SECOND
        self._transmit = transmit
        self._now = now
        self._sequence = first_sequence()
        self._origin = random.getrandbits(32)
        self._tick: int | None = None
        self._sent_ns = 0
        self._continuity = Continuity(agreed.clock_rate)
        self._closed = False
        self._level_id = level_id

    @property
    def tells_levels(self) -> bool:
        """Packets say how loud they are."""
        return self._level_id > 0

    def post(self, tick: int, payload: bytes, level: int | None = None) -> None:
        """Send the packet of a tick."""
        if self._closed:
            return
        if self._continuity.forwarded_last:
            self._origin = self._continuity.take_over(self._now(), self._samples) - tick * self._samples
            self._tick = tick - 1
        timestamp = (self._origin + tick * self._samples) & 0xFFFFFFFF
        gap = self._tick is None or tick != self._tick + 1
        extension = level_extension(self._level_id, level)
        packet = build_rtp(self.payload_type, gap, self._sequence, timestamp, self._ssrc, payload, extension)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._tick, self._sent_ns = tick, self._now()
        self._send(packet, payload)

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None = None
    ) -> None:
        """Send on a packet of somebody else's stream."""
        if self._closed:
            return
        pauses = len(payload) <= DTX_BYTES
        place = self._continuity.place(sequence, timestamp, duration, arrival_ns, self._next, pauses=pauses)
        if place is None:
            return
        self._sequence = self._continuity.next_sequence
        number, stamp, marker = place
        extension = level_extension(self._level_id, level)
        self._send(build_rtp(self.payload_type, marker, number, stamp, self._ssrc, payload, extension), payload)

    def restart_forwarding(self) -> None:
        """The next packet that is sent on is the first of another stream."""
        self._continuity.restart()

    def _next(self, now_ns: int) -> LineState:
        """Where our own packets have left the line."""
        if self._tick is None:
            return LineState(self._sequence, self._origin, self._origin)
        end = (self._origin + (self._tick + 1) * self._samples) & 0xFFFFFFFF
        return LineState(self._sequence, self._timestamp(self._tick, now_ns), end)

    def _send(self, packet: bytes, payload: bytes) -> None:
        if self._transmit(packet):
            self.stats.packets += 1
            self.stats.bytes += len(payload)
        else:
            self.stats.failed += 1

    def timestamp(self, now_ns: int) -> int | None:
        """The RTP timestamp of a moment."""
        if self._continuity.forwarded_last:
            return self._continuity.timestamp(now_ns)
        return None if self._tick is None else self._timestamp(self._tick, now_ns)

    def _timestamp(self, tick: int, now_ns: int) -> int:
        """The same, by the tick whose packet was sent last."""
        elapsed = (now_ns - self._sent_ns) * self._clock_rate // 1_000_000_000
        return (self._origin + tick * self._samples + elapsed) & 0xFFFFFFFF

    def close(self) -> None:
        """Send nothing any more."""
        self._closed = True
