"""Goes through the bytes of a connection from frame to frame, whatever its frames look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

FrameSize: TypeAlias = Callable[[bytes | bytearray, int], int | None]
"""How many bytes a frame has that begins in some data at a place; ``None`` if its header is not all there to tell."""


class FrameScanner:
    """Goes through what arrives, in pieces of any size, from one frame's header to the next.

    Args:
        frame_size: tells how long the frames are.
    """

    __slots__ = ("_frame_size", "_header", "_left")

    def __init__(self, frame_size: FrameSize) -> None:
        self._frame_size = frame_size
        self._header = bytearray()  # of a frame that has begun, as far as it is here
        self._left = 0  # bytes of the frame after that

    @property
    def is_between(self) -> bool:
        """What comes next is the beginning of a frame."""
        return not self._left and not self._header

    def scan(self, data: bytes | bytearray, max_frames: int) -> tuple[int, int]:
        """Go on until so many frames have begun, and the last of them has ended or the data has.

        Args:
            data: what comes next.
            max_frames: 1 or more.

        Returns:
            How many bytes were gone through, and how many frames began in them. What is over is to be given again.
        """
        position, began, size = 0, 0, len(data)
        while position < size:
            if self._left:
                step = min(self._left, size - position)
                self._left -= step
                position += step
                continue
            if not self._header:
                if began == max_frames:
                    break
                began += 1
                if (length := self._frame_size(data, position)) is not None:
                    self._left = length
                    continue
            self._header.append(data[position])
            position += 1
            if (length := self._frame_size(self._header, 0)) is not None:
                self._left = length - len(self._header)
                self._header.clear()
        return position, began
