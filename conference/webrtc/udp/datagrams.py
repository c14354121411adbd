"""Many datagrams with one system call: ``sendmmsg`` and ``recvmmsg``, where there are such.

The kernel notes when each datagram came, so that it does not matter when it is read.

Python has neither, so they are called through cffi, with structures that are made once and live as long as their
owner. Linux only, on 64-bit little-endian machines, which is where servers run; elsewhere datagrams go one by one.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from conference.webrtc.udp import libc
from conference.webrtc.udp.libc import CONTROL_LENGTH, MESSAGE_WORDS, RECEIVED, as_array, ffi

NAME_BYTES = 32
"""Place for a ``sockaddr_in6``, which has 28; a ``sockaddr_in`` is shorter. The rest is zero."""

MAX_AGE_NS: Final = 1_000_000_000
"""A datagram that was not read for longer counts as so old: the system's clock may have been set meanwhile."""

_SO_TIMESTAMPNS: Final = 35  # as for Linux on x86 and ARM; Python does not name it
_CONTROL_WORDS: Final = 4  # struct cmsghdr: its length, and level and type; struct timespec: seconds, nanoseconds
_STAMPED: Final = _SO_TIMESTAMPNS << 32 | socket.SOL_SOCKET
_FULL = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)

_libc = libc.load("sendmmsg", "recvmmsg")

AVAILABLE: bool = _libc is not None
"""Whether this system has them."""


