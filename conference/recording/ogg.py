"""Writes Opus in Ogg (RFC 3533, RFC 7845): one mono stream of packets that follow each other without a gap."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import BinaryIO, Final

PRE_SKIP: Final = 312
"""Samples at 48 kHz by which libopus is late: they are not played."""

PACKETS_A_PAGE: Final = 50
"""A page is a second long, as RFC 7845 recommends at most."""

SERIAL: Final = 1

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_VENDOR = b"conference"


def opus_head(pre_skip: int) -> bytes:
    """The identification header of a mono stream (RFC 7845, section 5.1)."""
    return struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, pre_skip, 48_000, 0, 0)


def opus_tags(comments: Mapping[str, str]) -> bytes:
    """The comment header (RFC 7845, section 5.2)."""
    lines = [f"{key}={value}".encode() for key, value in comments.items()]
    parts = [b"OpusTags", struct.pack("<I", len(_VENDOR)), _VENDOR, struct.pack("<I", len(lines))]
    for line in lines:
        parts += [struct.pack("<I", len(line)), line]
    return b"".join(parts)


def write_opus(file: BinaryIO, packets: Iterable[bytes], samples: int, comments: Mapping[str, str]) -> None:
    """Write a file.

    Args:
        file: opened for writing bytes.
        packets: in order.
        samples: of each packet at 48 kHz.
        comments: what players show, e.g. ``TITLE``.

    Raises:
        OSError: it cannot be written.
    """
    file.write(_page([opus_head(PRE_SKIP)], 0, 0, 2))
    file.write(_page([opus_tags(comments)], 0, 1, 0))
    number, granule = 2, 0
    waiting: list[bytes] = []
    segments = 0
    for packet in packets:
        needed = len(packet) // 255 + 1
        if len(waiting) == PACKETS_A_PAGE or segments + needed > 255:
            file.write(_page(waiting, granule, number, 0))
            number, waiting, segments = number + 1, [], 0
        waiting.append(packet)
        segments += needed
        granule += samples
    file.write(_page(waiting, granule, number, 4))


def _page(packets: list[bytes], granule: int, number: int, flags: int) -> bytes:
    lacing = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, SERIAL, number, 0, len(lacing))
    page = head + lacing + b"".join(packets)
    return page[:22] + struct.pack("<I", checksum(page)) + page[26:]


def checksum(page: bytes) -> int:
    """The CRC-32 of RFC 3533: that of zlib, but for the order of bits, and what it begins and ends with."""
    crc = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)
