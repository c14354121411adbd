"""STUN Binding messages (RFC 8489): what they say about themselves at a glance, and how ICE's own are written.

Anybody can send one, so nothing is read before it is known who sent it. A glance takes microseconds, whatever the
bytes: the header, where each attribute is (up to a bounded number), whose user name it is, and whether
``MESSAGE-INTEGRITY`` and ``FINGERPRINT`` are right. The values of attributes are read of messages that proved
authentic, and by aioice (:meth:`StunMessage.message`); those that ICE sends over and over (RFC 7675) need not even
that.
"""

from __future__ import annotations

import hmac
import secrets
import socket
import struct
from typing import Final
from zlib import crc32

from aioice import stun
from aioice.candidate import candidate_priority
from aioice.stun import Class as Class
from aioice.stun import Message, Method

from conference.webrtc.udp.sockets import Address

MAGIC_COOKIE: Final = 0x2112A442

CHECK_PRIORITY: Final = candidate_priority(1, "prflx")
"""What a check says: the priority of a candidate that is found by it (RFC 8445 section 7.1.1)."""

_HEADER = struct.Struct("!HHI12s")
_HEADER_BYTES = _HEADER.size
_ATTRIBUTE = struct.Struct("!HH")
_SIZE = struct.Struct("!H")
_INTEGRITY = struct.Struct("!HH20s")
_FINGERPRINT = struct.Struct("!HHL")
_CHECK = struct.Struct("!HHLHHQ")
_MAPPED = struct.Struct("!HHBBH")

_USERNAME: Final = 0x0006
_MESSAGE_INTEGRITY: Final = 0x0008
_XOR_MAPPED_ADDRESS: Final = 0x0020
_PRIORITY: Final = 0x0024
_USE_CANDIDATE: Final = 0x0025
_FINGERPRINT_TYPE: Final = 0x8028
_ICE_CONTROLLED: Final = 0x8029
_ICE_CONTROLLING: Final = 0x802A
_FINGERPRINT_XOR: Final = 0x5354554E

_REQUEST: Final = 0x0001
_RESPONSE: Final = 0x0101
_TAIL_BYTES: Final = _INTEGRITY.size + _FINGERPRINT.size

_OPTIONAL: Final = 0x8000
"""Attributes from here on may be ignored by whoever does not know them (RFC 8489 section 14)."""

_LENGTHS: Final = {_PRIORITY: 4, _USE_CANDIDATE: 0, _ICE_CONTROLLED: 8, _ICE_CONTROLLING: 8}
"""Of the attributes that a check has beside its ``USERNAME``."""

_KNOWN: Final = frozenset(stun.ATTRIBUTES_BY_TYPE)

_CLASSES: Final = {kind | Method.BINDING: kind for kind in Class}
"""By the first two bytes of a Binding message."""

MAX_ATTRIBUTES: Final = 32
"""Up to ``MESSAGE-INTEGRITY``. A message with more is not read: browsers' have a dozen at most."""


class StunMessage:
    """A Binding message that came, and may be anybody's: see :meth:`check_message_integrity`.

    Attributes:
        message_class: request, indication, response or error.
        transaction_id: 12 bytes.
        username: of a request; else empty.
    """

    __slots__ = ("_data", "_found", "_integrity_at", "_plain", "message_class", "transaction_id", "username")

    def __init__(self, data: bytes, found: dict[int, tuple[int, int]], integrity_at: int, *, plain: bool) -> None:
        self.message_class: Class = _CLASSES[_SIZE.unpack_from(data)[0]]
        self.transaction_id = data[8:_HEADER_BYTES]
        self.username = ""
        if self.message_class == Class.REQUEST:
            start, length = found[_USERNAME]
            self.username = data[start : start + length].decode("ascii")
        self._data = data
        self._found = found  # where each attribute is, and how long
        self._integrity_at = integrity_at  # 0: there is none
        self._plain = plain  # each attribute is there once, and the last two are the seals

    def check_message_integrity(self, key: bytes) -> bool:
        """Whether whoever sent it knows a password, in UTF-8. Without ``MESSAGE-INTEGRITY`` nobody does."""
        end = self._integrity_at
        if not end:
            return False
        data = self._data
        # "the Length field of the STUN message header is adjusted to point to the end of the MESSAGE-INTEGRITY
        # attribute" (RFC 8489 section 14.5).
        covered = data[:2] + _SIZE.pack(end - _HEADER_BYTES + _INTEGRITY.size) + data[4:end]
        return hmac.compare_digest(hmac.digest(key, covered, "sha1"), data[end + 4 : end + _INTEGRITY.size])

    @property
    def usual(self) -> bool:
        """Whether it is a request as a controlling agent sends it, with nothing special about it."""
        found = self._found
        return (
            self._plain
            and self.message_class == Class.REQUEST
            and _ICE_CONTROLLING in found
            and _ICE_CONTROLLED not in found
            and all(_is_ordinary(kind, length) for kind, (_, length) in found.items())
        )

    def message(self) -> Message | None:
        """The same as aioice has it, every attribute read; ``None`` if one of them is malformed.

        That can take a millisecond, so the message has to be authentic.
        """
        try:
            return stun.parse_message(self._data)
        except Exception:  # the parser is aioice's: ValueError, struct.error, IndexError, whatever the bytes provoke
            return None


