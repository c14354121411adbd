"""Packets from and to many sockets, one for each client, in memory that libsrtp and NumPy work on in place.

The server tells its clients apart by their addresses, so each needs a socket, and ``sendmmsg`` does not help: it sends
through one. What can be saved is everything else. Linux only, on 64-bit little-endian machines; elsewhere clients send
and read one by one, at several times the price.
"""

from __future__ import annotations

import time
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from conference.webrtc.udp import libc
from conference.webrtc.udp.libc import CONTROL_LENGTH, MESSAGE_WORDS, RECEIVED, as_array, ffi

PLACES: Final = 512
"""Packets that are read at a time."""

IN_BYTES: Final = 1600
"""Of a place. An odd number of cache lines, so that the beginnings of all places don't share the same few."""

_MIN_ROOM: Final = 32
_CONTROL_BYTES: Final = 64
_STAMP_BYTES: Final = 32  # of a cmsghdr with a timespec
_DONT_WAIT: Final = 0x40
_NO_SIGNAL: Final = 0x4000

_libc = libc.load("send", "recvmmsg")

AVAILABLE: bool = _libc is not None
"""Whether this system can do it."""


class Packets:
    """Places for packets to be sent.

    Args:
        places: how many.
        size: bytes of each.

    Attributes:
        data: shape ``(places, size)``, uint8: the packets.
        lengths: shape ``(places,)``, int32: theirs.
        pointers: to each packet.
        length_pointers: to each length, as ``int *``.
    """

    def __init__(self, places: int, size: int) -> None:
        self._memory = ffi.new("char[]", places * size)
        self._lengths = ffi.new("int[]", places)
        self.data: NDArray[np.uint8] = as_array(self._memory, np.uint8).reshape(places, size)
        self.lengths: NDArray[np.int32] = as_array(self._lengths, np.int32)
        self.pointers = [self._memory + place * size for place in range(places)]
        self.length_pointers = [self._lengths + place for place in range(places)]


def send(descriptors: list[int], pointers: list[Any], sizes: list[int]) -> list[int]:
    """Send packets, each through a connected socket of its own.

    Args:
        descriptors: of the sockets; -1 sends nothing.
        pointers: to the packets.
        sizes: of them.

    Returns:
        The places of those that did not go out.
    """
    went = list(map(_libc.send, descriptors, pointers, sizes, repeat(_DONT_WAIT | _NO_SIGNAL)))
    return [place for place, sent in enumerate(went) if sent < 0] if min(went, default=0) < 0 else []


class Incoming:
    """Places for packets that came, through any of many sockets.

    Attributes:
        data: shape ``(PLACES, IN_BYTES)``, uint8: the packets.
    """

    def __init__(self) -> None:
        self._memory = ffi.new("char[]", PLACES * IN_BYTES)
        self._control = ffi.new("char[]", PLACES * _CONTROL_BYTES)
        self._vectors = ffi.new("struct iovec[]", PLACES)
        self._messages = ffi.new("struct mmsghdr[]", PLACES)
        self.data: NDArray[np.uint8] = as_array(self._memory, np.uint8).reshape(PLACES, IN_BYTES)
        self._heads = [self._messages + place for place in range(PLACES)]
        words = as_array(self._messages, np.int64)
        self._control_bytes: NDArray[np.int64] = words[CONTROL_LENGTH::MESSAGE_WORDS]
        self._sizes: NDArray[np.uint32] = as_array(self._messages, np.uint32)[RECEIVED :: 2 * MESSAGE_WORDS]
        self._stamps: NDArray[np.int64] = as_array(self._control, np.int64).reshape(PLACES, -1)[:, 2:4]
        for place in range(PLACES):
            self._vectors[place].iov_base = self._memory + place * IN_BYTES
            self._vectors[place].iov_len = IN_BYTES
            header = self._messages[place].msg_hdr
            header.msg_iov, header.msg_iovlen = self._vectors + place, 1
            header.msg_control = self._control + place * _CONTROL_BYTES

    def read(self, descriptors: list[int], first: int) -> tuple[list[int], bool]:
        """Fill the places with what there is, from the socket ``first`` on, as far as they reach.

        Returns:
            How many packets each socket had, up to where the places ended; and whether the last one has more.
        """
        self._control_bytes[:] = _CONTROL_BYTES
        counts: list[int] = []
        at, read, heads = 0, _libc.recvmmsg, self._heads
        for descriptor in descriptors[first:]:
            room = PLACES - at
            if room < _MIN_ROOM:
                break
            count = max(0, read(descriptor, heads[at], room, _DONT_WAIT, ffi.NULL))
            counts.append(count)
            at += count
            if count == room:
                return counts, True
        return counts, False

    def sizes(self, count: int) -> NDArray[np.int64]:
        """Lengths of the first packets."""
        return np.minimum(self._sizes[:count].astype(np.int64), IN_BYTES)

    def arrivals(self, count: int) -> NDArray[np.int64]:
        """When the kernel had the first packets, in ns (monotonic); or now, where it did not note that."""
        now_ns = time.monotonic_ns()
        stamps = self._stamps[:count]
        at_ns = stamps[:, 0] * 1_000_000_000 + stamps[:, 1] + (now_ns - time.time_ns())
        return np.where(self._control_bytes[:count] >= _STAMP_BYTES, at_ns, now_ns)
