"""STUN (RFC 8489) as ICE uses it: Binding requests and their answers, as bytes. Pure.

aioice makes objects of all this, at a tenth of a millisecond each. A crowd asks and answers several hundred a second.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

REQUEST, INDICATION, SUCCESS, ERROR = 0x0001, 0x0011, 0x0101, 0x0111

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_COOKIE = 0x2112A442
_HEADER_BYTES = 20

_USERNAME, _MESSAGE_INTEGRITY, _XOR_MAPPED_ADDRESS = 0x0006, 0x0008, 0x0020
_PRIORITY, _USE_CANDIDATE, _FINGERPRINT, _ICE_CONTROLLING = 0x0024, 0x0025, 0x8028, 0x802A
_INTEGRITY_BYTES, _FINGERPRINT_BYTES = 24, 8
_FINGERPRINT_XOR = 0x5354554E

_PEER_REFLEXIVE_PRIORITY = 110 << 24 | 65_535 << 8 | 255
"""Of a candidate found by a check (RFC 8445, sections 5.1.2.1 and 7.1.1)."""


@dataclass(frozen=True, slots=True)
class Message:
    """A Binding message that came."""

    kind: int
    transaction: bytes
    data: bytes
    _integrity: int
    """Where MESSAGE-INTEGRITY begins; -1: there is none."""

    def authentic(self, key: bytes) -> bool:
        """Whether it was made by somebody with this password."""
        at = self._integrity
        if at < 0:
            return False
        # Section 14.5: over all before the attribute, with a length as if it were the last one.
        covered = _with_length(self.data[:at], at - _HEADER_BYTES + _INTEGRITY_BYTES)
        return hmac.compare_digest(hmac.digest(key, covered, "sha1"), self.data[at + 4 : at + _INTEGRITY_BYTES])


def parse(data: bytes) -> Message | None:
    """Read a datagram; ``None`` if it is no Binding message."""
    if len(data) < _HEADER_BYTES:
        return None
    kind, size, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != _COOKIE or size != len(data) - _HEADER_BYTES or kind not in (REQUEST, INDICATION, SUCCESS, ERROR):
        return None
    places = dict(_attributes(data))
    return Message(kind, transaction, data, places.get(_MESSAGE_INTEGRITY, -1))


def check(transaction: bytes, *, username: str, key: bytes, tie_breaker: int) -> bytes:
    """A connectivity check of the controlling side that nominates what it tries, and a consent check (RFC 7675).

    Args:
        transaction: 12 random bytes.
        username: the peer's fragment, a colon, and ours.
        key: the peer's password.
        tie_breaker: 64 bits.
    """
    body = _attribute(_USERNAME, username.encode())
    body += _attribute(_PRIORITY, _PEER_REFLEXIVE_PRIORITY.to_bytes(4, "big"))
    body += _attribute(_ICE_CONTROLLING, tie_breaker.to_bytes(8, "big"))
    body += _attribute(_USE_CANDIDATE, b"")
    return _sealed(REQUEST, transaction, body, key)


def success(transaction: bytes, address: tuple[str, int], key: bytes) -> bytes:
    """The answer to a check.

    Args:
        transaction: of the check.
        address: where it came from.
        key: our own password.
    """
    host = ipaddress.ip_address(address[0])
    mask = _COOKIE.to_bytes(4, "big") + transaction
    hidden = bytes(one ^ other for one, other in zip(host.packed, mask, strict=False))
    family = 1 if host.version == 4 else 2
    body = _attribute(_XOR_MAPPED_ADDRESS, struct.pack("!BBH", 0, family, address[1] ^ _COOKIE >> 16) + hidden)
    return _sealed(SUCCESS, transaction, body, key)


def _attributes(data: bytes) -> Iterator[tuple[int, int]]:
    """Kind and place of each attribute, up to the first that is malformed. After MESSAGE-INTEGRITY none counts."""
    at = _HEADER_BYTES
    while at + 4 <= len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, at)
        end = at + 4 + (size + 3) // 4 * 4
        if end > len(data) or (kind == _MESSAGE_INTEGRITY and size != _INTEGRITY_BYTES - 4):
            return
        yield kind, at
        if kind == _MESSAGE_INTEGRITY:
            return
        at = end


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _sealed(kind: int, transaction: bytes, body: bytes, key: bytes) -> bytes:
    size = len(body)
    message = _HEADER.pack(kind, size + _INTEGRITY_BYTES, _COOKIE, transaction) + body
    message += _attribute(_MESSAGE_INTEGRITY, hmac.digest(key, message, "sha1"))
    message = _with_length(message, size + _INTEGRITY_BYTES + _FINGERPRINT_BYTES)
    return message + _attribute(_FINGERPRINT, (zlib.crc32(message) ^ _FINGERPRINT_XOR).to_bytes(4, "big"))


def _with_length(message: bytes, size: int) -> bytes:
    return message[:2] + size.to_bytes(2, "big") + message[4:]
