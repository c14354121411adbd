"""The frames of a WebSocket in the bytes of its connection (RFC 6455, section 5.2): counted, taken out, and written."""

from __future__ import annotations

from collections.abc import Callable

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
"""First bytes of frames that are whole messages, by what they are."""

_EXTENDED_LENGTH_BYTES = {126: 2, 127: 8}
_MASKING_KEY_BYTES = 4

_MASKED = 0x80
_USUAL_HEADER_BYTES = 2 + _EXTENDED_LENGTH_BYTES[126]


class TextMessages:
    """Takes whole text messages out of what the other end sends.

    Nearly all of what a caller sends are text messages in one frame each: they are handed on as they come. With the
    first frame that is anything else than that or a control frame, all that follows is left to who understands all of
    the protocol, in order.

    Args:
        max_bytes: longer messages are not taken.
        masked: whether the other end masks what it sends, as clients do (section 5.1), and no server does.
    """

    __slots__ = ("_buffer", "_ended", "_header_bytes", "_mask", "_max_bytes", "_needed", "_take", "_usual_begin")

    def __init__(self, max_bytes: int, *, masked: bool = True) -> None:
        self._max_bytes = max_bytes
        self._mask = _MASKED if masked else 0
        self._usual_begin = bytes((TEXT, self._mask | 126))
        self._header_bytes = _USUAL_HEADER_BYTES + (_MASKING_KEY_BYTES if masked else 0)
        self._take: Callable[[str], None] | None = None
        self._buffer = bytearray()  # a frame that is not whole, or what came before anybody took it
        self._needed = 0  # bytes of the first frame in it, as far as that is known
        self._ended = False

    @property
    def taken(self) -> bool:
        """Somebody takes the messages, and they are taken out of all that comes."""
        return self._take is not None and not self._ended

    def start(self, take: Callable[[str], None]) -> bytes:
        """From now on somebody takes the messages; what has come before is kept for them.

        Returns:
            As :meth:`feed`.
        """
        self._take = take
        return self.feed(b"")

    def feed(self, data: bytes) -> bytes:
        """Take what came next, beginning with a frame.

        Returns:
            The frames that are not taken here.
        """
        if self._ended:
            return data
        if self.is_usual(data) and self._hand_on(data, self._header_bytes, len(data)):
            return b""
        if self._buffer or self._take is None:
            self._buffer += data
            if self._take is None or len(self._buffer) < self._needed:
                return b""
            data = bytes(self._buffer)
            self._buffer.clear()
        return self._take_frames(data)

    def _take_frames(self, data: bytes) -> bytes:
        left = []
        position = self._needed = 0
        while position < len(data):
            begin, end = _payload_of(data, position)
            is_right = position + 1 == len(data) or data[position + 1] & _MASKED == self._mask
            if data[position] not in (TEXT, PING, PONG) or not is_right or end - begin > self._max_bytes:
                self._ended = True
            elif end > len(data):
                self._buffer += data[position:]
                self._needed = end - position
                break
            elif data[position] != TEXT:
                left.append(data[position:end])
            elif not self._hand_on(data, begin, end):
                self._ended = True
            if self._ended:
                left.append(data[position:])
                break
            position = end
        return b"".join(left)

    def is_usual(self, data: bytes) -> bool:
        """Whether this, which comes next, is a whole text message of 126 to 65535 bytes, as nearly all are."""
        size = len(data) - self._header_bytes
        return (
            0 < size <= self._max_bytes
            and data[:2] == self._usual_begin
            and size == data[2] << 8 | data[3]
            and not self._buffer
            and self._take is not None
        )

    def _hand_on(self, data: bytes, begin: int, end: int) -> bool:
        """Hand on a message. Returns whether it is one as it has to be."""
        payload = data[begin:end]
        try:
            text = (masked(payload, data[begin - _MASKING_KEY_BYTES : begin]) if self._mask else payload).decode()
        except UnicodeDecodeError:
            return False
        if self._take is not None:
            self._take(text)
        return True


def _payload_of(data: bytes | bytearray, position: int) -> tuple[int, int]:
    """Where the payload of a frame begins and ends; beyond the data, if its header is not all here to tell."""
    begin = position + 2
    if len(data) < begin:
        return begin, begin
    length = data[position + 1] & 0x7F
    if extended := _EXTENDED_LENGTH_BYTES.get(length, 0):
        if len(data) < begin + extended:
            return begin + extended, begin + extended
        length = int.from_bytes(data[begin : begin + extended], "big")
    begin += extended + (_MASKING_KEY_BYTES if data[position + 1] & 0x80 else 0)
    return begin, begin + length


def websocket_frame_size(data: bytes | bytearray, position: int) -> int | None:
    """How many bytes a frame has, header and payload; ``None`` if its header is not all there to tell.

    Args:
        data: what has come.
        position: where in it the frame begins.
    """
    begin, end = _payload_of(data, position)
    return end - position if begin <= len(data) else None


def masked(payload: bytes, key: bytes) -> bytes:
    """Mask a payload, or unmask it (section 5.3).

    Args:
        payload: any number of bytes.
        key: four bytes.
    """
    size = len(payload)
    pad = int.from_bytes((key * (size // _MASKING_KEY_BYTES + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ pad).to_bytes(size, "little")


def client_frame(kind: int, payload: bytes, key: bytes) -> bytes:
    """A message of a client's, in one frame: masked (section 5.1).

    Args:
        kind: its first byte: :data:`TEXT`, :data:`BINARY`.
        payload: what it says.
        key: four bytes that nobody can foresee (section 10.3).
    """
    frame = bytearray(server_frame(kind, payload))
    begin = len(frame) - len(payload)
    frame[1] |= 0x80
    frame[begin:] = key + masked(payload, key)
    return bytes(frame)


def server_frame(kind: int, payload: bytes = b"") -> bytes:
    """A message of a server's, in one frame: unmasked (section 5.1).

    Args:
        kind: its first byte: :data:`TEXT`, :data:`PING`.
        payload: what it says.
    """
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 1 << 16:
        return bytes((kind, 126, size >> 8, size & 0xFF)) + payload
    return bytes((kind, 127)) + size.to_bytes(8, "big") + payload


def kind_and_payload(message: str | bytes) -> tuple[int, bytes]:
    """What a frame is written of that is to be a whole message: its first byte, and its payload.

    Args:
        message: text, or binary.
    """
    return (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
