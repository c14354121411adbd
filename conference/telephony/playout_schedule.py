"""When sound that came over TCP should be played: what is late, what is early, and what is early for no reason."""

from __future__ import annotations

NS_PER_MS = 1_000_000

WINDOW_NS = 1_000 * NS_PER_MS
"""A client that sends one second of sound per second for so long is live."""


class PlayoutSchedule:
    """When the sound that has arrived so far should have been played to its end.

    Each message extends it by its own length. For a live client, one that sends in real time, it may lag behind by
    ``slack_ns``: that is how the messages of a stall, which bring it back to real time, differ from those that run
    ahead of it. It leans towards real time by 0.1 %, more than two clocks ever differ by, so that no delay builds up
    from that.

    A stall longer than that looks like a client that hands over much at once. The difference shows later: that
    client then sends nothing, or as fast as before, while a live one goes on in real time. Its lead is *standing*:
    nothing but delay.
    """

    __slots__ = ("_arrived_ns", "_due_ns", "_least_ns", "_live", "_seen_ns", "_slack_ns", "_standing_ns",
                 "_was_live", "_window_start_ns")  # fmt: skip

    def __init__(self, slack_ns: int) -> None:
        self._slack_ns = slack_ns
        self._due_ns: int | None = None
        self._seen_ns = 0
        self._window_start_ns = 0
        self._arrived_ns = 0  # sound of this window
        self._least_ns = 0  # the least lead in this window
        self._standing_ns = 0  # what the last window told
        self._live = self._was_live = False  # in the last window, and in the one before

    @property
    def live(self) -> bool:
        """Whether the client has been sending in real time."""
        return self._live or self._was_live

    def extend(self, duration_ns: int, now_ns: int) -> None:
        """Sound of this length has arrived."""
        if self._due_ns is None:
            self._due_ns = now_ns
        else:
            lean = (now_ns - self._seen_ns) // 1000 if now_ns > self._seen_ns else 0
            behind_ns = now_ns - self._due_ns
            self._due_ns += behind_ns if -lean <= behind_ns <= lean else lean if behind_ns > 0 else -lean
            latest_ns = now_ns - (self._slack_ns if self.live else 0)
            if latest_ns > self._due_ns:
                self._due_ns = latest_ns
        self._seen_ns = now_ns
        self._due_ns += duration_ns
        self._arrived_ns += duration_ns

    def behind_ns(self, now_ns: int) -> int:
        """How long ago all sound was due; 0 when some of it is still to come."""
        return 0 if self._due_ns is None else min(max(0, now_ns - self._due_ns), self._slack_ns)

    def ahead_ns(self, now_ns: int) -> int:
        """How much sound is there before its time."""
        return 0 if self._due_ns is None or self._due_ns < now_ns else self._due_ns - now_ns

    def standing_ns(self, now_ns: int) -> int:
        """How much sound a live client has had here before its time for long. To be asked on every tick."""
        ahead_ns = self.ahead_ns(now_ns)
        elapsed_ns = now_ns - self._window_start_ns
        if ahead_ns < self._least_ns:
            self._least_ns = ahead_ns
        if elapsed_ns >= WINDOW_NS:
            self._was_live = self._live
            self._live = 0.9 * elapsed_ns <= self._arrived_ns <= 1.1 * elapsed_ns
            self._standing_ns = self._least_ns if self._live else 0
            self._window_start_ns, self._arrived_ns, self._least_ns = now_ns, 0, ahead_ns
        return self._standing_ns if self._standing_ns < ahead_ns else ahead_ns

    def forgo(self, duration_ns: int) -> None:
        """Sound of this length that was there before its time has been left out."""
        if self._due_ns is not None:
            self._due_ns -= duration_ns
        self._least_ns = max(0, self._least_ns - duration_ns)
        self._standing_ns = max(0, self._standing_ns - duration_ns)