def parse_stun(data: bytes) -> StunMessage | None:
    """Look at a Binding message. Never raises, and takes no longer for one sort of bytes than for another.

    Returns:
        ``None`` for anything else, and for requests without ``USERNAME``, ``PRIORITY`` and ``MESSAGE-INTEGRITY``.
    """
    size = len(data)
    if size < _HEADER_BYTES or size % 4:
        return None
    kind, length, cookie, _ = _HEADER.unpack_from(data)
    if cookie != MAGIC_COOKIE or length != size - _HEADER_BYTES or kind not in _CLASSES:
        return None
    found: dict[int, tuple[int, int]] = {}
    at = _HEADER_BYTES
    plain = True
    for _ in range(MAX_ATTRIBUTES):
        if at == size:
            return StunMessage(data, found, 0, plain=False) if kind != _REQUEST else None
        attribute, length = _ATTRIBUTE.unpack_from(data, at)
        if attribute == _MESSAGE_INTEGRITY:
            return _parse_end(data, found, at, length, plain=plain)
        if attribute in found:
            plain = False  # "only the first needs to be processed" (RFC 8489 section 14)
        else:
            found[attribute] = (at + _ATTRIBUTE.size, length)
        at += _ATTRIBUTE.size + (length + 3 & ~3)  # "padded with 1, 2, or 3 bytes" (RFC 8489 section 14)
        if at > size:
            return None
    return None


def _parse_end(
    data: bytes, found: dict[int, tuple[int, int]], at: int, length: int, *, plain: bool
) -> StunMessage | None:
    """Look at what is left from ``MESSAGE-INTEGRITY`` on: attributes behind it are ignored but for ``FINGERPRINT``."""
    rest = len(data) - at - _INTEGRITY.size
    if length != 20 or rest < 0:
        return None
    sealed = False
    if rest >= _FINGERPRINT.size:
        kind, length, fingerprint = _FINGERPRINT.unpack_from(data, len(data) - _FINGERPRINT.size)
        sealed = (kind, length) == (_FINGERPRINT_TYPE, 4)
        if sealed and fingerprint != crc32(data[: -_FINGERPRINT.size]) ^ _FINGERPRINT_XOR:
            return None
    if _SIZE.unpack_from(data)[0] == _REQUEST:
        if _USERNAME not in found or _PRIORITY not in found:
            return None
        start, length = found[_USERNAME]
        if not data[start : start + length].isascii():  # ICE's are (RFC 8445 section 5.3)
            return None
    return StunMessage(data, found, at, plain=plain and sealed and rest == _FINGERPRINT.size)


def _is_ordinary(kind: int, length: int) -> bool:
    if kind == _USERNAME:
        return True
    if kind in _LENGTHS:
        return length == _LENGTHS[kind]
    return kind >= _OPTIONAL and kind not in _KNOWN


def new_transaction_id() -> bytes:
    """Twelve bytes, "uniformly and randomly chosen", that nobody can guess (RFC 8489 section 5)."""
    return secrets.token_bytes(12)


def build_request(
    transaction_id: bytes,
    username: str,
    priority: int,
    tie_breaker: int,
    key: bytes,
    *,
    controlling: bool = False,
    nominate: bool = False,
) -> bytes:
    """A connectivity check, which is what a consent check is, too (RFC 7675 section 5.1).

    Args:
        transaction_id: 12 bytes.
        username: theirs, a colon, ours.
        priority: of a peer-reflexive candidate of ours (RFC 8445 section 7.1.1).
        tie_breaker: 64 bits.
        key: their password.
        controlling: whether we are the controlling agent.
        nominate: whether the path is to be used if the check succeeds; only the controlling agent may say so.
    """
    name = username.encode()
    role = _ICE_CONTROLLING if controlling else _ICE_CONTROLLED
    body = _ATTRIBUTE.pack(_USERNAME, len(name)) + name + bytes(-len(name) % 4)
    body += _CHECK.pack(_PRIORITY, 4, priority, role, 8, tie_breaker)
    if nominate:
        body += _ATTRIBUTE.pack(_USE_CANDIDATE, 0)
    return _sealed(_REQUEST, transaction_id, body, key)


def build_response(transaction_id: bytes, address: Address, key: bytes) -> bytes:
    """The answer to a check that is in order.

    Args:
        transaction_id: the request's.
        address: where the request came from.
        key: our password.

    Raises:
        OSError: the address is not an IP address.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    ip = socket.inet_pton(family, address[0])
    # "X-Address is computed by XOR'ing the IP address with the magic cookie", and an IPv6 address with "the
    # concatenation of the magic cookie and the 96-bit transaction ID" (RFC 8489 section 14.2).
    pad = int.from_bytes((MAGIC_COOKIE.to_bytes(4, "big") + transaction_id)[: len(ip)], "big")
    mapped = (int.from_bytes(ip, "big") ^ pad).to_bytes(len(ip), "big")
    port = address[1] ^ MAGIC_COOKIE >> 16
    body = _MAPPED.pack(_XOR_MAPPED_ADDRESS, 4 + len(ip), 0, 1 if len(ip) == 4 else 2, port) + mapped
    return _sealed(_RESPONSE, transaction_id, body, key)


def _sealed(kind: int, transaction_id: bytes, body: bytes, key: bytes) -> bytes:
    """A message with ``MESSAGE-INTEGRITY`` and ``FINGERPRINT``."""
    data = _HEADER.pack(kind, len(body) + _INTEGRITY.size, MAGIC_COOKIE, transaction_id) + body
    integrity = _INTEGRITY.pack(_MESSAGE_INTEGRITY, 20, hmac.digest(key, data, "sha1"))
    data = data[:2] + _SIZE.pack(len(body) + _TAIL_BYTES) + data[4:] + integrity
    return data + _FINGERPRINT.pack(_FINGERPRINT_TYPE, 4, crc32(data) ^ _FINGERPRINT_XOR)
