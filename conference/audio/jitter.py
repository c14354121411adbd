"""The jitter buffer: packets in as the network brings them, out as the ear needs them.

It reorders, waits just long enough, and says for each stretch of time what it holds: a `Packet`, a `Lost` one, or
`Silence`. Reasoning, in the order in which `JitterBuffer.pull` applies it:

* The *position* is the media timestamp that plays next. It advances with the durations handed out, so a packet that
  does not come is played over, once, and costs no delay.
* While the buffer is empty it is not known whether the missing packet is lost or late. What was concealed meanwhile is
  settled when the next packet comes: lost, and the position moves on; or late, and then the delay grows by it if the
  target asks for that much, and the packet is cut or dropped if not.
* Before the first packet, and after every silence, play starts when the oldest packet has waited for the target delay.
  That is where surplus delay goes: nobody hears a pause become shorter.
* A gap in timestamps without one in sequence numbers is silence: the sender used DTX (RFC 7587 section 3.1.3, RFC 3551
  section 4.1). A gap in both is loss.
* An empty buffer is loss for as long as concealment is convincing, and silence from then on.

Time is an argument. All media times are in samples of the stream's own clock, unwrapped to plain integers.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import TypeAlias

from conference.audio.delay import DelayEstimator

MAX_DROPOUT = 3000
"""A jump forward in sequence numbers by this many or more is a restart (RFC 3550, appendix A.1)."""

MAX_MISORDER = 100
"""A jump backward by more than this is a restart (RFC 3550, appendix A.1)."""

DTX_BYTES = 2
"""A payload of this many bytes or fewer announces silence (RFC 6716 section 3.1: a lone TOC is an empty frame)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet whose turn it is."""

    payload: bytes
    duration: int
    """Samples at the stream's clock rate."""

    level: int | None = None
    """The sender's own measurement in dBov (RFC 6464), if there was one."""

    skip: int = 0
    """Samples at its start whose time has passed: they were concealed already."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A stretch that should have sounded, and whose packet is not here."""

    duration: int
    following: bytes | None
    """The packet right after the stretch, if it is here already: in-band FEC may hold the lost one."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch in which there is nothing to play."""

    duration: int


Item: TypeAlias = Packet | Lost | Silence


@dataclass(slots=True)
class JitterStats:
    """Counts since the stream began."""

    received: int = 0
    duplicate: int = 0
    late: int = 0
    """Came after their turn; dropped."""

    lost: int = 0
    """Stretches reported as `Lost`, in packets."""

    overflowed: int = 0
    """Dropped because the buffer was full."""

    restarts: int = 0


@dataclass(order=True, slots=True)
class _Entry:
    sequence: int
    timestamp: int = field(compare=False)
    duration: int = field(compare=False)
    payload: bytes = field(compare=False)
    level: int | None = field(compare=False)

    @property
    def end(self) -> int:
        return self.timestamp + self.duration


