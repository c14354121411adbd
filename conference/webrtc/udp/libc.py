"""The C library's calls that take or bring many datagrams at once, which Python has not, and their structures.

Linux only, on 64-bit little-endian machines, which is where servers run.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import cffi
import numpy as np

ffi: Final = cffi.FFI()
ffi.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; unsigned int msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen; int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
    int sendmmsg(int, struct mmsghdr *, unsigned int, int);
    int recvmmsg(int, struct mmsghdr *, unsigned int, int, void *);
    ssize_t send(int, const void *, size_t, int);
    """
)

MESSAGE_WORDS: Final = 8
"""Of a ``struct mmsghdr``, 64 bits each."""

CONTROL_LENGTH: Final = 5
"""The word of it with ``msg_controllen``."""

RECEIVED: Final = 14
"""The half word of it with ``msg_len``."""


def load(*functions: str) -> Any:
    """The C library, if it has these functions; else ``None``."""
    if sys.platform != "linux" or sys.byteorder != "little" or sys.maxsize <= 2**32:
        return None
    try:
        libc: Any = ffi.dlopen(None)
        for function in functions:
            getattr(libc, function)
    except (OSError, AttributeError):
        return None
    return libc


def as_array(memory: Any, kind: Any) -> Any:
    """What ``ffi.new`` made, as an array of the same memory: one-dimensional, of this dtype."""
    return np.frombuffer(memoryview(ffi.buffer(memory)), dtype=kind)
