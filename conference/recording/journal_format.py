"""The file that is written while a recording goes on.

It is only ever appended to: a line that names the format, and blocks. A block is its kind (1 byte), its length and its
CRC-32 (4 bytes each, little-endian), and its bytes. A block that a crash cut short, or that the disk lost, does not
have its checksum: the journal ends before it, and all that was written earlier can be read.

There are two kinds of block. *Records* are those of a capture (`capture.records`), so that a recorded room can be run
again; each segment of them begins with an `Opened`. *Events* are lines of JSON.
"""

from __future__ import annotations

import fcntl
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

MAGIC: Final = b"conference recording 1\n"
RECORDS: Final = 0
EVENTS: Final = 1
MAX_BLOCK_BYTES: Final = 64 * 1024 * 1024

_HEAD = struct.Struct("<BII")


class JournalError(Exception):
    """The file is no journal; the text is a sentence for people."""


def lock(descriptor: int) -> bool:
    """Take an open journal for oneself, for as long as it is open. Whoever writes it does, and whoever finishes it.

    Returns:
        Whether that was possible: another process may have it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def frame(kind: int, block: bytes) -> bytes:
    """A block as it stands in the file.

    Args:
        kind: :data:`RECORDS` or :data:`EVENTS`.
        block: whole records, or whole lines.
    """
    return _HEAD.pack(kind, len(block), zlib.crc32(block)) + block


def read_blocks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The kind and the bytes of each block, up to the first that is not whole.

    Args:
        file: opened for reading bytes, at its beginning.

    Raises:
        JournalError: it is no journal, or one of another version. An empty file, which a crash may leave, is one
            without blocks.
        OSError: it cannot be read.
    """
    line = file.read(len(MAGIC))
    if not MAGIC.startswith(line):
        raise JournalError("The file is not the journal of a recording, or is of another version of this program.")
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        kind, length, checksum = _HEAD.unpack(head)
        if kind not in (RECORDS, EVENTS) or length > MAX_BLOCK_BYTES:
            return
        block = file.read(length)
        if len(block) < length or zlib.crc32(block) != checksum:
            return
        yield kind, block
