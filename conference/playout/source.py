"""A source whose voice comes in packets: jitter buffer, decoder, time-stretching, and the cut to frames of one tick.

The jitter buffer says by how much its delay is wrong. The delay is corrected where that is cheapest: silence is left
out or made longer without decoding anything, and sound is cut or continued where it is quiet. Only if nothing is quiet
for a while, a pitch period is left out or repeated now and then.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.audio.noise_gate import level_of
from conference.audio.reframe import Reframer
from conference.codecs.base import DecodeError, Decoder
from conference.playout.items import Lost, Packet, Silence
from conference.playout.jitter import JitterBuffer
from conference.playout.level_trust import LevelTrust
from conference.playout.packet_forwarding import QUIET_DBOV, ForwardableSource, Forwarded, PacketTaker
from conference.playout.receive_gate import (
    HANGOVER_PACKETS,
    SAMPLE_EVERY,
    SAMPLE_PROVEN_EVERY,
    GateAction,
    ReceiveGate,
    SilenceBypass,
)
from conference.playout.silence import DTX_BYTES, SILENT_DBOV, is_silent
from conference.playout.squelched_noise import SquelchedNoise
from conference.playout.stream_stats import StreamStats
from conference.playout.stretch import SHORTEST, Stretcher
from conference.playout.tap import PacketTap, tell_each

log = logging.getLogger(__name__)

MAX_DECODES_PER_TICK = 16
"""Packets of 2.5 ms make eight to a tick; more than twice that in one go is nothing a sender means."""

CHECK_EVERY_TICKS = 4
"""How often it is looked whether the delay is right, while it is."""

CONCEAL_MS = 300
"""What is missing for longer than that is silence: so long does the decoders' concealment last."""


