"""Sealing what goes between two nodes: AES-128-GCM, with a key for each direction of each pair.

The keys are derived from a secret that nodes share through Redis, and from the ids of the two. Ids are never used
twice, and numbers count up, so that no nonce is, either.
"""

from __future__ import annotations

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ID_BYTES = 8
"""Of a node's id, which is twice as many hexadecimal digits."""

_HEAD = struct.Struct(f"!{ID_BYTES}sQ")
WINDOW = 1024
"""A datagram that comes so many later than others is dropped: it may be a replay."""


class Unauthentic(ValueError):
    """A datagram was not sealed for us, or has come before."""


def sender_of(datagram: bytes) -> str:
    """The id of the node that a datagram says it is from. Raises Unauthentic if it says nothing."""
    if len(datagram) <= _HEAD.size:
        raise Unauthentic("It is too short.")
    return datagram[:ID_BYTES].hex()


def _key(secret: bytes, sender: str, receiver: str) -> AESGCM:
    info = f"conference trunk {sender} {receiver}".encode()
    return AESGCM(HKDF(SHA256(), 16, salt=None, info=info).derive(secret))


class Sealer:
    """Seals what goes from one node to another.

    Args:
        secret: that all nodes share.
        sender: id of this node.
        receiver: of the other one.
    """

    def __init__(self, secret: bytes, sender: str, receiver: str) -> None:
        self._key = _key(secret, sender, receiver)
        self._sender = bytes.fromhex(sender)
        self._number = 0

    def seal(self, plain: bytes) -> bytes:
        """A datagram that only the receiver can read."""
        self._number += 1
        head = _HEAD.pack(self._sender, self._number)
        return head + self._key.encrypt(head[4:], plain, head)


class Opener:
    """Opens what has come from one other node.

    Args:
        secret: that all nodes share.
        sender: id of the other node.
        receiver: of this one.
    """

    def __init__(self, secret: bytes, sender: str, receiver: str) -> None:
        self._key = _key(secret, sender, receiver)
        self._highest = 0
        self._seen = 0  # of the last WINDOW numbers, a bit each; the lowest is that of the highest number

    def open(self, datagram: bytes) -> bytes:
        """What was sealed.

        Raises:
            Unauthentic: it was not sealed for this node by that one, or has come before, or far too late.
        """
        head = datagram[: _HEAD.size]
        _, number = _HEAD.unpack(head)
        behind = self._highest - number
        if behind >= WINDOW or (behind >= 0 and self._seen >> behind & 1):
            raise Unauthentic("It has come before, or too late.")
        try:
            plain = self._key.decrypt(head[4:], datagram[_HEAD.size :], head)
        except InvalidTag:
            raise Unauthentic("It was not sealed for this node.") from None
        if behind < 0:
            self._seen = self._seen << -behind if -behind < WINDOW else 0
            self._highest, behind = number, 0
        self._seen = (self._seen | 1 << behind) & ((1 << WINDOW) - 1)
        return plain
