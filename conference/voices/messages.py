"""What is said on an audio socket: JSON in text messages; sound in binary ones.

Sound goes in binary messages as it is, as with recognisers and models that take a stream: base64 would cost a third
more bytes and a copy at both ends of each frame. All else is rare, and JSON: it can be read by eye, and extended. A
client sends sound without any header: there is one stream, in order. The server sends that of several people, and each
of its messages begins with whose it is and when it was heard.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from conference.telephony.fields import MessageError, read_json, read_text

HEADER: Final = struct.Struct("<IQ")
"""Before the samples: the number of the voice, and when it was heard, in milliseconds of Unix time."""

MAX_TEXT_CHARS: Final = 65_536
MAX_LISTENERS: Final = 500
"""Of what is said to some."""

_EXAMPLES: Final = '{"type": "flush"}, {"type": "mark", "name": "…"} or {"type": "to", "listeners": […]}'


@dataclass(frozen=True, slots=True)
class Flush:
    """What was sent and not yet played is to be dropped."""


@dataclass(frozen=True, slots=True)
class SetMark:
    """The client wants to know when it has come to here."""

    name: str


@dataclass(frozen=True, slots=True)
class Address:
    """What comes from here on is for some alone; ``None``: for everybody."""

    listeners: tuple[str, ...] | None


Asked: TypeAlias = Flush | SetMark | Address


def parse(text: str) -> Asked:
    """Read a text message of a client.

    Raises:
        MessageError: it makes no sense; the error is a sentence that says why.
    """
    data = read_json(text, MAX_TEXT_CHARS)
    match data.get("type"):
        case "flush":
            return Flush()
        case "mark":
            return SetMark(_read_name(data.get("name")))
        case "to":
            return Address(_read_listeners(data.get("listeners")))
        case str(kind):
            raise MessageError(f"There is no message of type {kind[:40]!r}: send {_EXAMPLES}.")
        case _:
            raise MessageError(f'The message has no "type": send {_EXAMPLES}.')


def _read_name(value: object) -> str:
    name = read_text(value, "name")
    if not name.isascii() and any("\ud800" <= one <= "\udfff" for one in name):  # it could not be sent back
        raise MessageError('"name" has half of a surrogate pair, which is no character.')
    return name


def _read_listeners(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_LISTENERS or not all(isinstance(one, str) for one in value):
        raise MessageError(f'"listeners" is neither null nor a list of up to {MAX_LISTENERS} ids.')
    return tuple(dict.fromkeys(value))


def write(kind: str, /, **fields: Any) -> str:
    """A text message of the server's."""
    body: Mapping[str, Any] = {"type": kind, **fields}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def write_sound(voice: int, at_ms: int, samples: bytes) -> bytes:
    """A binary message of the server's: 20 ms of one voice.

    Args:
        voice: its number on this socket.
        at_ms: when its first sample was heard, in milliseconds of Unix time.
        samples: linear PCM, 16 bits, little-endian.
    """
    return HEADER.pack(voice, at_ms) + samples
