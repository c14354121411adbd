"""RTP out: from the mix of each tick to a packet on its way, without a task.

aiortc's sender runs two tasks for each peer and awaits for every packet. Here a packet is posted on the tick, and sent
together with those of all other peers. All listeners of a mix share its payload.

There are two means against loss. A peer that speaks RED (RFC 2198) and loses packets gets each payload a second time,
in the packet after it. For all other peers the shared encoder adds FEC, as much as the peer with the most loss needs
(`room.mixing.encoders`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiortc.rtp import RtcpSenderInfo

from conference.audio.frame import TICKS_PER_SECOND
from conference.audio.noise_gate import level_of
from conference.codecs.base import Codec
from conference.room.participant import Mix
from conference.webrtc.rtp.loss import LossEstimate
from conference.webrtc.rtp.red import Block, build_red
from conference.webrtc.rtp.rtcp import NtpClock
from conference.webrtc.sdp.codecs import wants_fec
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.stream import SendStats, SendStream
from conference.webrtc.send.table_stream import TableStream


@dataclass(slots=True)
class EgressStats(SendStats):
    """What was sent to one peer."""

    repeated: int = 0
    """Packets that carried the one before as well."""


_measured: tuple[Mix | None, int] = (None, 0)  # the mix that was measured last, and how loud it is


def _loudness(mix: Mix) -> int:
    """How loud a mix is, in dBov, as a whole number. Those who hear the same follow each other: it is measured once."""
    global _measured
    measured, level = _measured
    if measured is not mix:
        level = round(level_of(mix.samples))
        _measured = mix, level
    return level


class EgressSink:
    """What a WebRTC participant hears, on its way. Satisfies `room.participant.Sink`.

    Args:
        codec: what the mixes are encoded with.
        agreed: the payload type for it.
        stream: takes the packets.
        red: the payload type for redundant audio; ``None`` if packets are not to be repeated.
    """

    packets_only = True
    """A mix without a packet need not be delivered: it is a gap in timestamps by itself."""

    def __init__(self, codec: Codec, agreed: Format, stream: SendStream, *, red: int | None = None) -> None:
        self.codec: Codec | None = codec
        self.stream = stream
        self._payload_type = agreed.payload_type
        self._samples = agreed.clock_rate // TICKS_PER_SECOND
        self._red = red
        self._wants_fec = red is None and wants_fec(agreed)
        self._loss = LossEstimate()
        self._repeats = False
        self._repeated = 0
        self._previous: tuple[int, bytes] | None = None  # tick and payload, while packets are repeated
        self._sent_on: tuple[int, int, bytes] | None = None  # sequence number, timestamp, payload, the same way
        self._name = agreed.codec
        asked = agreed.number("maxaveragebitrate")
        self.max_bitrate: float | None = None if asked is None else float(asked)
        """The most bits per second that the listener allows (RFC 7587 section 6.1), if they said so."""
        self._open = False
        self.on_open: Callable[[], None] | None = None
        """Called once, when what is delivered begins to be sent."""

    @property
    def stats(self) -> EgressStats:
        """What was sent."""
        sent = self.stream.stats
        return EgressStats(sent.packets, sent.bytes, sent.failed, self._repeated)

    def open(self) -> None:
        """From now on, what is delivered is sent."""
        self._open = True
        on_open, self.on_open = self.on_open, None
        if on_open is not None:
            on_open()

    def close(self) -> None:
        """From now on, what is delivered is dropped."""
        self._open = False
        self.on_open = None
        self.stream.close()

    def deliver(self, mix: Mix) -> None:
        """Send the mix of a tick. Never blocks and never raises."""
        self.send(mix.tick, mix.payload, _loudness(mix) if self.stream.tells_levels else None)

    @property
    def forwards(self) -> str | None:
        """The encoding name of what can be sent on. As long as the connection is not up, it is dropped."""
        return self._name

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None = None
    ) -> None:
        """Send on somebody else's packet, at once. Never blocks and never raises."""
        if self._open:
            if self._repeats:
                payload = self._repeating_on(sequence, timestamp, payload)
            self.stream.forward(sequence, timestamp, duration, payload, arrival_ns, level)

    @property
    def fast_stream(self) -> TableStream | None:
        """What packets can be sent on by without coming here; ``None``: each has to come here."""
        stream = self.stream
        return stream if isinstance(stream, TableStream) and self._open and not self._repeats else None

    def restart_forwarding(self) -> None:
        """The next packet that is sent on is the first of another stream."""
        self._sent_on = None
        self.stream.restart_forwarding()

    def _repeating_on(self, sequence: int, timestamp: int, payload: bytes) -> bytes:
        """A packet to be sent on that carries the one before it as well, if that was the last one sent on."""
        before, self._sent_on = self._sent_on, (sequence, timestamp, payload)
        if before is None or before[0] != (sequence - 1) & 0xFFFF:
            return self._carrying(payload, None)
        return self._carrying(payload, Block(self._payload_type, (timestamp - before[1]) & 0xFFFFFFFF, before[2]))

    def send(self, tick: int, payload: bytes | None, level: int | None = None) -> None:
        """Send the packet of a tick. ``None`` is silence: a gap in timestamps, and none in sequence numbers."""
        if payload is not None and self._open:
            self.stream.post(tick, self._repeating(tick, payload) if self._repeats else payload, level)

    def _repeating(self, tick: int, payload: bytes) -> bytes:
        """A packet that carries the one before it as well, if there was one on the tick before."""
        before, self._previous = self._previous, (tick, payload)
        if before is None or before[0] != tick - 1:
            return self._carrying(payload, None)
        return self._carrying(payload, Block(self._payload_type, self._samples, before[1]))

    def _carrying(self, payload: bytes, before: Block | None) -> bytes:
        """A packet that carries another one as well, if there is one to carry; and the payload type for it."""
        if before is None or self._red is None:
            self.stream.payload_type = self._payload_type
            return payload
        self._repeated += 1
        self.stream.payload_type = self._red
        return build_red(self._payload_type, payload, (before,))

    def note_loss(self, fraction_lost: float, now_ns: int) -> None:
        """Take in what the peer's report says: the share of our packets that it misses, 0 to 1."""
        self._loss.update(fraction_lost, now_ns)
        repeats = self._red is not None and self._loss.repeats
        if self._repeats and not repeats:
            self._previous = self._sent_on = None
            self.stream.payload_type = self._payload_type
        if repeats and not self._repeats and isinstance(self.stream, TableStream):
            self.stream.end_fast_path()
        self._repeats = repeats

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
        timestamp = self.stream.timestamp(now_ns)
        if timestamp is None:
            return None
        sent = self.stream.stats
        return RtcpSenderInfo(
            ntp_timestamp=ntp.at(now_ns),
            rtp_timestamp=timestamp,
            packet_count=sent.packets & 0xFFFFFFFF,
            octet_count=sent.bytes & 0xFFFFFFFF,
        )
