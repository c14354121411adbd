"""What the server and a process that recognises tell each other.

The server writes *orders*: what kind, of which utterance, and bytes. The process answers in lines of JSON: ``ready``,
``failed`` (with why), and of an utterance how much was ``taken``, what was heard, and that it is ``over``.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO, Final

from conference.captions.engines.base import Heard, read_seconds

HEAD: Final = struct.Struct("<BII")
MAX_LINE_BYTES: Final = 64 * 1024


class Order(IntEnum):
    """What a process is to do."""

    SAMPLES = 1
    """Take sound: int16, little-endian, 48 kHz, mono."""

    PACKET = 2
    """Take a packet, after the length of its codec's name, and that name."""

    LOST = 3
    """Make up for packets that were lost: as many samples, at the codec's rate, as it says; and the codec's name."""

    SILENCE = 4
    """Take so many samples, at 48 kHz, of silence."""

    END = 5
    """Nothing more is said in this utterance."""


def order(kind: Order, utterance: int, body: bytes = b"") -> bytes:
    """An order, as it is written."""
    return HEAD.pack(kind, utterance, len(body)) + body


def packet_body(codec: str, payload: bytes) -> bytes:
    """The bytes of :attr:`Order.PACKET`."""
    name = codec.encode()
    return bytes((len(name),)) + name + payload


def read_packet(body: bytes) -> tuple[str, bytes]:
    """Codec and payload of a packet."""
    end = 1 + body[0]
    return body[1:end].decode(), body[end:]


def number_body(number: int, codec: str = "") -> bytes:
    """The bytes of :attr:`Order.LOST` and :attr:`Order.SILENCE`."""
    return number.to_bytes(4, "little") + codec.encode()


def read_number(body: bytes) -> tuple[int, str]:
    """The number, and the codec's name."""
    return int.from_bytes(body[:4], "little"), body[4:].decode()


def read_orders(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """The kind, the utterance and the bytes of each order, until nothing more comes."""
    while len(head := file.read(HEAD.size)) == HEAD.size:
        kind, utterance, length = HEAD.unpack(head)
        body = file.read(length)
        if len(body) < length:
            return
        yield kind, utterance, body


@dataclass(frozen=True, slots=True)
class Report:
    """What a process says, in one line."""

    ready: bool = False
    failed: str | None = None
    utterance: int | None = None
    taken: int = 0
    """Bytes of orders that were carried out since the last report."""

    heard: Heard | None = None
    over: bool = False
    trouble: str | None = None
    """Why an utterance is over before its end."""

    def line(self) -> bytes:
        """As it is written."""
        told: dict[str, object] = {"ready": True} if self.ready else {}
        if self.failed is not None:
            told["failed"] = self.failed
        if self.utterance is not None:
            told["utterance"] = self.utterance
        if self.taken:
            told["taken"] = self.taken
        if self.heard is not None:
            one = self.heard
            told |= {"text": one.text, "final": one.final, "begins": one.begins_s, "ends": one.ends_s}
        if self.over:
            told["over"] = True
        if self.trouble is not None:
            told["trouble"] = self.trouble
        return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def read_report(line: bytes) -> Report | None:
    """What a line says; ``None`` if it makes no sense."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    utterance, taken = told.get("utterance"), told.get("taken", 0)
    failed, trouble = told.get("failed"), told.get("trouble")
    return Report(
        ready=told.get("ready") is True,
        failed=failed if isinstance(failed, str) else None,
        utterance=utterance if _is_count(utterance) else None,
        taken=taken if _is_count(taken) else 0,
        heard=_heard(told),
        over=told.get("over") is True,
        trouble=trouble if isinstance(trouble, str) else None,
    )


def _heard(told: dict[str, object]) -> Heard | None:
    text, final = told.get("text"), told.get("final")
    if not isinstance(text, str) or not isinstance(final, bool):
        return None
    return Heard(text, final, read_seconds(told.get("begins")), read_seconds(told.get("ends")))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
