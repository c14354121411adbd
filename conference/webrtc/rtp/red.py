"""Redundant audio data (RFC 2198): a packet that also carries the ones before it, so that losing one loses nothing.

Unlike Opus's own FEC it repeats a packet as good as it was, and can be built for one peer alone: everybody else who
hears the same mix gets the same bytes as before.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from conference.playout.sequence import sequence_step

MAX_AGE = (1 << 14) - 1
"""The oldest that a block can be, in units of the RTP timestamp: 14 bits."""

MAX_BLOCK_BYTES = (1 << 10) - 1
"""The longest redundant block: 10 bits. The primary one has no length, and so no bound."""

MAX_BLOCKS = 8
"""More blocks in one packet than anybody means to send."""

REMEMBERED = 64
"""Of how many packets `ReceivedWindow` knows whether they are here."""

RED_TYPE = 63
"""Payload type in our own offers, as in libwebrtc's."""

_OPUS = re.compile(r"^a=rtpmap:(\d+) opus/48000/2", re.MULTILINE | re.IGNORECASE)
_MEDIA = re.compile(r"^m=audio [^\r\n]*", re.MULTILINE)
_HEADER = struct.Struct("!I")
_ALL = (1 << REMEMBERED) - 1


class Block(NamedTuple):
    """One of the payloads in a packet."""

    payload_type: int
    age: int
    """By how much its timestamp is before the packet's ("timestamp offset")."""

    payload: bytes


def parse_red(data: bytes) -> list[Block]:
    """Take a payload apart (RFC 2198 section 3).

    Args:
        data: the RTP payload.

    Returns:
        The blocks in the order in which they came: the last one, of age 0, is the primary.

    Raises:
        ValueError: it is malformed, or has more than :data:`MAX_BLOCKS` blocks.
    """
    headers: list[tuple[int, int, int]] = []
    at = 0
    while at < len(data) and data[at] & 0x80:
        if at + 4 > len(data) or len(headers) + 1 == MAX_BLOCKS:
            raise ValueError("truncated, or too many redundant blocks")
        (header,) = _HEADER.unpack_from(data, at)
        headers.append((header >> 24 & 0x7F, header >> 10 & MAX_AGE, header & MAX_BLOCK_BYTES))
        at += 4
    if at >= len(data):
        raise ValueError("no primary block")
    primary_type, start = data[at], at + 1
    blocks = []
    for payload_type, age, length in headers:
        blocks.append(Block(payload_type, age, data[start : start + length]))
        start += length
    if start > len(data):
        raise ValueError("blocks that are longer than the packet")
    blocks.append(Block(primary_type, 0, data[start:]))
    return blocks


def build_red(primary_type: int, primary: bytes, redundant: Sequence[Block] = ()) -> bytes:
    """Put a payload together.

    Args:
        primary_type: the primary block's payload type.
        primary: its payload.
        redundant: what is to be repeated, oldest first. What RED has no room for (too old, too long, too many) is left
            out, and everything before it: what remains is without a gap.
    """
    fitting: list[Block] = []
    for block in reversed(redundant[-(MAX_BLOCKS - 1) :]):
        if not 0 < block.age <= MAX_AGE or len(block.payload) > MAX_BLOCK_BYTES:
            break
        fitting.insert(0, block)
    headers = b"".join(
        _HEADER.pack(1 << 31 | one.payload_type << 24 | one.age << 10 | len(one.payload)) for one in fitting
    )
    return b"".join((headers, bytes((primary_type,)), *(one.payload for one in fitting), primary))


def distances(blocks: Sequence[Block], duration: Callable[[Block], int]) -> list[tuple[int, Block]]:
    """How many packets ago each redundant block was sent, which RED does not say.

    Only for blocks that follow each other without a gap, up to the primary, that is certain: a gap in timestamps may
    be a pause, or a packet that is not repeated.

    Args:
        blocks: from `parse_red`.
        duration: of a block, in units of the RTP timestamp; 0 or less if it is not a packet of its codec.

    Returns:
        Distance (1 is the packet just before) and block, the most recent first.
    """
    found = []
    next_age = 0
    for distance, block in enumerate(reversed(blocks[:-1]), 1):
        length = duration(block)
        if length <= 0 or block.age != next_age + length:
            break
        next_age = block.age
        found.append((distance, block))
    return found


def offer_red(offer: str) -> str:
    """Add redundant audio to the offer of an implementation that does not know it.

    Args:
        offer: SDP with one audio section. Comes back as it is if there is no Opus in it, or no number for RED.
    """
    opus = _OPUS.search(offer)
    media = _MEDIA.search(offer)
    if opus is None or media is None or str(RED_TYPE) in media[0].split():
        return offer
    blocks = f"{opus[1]}/{opus[1]}"
    lines = f"a=rtpmap:{RED_TYPE} red/48000/2\r\na=fmtp:{RED_TYPE} {blocks}\r\n"
    return f"{offer[: media.end()]} {RED_TYPE}{offer[media.end() : opus.start()]}{lines}{offer[opus.start() :]}"


class ReceivedWindow:
    """Which of a stream's last packets are here, so that what is repeated is not handed on twice.

    Args:
        highest: all up to this one are taken for being here; ``None`` if nothing is.
    """

    def __init__(self, highest: int | None = None) -> None:
        self._highest = 0 if highest is None else highest & 0xFFFF
        self._here = 0 if highest is None else _ALL  # bit n: the packet n before the highest

    def add(self, sequence: int) -> bool:
        """Note that a packet (RTP sequence number, 16 bits) is here. Returns whether that is news."""
        step = sequence_step(sequence, self._highest)
        if 0 < step < REMEMBERED:
            self._highest = sequence
            self._here = (self._here << step | 1) & _ALL
            return True
        if -REMEMBERED < step <= 0:
            news = not self._here >> -step & 1
            self._here |= 1 << -step
            return news
        self._highest, self._here = sequence, 1  # a long gap, or the sender has started anew
        return True
