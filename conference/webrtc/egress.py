"""RTP out: from the mix of each tick to a packet on its way, at once and without a task.

aiortc's sender runs two tasks for each peer and awaits for every packet; this does the same work in one call from the
tick: 12 bytes of header, SRTP, ``sendto``. All listeners of a mix share its payload.

Against loss on the way there is one means for each peer alone: who speaks RED (RFC 2198) and loses packets gets each
payload a second time, in the packet after it. For the others the shared encoder adds FEC, as much as the one of them
who loses the most needs (`room.encoders`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from aiortc.rtp import RtcpSenderInfo

from conference.codecs.base import Codec
from conference.room.participant import Mix
from conference.webrtc.loss import LossEstimate
from conference.webrtc.offer import Format
from conference.webrtc.payloads import wants_fec
from conference.webrtc.red import Block, build_red
from conference.webrtc.rtcp import NtpClock
from conference.webrtc.rtp import build_rtp

TICKS_PER_SECOND = 50


@dataclass(slots=True)
class EgressStats:
    """What was sent to one peer."""

    packets: int = 0
    bytes: int = 0
    """Payload, without headers."""

    repeated: int = 0
    """Packets that carried the one before as well."""

    failed: int = 0
    """Not sent: the socket's buffer was full, or the network said no."""


class EgressSink:
    """What a WebRTC participant hears, on its way. Satisfies `room.participant.Sink`.

    Args:
        codec: what the mixes are encoded with.
        agreed: the payload type for it.
        ssrc: of the stream, as in our answer.
        transmit: protects an RTP packet and sends it; returns whether it went out.
        now: the monotonic clock, in nanoseconds.
        red: the payload type for redundant audio; ``None`` if packets are not to be repeated.
    """

    def __init__(
        self,
        codec: Codec,
        agreed: Format,
        ssrc: int,
        transmit: Callable[[bytes], bool],
        now: Callable[[], int],
        *,
        red: int | None = None,
    ) -> None:
        self.codec: Codec | None = codec
        self.ssrc = ssrc
        self.stats = EgressStats()
        self._payload_type = agreed.payload_type
        self._clock_rate = agreed.clock_rate
        self._samples = agreed.clock_rate // TICKS_PER_SECOND
        self._transmit = transmit
        self._now = now
        self._red = red
        self._wants_fec = red is None and wants_fec(agreed)
        self._loss = LossEstimate()
        self._previous = b""  # the payload of the tick before; empty after a gap
        self._open = False
        self._gap = True
        # "a random value ... in the lower half": a wrap right at the start, with packets lost, confuses SRTP
        # (RFC 3711 section 3.3.1 estimates the rollover counter from the sequence number).
        self._sequence = random.randrange(0x8000)  # noqa: S311 - not a secret
        self._origin = random.getrandbits(32)
        self._timestamp = self._origin
        self._sent_ns = 0

    def open(self) -> None:
        """From now on, what is delivered is sent."""
        self._open = True

    def close(self) -> None:
        """From now on, what is delivered is dropped."""
        self._open = False

    def deliver(self, mix: Mix) -> None:
        """Send the mix of a tick. Never blocks and never raises."""
        self.send(mix.tick, mix.payload)

    def send(self, tick: int, payload: bytes | None) -> None:
        """Send the packet of a tick. ``None`` is silence: a gap in timestamps, and none in sequence numbers."""
        if payload is None or not self._open:
            self._gap = True
            self._previous = b""
            return
        timestamp = (self._origin + tick * self._samples) & 0xFFFFFFFF
        payload_type, previous, self._previous = self._payload_type, self._previous, payload
        if self._loss.repeats and self._red is not None and previous:
            repeated = Block(payload_type, self._samples, previous)
            payload_type, payload = self._red, build_red(payload_type, payload, (repeated,))
            self.stats.repeated += 1
        packet = build_rtp(payload_type, self._gap, self._sequence, timestamp, self.ssrc, payload)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._gap = False
        self._timestamp, self._sent_ns = timestamp, self._now()
        if self._transmit(packet):
            self.stats.packets += 1
            self.stats.bytes += len(payload)
        else:
            self.stats.failed += 1

    def note_loss(self, fraction_lost: float, now_ns: int) -> None:
        """Take in what the peer's report says: the share of our packets that it misses, 0 to 1."""
        self._loss.update(fraction_lost, now_ns)

    @property
    def expected_loss(self) -> float:
        """Percent of packets that the encoder should count as lost, 0 to 100.

        0 for a peer that FEC does not help: one that said so, or one that gets what it misses by other means.
        """
        return 100 * self._loss.fraction if self._wants_fec else 0.0

    def sender_info(self, ntp: NtpClock, now_ns: int) -> RtcpSenderInfo | None:
        """For a sender report; ``None`` if nothing was sent yet.

        "The RTP timestamp corresponds to the same instant as the NTP timestamp" (RFC 3550 section 6.4.1).
        """
        if not self._sent_ns:
            return None
        elapsed = (now_ns - self._sent_ns) * self._clock_rate // 1_000_000_000
        return RtcpSenderInfo(
            ntp_timestamp=ntp.at(now_ns),
            rtp_timestamp=(self._timestamp + elapsed) & 0xFFFFFFFF,
            packet_count=self.stats.packets & 0xFFFFFFFF,
            octet_count=self.stats.bytes & 0xFFFFFFFF,
        )
