"""Where the frames of a WebSocket begin in the bytes of its connection (RFC 6455, section 5.2)."""

from __future__ import annotations

_EXTENDED_LENGTH_BYTES = {126: 2, 127: 8}
_MASKING_KEY_BYTES = 4


class FrameScanner:
    """Goes through what arrives, in pieces of any size, from one frame's header to the next."""

    __slots__ = ("_header", "_left")

    def __init__(self) -> None:
        self._header = bytearray()  # of a frame that has begun, as far as it is here
        self._left = 0  # bytes of the frame after its header's lengths: masking key and payload

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
            self._header.append(data[position])
            position += 1
            self._read_header()
        return position, began

    def _read_header(self) -> None:
        """Learn how long the frame is, if its header is whole."""
        header = self._header
        if len(header) < 2:
            return
        length = header[1] & 0x7F
        extended = _EXTENDED_LENGTH_BYTES.get(length, 0)
        if len(header) < 2 + extended:
            return
        if extended:
            length = int.from_bytes(header[2:], "big")
        self._left = length + (_MASKING_KEY_BYTES if header[1] & 0x80 else 0)
        header.clear()
