"""The client's side of a WebSocket (RFC 6455), as far as a media stream needs it: bytes to messages and back. Pure."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Mapping

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA

MAX_BUFFER = 1024 * 1024
"""Bytes of a message that is not whole yet; more are a server that has lost its way."""

MAX_HEAD = 16 * 1024

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_NO_MASK = b"\0\0\0\0"


class WebSocketError(ValueError):
    """The server does not speak WebSocket. The text is a sentence."""


def get_request(host: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The request for something.

    Args:
        host: with the port where it is not the usual one.
        target: path and query.
        headers: further ones.
    """
    fields = (f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join((f"GET {target} HTTP/1.1", f"Host: {host}", *fields, "", "")).encode()


def upgrade_request(host: str, target: str, key: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """The request that opens a stream (section 4.1).

    Args:
        host: as for :func:`get_request`.
        target: as for :func:`get_request`.
        key: 16 random bytes.
        headers: further ones.
    """
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(key).decode(),
        "Sec-WebSocket-Version": "13",
    }
    return get_request(host, target, upgrade | dict(headers or {}))


def read_upgrade(head: bytes, key: bytes) -> int:
    """The status of the answer.

    Args:
        head: up to the empty line.
        key: of the request.

    Raises:
        WebSocketError: it is no answer to that request.
    """
    lines = head.split(b"\r\n")
    parts = lines[0].split(None, 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
        raise WebSocketError("The server does not answer in HTTP.")
    status = int(parts[1])
    if status == 101:
        wanted = base64.b64encode(hashlib.sha1(base64.b64encode(key) + _GUID, usedforsecurity=False).digest())
        fields = dict(line.split(b":", 1) for line in lines[1:] if b":" in line)
        accepted = {name.strip().lower(): value.strip() for name, value in fields.items()}
        if accepted.get(b"sec-websocket-accept") != wanted:
            raise WebSocketError("The server's answer belongs to another request.")
    return status


def build_frame(opcode: int, payload: bytes) -> bytes:
    """A whole message, masked with zeros (section 5.3).

    A mask is to keep scripts in a browser from writing what they like to a proxy. We are none, and it would cost more
    than all the rest.

    Args:
        opcode: :data:`TEXT`, or another.
        payload: below 64 KiB.
    """
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x80 | opcode, 0x80 | size) + _NO_MASK + payload
    return struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size) + _NO_MASK + payload


class FrameReader:
    """Takes bytes, gives frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take what came.

        Returns:
            Opcode and payload of each frame that is whole now. A continuation has opcode 0.

        Raises:
            WebSocketError: it is masked, or too long.
        """
        buffer = self._buffer
        buffer += data
        frames, start = [], 0
        while (found := _frame_at(buffer, start)) is not None:
            opcode, first, end = found
            frames.append((opcode, bytes(buffer[first:end])))
            start = end
        del buffer[:start]
        if len(buffer) > MAX_BUFFER:
            raise WebSocketError("The server sends a message that is too long.")
        return frames


def _frame_at(buffer: bytearray, start: int) -> tuple[int, int, int] | None:
    """Opcode, and first and last place of the payload, of the frame at ``start``; ``None`` if it is not whole yet."""
    if len(buffer) < start + 2:
        return None
    opcode, size, first = buffer[start] & 0x0F, buffer[start + 1], start + 2
    if size & 0x80:
        raise WebSocketError("The server masks what it sends.")
    more = {126: 2, 127: 8}.get(size, 0)
    if more:
        if len(buffer) < first + more:
            return None
        size = int.from_bytes(buffer[first : first + more], "big")
        first += more
    if size > MAX_BUFFER:
        raise WebSocketError("The server sends a message that is too long.")
    return (opcode, first, first + size) if len(buffer) >= first + size else None