class JitterBuffer:
    """Orders and times the packets of one stream.

    Args:
        clock_rate: samples per second of the stream's timestamps.
        minimum_ms: least target delay.
        maximum_ms: greatest target delay.
        capacity_ms: most sound held; the oldest goes first.
        conceal_ms: how long an empty buffer is reported as `Lost` before it counts as `Silence`.
    """

    def __init__(
        self,
        clock_rate: int,
        *,
        minimum_ms: int = 5,
        maximum_ms: int = 200,
        capacity_ms: int = 1000,
        conceal_ms: int = 60,
    ) -> None:
        self.clock_rate = clock_rate
        self.stats = JitterStats()
        self.delay = DelayEstimator(minimum=minimum_ms * clock_rate // 1000, maximum=maximum_ms * clock_rate // 1000)
        self._capacity = capacity_ms * clock_rate // 1000
        self._conceal = conceal_ms * clock_rate // 1000
        self._tick = clock_rate // 50
        self._entries: list[_Entry] = []
        self._forget_stream()

    def _forget_stream(self) -> None:
        self._entries.clear()
        self._highest: _Entry | None = None  # by sequence number: the reference for unwrapping
        self._suspect: int | None = None  # a raw sequence number far off, waiting for its successor
        self._last_played = -(1 << 62)  # sequence number
        self._position = 0  # media time that plays next
        self._playing = False
        self._starved = 0  # samples concealed since the buffer ran empty, and not settled yet
        self._concealed = 0  # samples reported lost since the last packet
        self._last_duration = self._tick
        self._announced_silence = False

    def reset(self) -> None:
        """Forget the stream: the next packet starts another one."""
        self._forget_stream()
        self.delay.reset()

    @property
    def buffered(self) -> int:
        """Sound held, in samples of the stream's clock."""
        return sum(entry.duration for entry in self._entries)

    def push(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        duration: int,
        arrival_ns: int,
        level: int | None = None,
    ) -> None:
        """Take a packet as it arrived.

        Args:
            sequence: RTP sequence number, 16 bits, wrapping.
            timestamp: RTP timestamp, 32 bits, wrapping.
            payload: what was sent.
            duration: its length in samples of the stream's clock.
            arrival_ns: when it came.
            level: the sender's own measurement in dBov (RFC 6464), if there is one.
        """
        self.stats.received += 1
        entry = self._unwrap(_Entry(sequence, timestamp, duration, payload, level))
        if entry is None:
            return
        transit = arrival_ns * self.clock_rate // 1_000_000_000 - entry.timestamp
        if entry.sequence <= self._last_played:
            self.stats.late += 1
            self.delay.observe_late(transit)
            return
        if self._holds(entry.sequence):
            self.stats.duplicate += 1
            return
        if self._playing and entry.end <= self._position + self._starved:
            self.delay.observe_late(transit)
        else:
            self.delay.observe(transit)
        insort(self._entries, entry)
        self._bound()

    def pull(self, now_ns: int, wanted: int) -> Item:
        """What plays next.

        Args:
            now_ns: the moment at which it will be heard.
            wanted: how many samples are needed at least; the length of a `Silence`.
        """
        now = now_ns * self.clock_rate // 1_000_000_000
        cut = self._settle(now) if self._starved and self._playing else 0
        if not self._entries:
            return self._starve(wanted)
        head = self._entries[0]
        due = now - self.delay.base - head.timestamp >= self.delay.target
        if not self._playing:
            return self._play_head(skip=0) if due else Silence(wanted)
        gap = head.timestamp - self._position
        contiguous = head.sequence == self._last_played + 1
        if gap >= self._tick and (contiguous or self._concealed >= self._conceal):
            self._playing = False  # a pause, or too much is lost to make up: what follows waits for its own time
            return self._play_head(skip=0) if due else Silence(wanted)
        if contiguous:
            return self._play_head(skip=cut)
        if gap <= 0:
            return self._play_head(skip=-gap)
        return self._report_lost(head, gap, hold=self._lag(now) + self._tick <= self.delay.target)

    def surplus(self, now_ns: int) -> int:
        """By how many samples play lags behind what the network asks for, beyond what ticks cost; 0 while pausing.

        Play starts on a tick, so up to one tick over the target is the price of that, not a surplus; and half a tick
        more is let pass, or a target that wavers would have speech shortened all the time.

        Args:
            now_ns: when the next item will be heard.
        """
        if not self._playing:
            return 0
        lag = self._lag(now_ns * self.clock_rate // 1_000_000_000)
        return max(0, lag - self.delay.target - self._tick * 3 // 2)

    # Arrival

    def _unwrap(self, raw: _Entry) -> _Entry | None:
        """Place raw counters on the stream's own endless ones; ``None`` while a jump is unconfirmed."""
        highest = self._highest
        if highest is None:
            self._highest = raw
            return raw
        step = _signed(raw.sequence - highest.sequence, 16)
        if not -MAX_MISORDER <= step < MAX_DROPOUT:
            # RFC 3550, appendix A.1: two in a row make a restart, one alone is a stray.
            if self._suspect != raw.sequence:
                self._suspect = (raw.sequence + 1) & 0xFFFF
                return None
            return self._restart(raw)
        self._suspect = None
        ahead = _signed(raw.timestamp - highest.timestamp, 32)
        if ahead * step < 0:
            return self._restart(raw)  # time ran backwards
        raw.sequence = highest.sequence + step
        raw.timestamp = highest.timestamp + ahead
        if step > 0:
            self._highest = raw
        return raw

    def _restart(self, first: _Entry) -> _Entry:
        self.stats.restarts += 1
        self.reset()
        self._highest = first
        return first

    def _holds(self, sequence: int) -> bool:
        return any(entry.sequence == sequence for entry in self._entries)

    def _bound(self) -> None:
        held = self.buffered
        while held > self._capacity and len(self._entries) > 1:
            dropped = self._entries.pop(0)
            held -= dropped.duration
            self._last_played = dropped.sequence
            self._position = dropped.end
            self.stats.overflowed += 1

    # Playing

    def _play_head(self, *, skip: int) -> Packet:
        head = self._entries.pop(0)
        self._playing = True
        self._starved = 0
        self._concealed = 0
        self._last_played = head.sequence
        self._position = head.end
        self._last_duration = max(head.duration, self._tick // 8)  # 2.5 ms is the shortest Opus frame
        self._announced_silence = len(head.payload) <= DTX_BYTES
        return Packet(head.payload, head.duration, head.level, skip)

    def _lag(self, now: int) -> int:
        """How late the position plays, compared with the fastest packet."""
        return now - self.delay.base - self._position

    def _report_lost(self, head: _Entry, gap: int, *, hold: bool) -> Item:
        """Conceal what is missing before the head.

        With ``hold`` the position stays: play is far ahead of what the network now needs, so the delay grows by what
        is concealed, and the packet may still come.
        """
        duration = min(self._last_duration, gap)
        self._concealed += duration
        self.stats.lost += 1
        if hold:
            return Lost(duration, None)
        self._last_played += 1
        self._position += duration
        next_in_line = head.sequence == self._last_played + 1 and head.timestamp == self._position
        return Lost(duration, head.payload if next_in_line else None)

    def _starve(self, wanted: int) -> Item:
        if not self._playing:
            return Silence(wanted)
        if self._announced_silence or self._concealed >= self._conceal:
            self._playing = False
            return Silence(wanted)
        self._starved += self._last_duration
        self._concealed += self._last_duration
        self.stats.lost += 1
        return Lost(self._last_duration, None)

    def _settle(self, now: int) -> int:
        """Once the buffer is no longer empty, decide whether the packet that play did without was lost, or late.

        Returns:
            How much of the head's start was concealed already, in samples.
        """
        concealed_until = self._position + self._starved
        while self._entries:
            head = self._entries[0]
            contiguous = head.sequence == self._last_played + 1
            allowed = self.delay.target + self._tick if contiguous else self.delay.target - self._tick
            if self._lag(now) <= allowed:
                self._starved = 0  # late, and its like are to be expected: from here on we play later
                return 0
            if head.end > concealed_until:
                self._starved = 0
                self._position = concealed_until
                return max(0, concealed_until - head.timestamp)
            self._entries.pop(0)
            self.stats.late += 1
            self._last_played = head.sequence
            self._position = head.end
        self._starved = max(0, concealed_until - self._position)
        return 0


def _signed(difference: int, bits: int) -> int:
    """The shortest way from one wrapping counter of ``bits`` bits to another."""
    half = 1 << (bits - 1)
    return ((difference + half) & ((1 << bits) - 1)) - half
