"""The jitter buffer: packets in as the network brings them, out as the ear needs them.

It reorders, waits just long enough, and says for each stretch of time what it holds: a `Packet`, a `Lost` one, or
`Silence`. Reasoning, in the order in which `JitterBuffer.pull` applies it:

* The *position* is the media timestamp that plays next. The position advances with the durations handed out, so a
  missing packet is concealed once and costs no delay.
* While the buffer is empty it is not known whether the missing packet is lost or late. The next packet tells. If the
  missing one was lost, the position moves on. If it was late, the delay grows by what was concealed meanwhile, or, if
  the target delay does not ask for that much, the late packet is cut or dropped.
* Before the first packet, and after every silence, play starts when the oldest packet has waited for the target delay.
  Most of a surplus of delay is taken away there: nobody hears a pause become shorter. In the middle of sound
  `JitterBuffer.correction` says by how much play would have to be shortened, or stretched, for its delay to be right.
* A gap in timestamps without one in sequence numbers is silence: the sender used DTX (RFC 7587 section 3.1.3, RFC 3551
  section 4.1). A gap in both is loss.
* An empty buffer is loss for as long as concealment is convincing, and silence from then on.

Time is an argument. All media times are in samples of the stream's own clock, unwrapped to plain integers.
"""

from __future__ import annotations

from array import array
from bisect import insort
from collections.abc import Iterable, Sequence
from itertools import pairwise

from conference.playout.delay import DelayEstimator
from conference.playout.items import Item, JitterStats, Lost, Packet, Silence, Waiting
from conference.playout.sequence import MAX_DROPOUT, Unwrapper
from conference.playout.silence import DTX_BYTES

SKIPPED_REMEMBERED = 64
"""So many of the packets that were played without are remembered: should one still come, it does not count as a
duplicate."""

PASSED_AT_ONCE = 32
"""Of so many packets in a row that are only passed on, the fastest and the two slowest are looked at: for a single late
one nobody waits, but for two."""

PASSED_SECONDS = 10
"""In so long at most. What a sender leaves out, or loses on the way, does not matter."""

HYSTERESIS = 16
"""Delay is taken out only if what remains is more than the target by one part in so many of it: a target that wavers
must not have speech shortened and stretched in turn."""


