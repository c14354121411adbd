"""What a client of an audio socket says: any amount at any time in, 20 ms on each tick out.

It is played in real time and in order. Marks come back when they are reached. Where what follows is for other
listeners, nothing is played until they are the only ones who hear it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conference.audio.frame import Samples
from conference.codecs.linear import LinearCodec
from conference.telephony.playout_buffer import PlayoutBuffer
from conference.voices.messages import Address

TELL_EVERY_TICKS = 10
"""How often it is told that sound was dropped, while it is."""

MAX_ADDRESSES = 1000
"""Changes of who is to hear it that may wait."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """What became of the sound since the last flush, in milliseconds."""

    played_ms: float
    """So much others could hear."""

    unheard_ms: float
    """So much went by while its speaker was muted, on hold or in the lobby."""

    dropped_ms: float
    """So much was yet to be played."""

    marks: Sequence[str]
    """Those that were yet to be reached, in order."""


class Speech:
    """What one client says. Satisfies `participant.Source`.

    Args:
        rate: of the client's samples: 8000, 16000, 24000 or 48000 Hz.
        max_ahead_ms: most sound that is kept.
    """

    narrow = False

    def __init__(self, rate: int, max_ahead_ms: int) -> None:
        self._codec = LinearCodec(rate, "little")
        self.narrow = rate <= 8_000
        """Nothing above 4 kHz comes of it."""
        self._decoder = self._codec.make_decoder()
        self._playout = PlayoutBuffer(self._codec, max_bytes=max_ahead_ms * self._codec.frame_bytes // 20)
        self._playout.on_sound = self.wake_up
        self.wake: Callable[[], None] | None = None
        """See `room.participant.Source`."""

        self._half = b""  # of a sample that is not whole
        self._addresses: deque[Address] = deque()
        self._quiet = True
        self._played = self._unheard = self._overflow = self._overflow_before = self._ticks = 0
        self._withheld = False
        self._asked: Address | None = None
        self._settling = False  # other listeners hear it since the last tick
        self.is_audible: Callable[[], bool] = lambda: True
        """Says whether others may hear it now."""

        self.on_marks: Callable[[Sequence[str], float], None] = lambda _names, _played_ms: None
        """Told of marks that are reached, and how many milliseconds others have heard by then, since the last flush."""

        self.on_overflow: Callable[[float], None] = lambda _milliseconds: None
        """Told how much sound has found no place since it was last told."""

        self.on_address: Callable[[], None] = lambda: None
        """Told that what comes next is for others: see :attr:`awaited`."""

    @property
    def awaited(self) -> Address | None:
        """Who is to be the only one to hear what comes next; nothing is played until :meth:`go_on`."""
        return self._asked

    @property
    def played_ms(self) -> float:
        """So much others could hear since the last flush."""
        return self._milliseconds(self._played)

    @property
    def buffered_ms(self) -> float:
        """What is yet to be played."""
        return self._playout.buffered_ms

    @property
    def overflow_ms(self) -> float:
        """What has found no place, in all."""
        return self._milliseconds(self._overflow_before + self._overflow)

    def append(self, samples: bytes) -> None:
        """Play this after what is there.

        Args:
            samples: of one stream of linear PCM, 16 bits, little-endian, cut anywhere.
        """
        samples = self._half + samples
        odd = len(samples) % 2
        samples, self._half = (samples[:-1], samples[-1:]) if odd else (samples, b"")
        if lost := self._playout.append(samples):
            self._overflow += lost
            self.wake_up()

    def mark(self, name: str) -> None:
        """Tell :attr:`on_marks` when what is there by now has been played."""
        self._reached(self._playout.mark(name))

    def address(self, address: Address) -> bool:
        """What comes from here on is for others. Returns whether there was a place for that."""
        if len(self._addresses) >= MAX_ADDRESSES:
            return False
        self._addresses.append(address)
        self._playout.stop()
        self.wake_up()
        return True

    def go_on(self, *, heard: bool = True) -> None:
        """Those who are :attr:`awaited`, and no others, hear what comes next; or nobody does."""
        self._withheld = not heard
        self._asked, self._settling = None, True
        self._addresses.popleft()
        self._playout.go_on()
        self.wake_up()

    def withhold(self) -> bool:
        """Nobody hears what comes, until others are to. Returns whether anybody might have."""
        before, self._withheld = self._withheld, True
        return not before

    def flush(self) -> Flushed:
        """Drop all that is yet to be played. What was said last of who is to hear it holds."""
        dropped = self._playout.buffered_bytes
        marks = self._playout.clear()
        flushed = Flushed(
            self._milliseconds(self._played), self._milliseconds(self._unheard), self._milliseconds(dropped), marks
        )
        self._played = self._unheard = 0
        self._half = b""
        self._decoder, self._quiet = self._codec.make_decoder(), True
        if self._addresses:
            last, self._asked = self._addresses[-1], None
            self._addresses.clear()
            self.address(last)
        return flushed

    @property
    def idle(self) -> bool:
        """See `Source`: there is nothing to be played, nor anything else to be done on a tick."""
        waits = self._playout.buffered_bytes or self._addresses or self._settling or self._overflow
        return self._quiet and not waits

    def wake_up(self) -> None:
        """Tell whoever sleeps over this source that it is worth pulling again."""
        if self.wake is not None:
            wake, self.wake = self.wake, None
            wake()

    def slept(self, ticks: int) -> None:
        """So many ticks have passed while :attr:`idle`, on which nothing was pulled."""
        self._ticks += ticks

    def pull(self, now_ns: int) -> Samples | None:
        """See `Source.pull`."""
        del now_ns
        self._ticks += 1
        if self._overflow and self._ticks % TELL_EVERY_TICKS == 0:
            lost, self._overflow = self._overflow, 0
            self._overflow_before += lost
            self.on_overflow(self._milliseconds(lost))
        playout = self._playout
        if self._settling:  # a gain that changes fades over one tick, in which there is to be nothing
            self._settling = False
            return None
        if not playout.buffered_bytes or playout.stopped:
            return self._end()
        self._quiet = False
        before = playout.played_bytes
        payload, marks = playout.pull()
        played = playout.played_bytes - before
        withheld = self._withheld
        if self.is_audible() and not withheld:
            self._played += played
        else:
            self._unheard += played
        self._reached(marks)
        return None if withheld else self._decoder.decode(payload)

    def _end(self) -> Samples | None:
        """There is nothing to be played. Returns the end of what the resampler delays, if that is not over yet."""
        if self._addresses and self._asked is None and self._playout.stopped:
            self._asked = self._addresses[0]
            self.on_address()
        if self._quiet:
            return None
        self._quiet = True
        return self._decoder.decode(self._codec.silent_frame)

    def _reached(self, marks: Sequence[str]) -> None:
        if marks:
            self.on_marks(marks, self.played_ms)

    def _milliseconds(self, size: int) -> float:
        return round(size * 20 / self._codec.frame_bytes, 3)
