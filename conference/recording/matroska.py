"""Writes Matroska (RFC 9559): tracks of Opus, G.711 and linear PCM, each packet at its own time.

The file can be played from any place: clusters are short, and each is found by a cue. An Opus track gives no delay of
its codec: what an encoder of its own held back is not known of packets that others made.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from conference.recording.ogg import opus_head

CLUSTER_MS: Final = 5_000
CLUSTER_BYTES: Final = 1024 * 1024

_UNKNOWN_8: Final = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_FORMAT_TAGS: Final = {"PCMU": 7, "PCMA": 6}  # of WAVEFORMATEX
_LINEAR: Final = {"L16": b"A_PCM/INT/BIG", "L16LE": b"A_PCM/INT/LIT"}
_APP: Final = "conference"


@dataclass(frozen=True, slots=True)
class MatroskaTrack:
    """One track of a file."""

    name: str
    codec: str
    """``opus``, ``PCMU``, ``PCMA``, ``L16/16000`` or ``L16LE/16000``, the latter two of any rate."""


def write_matroska(
    file: BinaryIO,
    tracks: Sequence[MatroskaTrack],
    blocks: Iterable[tuple[int, int, bytes]],
    title: str,
    duration_ns: int,
) -> None:
    """Write a file.

    Args:
        file: opened for writing bytes, and seekable.
        tracks: in order; the first is played where nobody chooses.
        blocks: when each begins, in nanoseconds, the place of its track, and the payload; in order of time.
        title: of the file.
        duration_ns: of all.

    Raises:
        OSError: it cannot be written.
    """
    file.write(_element(0x1A45DFA3, _header()))
    file.write(_id(0x18538067))
    size_at = file.tell()
    file.write(_UNKNOWN_8)
    begins = file.tell()
    seek_at = file.tell()
    file.write(b"\0" * _SEEK_BYTES)  # made when it is known where the cues are
    info_at = file.tell() - begins
    file.write(_element(0x1549A966, _info(title, duration_ns)))
    tracks_at = file.tell() - begins
    file.write(_element(0x1654AE6B, b"".join(_track(number, one) for number, one in enumerate(tracks, 1))))
    cues = _write_clusters(file, blocks, begins)
    cues_at = file.tell() - begins
    file.write(_element(0x1C53BB6B, b"".join(cues)))
    end = file.tell()
    file.seek(seek_at)
    file.write(_seek_head(info_at, tracks_at, cues_at))
    file.seek(size_at)
    file.write(struct.pack(">Q", (end - begins) | 1 << 56))
    file.seek(end)


def _write_clusters(file: BinaryIO, blocks: Iterable[tuple[int, int, bytes]], begins: int) -> list[bytes]:
    cues: list[bytes] = []
    parts: list[bytes] = []
    first_ms = size = 0

    def finish() -> None:
        nonlocal parts, size
        if parts or not cues:  # a file has one cluster at the least
            cues.append(_cue(first_ms, file.tell() - begins))
            file.write(_element(0x1F43B675, _unsigned(0xE7, first_ms) + b"".join(parts)))
        parts, size = [], 0

    for at_ns, track, payload in blocks:
        at_ms = max(0, (at_ns + 500_000) // 1_000_000)
        if parts and (at_ms - first_ms >= CLUSTER_MS or size >= CLUSTER_BYTES):
            finish()
        if not parts:
            first_ms = at_ms
        block = _element(0xA3, _size(track + 1) + struct.pack(">hB", at_ms - first_ms, 0x80) + payload)
        parts.append(block)
        size += len(block)
    finish()
    return cues


def _header() -> bytes:
    return (
        _unsigned(0x4286, 1)  # EBMLVersion
        + _unsigned(0x42F7, 1)
        + _unsigned(0x42F2, 4)
        + _unsigned(0x42F3, 8)
        + _element(0x4282, b"matroska")
        + _unsigned(0x4287, 4)  # DocTypeVersion
        + _unsigned(0x4285, 2)
    )


def _info(title: str, duration_ns: int) -> bytes:
    return (
        _unsigned(0x2AD7B1, 1_000_000)  # TimestampScale: milliseconds
        + _element(0x4489, struct.pack(">d", duration_ns / 1e6))
        + _element(0x7BA9, title.encode())
        + _element(0x4D80, _APP.encode())
        + _element(0x5741, _APP.encode())
    )


def _track(number: int, track: MatroskaTrack) -> bytes:
    opus = track.codec == "opus"
    codec, rate, bits, private = _coding(track.codec)
    audio = _element(0xB5, struct.pack(">d", float(rate))) + _unsigned(0x9F, 1)
    if bits:
        audio += _unsigned(0x6264, bits)  # BitDepth
    entry = (
        _unsigned(0xD7, number)
        + _unsigned(0x73C5, number)
        + _unsigned(0x83, 2)  # TrackType: audio
        + _unsigned(0x88, int(number == 1))  # FlagDefault
        + _unsigned(0x9C, 0)  # FlagLacing
        + _element(0x22B59C, b"und")
        + _element(0x536E, track.name.encode())
        + _element(0x86, codec)
    )
    if private:
        entry += _element(0x63A2, private)
    if opus:
        entry += _unsigned(0x56BB, 80_000_000)  # SeekPreRoll, RFC 7845, section 4.6
    return _element(0xAE, entry + _element(0xE1, audio))


def _coding(name: str) -> tuple[bytes, int, int, bytes]:
    """Of a codec: its CodecID, its rate in Hz, the bits of a sample (0: it has none), and its CodecPrivate."""
    if name == "opus":
        return b"A_OPUS", 48_000, 0, opus_head(0)
    if name in _FORMAT_TAGS:  # WAVEFORMATEX
        return b"A_MS/ACM", 8_000, 8, struct.pack("<HHIIHHH", _FORMAT_TAGS[name], 1, 8_000, 8_000, 1, 8, 0)
    order, _, rate = name.partition("/")
    return _LINEAR[order], int(rate), 16, b""


def _cue(at_ms: int, position: int) -> bytes:
    return _element(
        0xBB, _unsigned(0xB3, at_ms) + _element(0xB7, _unsigned(0xF7, 1) + _element(0xF1, struct.pack(">Q", position)))
    )


def _seek_head(info_at: int, tracks_at: int, cues_at: int) -> bytes:
    seeks = b"".join(
        _element(0x4DBB, _element(0x53AB, _id(what)) + _element(0x53AC, struct.pack(">Q", position)))
        for what, position in ((0x1549A966, info_at), (0x1654AE6B, tracks_at), (0x1C53BB6B, cues_at))
    )
    return _element(0x114D9B74, seeks)


def _id(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _size(length: int) -> bytes:
    """A length as EBML has it (RFC 8794, section 4): as short as it goes."""
    for width in range(1, 9):
        if length < (1 << 7 * width) - 1:
            return (length | 1 << 7 * width).to_bytes(width, "big")
    raise ValueError("an element is too long")


def _element(number: int, body: bytes) -> bytes:
    return _id(number) + _size(len(body)) + body


def _unsigned(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


_SEEK_BYTES: Final = len(_seek_head(0, 0, 0))