class JitterBuffer:
    """Orders and times the packets of one stream.

    Args:
        clock_rate: samples per second of the stream's timestamps.
        minimum_ms: least target delay.
        maximum_ms: greatest target delay.
        capacity_ms: most sound held; the oldest goes first.
        conceal_ms: how long an empty buffer is reported as `Lost` before it counts as `Silence`.
    """

    __slots__ = (
        "_announced_silence",
        "_arrival",
        "_capacity",
        "_conceal",
        "_concealed",
        "_entries",
        "_last_duration",
        "_last_played",
        "_passed",
        "_playing",
        "_position",
        "_skipped",
        "_slip",
        "_starved",
        "_tick",
        "_unwrapper",
        "buffered",
        "clock_rate",
        "delay",
        "stats",
    )

    def __init__(
        self,
        clock_rate: int,
        *,
        minimum_ms: int = 3,
        maximum_ms: int = 200,
        capacity_ms: int = 1000,
        conceal_ms: int = 60,
    ) -> None:
        self.clock_rate = clock_rate
        self.stats = JitterStats()
        self.delay = DelayEstimator(
            clock_rate=clock_rate,
            minimum=minimum_ms * clock_rate // 1000,
            maximum=maximum_ms * clock_rate // 1000,
        )
        self._capacity = capacity_ms * clock_rate // 1000
        self._conceal = conceal_ms * clock_rate // 1000
        self._tick = clock_rate // 50
        self._slip = clock_rate // 1000  # by so much less than the target it may be without making up for it at once
        self._unwrapper = Unwrapper()
        self._entries: list[Waiting] = []
        self._skipped = array("q")
        self._forget_stream()

    def _forget_stream(self) -> None:
        self._entries.clear()
        self._passed: list[tuple[int, int, int, int]] = []  # packets that were passed on, and are yet to be looked at
        del self._skipped[:]  # sequence numbers that play did without
        self.buffered = 0
        """Sound held, in samples of the stream's clock."""

        self._last_played = -(1 << 62)  # sequence number
        self._arrival = 0  # of the packet that came last
        self._position = 0  # media time that plays next
        self._playing = False
        self._starved = 0  # samples concealed since the buffer ran empty, and not settled yet
        self._concealed = 0  # samples reported lost since the last packet
        self._last_duration = self._tick
        self._announced_silence = False

    def reset(self) -> None:
        """Forget the stream: the next packet starts another one."""
        self._forget_stream()
        self._unwrapper.reset()
        self.delay.reset()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to play, and nothing to make up."""
        return not self._entries and not self._playing

    @property
    def begins(self) -> bool:
        """Whether something waits after silence, of which nothing was played yet."""
        return bool(self._entries) and not self._playing

    @property
    def waiting(self) -> Sequence[Waiting]:
        """What is yet to be played, in its order."""
        return self._entries

    @property
    def ready(self) -> bool:
        """Whether what plays next is here, and right after what was played last."""
        return self._playing and bool(self._entries) and self._entries[0].timestamp == self._position

    def push(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        duration: int,
        arrival_ns: int,
        level: int | None = None,
        *,
        redundant: bool = False,
        repairs: bool = False,
        silent: bool = False,
    ) -> None:
        """Take a packet as it arrived.

        Args:
            sequence: RTP sequence number, 16 bits, wrapping.
            timestamp: RTP timestamp, 32 bits, wrapping.
            payload: what was sent.
            duration: its length in samples of the stream's clock.
            arrival_ns: when it came.
            level: the sender's own measurement in dBov (RFC 6464), if there is one.
            redundant: it came inside a later packet (RFC 2198), so that it tells nothing about the network's delay.
            repairs: it holds what can make up for the packet before it, should that be lost.
            silent: when play has come to its end, nothing is missing, and nor is what would have come before the next
                one. So it is with a payload of no more than :data:`DTX_BYTES`, too.
        """
        self.stats.received += 1
        if self._passed:
            self._look_at_passed()
        place = self._place(sequence, timestamp)
        if place is None:
            return
        sequence, timestamp = place
        newest = self._entries[-1].sequence if self._entries else self._last_played
        if sequence <= newest and self._is_known(sequence):
            self.stats.duplicate += 1
            return
        if not redundant:
            self._time(timestamp, arrival_ns)
            if repairs:
                self.delay.observe_repair(self._arrival, min(duration, self._tick))
        if sequence <= self._last_played:
            self._skipped.remove(sequence)
            self.stats.late += 1
            if not redundant:
                self.delay.observe_late()
            return
        silent = silent or len(payload) <= DTX_BYTES
        entry = Waiting(sequence, timestamp, duration, payload, level, repairs, silent)
        if sequence > newest:
            self._entries.append(entry)
        else:
            insort(self._entries, entry)
        self.buffered += duration
        if self.buffered > self._capacity:
            self._bound()

    def pass_by(self, sequence: int, timestamp: int, arrival_ns: int, duration: int = 0) -> None:
        """Take note, while idle, of a packet that need not be played here: what the network does stays known.

        Args:
            sequence: RTP sequence number, 16 bits, wrapping.
            timestamp: RTP timestamp, 32 bits, wrapping.
            arrival_ns: when it came.
            duration: its length in samples of the stream's clock, if play may :meth:`resume` behind it.
        """
        self.stats.received += 1
        if self._passed:
            self._look_at_passed()
        self._pass_by(sequence, timestamp, arrival_ns, duration)

    def _pass_by(self, sequence: int, timestamp: int, arrival_ns: int, duration: int, *, timed: bool = True) -> None:
        place = self._place(sequence, timestamp)
        if place is not None and place[0] > self._last_played:
            self._last_played = place[0]
            self._position = place[1] + duration
            self._last_duration = max(duration, self._tick // 8)
            if timed:
                self._time(place[1], arrival_ns)

    def pass_on(self, sequence: int, timestamp: int, arrival_ns: int, duration: int) -> None:
        """The same as :meth:`pass_by` for packets of which all pass by, for a fraction of the work.

        While they follow each other, it is enough to know how late the fastest and the slowest are.
        """
        self.stats.received += 1
        passed = self._passed
        passed.append((sequence, timestamp, arrival_ns, duration))
        if len(passed) >= PASSED_AT_ONCE:
            self._look_at_passed()

    def _look_at_passed(self) -> None:
        passed, self._passed = self._passed, []
        first, begin = passed[0][:2]
        places = [(one[0] - first & 0xFFFF, one[1] - begin & 0xFFFFFFFF) for one in passed]
        in_order = places[-1][0] < MAX_DROPOUT and places[-1][1] < PASSED_SECONDS * self.clock_rate
        if not in_order or any(one[0] >= two[0] or one[1] >= two[1] for one, two in pairwise(places)):
            for one in passed:
                self._pass_by(*one)
            return
        late_ns = [
            one[2] - behind * 1_000_000_000 // self.clock_rate for one, (_, behind) in zip(passed, places, strict=True)
        ]
        by_lateness = sorted(range(len(passed)), key=late_ns.__getitem__)
        timed = {by_lateness[0], *by_lateness[-2:]}
        for number in sorted({*timed, len(passed) - 1}):
            self._pass_by(*passed[number], timed=number in timed)

    def suspend(self) -> None:
        """Let go of all that waits, and become idle: what comes is heard elsewhere, and passes by here."""
        if self._entries:
            self._last_played = self._entries[-1].sequence
            self._position = self._entries[-1].end
        self._entries.clear()
        del self._skipped[:]
        self.buffered = self._starved = self._concealed = 0
        self._playing = False

    def resume(self) -> None:
        """Go on, while idle, right behind the packet that passed by last: what follows it is missing until it comes."""
        if self._passed:
            self._look_at_passed()
        self._playing = True
        self._starved = self._concealed = 0
        self._announced_silence = False

    def behind(self, now_ns: int) -> int:
        """How late what plays at ``now_ns`` is, compared with the fastest packet, in samples; 0 while pausing."""
        return self._lag(now_ns * self.clock_rate // 1_000_000_000) if self._playing else 0

    def pull(self, now_ns: int, wanted: int) -> Item:
        """What plays next.

        Args:
            now_ns: the moment at which it will be heard.
            wanted: how many samples are needed at least; the length of a `Silence`, unless sound begins before.
        """
        now = now_ns * self.clock_rate // 1_000_000_000
        cut = self._settle(now) if self._starved and self._playing else 0
        if not self._entries:
            return self._starve(wanted)
        head = self._entries[0]
        if not self._playing:
            return self._begin(head, now, wanted)
        gap = head.timestamp - self._position
        contiguous = head.sequence == self._last_played + 1
        if gap >= self._tick and (contiguous or self._announced_silence or self._concealed >= self._conceal):
            self._playing = False  # a pause, or too much is lost to make up: what follows waits for its own time
            return self._begin(head, now, wanted)
        if contiguous:
            return self._play_head(skip=cut)
        if gap <= 0:
            return self._play_head(skip=min(-gap, head.duration))
        return self._report_lost(head, gap, hold=self._lag(now) + self._tick <= self.delay.target)

    def correction(self, now_ns: int, ahead: int, *, repairs: bool = True) -> int:
        """By how many samples play should be shortened (more than 0) or stretched (less), for its delay to be right.

        Play takes a tick at a time from packets that come a packet at a time. So only whole packets (or ticks, if they
        are shorter) change how long a packet can be waited for; whatever is decoded beyond them is delay for nothing.

        Args:
            now_ns: when the next item will be heard.
            ahead: what is decoded already and will not be played in this tick, in samples of the stream's clock.
            repairs: whether play is to wait for what repairs lost packets, too.
        """
        if not self._playing:
            return 0
        quantum = min(self._last_duration, self._tick)
        idle = ahead % quantum
        target = self.delay.target if repairs else self.delay.least
        spare = self._lag(now_ns * self.clock_rate // 1_000_000_000) - idle - (self._tick - quantum) - target
        if spare < 0 or spare >= quantum + target // HYSTERESIS:
            return idle + spare // quantum * quantum
        return idle

    # Arrival

    def _place(self, sequence: int, timestamp: int) -> tuple[int, int] | None:
        """Where a packet that has come belongs; ``None`` if that is not known yet."""
        place = self._unwrapper.place(sequence, timestamp)
        if place is None:
            return None
        sequence, timestamp, restarted = place
        if restarted:
            self.stats.restarts += 1
            self._forget_stream()
            self.delay.reset()
        return sequence, timestamp

    def _time(self, timestamp: int, arrival_ns: int) -> None:
        self._arrival = arrival = arrival_ns * self.clock_rate // 1_000_000_000
        self.delay.observe(arrival - timestamp, arrival)

    def _is_known(self, sequence: int) -> bool:
        """Whether the packet was here before: it waits, or it was played."""
        if sequence <= self._last_played:
            return sequence not in self._skipped
        return any(entry.sequence == sequence for entry in self._entries)

    def _bound(self) -> None:
        while self.buffered > self._capacity and len(self._entries) > 1:
            self._take_head()
            self.stats.overflowed += 1

    # Playing

    def _begin(self, head: Waiting, now: int, wanted: int) -> Item:
        """Start to play, once the head has waited long enough.

        A tick takes more than one packet if they are short, and the last of them comes later: wait for that one. With
        such packets play need not start on a tick, but may start where one of them would begin.
        """
        quantum = max(1, min(head.duration, self._tick))
        early = self.delay.target + self._tick - quantum - (now - self.delay.base - head.timestamp)
        if early <= 0:
            return self._play_head(skip=0)
        return Silence(min(wanted, -(-early // quantum) * quantum))

    def _take_head(self) -> Waiting:
        """Move on behind the head, over whatever is missing before it."""
        head = self._entries.pop(0)
        self.buffered -= head.duration
        if head.sequence != self._last_played + 1:
            if not self._announced_silence:  # or else what is missing was silence, and may have gone by unread
                self._note_loss(head)
            self._skip(range(max(self._last_played + 1, head.sequence - SKIPPED_REMEMBERED), head.sequence))
        self._last_played = head.sequence
        self._position = head.end
        return head

    def _skip(self, sequences: Iterable[int]) -> None:
        """Play does without these."""
        self._skipped.extend(sequences)
        del self._skipped[:-SKIPPED_REMEMBERED]

    def _note_loss(self, head: Waiting) -> None:
        """Something before the head is lost."""
        if head.repairs:
            self.delay.observe_loss(self._arrival, min(head.duration, self._tick))

    def _play_head(self, *, skip: int) -> Packet:
        head = self._take_head()
        self._playing = True
        self._starved = 0
        self._concealed = 0
        self._last_duration = max(head.duration, self._tick // 8)  # 2.5 ms is the shortest Opus frame
        self._announced_silence = head.announces_silence
        return Packet(head.payload, head.duration, head.level, skip)

    def _lag(self, now: int) -> int:
        """How late the position plays, compared with the fastest packet."""
        return now - self.delay.base - self._position

    def _report_lost(self, head: Waiting, gap: int, *, hold: bool) -> Item:
        """Conceal what is missing before the head.

        With ``hold`` the position stays: play is far ahead of what the network now needs, so the delay grows by what
        is concealed, and the packet may still come.
        """
        duration = min(self._last_duration, gap)
        self._concealed += duration
        self.stats.lost += 1
        if hold:
            return Lost(duration, None)
        self._note_loss(head)
        self._last_played += 1
        self._skip((self._last_played,))
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
            mends = head.repairs and head.sequence == self._last_played + 2  # as long as play waits for what repairs
            allowed = self.delay.target - (self._slip if contiguous or mends else self._tick * 2)
            if self._lag(now) - self._tick < allowed:
                self._starved = 0  # late, and its like are to be expected: from here on we play later
                return 0
            if head.end > concealed_until:
                self._starved = 0
                self._position = concealed_until
                return max(0, concealed_until - head.timestamp)
            self._take_head()
            self.stats.late += 1
        self._starved = max(0, concealed_until - self._position)
        return 0
