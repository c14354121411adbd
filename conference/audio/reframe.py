"""Chunks of any length in, frames of one tick out."""

from __future__ import annotations

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, Samples


class Reframer:
    """Cuts the sound of one source to frames. What is over stays for the next tick.

    Frames may be views of what was pushed: the chunks belong to the reframer from then on. A chunk of exactly one
    frame comes out as it went in, uncopied, as long as the stream stays aligned.
    """

    __slots__ = ("_chunks", "available")

    available: int
    """Samples that wait."""

    def __init__(self) -> None:
        self._chunks: list[Samples] = []  # a few at most, and none at all of those who are silent: no deque's 700 bytes
        self.available = 0

    def push(self, samples: Samples) -> None:
        """Add a chunk, shape ``(n,)``, int16; ``n`` may be 0."""
        if len(samples):
            self._chunks.append(samples)
            self.available += len(samples)

    def pull(self) -> Samples | None:
        """The next frame, shape ``(960,)``; ``None`` if less than one waits."""
        return self._take(FRAME_SAMPLES) if self.available >= FRAME_SAMPLES else None

    def pull_padded(self) -> Samples | None:
        """The next frame; what is missing at its end is silence. ``None`` if nothing waits at all."""
        if self.available >= FRAME_SAMPLES:
            return self._take(FRAME_SAMPLES)
        if not self.available:
            return None
        frame = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        waiting = self.available
        frame[:waiting] = self._take(waiting)
        return frame

    def pull_all(self) -> Samples:
        """Everything that waits, shape ``(n,)``."""
        return self._take(self.available) if self.available else np.zeros(0, dtype=np.int16)

    def peek(self) -> Samples:
        """Everything that waits, shape ``(n,)``; it goes on waiting."""
        return np.concatenate(self._chunks) if self._chunks else np.zeros(0, dtype=np.int16)

    def clear(self) -> None:
        """Throw away everything."""
        self._chunks.clear()
        self.available = 0

    def _take(self, wanted: int) -> Samples:
        """The oldest ``wanted`` samples; so many must be there, and at least one."""
        self.available -= wanted
        head = self._chunks[0]
        if len(head) > wanted:
            self._chunks[0] = head[wanted:]
            return head[:wanted]
        del self._chunks[0]
        if len(head) == wanted:
            return head
        pieces = [head]
        missing = wanted - len(head)
        while missing:
            piece = self._chunks[0]
            if len(piece) > missing:
                self._chunks[0] = piece[missing:]
                piece = piece[:missing]
            else:
                del self._chunks[0]
            pieces.append(piece)
            missing -= len(piece)
        return np.concatenate(pieces)
