"""What a phone has yet to play: the buffer that Twilio keeps for each bidirectional stream.

Sound of any length is appended and comes out 20 ms at a time. A mark stands between two samples and comes back once
the sample before it has been played; at once if nothing is buffered. Clearing drops the sound and gives all marks
back, in order. No clock: whoever pulls sets the pace.
"""

from __future__ import annotations

from collections import deque

from conference.telephony.twilio.messages import FRAME_BYTES

MAX_BUFFERED_BYTES = 10 * 60 * 8000
"""Ten minutes of sound: what is over, Twilio discards (error 31931)."""

MAX_MARKS = 10_000
"""Marks that wait at once; Twilio names no limit, but memory has one."""


class PlayoutBuffer:
    """Mu-law to be played, and the marks in it.

    Args:
        max_bytes: most sound kept.
        max_marks: most marks kept.
    """

    def __init__(self, max_bytes: int = MAX_BUFFERED_BYTES, max_marks: int = MAX_MARKS) -> None:
        self._max_bytes = max_bytes
        self._max_marks = max_marks
        self._chunks: deque[bytes] = deque()
        self._head = 0  # bytes of the first chunk that have been played
        self._marks: deque[tuple[int, str]] = deque()
        self._written = 0
        self._played = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes to be played; 8 are a millisecond."""
        return self._written - self._played

    def append(self, payload: bytes) -> int:
        """Play this after what is there.

        Returns:
            How many bytes, from the end, found no room and were discarded.
        """
        kept = payload[: max(0, self._max_bytes - self.buffered_bytes)]
        if kept:
            self._chunks.append(kept)
            self._written += len(kept)
        return len(payload) - len(kept)

    def mark(self, name: str) -> list[str]:
        """Set a mark after what is there.

        Returns:
            The marks to echo now: this one if nothing is buffered (or if there is no room for more marks), else none.
        """
        if not self.buffered_bytes or len(self._marks) >= self._max_marks:
            return [name]
        self._marks.append((self._written, name))
        return []

    def clear(self) -> list[str]:
        """Drop all sound.

        Returns:
            All marks that were pending, in order, to echo now.
        """
        self._chunks.clear()
        self._head = 0
        self._played = self._written
        return self._reached()

    def pull(self, size: int = FRAME_BYTES) -> tuple[bytes, list[str]]:
        """Play the next ``size`` bytes.

        Returns:
            Exactly ``size`` bytes, filled up with silence (0xFF), and the marks to echo now, in order.
        """
        parts: list[bytes] = []
        missing = size
        while missing and self._chunks:
            chunk = self._chunks[0]
            part = chunk[self._head : self._head + missing]
            parts.append(part)
            missing -= len(part)
            self._head += len(part)
            if self._head == len(chunk):
                self._chunks.popleft()
                self._head = 0
        self._played += size - missing
        return b"".join(parts) + b"\xff" * missing, self._reached()

    def _reached(self) -> list[str]:
        names = []
        while self._marks and self._marks[0][0] <= self._played:
            names.append(self._marks.popleft()[1])
        return names
