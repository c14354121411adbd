"""What a source does while others get its packets as they came, in place of a mix or beside it.

Who gets them, and when, decides `room.forwarding`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from conference.audio.frame import SILENT_LEVEL, Samples
from conference.audio.noise_gate import level_of
from conference.codecs.base import DecodeError, Decoder
from conference.playout.fast_path import NO_LEVEL, FastPackets, FastPathTerms
from conference.playout.forwardable import QUIET_DBOV, SETTLING_MS, ForwardedPacket, PacketTaker
from conference.playout.forwarded_packets import ForwardedPackets
from conference.playout.items import Waiting
from conference.playout.level_trust import LevelTrust
from conference.playout.player import PacketPlayer
from conference.playout.sequence import sequence_step
from conference.playout.silence import DTX_BYTES, SILENT_DBOV, dtx_packet, is_silent
from conference.playout.silence_omission import SilenceOmission

WORD_HISTORY: Final = 2
"""So many packets of the silence before a word are handed on with it, if the silence was left out: a decoder that has
made up for what was missing is then at -55 dB of one that has had all packets, and at -5 without them (measured). Each
comes late by its length, so no more than are needed."""

TELL_EVERY_NS: Final = 2_000_000_000
"""How often it is said that a pause goes on; and once more soon after its beginning, in case that was lost."""


class PacketForwarding:
    """Who gets the packets of one source as they came, and what has to be known of the source for that.

    Args:
        player: plays the packets when they are not only forwarded.
        trust: how far it is believed what the sender says of its loudness.

    Attributes:
        taker: who gets each packet as it comes, without a wait; ``None``: nobody.
        plays: packets are also played here. If not, the source gives no sound, and only those packets are decoded that
            do not say how loud they are.
        bitrate: bits per second, over the last second in which there was sound.
    """

    __slots__ = (
        "_duration",
        "_held",
        "_meter",
        "_noted_ns",
        "_omission",
        "_omits_silence",
        "_packets",
        "_player",
        "_quiet_since_ns",
        "_sent_until_ns",
        "_told",
        "_told_ns",
        "_trust",
        "bitrate",
        "plays",
        "taker",
    )

    def __init__(self, player: PacketPlayer, trust: LevelTrust) -> None:
        self.taker: PacketTaker | None = None
        self.plays = True
        self.bitrate = 0.0
        self._player = player
        self._trust = trust
        self._packets = ForwardedPackets()
        self._quiet_since_ns: int | None = None  # packets have been quiet since then
        self._noted_ns = 0  # when the last one came
        self._omission = SilenceOmission()
        self._omits_silence = False
        self._held: deque[int] = deque()  # sequence numbers of the last packets that were left out, in a row
        self._duration = 0  # of the packet that was handed on last
        self._told = 0  # times that the pause was told of
        self._told_ns = 0  # when, last
        self._sent_until_ns = 0  # in a pause: when what was sent on last ended
        self._meter: Decoder | None = None

    @property
    def omits_silence(self) -> bool:
        """Long silence is not sent on."""
        return self._omits_silence

    @omits_silence.setter
    def omits_silence(self, omits_silence: bool) -> None:
        if omits_silence is not self._omits_silence:
            self._omits_silence = omits_silence
            self._let_go()

    @property
    def sends_all(self) -> bool:
        """Somebody gets all packets, the silent ones, too."""
        return self.taker is not None and not self._omits_silence

    @property
    def pausing(self) -> bool:
        """The last packet was left out of what is sent on."""
        return self._omission.pausing or bool(self._held)

    @property
    def sent_until_ns(self) -> int | None:
        """See `ForwardableSource.sent_until_ns`."""
        return self._sent_until_ns if self.pausing else None

    @property
    def measures(self) -> bool:
        """Packets are measured as they come, although they are played later."""
        return self._meter is not None

    def note_bypassed(self, sequence: int) -> None:
        """In this pause packets went by unread, up to this one."""
        self._let_go()
        self._omission.leave_out(sequence)

    def forget_pauses(self) -> None:
        """Nobody gets packets any more."""
        self._omission.forget()
        self._held.clear()
        self._told = 0

    def measure(self, quiet_dbov: float) -> bool:
        """Measure packets as they come, although they are played later.

        Args:
            quiet_dbov: what is no louder, in dBov, is quiet.

        Returns:
            Whether what waits to be played is quiet. If it is not, nothing is measured.
        """
        player = self._player
        if level_of(player.decoded) > quiet_dbov:
            return False
        meter = player.decoder.copy()
        for one in player.jitter.waiting:
            with suppress(DecodeError):
                if level_of(meter.decode(one.payload)) > quiet_dbov:
                    return False
        self._meter = meter
        return True

    def stop_measuring(self) -> None:
        """Measure packets no more before they are played."""
        self._meter = None

    def measured(self, payload: bytes) -> int | None:
        """How loud a packet is that does not say so, in dBov; ``None`` if it need not be known before it is played."""
        meter = self._meter if self.plays else self._player.decoder
        if meter is None or len(payload) <= DTX_BYTES:
            return None
        try:
            return round(level_of(meter.decode(payload)))
        except DecodeError:
            return None

    def note_level(self, level: int | None, size: int, arrival_ns: int) -> None:
        """Take note of how loud a packet is, whether it is forwarded or not.

        Args:
            level: in dBov; ``None`` if that is not known.
            size: of its payload, in bytes.
            arrival_ns: when it came.
        """
        self._noted_ns = arrival_ns
        if not is_silent(level, size, QUIET_DBOV):
            self._quiet_since_ns = None
        elif self._quiet_since_ns is None:
            self._quiet_since_ns = arrival_ns

    def note_size(self, size: int, seconds: float) -> None:
        """Take note of how large a packet's payload is, in bytes, and how long the packet is, in seconds."""
        if size > DTX_BYTES and seconds > 0:
            self.bitrate += (8 * size / seconds - self.bitrate) * min(1.0, seconds)

    def quiet_ms(self, now_ns: int) -> float:
        """For how long what is played has been quiet, by what packets say, in milliseconds.

        A tick that is late is due before some of the packets came that wait already.
        """
        if self._quiet_since_ns is None:
            return 0.0
        return max(0.0, (max(now_ns, self._noted_ns) - self._quiet_since_ns) / 1e6 - self._player.buffered_ms)

    def forward(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        arrival_ns: int,
        said: int | None,
        level: int | None,
        redundant: bool,
    ) -> bool:
        """Hand a packet on as it came, to the :attr:`taker`; what is said of it is as in `PacketSource.push`.

        ``said`` is what its sender measured, if that is believed, and ``level`` how loud it is taken to be. Now and
        then packets are decoded, to see whether the sender is as loud as it says. Returns whether it was handed on, and
        did not come too late.

        Raises:
            DecodeError: the payload is not a packet of the codec; it is not handed on.
        """
        player = self._player
        duration = player.decoder.duration(payload)
        self._duration = duration
        self._told = 0
        number = self._omission.number(sequence)
        if number is not None and self.taker is not None:
            self.taker.forward(number, timestamp, duration, payload, arrival_ns, None if redundant else level)
        if self.plays:
            return number is not None
        if not redundant:
            player.jitter.pass_on(sequence, timestamp, arrival_ns, duration)
        seconds = duration / player.decoder.clock_rate
        check = self._packets.note(payload, said, level if said is None else self._trust.corrected(said), seconds)
        if check and said is not None:
            self._packets.check(player.decoder, self._trust)
        self.note_size(len(payload), seconds)
        return number is not None

    def terms(self, sequence: int, *, up_to: int) -> FastPathTerms | None:
        """Which of the next packets may be handed on by a fast path; ``None``: none.

        Args:
            sequence: of the packet that was handed on last.
            up_to: louder ones have to come here, in dBov.
        """
        if self.plays or self.pausing or self.taker is None or not self._duration:
            return None
        packets = self._packets.packets_to_check(self._duration / self._player.decoder.clock_rate)
        if packets <= 0:
            return None
        return FastPathTerms(
            packets=packets,
            duration=self._duration,
            above=SILENT_DBOV if self._omits_silence else NO_LEVEL,
            up_to=up_to,
            sequence=sequence,
            omitted=self._omission.omitted,
            quiet_since_ns=self._quiet_since_ns,
            quiet_dbov=QUIET_DBOV,
            bitrate=self.bitrate,
        )

    def take_in(self, packets: FastPackets) -> None:
        """Take in what was handed on by a fast path."""
        player, duration = self._player, self._duration
        self._told = 0
        self._noted_ns, self._quiet_since_ns = packets.arrival_ns, packets.quiet_since_ns
        self._omission.number(packets.sequence)
        for sequence, timestamp, arrival_ns in packets.arrivals:
            player.jitter.pass_on(sequence, timestamp, arrival_ns, duration)
        self._packets.note_all(packets, self._trust, duration / player.decoder.clock_rate)
        self.bitrate = packets.bitrate

    def note_loudest(self, said: int) -> None:
        """Take in how loud the loudest packet said to be that was handed on by a fast path since the last one noted."""
        self._packets.note_loudest(said, self._trust, self._duration / self._player.decoder.clock_rate)

    def waiting(self, now_ns: int) -> list[ForwardedPacket]:
        """What waits to be played, as a taker gets it; see `ForwardableSource.waiting`."""
        if not self.plays:
            return []
        waiting = list(self._player.jitter.waiting)
        clock_rate, packets = self._player.decoder.clock_rate, []
        for one in waiting:
            number = self._omission.number(one.sequence)
            if number is not None:
                arrival_ns = now_ns - (waiting[-1].timestamp - one.timestamp) * 1_000_000_000 // clock_rate
                begin = one.timestamp & 0xFFFFFFFF
                packets.append(ForwardedPacket(number, begin, one.duration, one.payload, arrival_ns, one.level))
        return packets

    def beginning(self, history: Sequence[bytes], now_ns: int) -> list[ForwardedPacket]:
        """The silence before a word and what waits of the word; see `ForwardableSource.beginning`.

        Args:
            history: the payloads of the last packets that were left out before the word, the oldest first.
            now_ns: monotonic time.
        """
        decoder = self._player.decoder
        word = self.waiting(min(now_ns, self._noted_ns))
        if not word or not decoder.has_memory:
            return word
        first = word[0]
        clock_rate = decoder.clock_rate
        silence: list[ForwardedPacket] = []
        missing = SETTLING_MS * clock_rate // 1000
        distance = 0
        for back, payload in enumerate(reversed(history), 1):
            if missing <= 0 or len(payload) <= DTX_BYTES:
                break
            try:
                duration = decoder.duration(payload)
            except DecodeError:
                break
            missing -= duration
            distance += duration
            came_ns = first.arrival_ns - distance * 1_000_000_000 // clock_rate
            silence.append(
                ForwardedPacket(
                    first.sequence - back & 0xFFFF, first.timestamp - distance & 0xFFFFFFFF, duration, payload, came_ns,
                    round(SILENT_LEVEL),
                )
            )  # fmt: skip
        return [] if missing > 0 else [*reversed(silence), *word]

    def end_pause(
        self, sequence: int, timestamp: int, arrival_ns: int, left_out: Sequence[bytes], bypassed: int | None
    ) -> None:
        """Hand on the last packets that were left out, before the one with which a word begins: decoders need them.

        Args:
            sequence: of the word's packet.
            timestamp: of the word's packet.
            arrival_ns: when it came.
            left_out: the payloads of the last packets that were left out, the oldest first.
            bypassed: sequence number of the last packet that went by unread; ``None`` if none has.
        """
        taker, decoder, payloads = self.taker, self._player.decoder, left_out[-WORD_HISTORY:]
        self._let_go()
        if bypassed is not None:
            self._omission.note_bypassed(bypassed, sequence)
        if taker is None or any(len(payload) <= DTX_BYTES for payload in payloads):
            return
        with suppress(DecodeError):
            durations = [decoder.duration(payload) for payload in payloads]
            for place, distance in self._omission.take_back(sequence, len(payloads)):
                begin = timestamp - distance * durations[place] & 0xFFFFFFFF
                number = self._omission.number(sequence - distance)
                if number is not None:
                    taker.forward(number, begin, durations[place], payloads[place], arrival_ns, round(SILENT_LEVEL))

    def leave_out(self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, *, again: bool = False) -> None:
        """Leave a silent packet out of what is handed on, if silence is left out; or tell ``again`` of the pause.

        Where a pause begins, the place of a packet is taken by one that says so, as with DTX: that of the third last
        one, so that the last two can still be had if a word comes now. What a sender itself says of a pause goes on as
        it came.
        """
        if self.taker is None or not self._omits_silence:
            return
        if len(payload) <= DTX_BYTES:
            self._let_go()
            self._tell_of_pause(sequence, timestamp, payload, arrival_ns)
            return
        if not self.pausing:
            self._sent_until_ns = arrival_ns
        held = self._held
        if held and sequence_step(sequence, held[-1]) != 1:
            self._let_go()
        held.append(sequence)
        decoder = self._player.decoder
        due = self._told == 0 or (again and (self._told == 1 or arrival_ns - self._told_ns >= TELL_EVERY_NS))
        told = dtx_packet(decoder.name, payload) if due else None
        if len(held) <= WORD_HISTORY and (told is None or self._told == 0):
            return
        slot = held.popleft() if len(held) > WORD_HISTORY else sequence - WORD_HISTORY
        if told is None:
            self._omission.leave_out(slot)
            return
        try:
            earlier = sequence_step(sequence, slot) * decoder.duration(payload)
        except DecodeError:
            return
        self._tell_of_pause(slot, timestamp - earlier & 0xFFFFFFFF, told, arrival_ns)
        self._sent_until_ns -= earlier * 1_000_000_000 // decoder.clock_rate

    def _tell_of_pause(self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int) -> None:
        number = self._omission.pause(sequence)
        if number is not None and self.taker is not None:
            self._told, self._told_ns = self._told + 1, arrival_ns
            duration = self._player.decoder.duration(payload)
            self._sent_until_ns = arrival_ns + duration * 1_000_000_000 // self._player.decoder.clock_rate
            self.taker.forward(number, timestamp, duration, payload, arrival_ns, round(SILENT_LEVEL))

    def _let_go(self) -> None:
        """Leave out what was held back in case that a word comes."""
        while self._held:
            self._omission.leave_out(self._held.popleft())

    def play(self, plays: bool, history: Sequence[bytes] = ()) -> None:
        """Say whether the packets that come next are also played. What waits to be played is dropped if not.

        Args:
            plays: whether they are.
            history: the payloads of the last packets that were left out before what waits, the oldest first.
        """
        before, self.plays = self.plays, plays
        if before and not plays:
            waiting = tuple(self._player.jitter.waiting)
            self._player.suspend()
            self._packets.forget()
            self._note_handed_over(history, waiting)
            if self._meter is not None:
                self._player.decoder, self._meter = self._meter, None  # it has had all packets that came

    def _note_handed_over(self, history: Sequence[bytes], waiting: Sequence[Waiting]) -> None:
        """Those who get the packets that come next had these before them."""
        clock_rate = self._player.decoder.clock_rate
        with suppress(DecodeError):
            for payload in history:
                seconds = self._player.decoder.duration(payload) / clock_rate
                self._packets.note(payload, None, SILENT_LEVEL, seconds)
        for one in waiting:
            self._packets.note(one.payload, None, one.level, one.duration / clock_rate)

    def resume(self) -> Samples:
        """Play again, behind what was forwarded last: what follows is made up until it comes.

        Returns:
            The end of what was forwarded, as those heard it who got it: shape ``(960,)``, int16, 48 kHz.
        """
        self.plays = True
        heard = self._packets.catch_up(self._player.decoder)
        if self._quiet_since_ns is None and heard.any():
            self._player.go_on()
        return heard

    def take_level(self, ticks: int) -> float | None:
        """Let ticks pass.

        Returns:
            How loud, in dBov, what was forwarded meanwhile is taken to be; ``None`` if nothing came.
        """
        return self._packets.take_level(ticks)

    def restart(self) -> None:
        """Another stream takes over."""
        self._packets.forget()
        self._omission.forget()
        self._held.clear()
        self._meter = None
        self._quiet_since_ns = None
        if self.taker is not None:
            self.taker.restart()
