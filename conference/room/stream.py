"""A source whose voice comes in packets: jitter buffer, decoder, and the cut to frames of one tick.

WebRTC and Twilio participants differ only in how their packets are unwrapped; from there on this is the path of both.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICK_NS, Samples
from conference.audio.jitter import JitterBuffer, JitterStats, Lost, Packet, Silence
from conference.audio.reframe import Reframer
from conference.codecs.base import DecodeError, Decoder

MAX_DECODES_PER_TICK = 16
"""Packets of 2.5 ms make eight to a tick; more than twice that in one go is nothing a sender means."""

SILENT_DBOV = -76
"""A packet whose sender measured this or less is not worth decoding: the gate's threshold is at -75.4 dBov."""

PRIMING_PACKETS = 3
"""How many of the packets last passed over are decoded before the first one that is to be heard, so that the decoder
has the history that its encoder leaned on."""

_FADE_IN = np.linspace(0.0, 1.0, FRAME_SAMPLES, dtype=np.float32)


@dataclass(slots=True)
class StreamStats:
    """What became of the packets of one source."""

    jitter: JitterStats
    decoded: int = 0
    concealed: int = 0
    """Stretches made up because their packet was missing."""

    undecodable: int = 0
    """Packets that were not of the codec agreed on."""

    passed_over: int = 0
    """Packets whose sender said that they are silence: not decoded."""

    shortened: int = 0
    """Frames folded into their neighbour to bring the delay down."""


class PacketSource:
    """Packets in, at any time and in any order; a frame out on every tick. Satisfies `participant.Source`.

    Args:
        decoder: of the codec that was agreed on.
        minimum_delay_ms: least time a packet waits for those before it.
        maximum_delay_ms: greatest.
    """

    def __init__(self, decoder: Decoder, *, minimum_delay_ms: int = 5, maximum_delay_ms: int = 200) -> None:
        self._minimum_delay_ms = minimum_delay_ms
        self._maximum_delay_ms = maximum_delay_ms
        self._decoder = decoder
        self._jitter = self._make_jitter()
        self.stats = StreamStats(self._jitter.stats)
        self._decoded = Reframer()
        self._passed_over: deque[bytes] = deque(maxlen=PRIMING_PACKETS)
        self._quiet_packets = 0  # in a row, by their senders' measurement

    def _make_jitter(self) -> JitterBuffer:
        return JitterBuffer(
            self._decoder.clock_rate, minimum_ms=self._minimum_delay_ms, maximum_ms=self._maximum_delay_ms
        )

    @property
    def delay_ms(self) -> float:
        """What the jitter buffer currently waits, in milliseconds."""
        return self._jitter.delay.target * 1000 / self._jitter.clock_rate

    @property
    def buffered_ms(self) -> float:
        """Sound held, encoded and decoded, in milliseconds."""
        encoded = self._jitter.buffered * 1000 / self._jitter.clock_rate
        return encoded + self._decoded.available * 1000 / SAMPLE_RATE

    def push(self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None = None) -> None:
        """Take a packet as it arrived. Never raises: what can't be decoded is counted and forgotten.

        Args:
            sequence: RTP sequence number, 16 bits.
            timestamp: RTP timestamp, 32 bits, at the decoder's clock rate.
            payload: in the codec that was agreed on.
            arrival_ns: when it came.
            level: the sender's own measurement, dBov (RFC 6464), if the header had one.
        """
        try:
            duration = self._decoder.duration(payload)
        except DecodeError:
            self.stats.undecodable += 1
            return
        self._jitter.push(sequence, timestamp, payload, duration, arrival_ns, level)

    def restart(self, decoder: Decoder | None = None) -> None:
        """Another stream takes over: a new SSRC, or (with ``decoder``) another codec."""
        self._passed_over.clear()
        if decoder is None:
            self._decoder.reset()
            self._jitter.reset()
            return
        counts = self._jitter.stats
        self._decoder = decoder
        self._jitter = self._make_jitter()
        self._jitter.stats = counts

    def pull(self, now_ns: int) -> Samples | None:
        """The next frame, shape ``(960,)``, int16; ``None`` if all of it is silence."""
        self._fill(now_ns)
        frame = self._decoded.pull_padded()
        if frame is not None and self._jitter.surplus(self._playout(now_ns + TICK_NS)) > 0:
            return self._shorten(frame, now_ns)
        return frame

    def _playout(self, now_ns: int) -> int:
        """When the next item of the jitter buffer will be heard."""
        return now_ns + self._decoded.available * 1_000_000_000 // SAMPLE_RATE

    def _fill(self, now_ns: int) -> None:
        """Decode until a frame is there, or the rest of it is silence."""
        for _ in range(MAX_DECODES_PER_TICK):
            missing = FRAME_SAMPLES - self._decoded.available
            if missing <= 0:
                return
            wanted = -(-missing * self._jitter.clock_rate // SAMPLE_RATE)
            match self._jitter.pull(self._playout(now_ns), wanted):
                case Silence():
                    return
                case Packet() as packet:
                    if self._is_silent(packet):
                        if self._pass_over(packet, missing):
                            return
                    else:
                        self._decoded.push(self._decode(packet)[self._at_48k(packet.skip) :])
                case Lost(duration, following):
                    self.stats.concealed += 1
                    self._decoded.push(self._decoder.conceal(duration, following))

    def _is_silent(self, packet: Packet) -> bool:
        """Whether the packet can be passed over: its sender has measured silence for a while."""
        if packet.level is None or packet.level > SILENT_DBOV:
            self._quiet_packets = 0
            return False
        self._quiet_packets += 1
        return self._quiet_packets > PRIMING_PACKETS

    def _pass_over(self, packet: Packet, missing: int) -> bool:
        """Let a silent packet's time pass without decoding it. Returns whether that was all of the tick."""
        self.stats.passed_over += 1
        self._passed_over.append(packet.payload)
        length = self._at_48k(packet.duration - packet.skip)
        if length == missing == FRAME_SAMPLES:
            return True
        self._decoded.push(np.zeros(length, dtype=np.int16))
        return False

    def _decode(self, packet: Packet) -> Samples:
        try:
            while self._passed_over:
                self._decoder.decode(self._passed_over.popleft())
            samples = self._decoder.decode(packet.payload)
        except DecodeError:
            self.stats.undecodable += 1
            return self._decoder.conceal(packet.duration)
        self.stats.decoded += 1
        return samples

    def _at_48k(self, duration: int) -> int:
        return duration * SAMPLE_RATE // self._jitter.clock_rate

    def _shorten(self, frame: Samples, now_ns: int) -> Samples:
        """Play two frames in the time of one, cross-faded, so that a delay no longer needed goes away."""
        if not self._jitter.buffered:
            return frame
        self._fill(now_ns)
        following = self._decoded.pull_padded()
        if following is None:
            return frame
        self.stats.shortened += 1
        faded: Samples = (frame + (following.astype(np.float32) - frame) * _FADE_IN).astype(np.int16)
        return faded