def note_arrivals(sock: socket.socket) -> None:
    """Have the kernel note when each datagram comes, if it can."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def pack_name(address: tuple[str, int], family: int) -> bytes:
    """A ``sockaddr``, padded to :data:`NAME_BYTES`.

    Args:
        address: IP address and port.
        family: ``socket.AF_INET`` or ``socket.AF_INET6``.

    Raises:
        OSError: the address is not one of this family.
    """
    host = socket.inet_pton(family, address[0])
    port = address[1].to_bytes(2, "big")
    middle = b"" if family == socket.AF_INET else bytes(4)  # IPv6 has its flow label there
    return (family.to_bytes(2, "little") + port + middle + host).ljust(NAME_BYTES, b"\0")


def unpack_name(name: bytes) -> tuple[str, int]:
    """The address in a ``sockaddr``."""
    port = int.from_bytes(name[2:4], "big")
    if int.from_bytes(name[:2], "little") == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, name[4:8]), port
    return socket.inet_ntop(socket.AF_INET6, name[8:24]), port


class DatagramBatch:
    """Places for datagrams, one behind the other, with what the kernel wants to know of each.

    Args:
        places: how many.
        size: bytes for each.

    Attributes:
        data: shape ``(places, size)``, uint8: the datagrams.
        raw_words: shape ``(places, size / 8)``, int64: the same memory, in the machine's byte order.
        lengths: shape ``(places,)``, uint64: what of them is to be sent, or may be received.
        names: shape ``(places, NAME_BYTES)``, uint8: their addresses, each a ``sockaddr``.
        name_words: shape ``(places, NAME_BYTES / 8)``, int64: the same memory.
        pointers: to each datagram, for libraries that work in place.
        length_pointers: to each length, as ``int *``.
    """

    def __init__(self, places: int, size: int) -> None:
        self.places = places
        self.size = size
        self._memory = ffi.new("char[]", places * size)
        self._names = ffi.new("char[]", places * NAME_BYTES)
        self._controls = ffi.new("int64_t[]", places * _CONTROL_WORDS)
        self._vectors = ffi.new("struct iovec[]", places)
        self._messages = ffi.new("struct mmsghdr[]", places)
        self.data = as_array(self._memory, np.uint8).reshape(places, size)
        self.raw_words: NDArray[np.int64] = self.data.view(np.int64)
        self.names = as_array(self._names, np.uint8).reshape(places, NAME_BYTES)
        self.name_words: NDArray[np.int64] = self.names.view(np.int64)
        self.lengths: NDArray[np.uint64] = as_array(self._vectors, np.uint64)[1::2]
        self.lengths[:] = size
        self.pointers = [self._memory + place * size for place in range(places)]
        self.length_pointers = [ffi.cast("int *", self._vectors + place) + 2 for place in range(places)]
        self._heads = [self._messages + place for place in range(places)]
        self._received = as_array(self._messages, np.uint32)[RECEIVED :: 2 * MESSAGE_WORDS]
        self._control_lengths = as_array(self._messages, np.uint64)[CONTROL_LENGTH::MESSAGE_WORDS]
        self._stamps: NDArray[np.int64] = as_array(self._controls, np.int64).reshape(places, _CONTROL_WORDS)
        self._count = places  # received last
        self._name_bytes = memoryview(ffi.buffer(self._names))
        self._bytes = memoryview(ffi.buffer(self._memory))
        for place in range(places):
            header = self._messages[place].msg_hdr
            header.msg_name = self._names + place * NAME_BYTES
            header.msg_namelen = NAME_BYTES
            header.msg_iov = self._vectors + place
            header.msg_iovlen = 1
            header.msg_control = self._controls + place * _CONTROL_WORDS
            self._vectors[place].iov_base = self.pointers[place]

    def set_family(self, family: int) -> None:
        """From now on the addresses are of this family."""
        for place in range(self.places):
            self._messages[place].msg_hdr.msg_namelen = 16 if family == socket.AF_INET else NAME_BYTES

    def send(self, descriptor: int, first: int, last: int) -> list[int]:
        """Send the datagrams from ``first`` up to before ``last``. Returns the places of those that did not go out."""
        failed: list[int] = []
        while first < last:
            sent = _libc.sendmmsg(descriptor, self._heads[first], last - first, 0)
            if sent > 0:
                first += sent
            elif ffi.errno in _FULL:  # as good as lost on the way
                return failed + list(range(first, last))
            elif ffi.errno != errno.EINTR:  # it is about the first one
                failed.append(first)
                first += 1
        return failed

    def receive(self, descriptor: int) -> int:
        """Read what is there, but no more than there are places. Returns how many datagrams that was."""
        self.lengths[: self._count] = self.size
        self._control_lengths[: self._count] = 8 * _CONTROL_WORDS
        count: int = max(0, _libc.recvmmsg(descriptor, self._messages, self.places, 0, ffi.NULL))
        self._count = count
        self.lengths[:count] = self._received[:count]
        return count

    def ages_ns(self, count: int) -> NDArray[np.int64]:
        """How long ago the first datagrams came, as far as the kernel noted it; shape ``(count,)``, nanoseconds."""
        stamps = self._stamps[:count]
        ages = time.time_ns() - stamps[:, 2] * 1_000_000_000 - stamps[:, 3]
        ages *= stamps[:, 1] == _STAMPED
        bounded: NDArray[np.int64] = np.minimum(np.maximum(ages, 0), MAX_AGE_NS)
        return bounded

    def sender(self, place: int) -> bytes:
        """Where one came from."""
        return self._name_bytes[place * NAME_BYTES : (place + 1) * NAME_BYTES].tobytes()

    def datagram(self, place: int) -> bytes:
        """What is in one, as it was received."""
        return self.read(place, 0, int(self.lengths[place]))

    def write(self, datagrams: Sequence[bytes]) -> None:
        """Put datagrams into the first places, each no longer than a place, to be sent."""
        memory, start, size = self._bytes, 0, self.size
        for datagram in datagrams:
            memory[start : start + len(datagram)] = datagram
            start += size
        self.lengths[: len(datagrams)] = [*map(len, datagrams)]

    def read(self, place: int, start: int, end: int) -> bytes:
        """A part of one."""
        first = place * self.size
        return self._bytes[first + start : first + end].tobytes()

    def words(self, count: int, words: int) -> NDArray[np.int64]:
        """How the first datagrams begin, as numbers of 64 bits (big-endian, as all numbers in headers are).

        Returns:
            Shape ``(count, words)``. Behind the end of a datagram is anything.
        """
        found: NDArray[np.int64] = self.raw_words[:count, :words].byteswap()
        return found
