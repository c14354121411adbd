"""RTP in: from a peer's SRTP packets to its `PacketSource`.

Only one stream of a peer is heard: at first, the first one whose packets authenticate and have a codec that was agreed
on. A stream with another SSRC takes over when the one before has sent nothing for a while or has ended (see
`successor`), or when its SSRC is the one that the peer announced. Packets of all other streams are dropped, and their
number is limited, so that they can neither fill memory nor be mixed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from conference.codecs.base import Codec, DecodeError, Decoder
from conference.webrtc.receive.stream import ReceiveStream
from conference.webrtc.receive.successor import Successor
from conference.webrtc.receive.table import BYTES, HEARD_NS, PACKETS, SEEN_NS, TRAILER, PacketReceiver
from conference.webrtc.rtp.ordinary import ORDINARY_BYTES
from conference.webrtc.rtp.packet import HEADER_BYTES, parse_media
from conference.webrtc.rtp.red import Block, ReceivedWindow, distances, parse_red
from conference.webrtc.sdp.formats import CLOCK_RATES
from conference.webrtc.settings import WebRtcSettings

TAKEOVER_NS = 500_000_000
"""A stream that has been silent for so long may be followed by the first packet of one with another SSRC."""

Unprotect: TypeAlias = Callable[[bytes], bytes | None]
"""Takes the SRTP off a packet; ``None`` if it is not authentic, or a replay."""


@dataclass(slots=True)
class IngressStats:
    """What became of the packets of one peer."""

    packets: int = 0
    """Handed on."""

    bytes: int = 0
    """Payload of those."""

    foreign: int = 0
    """Of an SSRC that is not heard."""

    unknown_payload: int = 0
    """Of a payload type that was not agreed on."""

    unauthentic: int = 0
    """Rejected by SRTP: forged, or replayed."""

    malformed: int = 0
    """Not RTP, or without payload."""

    recovered: int = 0
    """Packets that came only inside a later one (RFC 2198)."""


class Ingress:
    """One peer's incoming stream.

    Args:
        source: takes the packets.
        codecs: by payload type; ``source`` has a decoder of the first.
        unprotect: takes off the SRTP. Can be replaced, when there are keys.
        level_id: id of the audio level's header extension; 0 if there is none.
        announced: the SSRC that the peer signalled, if it did. It takes over at once, when it first comes.
        red: payload type of redundant audio, of the first of ``codecs``; ``None`` if it was not agreed on.
        max_streams: SSRCs that the peer may use over the life of the connection.
    """

    def __init__(
        self,
        source: PacketReceiver,
        codecs: Mapping[int, Codec],
        unprotect: Unprotect,
        *,
        level_id: int = 0,
        announced: int | None = None,
        red: int | None = None,
        max_streams: int = WebRtcSettings.max_streams,
    ) -> None:
        self._max_streams = max_streams
        self.source = source
        self._codecs = codecs
        self.unprotect = unprotect
        self._level_id = level_id
        self._announced = announced
        self._payload_type = self._redundant_type = next(iter(codecs))
        self._red = red
        self._arrivals = ReceivedWindow()
        self._decoders: dict[int, Decoder] = {}  # made so far, by payload type
        self._streams: set[bytes] = set()  # SSRCs of authentic packets, as in a header
        self._successor = Successor()
        self._heard: bytes | None = None  # the SSRC, as in a header
        self._usual = self._payload_type  # in the header of most packets
        self.ssrc: int | None = None
        """The stream that is heard."""

        self.stream = ReceiveStream(CLOCK_RATES[codecs[self._payload_type].name])
        """Where the stream comes in."""

        self.reception = self.stream.reception
        """Of that stream."""

        source.bypass = self.stream
        source.fast_path = self.stream.fast_path
        self._stats = IngressStats()

    @property
    def stats(self) -> IngressStats:
        """What became of the packets so far."""
        self._stats.packets, self._stats.bytes = self.stream.row[PACKETS], self.stream.row[BYTES]
        return self._stats

    @property
    def heard_ns(self) -> int:
        """When a packet of the stream last came that is known to be authentic; 0 before the first."""
        return self.stream.row[HEARD_NS]

    def receive(self, packet: bytes, now_ns: int) -> bool:
        """Take an SRTP packet. Never raises.

        Returns:
            Whether it is known to be authentic, and so tells that the peer is there.
        """
        if self.stream.passes(packet, now_ns):
            return False
        # This is done for many packets: with a glance at the header for those like the one before.
        other = packet[8:12] != self._heard
        if (other or packet[1] & 0x7F != self._usual) and not self._admits(packet):
            return False
        plain = self.unprotect(packet)
        if plain is None:
            self.refuse()
            return False
        self.stream.row[TRAILER] = len(packet) - len(plain)
        if not other or self._takes_over(plain, now_ns):
            self.accept(plain, now_ns)
        return True

    def reveal(self, packet: bytes) -> bytes:
        """The payload of an ordinary packet that was put aside as it came; empty if it was not authentic."""
        plain = self.unprotect(packet)
        if plain is None:
            self.refuse()
            return b""
        return plain[ORDINARY_BYTES:]

    def refuse(self) -> None:
        """Count a packet that was not authentic."""
        self._stats.unauthentic += 1

    def accept(self, packet: bytes, now_ns: int) -> None:
        """Take an RTP packet that is authentic. Never raises."""
        blocks: Sequence[Block] = ()
        try:
            payload_type, sequence, timestamp, ssrc, payload, level = parse_media(packet, self._level_id)
            if payload_type == self._red:
                blocks = self._unpack(payload)
                payload_type, _, payload = blocks[-1]
        except ValueError:
            self._stats.malformed += 1
            return
        if ssrc != self.ssrc or payload_type != self._payload_type:
            self._switch(ssrc, payload_type)
        stream = self.stream
        stream.row[HEARD_NS] = stream.row[SEEN_NS] = now_ns
        self.reception.add(sequence, timestamp, now_ns)
        if blocks and stream.in_table:
            stream.detach()
            self._arrivals = ReceivedWindow(sequence - 1)  # they came through the table
        if self._red is not None and not stream.in_table:
            self._arrivals.add(sequence)
            if len(blocks) > 1:
                self._recover(sequence, timestamp, blocks, now_ns, level)
        if payload:
            stream.row[PACKETS] += 1
            stream.row[BYTES] += len(payload)
            self.source.push(sequence, timestamp, payload, now_ns, level)
        else:
            self._stats.malformed += 1

    def _admits(self, packet: bytes) -> bool:
        """Whether a packet, by its header, is of a stream that is or may be heard. A packet that is not is counted."""
        stats = self._stats
        if len(packet) < HEADER_BYTES:
            stats.malformed += 1
            return False
        payload_type = packet[1] & 0x7F
        if payload_type not in self._codecs and payload_type != self._red:
            stats.unknown_payload += 1
            return False
        if packet[8:12] not in self._streams and len(self._streams) >= self._max_streams:
            stats.foreign += 1
            return False
        return True

    def _unpack(self, payload: bytes) -> list[Block]:
        """The blocks of a packet of redundant audio.

        Raises:
            ValueError: it is malformed, or holds something else than was agreed on.
        """
        blocks = parse_red(payload)
        if any(one.payload_type != self._redundant_type for one in blocks):
            raise ValueError("redundancy of another format")
        return blocks

    def _recover(self, sequence: int, timestamp: int, blocks: Sequence[Block], now_ns: int, level: int | None) -> None:
        """Hand on what came before this packet and is not here yet."""
        for distance, block in reversed(distances(blocks, self._duration)):
            earlier = (sequence - distance) & 0xFFFF
            if self._arrivals.add(earlier):
                self._stats.recovered += 1
                begin = (timestamp - block.age) & 0xFFFFFFFF
                self.source.push(earlier, begin, block.payload, now_ns, level, redundant=True)

    def _duration(self, block: Block) -> int:
        decoder = self._decoders.get(self._redundant_type)
        if decoder is None:
            decoder = self._decoders[self._redundant_type] = self._codecs[self._redundant_type].make_decoder()
        try:
            return decoder.duration(block.payload)
        except DecodeError:
            return 0

    def _takes_over(self, packet: bytes, now_ns: int) -> bool:
        """Whether the stream of an authentic packet is heard from now on; else the packet is counted as foreign."""
        self._streams.add(packet[8:12])
        ssrc, row = int.from_bytes(packet[8:12], "big"), self.stream.row
        if self.ssrc is None or ssrc == self._announced or now_ns - row[SEEN_NS] >= TAKEOVER_NS:
            return True
        before = self._successor.add(packet, now_ns, packets=row[PACKETS], seen_ns=row[SEEN_NS])
        if before is None:
            self._stats.foreign += 1
            return False
        self._stats.foreign -= 1
        self.accept(before.packet, before.arrival_ns)
        return True

    def _switch(self, ssrc: int, payload_type: int) -> None:
        """Hear another stream, or the same in another codec."""
        first = self.ssrc is None
        decoder = None
        if payload_type != self._payload_type:
            if payload_type not in self._decoders:
                self._decoders[payload_type] = self._codecs[payload_type].make_decoder()
            decoder = self._decoders[payload_type]
            decoder.reset()
        self.ssrc, self._payload_type = ssrc, payload_type
        self._heard, self._usual = ssrc.to_bytes(4, "big"), payload_type if self._red is None else self._red
        if ssrc == self._announced:
            self._announced = None
        self._arrivals = ReceivedWindow()
        self._successor.forget()
        self.reception.restart(CLOCK_RATES[self._codecs[payload_type].name])
        self.stream.identify(self, payload_type, ssrc, self._level_id)
        if decoder is not None or not first:
            self.source.restart(decoder)
