"""What a source is whose packets others can get as they came, and who gets them.

Who gets whose packets, and when, decides `room.forwarding`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from conference.audio.frame import Samples
from conference.codecs.base import Decoder

SETTLING_MS: Final = 60
"""So much quiet sound a decoder of Opus needs, to decode the next word as one that has followed for long (measured)."""

QUIET_DBOV: Final = -50
"""Between words: with a packet no louder, a listener's decoder may go over from another encoder's packets."""

NARROW_RATE: Final = 8_000


class ForwardedPacket(NamedTuple):
    """A packet as a taker gets it: see `PacketTaker.forward`."""

    sequence: int
    timestamp: int
    duration: int
    payload: bytes
    arrival_ns: int
    level: int | None


class PacketTaker(Protocol):
    """Who gets a source's packets as they came. Its methods must not block and must not raise."""

    @property
    def outlets(self) -> Sequence[Any]:
        """The sinks that get each packet as it comes here; none: it looks at each packet itself.

        When that changes, it tells the source; see `ForwardableSource.outlets_changed`.
        """
        ...

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None
    ) -> None:
        """Take a packet.

        Args:
            sequence: the sender's RTP sequence number, 16 bits, less the number of silent packets left out before.
            timestamp: the sender's RTP timestamp, 32 bits, at the codec's clock rate.
            duration: the packet's length at that rate.
            payload: as it came.
            arrival_ns: when it came.
            level: how loud it is, in dBov, as its sender says or as was measured; ``None`` if neither is known.
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

    wake: Callable[[], None] | None = None
    """Called once, with what makes this source worth pulling again; see `room.participant.Source`."""

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
    def omits_silence(self) -> bool:
        """A long silence is not given, as with DTX."""
        return False

    @property
    def settling_ms(self) -> float:
        """How much quiet sound of it a decoder needs before a word, to decode that as one that has followed for long.

        Packets that hold nothing but the news of a pause (DTX) are of no use for that.
        """
        return 0.0

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

    def measure(self, quiet_dbov: float) -> bool:
        """See to it that it is known how loud each packet is as it comes, although it is played later.

        Args:
            quiet_dbov: what is no louder, in dBov, is quiet.

        Returns:
            Whether nothing louder waits to be played, as far as is not known otherwise. If something does, nothing is
            measured.
        """
        del quiet_dbov
        return True

    def stop_measuring(self) -> None:
        """Packets need not be measured any more before they are played."""

    def waiting(self, now_ns: int) -> Iterable[ForwardedPacket]:
        """What has come and would be played from now on, if it will not be given to a taker any more; in its order.

        Args:
            now_ns: taken for the time at which the last of it came.
        """
        del now_ns
        return ()

    @property
    def sent_until_ns(self) -> int | None:
        """When the sound of what the :attr:`taker` was given last ended, while silence is left out behind it."""
        return None

    @property
    def begins(self) -> bool:
        """After silence there is something to hear again, and nothing of it was played yet."""
        return False

    def beginning(self, now_ns: int) -> Sequence[ForwardedPacket]:
        """What stands at the beginning of a word while this source :attr:`begins`, for whoever has heard others.

        Returns:
            As much of the silence before the word as a decoder needs that has followed others, and what has come of the
            word; in its order. Empty if not enough of that silence is known. The last of it came when it came.
        """
        del now_ns
        return ()

    def linger(self) -> None:
        """Give the next silent packets, however long the silence was: somebody is new to them."""

    def forward(self, taker: PacketTaker | None, *, plays: bool = True, omits_silence: bool = False) -> None:
        """From now on somebody gets each packet.

        Args:
            taker: who; ``None``: nobody any more.
            plays: whether packets are played here, too. If not, `pull` gives nothing, and only those are decoded that
                do not say how loud they are.
            omits_silence: whether a long silence may be left out, as DTX does.
        """
        raise NotImplementedError

    def outlets_changed(self) -> None:
        """The :attr:`taker` hands packets to others, or looks at them itself from now on."""

    def resume(self) -> Samples:
        """Play again, behind what was forwarded last.

        Returns:
            The end of what was forwarded, as those heard it who got it: shape ``(n,)``, int16, 48 kHz.
        """
        raise NotImplementedError

    def take_level(self, now_ns: int, ticks: int = 1) -> float | None:
        """Let ticks pass on which packets are not played.

        Returns:
            How loud what is forwarded is, in dBov, the loudest of it; ``None``: there is nothing.
        """
        raise NotImplementedError

    def send_on(self, now_ns: int) -> None:
        """Give the :attr:`taker` what is heard on this tick, if this source is :attr:`paced`."""

    def wake_up(self) -> None:
        """Tell whoever sleeps over this source that it is worth pulling again."""
        wake = self.wake
        if wake is not None:
            self.wake = None
            wake()
