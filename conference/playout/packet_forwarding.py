"""What a source does while others get its packets as they came, in place of a mix or beside it.

Who gets them, and when, decides `room.forwarding`.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, Protocol

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SILENCE, TICKS_PER_SECOND, Samples
from conference.audio.noise_gate import level_of
from conference.codecs.base import DecodeError, Decoder
from conference.playout.level_trust import LevelTrust
from conference.playout.player import PacketPlayer
from conference.playout.silence import DTX_BYTES, SILENT_DBOV, is_silent

CATCH_UP_PACKETS: Final = 10
"""So many of the last packets are decoded when a decoder takes over in the middle of a word: it then sounds as one that
has followed from the beginning."""

QUIET_DBOV: Final = -50
"""Between words: with a packet no louder, a listener's decoder may go over from another encoder's packets."""

NARROW_RATE: Final = 8_000

OVER_TICKS: Final = 3
"""When nothing has come for so long, what came last is not gone on with."""

FIRST_CHECK_SECONDS: Final = 1.0
LAST_CHECK_SECONDS: Final = 5.0
"""How often what a sender says of its loudness is compared with what it sends; less often from time to time."""

SETTLING_PACKETS: Final = 5
"""Before it has had so many, a decoder that has just begun tells little about how loud something is."""


class PacketTaker(Protocol):
    """Who gets a source's packets as they came. Its methods must not block and must not raise."""

    def forward(self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int) -> None:
        """Take a packet.

        Args:
            sequence: the sender's RTP sequence number, 16 bits.
            timestamp: the sender's RTP timestamp, 32 bits, at the codec's clock rate.
            duration: the packet's length at that rate.
            payload: as it came.
            arrival_ns: when it came.
        """
        ...

    def restart(self) -> None:
        """Another stream takes over: sequence numbers and timestamps begin somewhere else."""
        ...


class ForwardableSource:
    """A source of packets or frames that others can get as they came, in place of a mix."""

    paced: bool = False
    """It gives one packet on each tick, none late and none missing, and only when told to :meth:`send_on`. If not, it
    gives packets as they come."""

    def pull(self, now_ns: int) -> Samples | None:
        """The next frame, shape ``(960,)``, int16; ``None`` if there is nothing to hear."""
        raise NotImplementedError

    @property
    def decoder(self) -> Decoder:
        """Of what comes in now."""
        raise NotImplementedError

    @property
    def narrow(self) -> bool:
        """Nothing above 4 kHz comes of it."""
        return self.decoder.clock_rate <= NARROW_RATE

    @property
    def taker(self) -> PacketTaker | None:
        """Who gets each packet as it comes."""
        raise NotImplementedError

    @property
    def plays(self) -> bool:
        """Packets are played here: `pull` gives their sound."""
        raise NotImplementedError

    @property
    def knows_level(self) -> bool:
        """How loud it is is known without decoding anything."""
        raise NotImplementedError

    @property
    def expected_level(self) -> float | None:
        """How loud this source is about to be, in dBov; ``None``: nobody knows."""
        return None

    @property
    def bitrate(self) -> float:
        """Bits per second, over the last second in which there was sound."""
        raise NotImplementedError

    def quiet_ms(self, now_ns: int) -> float:
        """For how long what is played has been quiet, in milliseconds, as far as is known without decoding it."""
        raise NotImplementedError

    def forward(self, taker: PacketTaker | None, *, plays: bool = True) -> None:
        """From now on somebody gets each packet.

        Args:
            taker: who; ``None``: nobody any more.
            plays: whether packets are played here, too. If not, `pull` gives nothing, and nothing is decoded.
        """
        raise NotImplementedError

    def resume(self) -> Samples:
        """Play again, behind what was forwarded last.

        Returns:
            The end of what was forwarded, as those heard it who got it: shape ``(n,)``, int16, 48 kHz.
        """
        raise NotImplementedError

    def take_level(self, now_ns: int, ticks: int = 1) -> float | None:
        """Let ticks pass on which packets are not played: one at a time, if this source is :attr:`paced`.

        Returns:
            How loud what is forwarded is, in dBov; ``None``: there is nothing.
        """
        raise NotImplementedError

    def send_on(self, now_ns: int) -> None:
        """Give the :attr:`taker` what is heard on this tick, if this source is :attr:`paced`."""

    def wake_up(self) -> None:
        """Tell whoever sleeps over this source that it is worth pulling again."""


