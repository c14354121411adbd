"""The packets of one source that are not decoded: those that are said to be silent, and those that nobody is to hear.

What is silent is a matter of degree. Where enough others are louder, the noise of somebody's room is as good as silence
until they speak: see :meth:`PacketSource.squelch`.

The last of them are kept. They are decoded just before the first packet that is to be heard, to give the decoder the
history that its encoder leaned on.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from conference.audio.gate import OPEN_DB
from conference.codecs.base import DecodeError, Decoder
from conference.playout.items import SILENT_DBOV
from conference.playout.jitter import DTX_BYTES
from conference.playout.statistics import StreamStats

PRIMING_PACKETS = 3
"""How many are kept. So many silent packets in a row are decoded, too, before the first that is not: ends of words."""

SILENT_KEEP_ALIVE = 10
LONGEST_KEEP_ALIVE = 25
"""Of the packets of a long silence, one in so many is taken note of: what the network does stays known. The second
holds for who sends many a second, and whose silence has proved true."""

KEPT_BYTES = 160
"""A silent packet larger than that (64 kbit/s) does not go by without a look."""


NOISE_LOOKS = 5
"""The quietest of so many looks at noise that goes by is what it is now: they take a second or two."""

NOISE_VARIES_DB = 3
"""The quietest of those and of many more differ by as much, though nothing has changed."""


class Door(Protocol):
    """What lets silent packets go by before they come to their source: where they arrive, many can be seen at once."""

    def open(self, packets: int, silent_dbov: int) -> None:
        """So many of the next packets may go by: silent ones, of at most :data:`KEPT_BYTES`.

        Args:
            packets: how many.
            silent_dbov: those are silent whose sender measured this or less (RFC 6464).
        """
        ...

    def close(self) -> int:
        """None may go by any more. Returns how many have gone by since it was opened."""
        ...

    def kept(self, packets: int) -> list[bytes]:
        """The payloads of the last packets that went by.

        Args:
            packets: how many to look for: of the last :data:`PRIMING_PACKETS` at most.

        Returns:
            The oldest first, those that turn out to be worth nothing empty.
        """
        ...


class PassingNoise:
    """What is known of the noise that goes by of one who is squelched: what stands out from it changes with it.

    Args:
        silent_dbov: what counted as silent when they were squelched, by what their sender says.
        correction: how much louder they are than their sender says, in dB.
    """

    __slots__ = ("_correction", "_looks", "_quietest", "_silent_dbov")

    def __init__(self, silent_dbov: int, correction: float) -> None:
        self._silent_dbov = silent_dbov
        self._correction = correction
        self._looks: tuple[int, ...] = ()  # how loud the packets were said to be that were looked at last
        self._quietest = 0  # and the quietest of all

    def look(self, level: int) -> int:
        """Look at a packet that was said to be as loud as that. Returns what counts as silent from here on, in dBov."""
        self._looks = (*self._looks[1 - NOISE_LOOKS :], level)
        self._quietest = min(self._quietest, level)
        return min(self._silent_dbov, self._quietest + int(OPEN_DB)) + self.rise

    @property
    def quietest(self) -> float | None:
        """The noise was as quiet as that, in dBov; ``None``: it was not looked at."""
        return self._quietest + self._correction if self._looks else None

    @property
    def rise(self) -> int:
        """How much louder it is by now, in dB: not counting what noise varies by."""
        if len(self._looks) < NOISE_LOOKS:
            return 0
        return max(0, min(self._looks) - self._quietest - NOISE_VARIES_DB)


class Unheard:
    """The packets of one source that are not decoded."""

    __slots__ = (
        "_granted", "_last", "_older", "_oldest", "arrived", "door", "due", "passing", "played", "silent_dbov",
    )  # fmt: skip

    silent_dbov: int
    """A packet whose sender measured this or less is silent."""

    arrived: int
    """Silent packets that came in a row."""

    due: int
    """When so many have come, one is looked at."""

    passing: int
    """So many that come next may go by, if they are silent, without a look at anything else."""

    played: int
    """Silent packets whose turn came in a row."""

    door: Door | None
    """Where packets go by; ``None``: each of them comes here."""

    _last: bytes | None
    _older: bytes | None
    _oldest: bytes | None  # a payload; ``None``: the door has it; empty: there is none

    def __init__(self) -> None:
        self._granted = self.passing = 0
        self.played = 0
        self.silent_dbov = SILENT_DBOV
        self.door = None
        self.begin()
        self.forget()

    def is_silent(self, level: int | None, payload: bytes) -> bool:
        """Whether a packet is silence, as far as its header and its size tell.

        Args:
            level: what its sender measured, in dBov; ``None`` if nothing is known, or believed.
            payload: as short as an announcement of silence, perhaps.
        """
        return len(payload) <= DTX_BYTES if level is None else level <= self.silent_dbov

    def begin(self) -> None:
        """A silent packet that comes now is the first one."""
        self.arrived = 0
        self.due = SILENT_KEEP_ALIVE

    def let_pass(self, packets: int) -> None:
        """The silence is a long one: no look is taken at the next packets of it."""
        self._granted = self.passing = packets
        if self.door is not None:
            self.door.open(packets, self.silent_dbov)

    def goes_by(self, level: int | None, payload: bytes) -> bool:
        """Whether a packet that has come goes by without a look: it is one of those in :attr:`passing`."""
        if self.door is not None:
            self._close(self.door)
        if not self.passing or level is None or level > self.silent_dbov or len(payload) > KEPT_BYTES:
            return False
        self.passing -= 1
        self.keep(payload)
        return True

    def _close(self, door: Door) -> None:
        """Take over from the door: what is not silent has come, or more than may go by."""
        passed = door.close()
        self.passing -= passed
        for _ in range(min(passed, PRIMING_PACKETS)):
            self.keep(None)

    def stop(self, stats: StreamStats) -> None:
        """Look at each packet again, and count those that have gone by without a look."""
        if self.passing and self.door is not None:
            self._close(self.door)
        passed = self._granted - self.passing
        self._granted = self.passing = 0
        self.arrived += passed
        stats.passed_over += passed
        stats.jitter.received += passed

    def may_pass(self, level: int | None, payload: bytes) -> bool:
        """Whether a packet whose turn it is can be passed over: there has been silence for a while."""
        self.played = self.played + 1 if self.is_silent(level, payload) else 0
        return self.pausing

    @property
    def pausing(self) -> bool:
        """What plays has been silent for a while."""
        return self.played > PRIMING_PACKETS

    def keep(self, payload: bytes | None) -> None:
        """A packet is not decoded; ``None``: the door has it."""
        self._oldest, self._older, self._last = self._older, self._last, payload

    def prime(self, decoder: Decoder) -> None:
        """A packet is about to be decoded: give the decoder what came before it."""
        if self._last == b"":
            return
        kept = self._take_kept()
        self.forget()
        for payload in kept:
            if payload:
                with suppress(DecodeError):
                    decoder.decode(payload)

    def _take_kept(self) -> list[bytes]:
        kept = (self._oldest, self._older, self._last)
        away = kept.count(None)
        there = iter(self.door.kept(away) if self.door is not None and away else ())
        return [next(there, b"") if payload is None else payload for payload in kept]

    def lead(self, door: Door | None) -> None:
        """From now on packets go by there. Whatever went by before has been counted: see :meth:`stop`."""
        self._oldest, self._older, self._last = self._take_kept()
        self.door = door

    def forget(self) -> None:
        """What was kept leads to nothing any more."""
        self._oldest = self._older = self._last = b""
