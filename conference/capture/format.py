"""The file of a capture: how records are written and read.

A file is a line that names the format and its version, and a zlib stream of records: one byte of type, four of length,
and the body, little-endian. It is only ever appended to, and flushed at the end of a record about once a second, so
that whatever a crash left of it can be read.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from conference.capture.records import (
    CaptureError,
    Changed,
    ComplexityLimited,
    Ended,
    FramePulled,
    Heard,
    Joined,
    Left,
    Opened,
    PacketArrived,
    Reconnected,
    Record,
    Restarted,
    Ruled,
    SoundArrived,
    SoundBegan,
    SoundPulled,
    Ticked,
)

MAGIC: Final = b"conference capture 1\n"
"""The first line: the format, and its version."""

_PREFIX: Final = b"conference capture "
MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""No record is longer; twice the longest message of a caller."""

_READ_BYTES: Final = 4096  # little, since what a damaged piece of this size held is lost
_INFLATE_BYTES: Final = 1 << 20  # at once, so that a small file cannot fill the memory

_HEAD = struct.Struct("<BI")
_INDEX = struct.Struct("<I")
_BYTE = struct.Struct("<B")
_PACKET = struct.Struct("<IHIqbB")
_PACKET_HEAD = struct.Struct("<BIIHIqbB")
_PACKET_TYPE: Final = 6
_SOUND = struct.Struct("<IqqB")
_FRAME = struct.Struct("<IB")
_SOUND_FRAME = struct.Struct("<IBB")
_TICK = struct.Struct("<qqII")
_TICK_HEAD = struct.Struct("<BIqqII")
_TICK_TYPE: Final = 10
_HEARD = struct.Struct("<III")

_NO_LEVEL: Final = 127  # levels are 0 or less


def encode(record: Record) -> bytes:
    """The bytes of a record, as they stand in the zlib stream.

    Raises:
        struct.error: a number is out of its field's range.
        ValueError: the record is longer than :data:`MAX_BODY_BYTES`.
    """
    kind = type(record)
    body = _WRITERS[kind](record)
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"a record of {len(body)} bytes is too long")
    return _HEAD.pack(_TYPES[kind], len(body)) + body


def packet_writer(index: int, block: bytearray) -> Callable[[int, int, bytes, int, int | None, bool], None]:
    """How to append one participant's packets to ``block``: `encode` of each `PacketArrived`, without making one.

    There are fifty a second of everybody who is there, so this is most of what a capture costs.

    Returns:
        A function of a packet's sequence, timestamp, payload, arrival, level, and whether it is redundant. It raises
        struct.error, and appends nothing, if a number is out of its field's range.
    """
    pack, size = _PACKET_HEAD.pack, _PACKET.size

    def write(
        sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None, redundant: bool
    ) -> None:
        nonlocal block
        block += pack(
            _PACKET_TYPE,
            size + len(payload),
            index,
            sequence,
            timestamp,
            arrival_ns,
            _NO_LEVEL if level is None else level,
            redundant,
        )
        block += payload

    return write


def tick_bytes(tick: int, now_ns: int) -> bytes:
    """`encode` of a `Ticked` that says nothing of what was heard, without making one: there are fifty a second."""
    return _TICK_HEAD.pack(_TICK_TYPE, _TICK.size, tick, now_ns, 0, 0)


def decode(chunks: Iterable[bytes]) -> Iterator[Record]:
    """The records in inflated bytes, cut anywhere. A record that is cut off at the end is left out.

    Raises:
        CaptureError: what comes next is no record.
    """
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        start = 0
        while len(buffer) - start >= _HEAD.size:
            number, length = _HEAD.unpack_from(buffer, start)
            if number not in _READERS or length > MAX_BODY_BYTES:
                raise CaptureError("The capture is damaged from here on.")
            end = start + _HEAD.size + length
            if end > len(buffer):
                break
            yield _read(number, bytes(buffer[start + _HEAD.size : end]))
            start = end
        del buffer[:start]


def read_capture(file: BinaryIO) -> Iterator[Record]:
    """The records of a file, as far as they are there.

    Args:
        file: opened for reading bytes, at its beginning.

    Raises:
        CaptureError: it is no capture, or one of another version, or is damaged from here on.
        OSError: it cannot be read.
    """
    line = file.read(len(MAGIC))
    if line != MAGIC:
        if line.startswith(_PREFIX):
            raise CaptureError("The capture was written by another version of this program, in another format.")
        raise CaptureError("The file is not a capture.")
    return decode(_inflate(file))


def _inflate(file: BinaryIO) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    try:
        while not inflater.eof and (data := file.read(_READ_BYTES)):
            while data and not inflater.eof:
                yield inflater.decompress(data, _INFLATE_BYTES)
                data = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error:
        raise CaptureError("The capture is damaged from here on.") from None


def _read(number: int, body: bytes) -> Record:
    try:
        return _READERS[number](body)
    except (struct.error, ValueError, TypeError, RecursionError):
        raise CaptureError("The capture is damaged from here on.") from None