class ForwardedPackets:
    """The last packets of a source that is forwarded, and not played: what has to be known to go on by playing."""

    __slots__ = ("_check_seconds", "_held", "_level", "_loudest", "_recent", "_unchecked_seconds")

    def __init__(self) -> None:
        self._recent: deque[tuple[bytes, int | None]] = deque(maxlen=CATCH_UP_PACKETS)  # payloads, and their levels
        self._loudest: int | None = None  # since the last tick
        self._level: int | None = None  # of what came last
        self._held = 0  # ticks for which that goes on
        self._check_seconds = FIRST_CHECK_SECONDS
        self._unchecked_seconds = 0.0

    def note(self, payload: bytes, level: int | None, seconds: float) -> None:
        """A packet was forwarded.

        Args:
            payload: what was in it.
            level: what its sender measured, in dBov; ``None`` if that is not known.
            seconds: how long it is.
        """
        self._recent.append((payload, level))
        self._unchecked_seconds += seconds
        self._held = math.ceil(seconds * TICKS_PER_SECOND)
        if level is not None and (self._loudest is None or level > self._loudest):
            self._loudest = level

    def take_level(self, ticks: int) -> int | None:
        """Let ticks pass. Returns how loud what was forwarded is said to be, in dBov; ``None`` if nothing was."""
        if self._loudest is not None:
            self._level, self._loudest = self._loudest, None
            ticks = 1  # at least so many since it came
        elif self._held <= 0:
            self._level = None
        self._held -= ticks
        return self._level

    @property
    def is_check_due(self) -> bool:
        """It is time for a :meth:`check`."""
        return self._unchecked_seconds >= self._check_seconds

    def check(self, decoder: Decoder, trust: LevelTrust) -> None:
        """Decode what came last, to see whether it is as loud as its sender says.

        Args:
            decoder: is reset; of no use to anybody before it is reset again.
            trust: takes in what is found.
        """
        self._unchecked_seconds = 0.0
        self._check_seconds = min(2 * self._check_seconds, LAST_CHECK_SECONDS)
        decoder.reset()
        for number, (payload, said) in enumerate(self._recent):
            try:
                level = level_of(decoder.decode(payload))
            except DecodeError:
                continue
            if said is None or number < SETTLING_PACKETS or len(payload) <= DTX_BYTES:
                continue
            if said > SILENT_DBOV:
                trust.compare(said, level)
            elif number == len(self._recent) - 1:
                trust.check_silence(said + trust.correction, level)

    def forget(self) -> None:
        """Another stream begins."""
        self._recent.clear()
        self._loudest = self._level = None
        self._held = 0

    def catch_up(self, decoder: Decoder) -> Samples:
        """Bring a decoder to where the listeners' are.

        Returns:
            The end of what they have heard: shape ``(960,)``, int16, 48 kHz; silence where that is not known, or over.
        """
        decoder.reset()
        if self._held < -OVER_TICKS:
            self.forget()
        heard = SILENCE
        for payload, _ in self._recent:
            try:
                heard = np.concatenate((heard, decoder.decode(payload)))[-FRAME_SAMPLES:]
            except DecodeError:
                continue
        self.forget()
        return heard


class PacketForwarding:
    """Who gets the packets of one source as they came, and what has to be known of the source for that.

    Args:
        player: plays the packets when they are not only forwarded.
        trust: how far it is believed what the sender says of its loudness.

    Attributes:
        taker: who gets each packet as it comes, without a wait; ``None``: nobody.
        plays: packets are also played here. If not, the source gives no sound, and nothing is decoded.
        bitrate: bits per second, over the last second in which there was sound.
    """

    __slots__ = ("_packets", "_player", "_quiet_since_ns", "_trust", "bitrate", "plays", "taker")

    def __init__(self, player: PacketPlayer, trust: LevelTrust) -> None:
        self.taker: PacketTaker | None = None
        self.plays = True
        self.bitrate = 0.0
        self._player = player
        self._trust = trust
        self._packets = ForwardedPackets()
        self._quiet_since_ns: int | None = None  # packets have been said to be quiet since then

    def note_level(self, level: int | None, size: int, arrival_ns: int) -> None:
        """Take note of how loud a packet is, whether it is forwarded or not.

        Args:
            level: what its sender measured, in dBov; ``None`` if that is not known.
            size: of its payload, in bytes.
            arrival_ns: when it came.
        """
        if not is_silent(level, size, QUIET_DBOV):
            self._quiet_since_ns = None
        elif self._quiet_since_ns is None:
            self._quiet_since_ns = arrival_ns

    def note_size(self, size: int, seconds: float) -> None:
        """Take note of how large a packet's payload is, in bytes, and how long the packet is, in seconds."""
        if size > DTX_BYTES and seconds > 0:
            self.bitrate += (8 * size / seconds - self.bitrate) * min(1.0, seconds)

    def quiet_ms(self, now_ns: int) -> float:
        """For how long what is played has been quiet, by what packets say, in milliseconds."""
        if self._quiet_since_ns is None:
            return 0.0
        return max(0.0, (now_ns - self._quiet_since_ns) / 1e6 - self._player.buffered_ms)

    def forward(
        self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None, redundant: bool
    ) -> None:
        """Hand a packet on as it came, to the :attr:`taker`; what is said of it is as in `PacketSource.push`.

        Now and then packets are decoded, to see whether the sender is as loud as it says.

        Raises:
            DecodeError: the payload is not a packet of the codec; it is not handed on.
        """
        player = self._player
        duration = player.decoder.duration(payload)
        if self.taker is not None:
            self.taker.forward(sequence, timestamp, duration, payload, arrival_ns)
        if self.plays:
            return
        if not redundant:
            player.jitter.pass_by(sequence, timestamp, arrival_ns, duration)
        seconds = duration / player.decoder.clock_rate
        self._packets.note(payload, level, seconds)
        if level is not None and self._packets.is_check_due:
            self._packets.check(player.decoder, self._trust)
        self.note_size(len(payload), seconds)

    def play(self, plays: bool) -> None:
        """Say whether the packets that come next are also played. What waits to be played is dropped if not."""
        before, self.plays = self.plays, plays
        if before and not plays:
            self._player.suspend()
            self._packets.forget()

    def resume(self) -> Samples:
        """Play again, behind what was forwarded last: what follows is made up until it comes.

        Returns:
            The end of what was forwarded, as those heard it who got it: shape ``(960,)``, int16, 48 kHz.
        """
        self.plays = True
        heard = self._packets.catch_up(self._player.decoder)
        if self._quiet_since_ns is None and heard.any():
            self._player.jitter.resume()
        return heard

    def take_level(self, ticks: int) -> float | None:
        """Let ticks pass.

        Returns:
            How loud, in dBov, what was forwarded meanwhile is said to be, corrected by how the sender measures;
            ``None`` if nothing came.
        """
        level = self._packets.take_level(ticks)
        return None if level is None else self._trust.corrected(level)

    def restart(self) -> None:
        """Another stream takes over."""
        self._packets.forget()
        self._quiet_since_ns = None
        if self.taker is not None:
            self.taker.restart()
