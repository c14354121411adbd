"""STUN Binding messages (RFC 8489), and a short way for those that ICE sends over and over.

Once a connection is up, each side asks the other every few seconds whether it still agrees to be sent to (RFC 7675),
and browsers check their path more often than that. These messages have few attributes and end in
``MESSAGE-INTEGRITY`` and ``FINGERPRINT``: they are read here at a glance, and written from values. Whatever looks any
different is left to aioice, to the letter: the short way takes nothing that aioice would not take, and takes it for the
same.
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

_LENGTHS: Final = {_PRIORITY: (4,), _USE_CANDIDATE: (0,), _ICE_CONTROLLED: (8,), _ICE_CONTROLLING: (8,)}
"""Of the attributes that a check has beside its ``USERNAME``."""

_KNOWN: Final = frozenset(stun.ATTRIBUTES_BY_TYPE)


class StunMessage:
    """A Binding message that came.

    Attributes:
        message_class: request, indication, response or error.
        transaction_id: 12 bytes.
        username: of a request; else empty.
        usual: it is a request as a controlling agent sends it, or a response, with nothing special about it.
    """

    __slots__ = ("_data", "_integrity_at", "_message", "message_class", "transaction_id", "username", "usual")

    def __init__(
        self,
        message_class: Class,
        transaction_id: bytes,
        username: str,
        data: bytes,
        integrity_at: int = 0,
        *,
        usual: bool = False,
        message: Message | None = None,
    ) -> None:
        self.message_class = message_class
        self.transaction_id = transaction_id
        self.username = username
        self.usual = usual
        self._data = data
        self._integrity_at = integrity_at  # 0: aioice has read it
        self._message = message

    def check_message_integrity(self, key: bytes) -> bool:
        """Whether whoever sent it knows a password, in UTF-8. Without ``MESSAGE-INTEGRITY`` nobody does."""
        end = self._integrity_at
        if not end:
            return self.message().check_message_integrity(key)
        data = self._data
        # "the Length field of the STUN message header is adjusted to point to the end of the MESSAGE-INTEGRITY
        # attribute" (RFC 8489 section 14.5).
        covered = data[:2] + _SIZE.pack(end - _HEADER_BYTES + _INTEGRITY.size) + data[4:end]
        return hmac.compare_digest(hmac.digest(key, covered, "sha1"), data[end + 4 : end + _INTEGRITY.size])

    def message(self) -> Message:
        """The same as aioice has it."""
        if self._message is None:
            self._message = stun.parse_message(self._data)
        return self._message


def parse_stun(data: bytes) -> StunMessage | None:
    """Read a Binding message. Never raises.

    Returns:
        ``None`` for anything else, and for requests without ``USERNAME``, ``PRIORITY`` and ``MESSAGE-INTEGRITY``.
    """
    return _parse_usual(data) or _parse_any(data)


def _parse_usual(data: bytes) -> StunMessage | None:
    """A check or a response as they mostly are; ``None``: it takes a closer look to tell."""
    size = len(data)
    end = size - _TAIL_BYTES
    if end < _HEADER_BYTES or size % 4:
        return None
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if cookie != MAGIC_COOKIE or length != size - _HEADER_BYTES or not _ends_well(data, end):
        return None
    found = _attributes(data, end)
    if found is None:
        return None
    if kind == _RESPONSE:
        if _USERNAME not in found:
            return StunMessage(Class.RESPONSE, transaction_id, "", data, end, usual=True)
    elif kind == _REQUEST and _USERNAME in found and _PRIORITY in found and _XOR_MAPPED_ADDRESS not in found:
        start, length = found[_USERNAME]
        username = data[start : start + length]
        if username.isascii():
            usual = _ICE_CONTROLLING in found and _ICE_CONTROLLED not in found
            return StunMessage(Class.REQUEST, transaction_id, username.decode(), data, end, usual=usual)
    return None


def _ends_well(data: bytes, end: int) -> bool:
    """Whether the last two attributes are a ``MESSAGE-INTEGRITY`` and a ``FINGERPRINT`` that is right."""
    if _ATTRIBUTE.unpack_from(data, end) != (_MESSAGE_INTEGRITY, 20):
        return False
    kind, length, fingerprint = _FINGERPRINT.unpack_from(data, end + _INTEGRITY.size)
    if (kind, length) != (_FINGERPRINT_TYPE, 4):
        return False
    return bool(fingerprint == crc32(data[: -_FINGERPRINT.size]) ^ _FINGERPRINT_XOR)


def _attributes(data: bytes, end: int) -> dict[int, tuple[int, int]] | None:
    """Where each attribute is, and how long; ``None`` if there is anything out of the ordinary."""
    found: dict[int, tuple[int, int]] = {}
    at = _HEADER_BYTES
    while at < end:
        kind, length = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        if kind in found or not _ordinary(kind, data, at, length):
            return None
        found[kind] = (at, length)
        at += (length + 3) & ~3  # "padded with 1, 2, or 3 bytes" (RFC 8489 section 14)
    return found if at == end else None


def _ordinary(kind: int, data: bytes, at: int, length: int) -> bool:
    if kind == _USERNAME:
        return True
    if kind in _LENGTHS:
        return length in _LENGTHS[kind]
    if kind == _XOR_MAPPED_ADDRESS:
        return (length, data[at + 1]) in ((8, 1), (20, 2))  # family and length fit
    return kind >= _OPTIONAL and kind not in _KNOWN


def _parse_any(data: bytes) -> StunMessage | None:
    try:
        message = stun.parse_message(data)
    except Exception:  # the parser is aioice's: ValueError, struct.error, IndexError, whatever the bytes provoke
        return None
    if message.message_method != Method.BINDING:
        return None
    username = ""
    if message.message_class == Class.REQUEST:
        if not {"USERNAME", "MESSAGE-INTEGRITY", "PRIORITY"} <= message.attributes.keys():
            return None
        username = message.attributes["USERNAME"]
    return StunMessage(message.message_class, message.transaction_id, username, data, message=message)


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