class PacketSource(ForwardableSource):
    """Packets in, at any time and in any order; a frame out on every tick. Satisfies `participant.Source`.

    Args:
        decoder: of the codec that was agreed on.
        minimum_delay_ms: least time a packet waits for those before it.
        maximum_delay_ms: greatest.
    """

    def __init__(self, decoder: Decoder, *, minimum_delay_ms: int = 3, maximum_delay_ms: int = 200) -> None:
        self._minimum_delay_ms = minimum_delay_ms
        self._maximum_delay_ms = maximum_delay_ms
        self._decoder = decoder
        self._jitter = self._make_jitter()
        self._stats = StreamStats(self._jitter.stats)
        self._decoded = Reframer()
        self._stretcher = Stretcher()
        self._played: Samples | None = None
        self._pulls = 0
        self._checks = False  # whether this tick looks at the delay
        self._correcting = False  # whether the delay was off when last looked at
        self._gate = ReceiveGate(self._stats)
        self._trust = LevelTrust()
        self._silent_played = 0  # silent packets in a row whose turn came
        self._said: int | None = None  # by the packet that came last
        self._playing: int | None = None  # what was said of the packet decoded last, if it was not compared yet
        self._skipping = False  # this tick is not decoded
        self._taker: PacketTaker | None = None
        self._plays = True  # packets are played here
        self._forwarded = Forwarded()
        self._quiet_since_ns: int | None = None  # packets have been said to be quiet since then
        self._bitrate = 0.0
        self._offered: SilenceBypass | None = None
        self._taps: tuple[PacketTap, ...] = ()
        self.squelched_noise: SquelchedNoise | None = None
        """What is known of the noise that was left out, since :meth:`squelch`."""

        self.owner = "a sender"
        """Whose voice this is, for the log."""

        self.wake: Callable[[], None] | None = None
        """Called once, with the next packet that makes this source worth pulling again."""

    def _make_jitter(self) -> JitterBuffer:
        return JitterBuffer(
            self._decoder.clock_rate,
            minimum_ms=self._minimum_delay_ms,
            maximum_ms=self._maximum_delay_ms,
            conceal_ms=CONCEAL_MS,
        )

    @property
    def stats(self) -> StreamStats:
        """What became of the packets so far."""
        self._gate.settle()
        return self._stats

    @property
    def troubles(self) -> dict[str, int]:
        """Those counts of :attr:`stats` that are about what went wrong; silence still goes by without a look."""
        stats = self._stats
        return {"undecodable": stats.undecodable, "concealed": stats.concealed, "mistrusted": stats.mistrusted}

    @property
    def decoder(self) -> Decoder:
        """Of the packets that come in now."""
        return self._decoder

    @property
    def bitrate(self) -> float:
        """Bits per second, over the last second in which there was sound."""
        return self._bitrate

    @property
    def bypass(self) -> SilenceBypass | None:
        """What may let silent packets go by instead of bringing them here: none while somebody wants all of them."""
        return self._gate.bypass

    @bypass.setter
    def bypass(self, bypass: SilenceBypass | None) -> None:
        self._offered = bypass
        self._settle_bypass()

    def _settle_bypass(self) -> None:
        wanted = self._taker is not None or any(tap.wants_silence for tap in self._taps)
        bypass = None if wanted else self._offered
        if bypass is not self._gate.bypass:
            self._gate.bypass = bypass

    def tap(self, tap: PacketTap) -> Callable[[], None]:
        """Have somebody told of each packet as it comes. Returns how to end that, which may be called more than once.

        Args:
            tap: who. What it does not want, silence, goes by as before.
        """
        self._taps = (*self._taps, tap)
        self._settle_bypass()
        return lambda: self._untap(tap)

    @property
    def taps(self) -> Collection[PacketTap]:
        """Who is told of each packet."""
        return self._taps

    def _untap(self, tap: PacketTap) -> None:
        self._taps = tuple(one for one in self._taps if one is not tap)
        self._settle_bypass()

    def _tell(self, tell: Callable[[PacketTap], None]) -> None:
        tell_each(self._taps, tell, self._untap, self.owner)

    def _tell_of_packet(
        self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None, redundant: bool
    ) -> None:
        self._tell(lambda tap: tap.packet_arrived(sequence, timestamp, payload, arrival_ns, level, redundant))

    @property
    def delay_limits_ms(self) -> tuple[int, int]:
        """The least and the greatest time that a packet waits for those before it."""
        return self._minimum_delay_ms, self._maximum_delay_ms

    @property
    def delay_ms(self) -> float:
        """What the jitter buffer currently waits, in milliseconds."""
        return self._jitter.delay.target * 1000 / self._jitter.clock_rate

    @property
    def buffered_ms(self) -> float:
        """Sound held, encoded and decoded, in milliseconds."""
        encoded = self._jitter.buffered * 1000 / self._jitter.clock_rate
        return encoded + self._decoded.available * 1000 / SAMPLE_RATE

    @property
    def idle(self) -> bool:
        """Nothing is here to be played: as long as no packet comes, :meth:`pull` gives nothing."""
        return self._jitter.idle and not self._decoded.available

    @property
    def expected_level(self) -> float | None:
        """How loud this source is about to be, in dBov, as far as its sender is trusted; ``None``: nobody knows."""
        return None if self._said is None else self._trust.corrected(self._said)

    @property
    def knows_level(self) -> bool:
        """The sender says how loud its packets are, and is trusted."""
        return self._said is not None

    def compare(self, level: float) -> None:
        """Take in how loud, in dBov, the frame is that was pulled last, and compare it with what its sender said."""
        said, self._playing = self._playing, None
        if said is None or said <= SILENT_DBOV or self._said is None:
            return
        self._trust.compare(said, level)
        if not self._trust.trusted:
            self._distrust()

    @property
    def squelched(self) -> bool:
        """Noise counts as silence, too: see :meth:`squelch`."""
        return self._gate.squelched

    def squelch(self, level: float | None) -> None:
        """Take sound that is no louder than this for silence: it is not heard, and its packets may go by unread.

        A louder packet ends the squelch and is played, as the first word of somebody. The squelch also ends if the
        sender turns out to be louder than they say. If the noise gets quieter, so does what counts as silence.

        Args:
            level: in dBov; ``None``: only silence counts as silence again.
        """
        raised = SILENT_DBOV if level is None else math.floor(level - self._trust.correction)
        self.squelched_noise = SquelchedNoise(raised, self._trust.correction) if raised > SILENT_DBOV else None
        self._gate.silent_dbov = max(SILENT_DBOV, raised)

    # Forwarding

    @property
    def taker(self) -> PacketTaker | None:
        """Who gets each packet as it comes."""
        return self._taker

    @property
    def plays(self) -> bool:
        """Packets are played here: :meth:`pull` gives their sound."""
        return self._plays

    def quiet_ms(self, now_ns: int) -> float:
        """For how long what is played has been quiet, by what packets say, in milliseconds."""
        if self._quiet_since_ns is None:
            return 0.0
        return max(0.0, (now_ns - self._quiet_since_ns) / 1e6 - self.buffered_ms)

    def forward(self, taker: PacketTaker | None, *, plays: bool = True) -> None:
        """From now on somebody gets each packet as it comes, without a wait.

        Args:
            taker: who; ``None``: nobody any more.
            plays: whether packets are played here, too. If not, :meth:`pull` gives nothing, and nothing is decoded.
        """
        plays = plays or taker is None
        before, self._plays = self._plays, plays
        self._taker = taker
        self._settle_bypass()
        if before and not plays:
            self._jitter.suspend()
            self._decoded.pull_all()
            self._played = None
            self._stretcher.calm()
            self._gate.history.forget()
            self._forwarded.forget()

    def resume(self) -> Samples:
        """Play again, behind what was forwarded last: what follows is made up until it comes.

        Returns:
            The end of what was forwarded, as those heard it who got it: shape ``(n,)``, int16, 48 kHz.
        """
        self._plays = True
        heard = self._forwarded.catch_up(self._decoder)
        if self._quiet_since_ns is None and heard.any():
            self._jitter.resume()
        return heard

    def take_level(self, now_ns: int, ticks: int = 1) -> float | None:
        """How loud, in dBov, what was forwarded since this was last asked is said to be; ``None``: nothing came."""
        del now_ns
        level = self._forwarded.take_level(ticks)
        return None if level is None else self._trust.corrected(level)

    def behind_ms(self, now_ns: int) -> float:
        """How late sound pulled at ``now_ns`` is after the fastest packets came, in milliseconds; 0 in a pause."""
        return self._jitter.behind(self._playout(now_ns)) * 1000 / self._jitter.clock_rate

    def push(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        arrival_ns: int,
        level: int | None = None,
        *,
        redundant: bool = False,
    ) -> None:
        """Take a packet as it arrived. Never raises: what can't be decoded is counted and forgotten.

        Args:
            sequence: RTP sequence number, 16 bits.
            timestamp: RTP timestamp, 32 bits, at the decoder's clock rate.
            payload: in the codec that was agreed on.
            arrival_ns: when it came.
            level: the sender's own measurement, dBov (RFC 6464), if the header had one; of a redundant packet, that of
                the packet that it came in.
            redundant: it came inside a later packet (RFC 2198), so that it tells nothing about the network's delay.
        """
        if self._taps:
            self._tell_of_packet(sequence, timestamp, payload, arrival_ns, level, redundant)
        if not self._trust.trusted:
            level = None
        if not redundant:
            self._note_level(level, payload, arrival_ns)
        if self._taker is not None and not self._forward(
            self._taker, sequence, timestamp, payload, arrival_ns, level, redundant=redundant
        ):
            return
        match self._gate.take(level, len(payload), redundant=redundant):
            case GateAction.LEAVE_OUT:
                self._keep(payload)
                return
            case GateAction.SAMPLE if self._sample(sequence, timestamp, payload, arrival_ns, level):
                self._stats.passed_over += 1
                self._keep(payload)
                return
        if redundant:
            level = None  # its own is not known
        try:
            duration = self._decoder.duration(payload)
        except DecodeError:
            self._stats.undecodable += 1
            return
        self._note_bitrate(payload, duration / self._decoder.clock_rate)
        repairs = self._decoder.repairs(payload)
        self._jitter.push(
            sequence, timestamp, payload, duration, arrival_ns, level,
            redundant=redundant, repairs=repairs, silent=self._gate.is_silent(level, len(payload)),
        )  # fmt: skip
        self.wake_up()

    def wake_up(self) -> None:
        """Tell whoever sleeps over this source that it is worth pulling again."""
        if self.wake is not None:
            wake, self.wake = self.wake, None
            wake()

    def _forward(
        self,
        taker: PacketTaker,
        sequence: int,
        timestamp: int,
        payload: bytes,
        arrival_ns: int,
        level: int | None,
        *,
        redundant: bool,
    ) -> bool:
        """Hand on a packet as it came. Returns whether it is also to be played."""
        try:
            duration = self._decoder.duration(payload)
        except DecodeError:
            self._stats.undecodable += not self._plays
            return self._plays
        taker.forward(sequence, timestamp, duration, payload, arrival_ns)
        self._stats.forwarded += 1
        if self._plays:
            return True
        if not redundant:
            self._jitter.pass_by(sequence, timestamp, arrival_ns, duration)
        seconds = duration / self._decoder.clock_rate
        self._forwarded.note(payload, level, seconds)
        if level is not None and self._forwarded.is_check_due:
            self._forwarded.check(self._decoder, self._trust)
            if not self._trust.trusted:
                self._distrust()
        self._note_bitrate(payload, seconds)
        if level is None or level > SILENT_DBOV:
            self.wake_up()
        return False

    def _note_level(self, level: int | None, payload: bytes, arrival_ns: int) -> None:
        self._said = level
        if not is_silent(level, len(payload), QUIET_DBOV):
            self._quiet_since_ns = None
        elif self._quiet_since_ns is None:
            self._quiet_since_ns = arrival_ns

    def _note_bitrate(self, payload: bytes, seconds: float) -> None:
        if len(payload) > DTX_BYTES and seconds > 0:
            self._bitrate += (8 * len(payload) / seconds - self._bitrate) * min(1.0, seconds)

    def _keep(self, payload: bytes) -> None:
        """Keep a packet that is left out, for the decoder's history."""
        if not self._jitter.buffered:  # or else what is yet to be decoded comes before it
            self._gate.history.keep(payload)

    def _sample(self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None) -> bool:
        """Look at one silent packet of many. Returns whether it is to be left out, indeed."""
        frequent = len(payload) > DTX_BYTES
        every = SAMPLE_PROVEN_EVERY if frequent and self._trust.proven else SAMPLE_EVERY
        if level is not None and self.squelched and self.squelched_noise is not None:
            self._gate.silent_dbov = max(SILENT_DBOV, self.squelched_noise.sample(level))
        self._gate.sampled(every, bypass=level is not None and self.idle)
        if not self.idle or self._lies(level, payload, every):
            return False
        self._jitter.pass_by(sequence, timestamp, arrival_ns)
        return True

    def _lies(self, level: int | None, payload: bytes, packets: int) -> bool:
        """Decode a packet that is said to be silent, now and then. Returns whether its sender is trusted no more."""
        size = len(payload)
        if size <= DTX_BYTES or not self._trust.is_due(size, packets):
            return False
        try:
            said = SILENT_DBOV if level is None else level + self._trust.correction
            self._trust.check_silence(said, level_of(self._decoder.decode(payload)))
        except DecodeError:
            self._stats.undecodable += 1
        if self._trust.trusted:
            return False
        self._distrust()
        return True

    def _distrust(self) -> None:
        """From now on, nothing is believed that the sender says."""
        self.squelch(None)
        self._stats.mistrusted += 1
        self._said = None
        log.warning("%s is louder or quieter than its packets say (RFC 6464): believed no more", self.owner)

    def restart(self, decoder: Decoder | None = None) -> None:
        """Another stream takes over: a new SSRC, or (with ``decoder``) another codec."""
        if self._taps:
            self._tell(lambda tap: tap.restarted(decoder))
        self._trust.reset()
        self._said = None
        self._gate.history.forget()
        self._forwarded.forget()
        self._quiet_since_ns = None
        if self._taker is not None:
            self._taker.restart()
            if decoder is not None and decoder.name != self._decoder.name:
                self.forward(None)  # that codec is not what those can decode who get the packets
        self.squelch(None)
        self._stretcher.calm()
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
        self._pulls += 1
        if self._jitter.idle and not self._decoded.available:
            self._played = None
            return None
        self._checks = self._correcting or not self._pulls % CHECK_EVERY_TICKS
        self._fill(now_ns)
        if self._checks and self._decoded.available >= FRAME_SAMPLES and not self._skipping:
            self._correct(now_ns)
        self._played = self._decoded.pull_padded()
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
        return now_ns + self._decoded.available * 1_000_000_000 // SAMPLE_RATE

    def _correction(self, now_ns: int, ahead: int, *, repairs: bool = True) -> int:
        """By how many samples at 48 kHz to shorten what comes (more than 0), or lengthen it (less)."""
        ahead = ahead * self._jitter.clock_rate // SAMPLE_RATE
        return self._at_48k(self._jitter.correction(self._playout(now_ns), ahead, repairs=repairs))

    def _fill(self, now_ns: int) -> None:
        """Decode until a frame is there, or the rest of it is silence."""
        for _ in range(MAX_DECODES_PER_TICK):
            missing = FRAME_SAMPLES - self._decoded.available
            if missing <= 0 or not self._take(now_ns, missing):
                return

    def _take(self, now_ns: int, missing: int) -> bool:
        """Take what plays next out of the jitter buffer, and decode it. Returns whether to go on."""
        available = self._decoded.available
        surplus = 0
        if self._checks and (self._skipping or self._pausing):
            surplus = self._correction(now_ns, available)
            if surplus < 0 and not available:
                return False  # it may be silent for a little longer
        wanted = -(-missing * self._jitter.clock_rate // SAMPLE_RATE)
        match self._jitter.pull(self._playout(now_ns), wanted):
            case Packet() as packet:
                if self._may_pass_over(packet) or self._skipping:
                    return not self._pass_over(packet, missing, surplus)
                self._decoded.push(self._decode(packet)[self._at_48k(packet.skip) :])
            case Lost(duration, following):
                self._stats.concealed += not self._skipping
                made = self._silence(duration) if self._skipping else self._decoder.conceal(duration, following)
                self._decoded.push(made)
            case Silence(duration):
                if duration >= wanted:
                    return False
                self._decoded.push(self._silence(duration))
        return True

    def _correct(self, now_ns: int) -> None:
        """Bring the delay nearer to what the network asks for, if this is a place for it."""
        stretcher = self._stretcher
        wanted = self._correction(now_ns, self._decoded.available - FRAME_SAMPLES)
        self._correcting = not 0 <= wanted < SHORTEST
        if not self._correcting:
            stretcher.calm()
            return
        if stretcher.rests():
            return
        urgent = wanted < 0 and self._correction(now_ns, self._decoded.available - FRAME_SAMPLES, repairs=False) < 0
        for _ in range(MAX_DECODES_PER_TICK):
            if wanted < 0 or self._decoded.available >= 2 * FRAME_SAMPLES or not self._jitter.ready:
                break
            self._take(now_ns, FRAME_SAMPLES)
        block = self._decoded.pull_all()
        if wanted > 0:
            changed = stretcher.shorten(block, wanted)
        else:
            past = SILENCE if self._played is None else self._played
            changed = stretcher.lengthen(past, block, -wanted, urgent=urgent)
            self._correcting = urgent or stretcher.pausing  # or else a pause is looked for now and then
        self._stats.shortened += len(changed) < len(block)
        self._stats.lengthened += len(changed) > len(block)
        self._decoded.push(changed)

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
        self._decoded.push(np.zeros(length, dtype=np.int16))
        return False

    def _decode(self, packet: Packet) -> Samples:
        self._gate.history.prime(self._decoder)
        try:
            samples = self._decoder.decode(packet.payload)
        except DecodeError:
            self._stats.undecodable += 1
            return self._decoder.conceal(packet.duration)
        self._stats.decoded += 1
        self._playing = packet.level
        return samples

    def _silence(self, duration: int) -> Samples:
        return np.zeros(self._at_48k(duration), dtype=np.int16)

    def _at_48k(self, duration: int) -> int:
        return duration * SAMPLE_RATE // self._jitter.clock_rate
