"""A source whose voice comes in packets: what becomes of each of them when it comes.

A packet is handed on to those who get it as it came (`playout.packet_forwarding`), left out without being decoded
(`playout.receive_gate`), or played (`playout.player`). What its sender says of its loudness is believed as long as that
proves to be true (`playout.level_trust`).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Sequence

from conference.audio.frame import Samples
from conference.audio.noise_gate import level_of
from conference.codecs.base import DecodeError, Decoder
from conference.playout.fast_path import FastPath
from conference.playout.forwardable import SETTLING_MS, ForwardableSource, ForwardedPacket, PacketTaker
from conference.playout.items import JitterStats
from conference.playout.level_trust import LevelTrust
from conference.playout.packet_forwarding import PacketForwarding
from conference.playout.player import PacketPlayer
from conference.playout.receive_gate import (
    SAMPLE_EVERY,
    SAMPLE_PROVEN_EVERY,
    GateAction,
    GateState,
    ReceiveGate,
    SilenceBypass,
)
from conference.playout.silence import DTX_BYTES, SILENT_DBOV
from conference.playout.squelched_noise import SquelchedNoise
from conference.playout.stream_stats import StreamStats
from conference.playout.tap import PacketTap, tell_each

log = logging.getLogger(__name__)


class PacketSource(ForwardableSource):
    """Packets in, at any time and in any order; a frame out on every tick. Satisfies `participant.Source`.

    Args:
        decoder: of the codec that was agreed on.
        minimum_delay_ms: least time a packet waits for those before it.
        maximum_delay_ms: greatest.
    """

    def __init__(self, decoder: Decoder, *, minimum_delay_ms: int = 3, maximum_delay_ms: int = 200) -> None:
        self._stats = StreamStats(JitterStats())
        self._gate = ReceiveGate(self._stats)
        self._player = PacketPlayer(
            decoder,
            self._gate,
            self._stats,
            minimum_delay_ms=minimum_delay_ms,
            maximum_delay_ms=maximum_delay_ms,
        )
        self._trust = LevelTrust()
        self._forwarding = PacketForwarding(self._player, self._trust)
        self._said: int | None = None  # by the packet that came last
        self._offered: SilenceBypass | None = None
        self._taps: tuple[PacketTap, ...] = ()
        self.fast_path: FastPath | None = None
        """Where packets that are only forwarded can be handed on before they come here."""

        self._wake: Callable[[], None] | None = None
        self.squelched_noise: SquelchedNoise | None = None
        """What is known of the noise that was left out, since :meth:`squelch`."""

        self.owner = "a sender"
        """Whose voice this is, for the log."""

    @property
    def wake(self) -> Callable[[], None] | None:
        """Called once, with the next packet that makes this source worth pulling again."""
        return self._wake

    @wake.setter
    def wake(self, wake: Callable[[], None] | None) -> None:
        self._close_fast_path()  # what it does not have to see may be another
        self._wake = wake

    @property
    def stats(self) -> StreamStats:
        """What became of the packets so far."""
        self._close_fast_path()
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
        return self._player.decoder

    @property
    def bypass(self) -> SilenceBypass | None:
        """What may let silent packets go by instead of bringing them here: none while somebody wants all of them."""
        return self._gate.bypass

    @bypass.setter
    def bypass(self, bypass: SilenceBypass | None) -> None:
        self._offered = bypass
        self._settle_bypass()

    def _settle_bypass(self) -> None:
        wanted = self._forwarding.sends_all or any(tap.wants_silence for tap in self._taps)
        bypass = None if wanted else self._offered
        if bypass is not self._gate.bypass:
            self._gate.bypass = bypass

    def tap(self, tap: PacketTap) -> Callable[[], None]:
        """Have somebody told of each packet as it comes. Returns how to end that, which may be called more than once.

        Args:
            tap: who. What it does not want, silence, goes by as before.
        """
        self._close_fast_path()
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
        return self._player.delay_limits_ms

    @property
    def delay_ms(self) -> float:
        """What the jitter buffer currently waits, in milliseconds."""
        return self._player.delay_ms

    @property
    def buffered_ms(self) -> float:
        """Sound held, encoded and decoded, in milliseconds."""
        return self._player.buffered_ms

    @property
    def idle(self) -> bool:
        """Nothing is here to be played: as long as no packet comes, :meth:`pull` gives nothing."""
        return self._player.idle

    @property
    def expected_level(self) -> float | None:
        """How loud this source is about to be, in dBov, as far as its sender is trusted; ``None``: nobody knows."""
        self._close_fast_path()
        return None if self._said is None else self._trust.corrected(self._said)

    def compare(self, level: float) -> None:
        """Take in how loud, in dBov, the frame is that was pulled last, and compare it with what its sender said."""
        player = self._player
        said, player.said = player.said, None
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
        return self._forwarding.taker

    @property
    def plays(self) -> bool:
        """Packets are played here: :meth:`pull` gives their sound."""
        return self._forwarding.plays

    @property
    def omits_silence(self) -> bool:
        """See `ForwardableSource.omits_silence`."""
        return self._forwarding.omits_silence

    @property
    def bitrate(self) -> float:
        """Bits per second, over the last second in which there was sound."""
        bitrate = self.fast_path.bitrate if self.fast_path is not None else None
        return self._forwarding.bitrate if bitrate is None else bitrate

    @property
    def settling_ms(self) -> float:
        """See `ForwardableSource.settling_ms`: none before the first packet, with which all decoders begin."""
        return SETTLING_MS if self._player.decoder.has_memory and self.stats.jitter.received else 0.0

    def quiet_ms(self, now_ns: int) -> float:
        """For how long what is played has been quiet, by what packets say, in milliseconds."""
        self._close_fast_path()
        return self._forwarding.quiet_ms(now_ns)

    def measure(self, quiet_dbov: float) -> bool:
        """See `ForwardableSource.measure`."""
        forwarding = self._forwarding
        if self._said is not None or forwarding.measures or not forwarding.plays:
            return True
        return forwarding.measure(quiet_dbov)

    def stop_measuring(self) -> None:
        """See `ForwardableSource.stop_measuring`."""
        self._forwarding.stop_measuring()

    def forward(self, taker: PacketTaker | None, *, plays: bool = True, omits_silence: bool = False) -> None:
        """From now on somebody gets each packet as it comes, without a wait.

        Args:
            taker: who; ``None``: nobody any more.
            plays: whether packets are played here, too. If not, :meth:`pull` gives nothing, and only those are decoded
                that do not say how loud they are.
            omits_silence: whether a long silence is left out, as DTX does.
        """
        self._close_fast_path()
        forwarding = self._forwarding
        forwarding.taker = taker
        if forwarding.pausing and (bypassed := self._gate.last_bypassed) is not None:
            forwarding.note_bypassed(bypassed)
        forwarding.omits_silence = omits_silence and taker is not None
        self._settle_bypass()
        if taker is None:
            forwarding.stop_measuring()
            forwarding.forget_pauses()
        history = self._gate.history.fetch() if forwarding.plays and not plays and self.begins else ()
        forwarding.play(plays or taker is None, history)

    def resume(self) -> Samples:
        """Play again, behind what was forwarded last: what follows is made up until it comes.

        Returns:
            The end of what was forwarded, as those heard it who got it: shape ``(960,)``, int16, 48 kHz.
        """
        self._close_fast_path()
        return self._forwarding.resume()

    def take_level(self, now_ns: int, ticks: int = 1) -> float | None:
        """How loud, in dBov, what was forwarded since this was last asked is taken to be; ``None``: nothing came."""
        del now_ns
        if self.fast_path is not None and self.fast_path.is_open:
            self._forwarding.note_loudest(self.fast_path.take_loudest())
        return self._forwarding.take_level(ticks)

    def outlets_changed(self) -> None:
        """See `ForwardableSource.outlets_changed`."""
        self._close_fast_path()

    def _close_fast_path(self) -> None:
        """Take in what was handed on before it came here. From now on all comes here, until :meth:`_open_fast_path`."""
        path = self.fast_path
        if path is None or not path.is_open:
            return
        packets = path.close()
        if packets is not None:
            self._said = packets.level
            self._stats.forwarded += len(packets.arrivals)
            self._forwarding.take_in(packets)

    def _open_fast_path(self, sequence: int) -> None:
        """Have the packets after one that was handed on, and nothing else, handed on before they come here."""
        path, taker, forwarding, gate = self.fast_path, self._forwarding.taker, self._forwarding, self._gate
        if path is None or not path.is_worth_while or taker is None:
            return
        if self._said is None or self._taps or not self._trust.trusted:
            return
        if forwarding.omits_silence and (gate.state is not GateState.SPEECH or gate.squelched):
            return
        outlets = taker.outlets
        if not outlets:
            return
        terms = forwarding.terms(sequence, up_to=SILENT_DBOV if self._wake is not None else 0)
        if terms is not None:
            path.open(outlets, terms)

    def waiting(self, now_ns: int) -> Iterable[ForwardedPacket]:
        """See `ForwardableSource.waiting`."""
        return self._forwarding.waiting(now_ns)

    @property
    def sent_until_ns(self) -> int | None:
        """See `ForwardableSource.sent_until_ns`."""
        return self._forwarding.sent_until_ns

    @property
    def begins(self) -> bool:
        """See `ForwardableSource.begins`."""
        player = self._player
        return self._forwarding.plays and player.jitter.begins and not len(player.decoded)

    def beginning(self, now_ns: int) -> Sequence[ForwardedPacket]:
        """See `ForwardableSource.beginning`."""
        return self._forwarding.beginning(self._gate.history.fetch(), now_ns) if self.begins else ()

    def linger(self) -> None:
        """See `ForwardableSource.linger`."""
        self._close_fast_path()
        self._gate.linger()

    # Packets

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
        self._close_fast_path()
        if self._taps:
            self._tell_of_packet(sequence, timestamp, payload, arrival_ns, level, redundant)
        if not self._trust.trusted:
            level = None
        said, forwarding = level, self._forwarding
        if not redundant:
            level = self._note_level(said, payload, arrival_ns)
        if forwarding.sends_all and not self._forward(sequence, timestamp, payload, arrival_ns, said, level, redundant):
            return
        match self._gate.take(level, len(payload), redundant=redundant):
            case GateAction.LEAVE_OUT:
                self._keep(payload)
                forwarding.leave_out(sequence, timestamp, payload, arrival_ns)
                return
            case GateAction.SAMPLE if self._sample(sequence, timestamp, payload, arrival_ns, said):
                self._stats.passed_over += 1
                self._keep(payload)
                forwarding.leave_out(sequence, timestamp, payload, arrival_ns, again=True)
                return
        if forwarding.omits_silence and not self._forward(
            sequence, timestamp, payload, arrival_ns, said, level, redundant
        ):
            return
        level = None if redundant else level  # its own is not known
        player = self._player
        decoder = player.decoder
        try:
            duration = decoder.duration(payload)
        except DecodeError:
            self._stats.undecodable += 1
            return
        forwarding.note_size(len(payload), duration / decoder.clock_rate)
        player.jitter.push(
            sequence, timestamp, payload, duration, arrival_ns, level, redundant=redundant,
            repairs=decoder.repairs(payload), silent=self._gate.is_silent(level, len(payload)),
        )  # fmt: skip
        self.wake_up()

    def _note_level(self, said: int | None, payload: bytes, arrival_ns: int) -> int | None:
        """Take note of how loud a packet is. Returns that, in dBov, if it is known as the packet comes."""
        self._said = level = said
        forwarding = self._forwarding
        if said is None:
            level = forwarding.measured(payload)
            self._stats.decoded += level is not None and not forwarding.plays
        forwarding.note_level(level, len(payload), arrival_ns)
        return level

    def _forward(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        arrival_ns: int,
        said: int | None,
        level: int | None,
        redundant: bool,
    ) -> bool:
        """Hand on a packet as it came. Returns whether it is also to be played."""
        forwarding, gate = self._forwarding, self._gate
        try:
            if forwarding.pausing:
                forwarding.end_pause(sequence, timestamp, arrival_ns, gate.history.fetch(), gate.last_bypassed)
            handed_on = forwarding.forward(sequence, timestamp, payload, arrival_ns, said, level, redundant)
        except DecodeError:
            self._stats.undecodable += not forwarding.plays
            return forwarding.plays
        self._stats.forwarded += handed_on
        if forwarding.plays:
            return True
        gate.history.forget()  # those who get this packet did not get what is in there
        if self._said is not None and not self._trust.trusted:
            self._distrust()
        if self._wake is not None and (level is None or level > SILENT_DBOV):
            self.wake_up()
        if not redundant:
            self._open_fast_path(sequence)
        return False

    def _keep(self, payload: bytes) -> None:
        """Keep a packet that is left out, for the decoder's history."""
        if not self._player.jitter.buffered:  # or else what is yet to be decoded comes before it
            self._gate.history.keep(payload)

    def _sample(self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None) -> bool:
        """Look at one silent packet of many. Returns whether it is to be left out, indeed."""
        frequent = len(payload) > DTX_BYTES
        every = SAMPLE_PROVEN_EVERY if frequent and self._trust.proven else SAMPLE_EVERY
        if level is not None and self.squelched and self.squelched_noise is not None:
            self._gate.silent_dbov = max(SILENT_DBOV, self.squelched_noise.sample(level))
        sent_on = self._forwarding.omits_silence and not frequent  # what a sender says of its own pauses
        self._gate.sampled(every, bypass=level is not None and self.idle and not sent_on)
        if not self.idle or self._lies(level, payload, every):
            return False
        self._player.jitter.pass_by(sequence, timestamp, arrival_ns)
        return True

    def _lies(self, level: int | None, payload: bytes, packets: int) -> bool:
        """Decode a packet that is said to be silent, now and then. Returns whether its sender is trusted no more."""
        size = len(payload)
        if level is None or size <= DTX_BYTES or not self._trust.is_due(size, packets):
            return False
        decoder = self._player.decoder
        if not self._forwarding.plays:
            decoder.reset()
            self._gate.history.prime(decoder)
        try:
            self._trust.check_silence(level + self._trust.correction, level_of(decoder.decode(payload)))
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
        self._close_fast_path()
        if self._taps:
            self._tell(lambda tap: tap.restarted(decoder))
        self._trust.reset()
        self._said = None
        self._gate.history.forget()
        self._forwarding.restart()
        if decoder is not None and decoder.name != self._player.decoder.name:
            self.forward(None)  # the new codec is not what those can decode who get the packets
        self.squelch(None)
        self._player.restart(decoder)

    def pull(self, now_ns: int) -> Samples | None:
        """The next frame, shape ``(960,)``, int16; ``None`` if all of it is silence."""
        return self._player.pull(now_ns)

    def skip(self, now_ns: int) -> None:
        """Let a tick pass that nobody is to hear: as :meth:`pull`, without decoding anything."""
        self._player.skip(now_ns)

    def slept(self, ticks: int) -> None:
        """So many ticks have passed while :attr:`idle`, on which nothing was pulled."""
        self._player.slept(ticks)

    def behind_ms(self, now_ns: int) -> float:
        """How late sound pulled at ``now_ns`` is after the fastest packets came, in milliseconds; 0 in a pause."""
        return self._player.behind_ms(now_ns)
