"""The frames of AudioSocket in the bytes of its connection: counted, taken out, and written.

A frame is a byte that says its kind, two bytes of its payload's length, big-endian, and the payload: Asterisk's
AudioSocket is plain TCP, without a handshake.
"""

from __future__ import annotations

from collections.abc import Callable

HANG_UP, UUID, SILENCE, DTMF, SOUND, ERROR = 0x00, 0x01, 0x02, 0x03, 0x10, 0xFF
"""Kinds of frames; sound of 8 kHz is the first of several."""

HEADER_BYTES = 3


def audiosocket_frame(kind: int, payload: bytes = b"") -> bytes:
    """Write a frame.

    Args:
        kind: its first byte.
        payload: up to 65535 bytes.
    """
    return bytes((kind,)) + len(payload).to_bytes(2, "big") + payload


def audiosocket_frame_size(data: bytes | bytearray, position: int) -> int | None:
    """How many bytes a frame has, header and payload; ``None`` if its header is not all there to tell.

    Args:
        data: what has come.
        position: where in it the frame begins.
    """
    if len(data) < position + HEADER_BYTES:
        return None
    return HEADER_BYTES + (data[position + 1] << 8 | data[position + 2])


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
        while (size := audiosocket_frame_size(data, position)) is not None and position + size <= len(data):
            self._take(data[position : position + size])
            position += size
        self._buffer += data[position:]
        self._needed = size or 0
        return b""

    def is_usual(self, data: bytes) -> bool:
        """Whether this, which comes next, is a whole frame, as nearly always."""
        return audiosocket_frame_size(data, 0) == len(data) and not self._buffer and self._take is not None
