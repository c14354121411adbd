"""Plays the packets of one source: takes them out of the jitter buffer, decodes them, and cuts their sound to frames.

The jitter buffer says by how much its delay is wrong. The delay is corrected where that is cheapest: silence is left
out or made longer without decoding anything, and sound is cut or continued where it is quiet. Only if nothing is quiet
for a while, a pitch period is left out or repeated now and then.
"""

from __future__ import annotations

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.audio.reframe import Reframer
from conference.codecs.base import DecodeError, Decoder
from conference.playout.items import Lost, Packet, Silence
from conference.playout.jitter import JitterBuffer
from conference.playout.receive_gate import HANGOVER_PACKETS, ReceiveGate
from conference.playout.stream_stats import StreamStats
from conference.playout.stretch import SHORTEST, Stretcher

MAX_DECODES_PER_TICK = 16
"""Packets of 2.5 ms make eight to a tick; more than twice that in one go is nothing a sender means."""

CHECK_EVERY_TICKS = 4
"""How often it is looked whether the delay is right, while it is."""

CONCEAL_MS = 300
"""What is missing for longer than that is silence: so long does the decoders' concealment last."""


class PacketPlayer:
    """The packets of one source that are to be heard; a frame of their sound on every tick.

    Args:
        decoder: of the codec that was agreed on.
        gate: says which packets are silent, and keeps those that were left out, for the decoder.
        stats: of the source: what becomes of the packets is counted there.
        minimum_delay_ms: least time a packet waits for those before it.
        maximum_delay_ms: greatest.

    Attributes:
        decoder: of the packets that come in now.
        jitter: takes those packets.
        said: how loud, in dBov, the packet that was decoded last was said to be; ``None``: nothing was said, or it was
            compared already.
        delay_limits_ms: the least and the greatest time that a packet waits.
    """

    __slots__ = (
        "_checks",
        "_correcting",
        "_gate",
        "_goes_on",
        "_played",
        "_pulls",
        "_reframer",
        "_silent_played",
        "_skipping",
        "_stand_in",
        "_stats",
        "_stretcher",
        "decoder",
        "delay_limits_ms",
        "jitter",
        "said",
    )

    def __init__(
        self, decoder: Decoder, gate: ReceiveGate, stats: StreamStats, *, minimum_delay_ms: int, maximum_delay_ms: int
    ) -> None:
        self.decoder = decoder
        self.delay_limits_ms = minimum_delay_ms, maximum_delay_ms
        self.said: int | None = None
        self._gate = gate
        self._stats = stats
        self.jitter = self._make_jitter()
        self._reframer = Reframer()  # what is decoded
        self._stretcher = Stretcher()
        self._played: Samples | None = None
        self._pulls = 0
        self._checks = False  # whether this tick looks at the delay
        self._correcting = False  # whether the delay was off when last looked at
        self._silent_played = 0  # silent packets in a row whose turn came
        self._skipping = False  # this tick is not decoded
        self._goes_on = False  # the packet that passed by last was decoded, and the next one is yet to come
        self._stand_in: Decoder | None = None  # makes up for the time until then

    def _make_jitter(self) -> JitterBuffer:
        minimum_ms, maximum_ms = self.delay_limits_ms
        jitter = JitterBuffer(
            self.decoder.clock_rate, minimum_ms=minimum_ms, maximum_ms=maximum_ms, conceal_ms=CONCEAL_MS
        )
        jitter.stats = self._stats.jitter
        return jitter

    @property
    def delay_ms(self) -> float:
        """What the jitter buffer currently waits, in milliseconds."""
        return self.jitter.delay.target * 1000 / self.jitter.clock_rate

    @property
    def buffered_ms(self) -> float:
        """Sound held, encoded and decoded, in milliseconds."""
        encoded = self.jitter.buffered * 1000 / self.jitter.clock_rate
        return encoded + self._reframer.available * 1000 / SAMPLE_RATE

    @property
    def decoded(self) -> Samples:
        """The sound that is decoded and was not played yet: shape ``(n,)``, int16, 48 kHz."""
        return self._reframer.peek()

    @property
    def idle(self) -> bool:
        """Nothing is here to be played: as long as no packet comes, :meth:`pull` gives nothing."""
        return self.jitter.idle and not self._reframer.available

    def behind_ms(self, now_ns: int) -> float:
        """How late sound pulled at ``now_ns`` is after the fastest packets came, in milliseconds; 0 in a pause."""
        return self.jitter.behind(self._playout(now_ns)) * 1000 / self.jitter.clock_rate

    def suspend(self) -> None:
        """Let go of all that is here, and become idle: the packets that come next are heard elsewhere."""
        self.jitter.suspend()
        self._reframer.clear()
        self._played = None
        self._silent_played = 0
        self._forget_stand_in()
        self._stretcher.calm()
        self._gate.history.forget()

    def go_on(self) -> None:
        """Play right behind the packet that passed by last, which is decoded: what follows is made up until it comes.

        No packet is lost there. So the decoder is not told that one was, or it would not follow those that come.
        """
        self.jitter.resume()
        self._goes_on = self.decoder.has_memory

    def _forget_stand_in(self) -> None:
        self._goes_on, self._stand_in = False, None

    def restart(self, decoder: Decoder | None = None) -> None:
        """Another stream takes over: a new SSRC, or (with ``decoder``) another codec."""
        self._stretcher.calm()
        self._forget_stand_in()
        if decoder is None:
            self.decoder.reset()
            self.jitter.reset()
            return
        self.decoder = decoder
        self.jitter = self._make_jitter()

    def pull(self, now_ns: int) -> Samples | None:
        """The next frame, shape ``(960,)``, int16; ``None`` if all of it is silence."""
        self._pulls += 1
        if self.jitter.idle and not self._reframer.available:
            self._played = None
            return None
        self._checks = self._correcting or not self._pulls % CHECK_EVERY_TICKS
        self._fill(now_ns)
        if self._checks and self._reframer.available >= FRAME_SAMPLES and not self._skipping:
            self._correct(now_ns)
        self._played = self._reframer.pull_padded()
        return self._played

    def skip(self, now_ns: int) -> None:
        """Let a tick pass that nobody is to hear: as :meth:`pull`, without decoding anything."""
        self._skipping = True
        try:
            self.pull(now_ns)
        finally:
            self._skipping = False

    def slept(self, ticks: int) -> None:
        """So many ticks have passed while :attr:`idle`, on which nothing was pulled."""
        self._pulls += ticks

    def _playout(self, now_ns: int) -> int:
        """When the next item of the jitter buffer will be heard."""
        return now_ns + self._reframer.available * 1_000_000_000 // SAMPLE_RATE

    def _correction(self, now_ns: int, ahead: int, *, repairs: bool = True) -> int:
        """By how many samples at 48 kHz to shorten what comes (more than 0), or lengthen it (less)."""
        ahead = ahead * self.jitter.clock_rate // SAMPLE_RATE
        return self._at_48k(self.jitter.correction(self._playout(now_ns), ahead, repairs=repairs))

    def _fill(self, now_ns: int) -> None:
        """Decode until a frame is there, or the rest of it is silence."""
        for _ in range(MAX_DECODES_PER_TICK):
            missing = FRAME_SAMPLES - self._reframer.available
            if missing <= 0 or not self._take(now_ns, missing):
                return

    def _take(self, now_ns: int, missing: int) -> bool:
        """Take what plays next out of the jitter buffer, and decode it. Returns whether to go on."""
        available = self._reframer.available
        surplus = 0
        if self._checks and (self._skipping or self._pausing):
            surplus = self._correction(now_ns, available)
            if surplus < 0 and not available:
                return False  # it may be silent for a little longer
        wanted = -(-missing * self.jitter.clock_rate // SAMPLE_RATE)
        match self.jitter.pull(self._playout(now_ns), wanted):
            case Packet() as packet:
                if self._may_pass_over(packet) or self._skipping:
                    return not self._pass_over(packet, missing, surplus)
                self._reframer.push(self._take_over(self._decode(packet)[self._at_48k(packet.skip) :]))
            case Lost(duration, following):
                self._stats.concealed += not self._skipping
                self._reframer.push(self._silence(duration) if self._skipping else self._conceal(duration, following))
            case Silence(duration):
                if duration >= wanted:
                    return False
                self._reframer.push(self._silence(duration))
        return True

    def _correct(self, now_ns: int) -> None:
        """Bring the delay nearer to what the network asks for, if this is a place for it."""
        stretcher = self._stretcher
        wanted = self._correction(now_ns, self._reframer.available - FRAME_SAMPLES)
        self._correcting = not 0 <= wanted < SHORTEST
        if not self._correcting:
            stretcher.calm()
            return
        if stretcher.rests():
            return
        urgent = wanted < 0 and self._correction(now_ns, self._reframer.available - FRAME_SAMPLES, repairs=False) < 0
        for _ in range(MAX_DECODES_PER_TICK):
            if wanted < 0 or self._reframer.available >= 2 * FRAME_SAMPLES or not self.jitter.ready:
                break
            self._take(now_ns, FRAME_SAMPLES)
        block = self._reframer.pull_all()
        if wanted > 0:
            changed = stretcher.shorten(block, wanted)
        else:
            past = SILENCE if self._played is None else self._played
            changed = stretcher.lengthen(past, block, -wanted, urgent=urgent)
            self._correcting = urgent or stretcher.pausing  # or else a pause is looked for now and then
        self._stats.shortened += len(changed) < len(block)
        self._stats.lengthened += len(changed) > len(block)
        self._reframer.push(changed)

    def _may_pass_over(self, packet: Packet) -> bool:
        """Whether a packet whose turn it is need not be decoded: there has been silence for a while."""
        silent = self._gate.is_silent(packet.level, len(packet.payload))
        self._silent_played = self._silent_played + 1 if silent else 0
        return self._pausing

    @property
    def _pausing(self) -> bool:
        """What plays has been silent for a while."""
        return self._silent_played >= HANGOVER_PACKETS

    def _pass_over(self, packet: Packet, missing: int, surplus: int) -> bool:
        """Let a silent packet's time pass without decoding it. Returns whether that was all of the tick."""
        self._stats.passed_over += 1
        self._gate.history.keep(packet.payload)
        length = self._at_48k(packet.duration - packet.skip)
        if surplus > 0:
            self._stats.shortened += 1
            length -= min(surplus, length)
        if length == missing == FRAME_SAMPLES:
            return True
        self._reframer.push(np.zeros(length, dtype=np.int16))
        return False

    def _decode(self, packet: Packet) -> Samples:
        self._gate.history.prime(self.decoder)
        try:
            samples = self.decoder.decode(packet.payload)
        except DecodeError:
            self._stats.undecodable += 1
            return self.decoder.conceal(packet.duration)
        self._stats.decoded += 1
        self.said = packet.level
        return samples

    def _conceal(self, duration: int, following: bytes | None) -> Samples:
        if following is not None:  # something was lost, indeed
            self._forget_stand_in()
        if self._goes_on and self._stand_in is None:
            self._stand_in = self.decoder.copy()
        return (self._stand_in or self.decoder).conceal(duration, following)

    def _take_over(self, samples: Samples) -> Samples:
        """Let sound fade in over what was made up until it came, if something was."""
        stand_in = self._stand_in
        self._forget_stand_in()
        return samples if stand_in is None else stand_in.lead_to(samples)

    def _silence(self, duration: int) -> Samples:
        return np.zeros(self._at_48k(duration), dtype=np.int16)

    def _at_48k(self, duration: int) -> int:
        return duration * SAMPLE_RATE // self.jitter.clock_rate