def _json(about: Mapping[str, Any]) -> bytes:
    return json.dumps(about, separators=(",", ":"), allow_nan=False).encode()


def _about(body: bytes) -> dict[str, Any]:
    about = json.loads(body)
    if not isinstance(about, dict):
        raise ValueError("not an object")
    return about


def _indexed_json(record: Joined | Reconnected | Changed | SoundBegan) -> bytes:
    return _INDEX.pack(record.index) + _json(record.about)


def _write_packet(record: PacketArrived) -> bytes:
    block = bytearray()
    write = packet_writer(record.index, block)
    write(record.sequence, record.timestamp, record.payload, record.arrival_ns, record.level, record.redundant)
    return bytes(block[_HEAD.size :])


def _read_packet(body: bytes) -> PacketArrived:
    index, sequence, timestamp, arrival_ns, level, redundant = _PACKET.unpack_from(body)
    payload = body[_PACKET.size :]
    return PacketArrived(
        index, sequence, timestamp, payload, arrival_ns, None if level == _NO_LEVEL else level, bool(redundant)
    )


def _write_sound(record: SoundArrived) -> bytes:
    timed = record.timestamp_ms is not None
    return _SOUND.pack(record.index, record.timestamp_ms or 0, record.now_ns, timed) + record.payload


def _read_sound(body: bytes) -> SoundArrived:
    index, timestamp_ms, now_ns, timed = _SOUND.unpack_from(body)
    return SoundArrived(index, timestamp_ms if timed else None, body[_SOUND.size :], now_ns)


def _write_frame(record: FramePulled) -> bytes:
    return _FRAME.pack(record.index, record.samples is not None) + (record.samples or b"")


def _read_frame(body: bytes) -> FramePulled:
    index, given = _FRAME.unpack_from(body)
    return FramePulled(index, _frame(body[_FRAME.size :]) if given else None)


def _write_sound_frame(record: SoundPulled) -> bytes:
    return _SOUND_FRAME.pack(record.index, record.ended, record.samples is not None) + (record.samples or b"")


def _read_sound_frame(body: bytes) -> SoundPulled:
    index, ended, given = _SOUND_FRAME.unpack_from(body)
    return SoundPulled(index, bool(ended), _frame(body[_SOUND_FRAME.size :]) if given else None)


def _frame(samples: bytes) -> bytes:
    if len(samples) != 1920:
        raise ValueError("not a frame")
    return samples


def _indexed_text(body: bytes) -> tuple[int, str]:
    (index,) = _INDEX.unpack_from(body)
    return index, body[_INDEX.size :].decode()


def _indexed_about(body: bytes) -> tuple[int, dict[str, Any]]:
    (index,) = _INDEX.unpack_from(body)
    return index, _about(body[_INDEX.size :])


_TYPES: dict[type[Record], int] = {
    Opened: 1, Joined: 2, Left: 3, Reconnected: 4, Changed: 5, PacketArrived: 6, Restarted: 7, SoundArrived: 8,
    FramePulled: 9, Ticked: 10, Heard: 11, Ended: 12, Ruled: 13, SoundBegan: 14, SoundPulled: 15,
    ComplexityLimited: 16,
}  # fmt: skip
"""Numbers of the types of record. One that is taken is never given to another."""

_WRITERS: dict[type[Record], Callable[[Any], bytes]] = {
    Opened: lambda one: _json(one.about),
    Joined: _indexed_json,
    Left: lambda one: _INDEX.pack(one.index) + one.reason.encode(errors="replace"),
    Reconnected: _indexed_json,
    Changed: _indexed_json,
    PacketArrived: _write_packet,
    Restarted: lambda one: _INDEX.pack(one.index) + one.codec.encode(),
    SoundArrived: _write_sound,
    FramePulled: _write_frame,
    Ticked: lambda one: _TICK.pack(one.tick, one.now_ns, one.sound, one.packets),
    Heard: lambda one: _HEARD.pack(one.index, one.sound, one.packets),
    Ended: lambda one: one.reason.encode(errors="replace"),
    Ruled: lambda one: _json(one.about),
    SoundBegan: _indexed_json,
    SoundPulled: _write_sound_frame,
    ComplexityLimited: lambda one: _BYTE.pack(one.complexity),
}

_READERS: dict[int, Callable[[bytes], Record]] = {
    1: lambda body: Opened(_about(body)),
    2: lambda body: Joined(*_indexed_about(body)),
    3: lambda body: Left(*_indexed_text(body)),
    4: lambda body: Reconnected(*_indexed_about(body)),
    5: lambda body: Changed(*_indexed_about(body)),
    6: _read_packet,
    7: lambda body: Restarted(*_indexed_text(body)),
    8: _read_sound,
    9: _read_frame,
    10: lambda body: Ticked(*_TICK.unpack(body)),
    11: lambda body: Heard(*_HEARD.unpack(body)),
    12: lambda body: Ended(body.decode()),
    13: lambda body: Ruled(_about(body)),
    14: lambda body: SoundBegan(*_indexed_about(body)),
    15: _read_sound_frame,
    16: lambda body: ComplexityLimited(*_BYTE.unpack(body)),
}
