"""What a phone has yet to play: the buffer that a provider keeps for each bidirectional stream.

Sound of any length is appended and comes out 20 ms at a time. A mark stands between two samples and comes back once
the sample before it has been played; at once if nothing is buffered. Clearing drops the sound and gives all marks
back, in order. No clock: whoever pulls sets the pace.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from conference.audio.frame import TICKS_PER_SECOND
from conference.codecs.pcmu import PcmuCodec
from conference.codecs.waveform import WaveformCodec

MAX_SECONDS = 600
"""Ten minutes of sound: what is over, Twilio discards (error 31931)."""

MAX_MARKS = 10_000
"""Marks that wait at once; Twilio names no limit, but memory has one."""


class PlayoutBuffer:
    """Sound to be played, and the marks in it.

    Args:
        codec: of the sound.
        max_bytes: most sound kept; ten minutes if nothing is said.
        max_marks: most marks kept.
    """

    def __init__(
        self, codec: WaveformCodec | None = None, *, max_bytes: int | None = None, max_marks: int = MAX_MARKS
    ) -> None:
        codec = codec or PcmuCodec()
        self._frame_bytes, self._silence = codec.frame_bytes, codec.silence[:1]  # whose bytes are all the same
        self._max_bytes = MAX_SECONDS * TICKS_PER_SECOND * codec.frame_bytes if max_bytes is None else max_bytes
        self._max_marks = max_marks
        self._chunks: deque[bytes] = deque()
        self._head = 0  # bytes of the first chunk that have been played
        self._marks: deque[tuple[int, str]] = deque()
        self._stops: deque[int] = deque()
        self._written = 0
        self._played = 0
        self.on_sound: Callable[[], None] | None = None
        """Called when there is something to be played again."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes to be played."""
        return self._written - self._played

    @property
    def played_bytes(self) -> int:
        """Bytes that have been played, or dropped by a clear."""
        return self._played

    @property
    def buffered_ms(self) -> float:
        """Sound to be played, in milliseconds."""
        return self.buffered_bytes * 20 / self._frame_bytes

    def append(self, payload: bytes) -> int:
        """Play this after what is there.

        Returns:
            How many bytes, from the end, found no room and were discarded.
        """
        kept = payload[: max(0, self._max_bytes - self.buffered_bytes)]
        if kept:
            was_empty = self._written == self._played
            self._chunks.append(kept)
            self._written += len(kept)
            if was_empty and self.on_sound is not None:
                self.on_sound()
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

    def stop(self) -> None:
        """Have nothing played that comes after what is there, until :meth:`go_on`."""
        self._stops.append(self._written)

    @property
    def stopped(self) -> bool:
        """All is played up to a :meth:`stop`."""
        return bool(self._stops) and self._stops[0] <= self._played

    def go_on(self) -> None:
        """Play on, behind the first :meth:`stop` that there is."""
        self._stops.popleft()

    def clear(self) -> list[str]:
        """Drop all sound. Nothing stops any more.

        Returns:
            All marks that were pending, in order, to echo now.
        """
        self._chunks.clear()
        self._stops.clear()
        self._head = 0
        self._played = self._written
        return self._reached()

    def pull(self, size: int | None = None) -> tuple[bytes, list[str]]:
        """Play the next ``size`` bytes: 20 ms if nothing is said.

        Returns:
            They, filled up with silence, and the marks to echo now, in order.
        """
        parts: list[bytes] = []
        missing = size = self._frame_bytes if size is None else size
        padding = 0
        if self._stops:
            padding = max(0, missing - (self._stops[0] - self._played))
            missing -= padding
        while missing and self._chunks:
            chunk = self._chunks[0]
            part = chunk[self._head : self._head + missing]
            parts.append(part)
            missing -= len(part)
            self._head += len(part)
            if self._head == len(chunk):
                self._chunks.popleft()
                self._head = 0
        missing += padding
        self._played += size - missing
        return b"".join(parts) + self._silence * missing, self._reached()

    def _reached(self) -> list[str]:
        names = []
        while self._marks and self._marks[0][0] <= self._played:
            names.append(self._marks.popleft()[1])
        return names
