"""The frames of AudioSocket in the bytes of its connection: counted, taken out, and written.

A frame is a byte that says its kind, two bytes of its payload's length, big-endian, and the payload: Asterisk's
AudioSocket is plain TCP, without a handshake.
"""

from __future__ import annotations

from collections.abc import Callable

HANG_UP, UUID, SILENCE, DTMF, SOUND, ERROR = 0x00, 0x01, 0x02, 0x03, 0x10, 0xFF
"""Kinds of frames; sound of 8 kHz is the first of several."""

HEADER_BYTES = 3
MAX_PAYLOAD_BYTES = 0xFFFF


def audiosocket_frame(kind: int, payload: bytes = b"") -> bytes:
    """Write a frame.

    Args:
        kind: its first byte.
        payload: up to 65535 bytes.
    """
    return bytes((kind,)) + len(payload).to_bytes(2, "big") + payload


class AudioSocketScanner:
    """Goes through what arrives, in pieces of any size, from one frame's header to the next."""

    __slots__ = ("_header", "_left")

    def __init__(self) -> None:
        self._header = bytearray()  # of a frame that has begun, as far as it is here
        self._left = 0  # bytes of its payload

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
            missing = HEADER_BYTES - len(self._header)
            self._header += data[position : position + missing]
            position = min(size, position + missing)
            if len(self._header) == HEADER_BYTES:
                self._left = int.from_bytes(self._header[1:], "big")
                self._header.clear()
        return position, began


class AudioSocketMessages:
    """Takes whole frames out of what a client sends: each is a message, with its header."""

    __slots__ = ("_buffer", "_needed", "_take")

    def __init__(self) -> None:
        self._take: Callable[[bytes], None] | None = None
        self._buffer = bytearray()  # a frame that is not whole, or what came before anybody took it
        self._needed = 0  # bytes of the first frame in it, as far as that is known

    @property
    def taken(self) -> bool:
        """Somebody takes the messages."""
        return self._take is not None

    def start(self, take: Callable[[bytes], None]) -> bytes:
        """From now on somebody takes the messages; what has come before is kept for them.

        Returns:
            As :meth:`feed`.
        """
        self._take = take
        return self.feed(b"")

    def feed(self, data: bytes) -> bytes:
        """Take what came next.

        Returns:
            Nothing: all is taken here.
        """
        if self.is_usual(data) and self._take is not None:
            self._take(data)
            return b""
        self._buffer += data
        if self._take is None or len(self._buffer) < self._needed:
            return b""
        data = bytes(self._buffer)
        self._buffer.clear()
        position = 0
        while (end := _end_of_frame(data, position)) <= len(data):
            self._take(data[position:end])
            position = end
        self._buffer += data[position:]
        self._needed = end - position
        return b""

    def is_usual(self, data: bytes) -> bool:
        """Whether this, which comes next, is a whole frame, as nearly always."""
        return (
            len(data) >= HEADER_BYTES
            and len(data) == HEADER_BYTES + (data[1] << 8 | data[2])
            and not self._buffer
            and self._take is not None
        )


def _end_of_frame(data: bytes, position: int) -> int:
    """Where the frame ends that begins here, as far as its header is there to tell."""
    begin = position + HEADER_BYTES
    return begin if len(data) < begin else begin + (data[position + 1] << 8 | data[position + 2])
