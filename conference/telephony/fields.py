"""How the fields of a media stream's messages are read, of whatever dialect.

Strictly where a slip would be heard or misunderstood, leniently where providers and their imitators differ. What nobody
here reads is not looked at: no value of it, whatever it may be, keeps anybody out.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from typing import Any

MAX_SID_CHARS = 128
"""Longest identifier taken. Twilio's have 34 characters, its imitators' differ."""

MAX_DIGITS = 18
"""Longest number read."""

MAX_PARTS = 1000
"""Most objects, lists and what stands in them of one message. Those of the protocol have about twenty, and one more for
each parameter; a megabyte of brackets takes 150 ms to read."""

_PARTS = ("{", "[", ",")

MAX_NAME_CHARS = 1024
"""Longest name of a mark, a track or an encoding taken."""


DIGITS = frozenset("0123456789*#ABCDabcd")
"""The keys of a telephone."""


class MessageError(ValueError):
    """A message that does not follow the protocol; the text is a sentence that says how."""


def to_base64(payload: bytes) -> str:
    """Base64 as the protocol wants it: RFC 4648 section 4, padded, in one line."""
    return binascii.b2a_base64(payload, newline=False).decode("ascii")


class SharedBase64:
    """Base64 of the last payload: all who hear the same mix hold the same ``bytes``, one after the other."""

    __slots__ = ("_payload", "_text")

    def __init__(self) -> None:
        self._payload = b""
        self._text = ""

    def __call__(self, payload: bytes) -> str:
        if payload is not self._payload:
            self._payload, self._text = payload, to_base64(payload)
        return self._text


shared_base64 = SharedBase64()
"""Of all streams."""


def from_base64(text: str) -> bytes:
    """Undo :func:`to_base64`, strictly: stray characters would turn into noise.

    Raises:
        MessageError: this is not base64.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise MessageError("The payload is not base64 (RFC 4648 section 4, padded, in one line).") from None


def read_json(text: str, max_chars: int) -> dict[str, Any]:
    """The message as an object.

    Raises:
        MessageError: too long, or no JSON object.
    """
    if len(text) > max_chars:
        raise MessageError(f"The message has {len(text)} characters, and at most {max_chars} are taken.")
    if sum(map(text.count, _PARTS)) > MAX_PARTS:
        raise MessageError(f"The message has more than {MAX_PARTS} parts.")
    try:
        data = _DECODER.decode(text)
    except (ValueError, RecursionError):  # ValueError: not JSON, or a number of thousands of digits
        raise MessageError("The message is not JSON.") from None
    if not isinstance(data, dict):
        raise MessageError("The message is not a JSON object.")
    return data


def read_event(text: str, max_chars: int) -> tuple[dict[str, Any], str]:
    """The message as an object, and its event.

    Raises:
        MessageError: too long, no JSON object, or without an event.
    """
    data = read_json(text, max_chars)
    event = data.get("event")
    if not isinstance(event, str) or not event:
        raise MessageError('The message has no "event".')
    return data, event[:64]


def _whole(digits: str) -> int | None:
    """A number of as many digits as are read; more take longer to read than all else."""
    return int(digits) if len(digits) <= MAX_DIGITS else None


_DECODER = json.JSONDecoder(parse_int=_whole)  # `json.loads` would make one for each message


def write_json(body: Mapping[str, Any]) -> str:
    """A message as compact JSON."""
    return json.dumps(body, separators=(",", ":"))


def read_object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object inside a message that bears its event's name."""
    body = data.get(name)
    if not isinstance(body, dict):
        raise MessageError(f'A "{name}" message has no "{name}" object.')
    return body


def object_if_any(value: object) -> dict[str, Any]:
    """An object that can be done without; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def read_base64(value: object, what: str) -> bytes:
    """Bytes that are needed, as :func:`to_base64` writes them; ``what`` names the field in the error."""
    if not isinstance(value, str):
        raise MessageError(f'"{what}" is not a string.')
    return from_base64(value)


def read_digit(value: object, what: str) -> str:
    """A key that was pressed, upper case; ``what`` names the field in the error."""
    digit = text_if_any(value)
    if digit not in DIGITS:
        raise MessageError(f'"{what}" is not one of 0-9, *, #, A-D.')
    return digit.upper()


def read_text(value: object, what: str) -> str:
    """A short string that is needed; ``what`` names the field in the error."""
    if not isinstance(value, str) or len(value) > MAX_NAME_CHARS:
        raise MessageError(f'"{what}" is not a string of up to {MAX_NAME_CHARS} characters.')
    return value


def text_if_any(value: object, max_chars: int = MAX_NAME_CHARS) -> str | None:
    """What can do without: a short string, or a whole number as one; ``None`` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return value if isinstance(value, str) and len(value) <= max_chars else None


def sid_if_any(value: object) -> str:
    """An identifier that can be done without; ``""`` for what is none."""
    return text_if_any(value, MAX_SID_CHARS) or ""


def read_sid(*values: object, name: str = "streamSid") -> str:
    """An identifier that is needed: the first of these that is one.

    Raises:
        MessageError: none of them is.
    """
    for value in values:
        if sid := sid_if_any(value):
            return sid
    raise MessageError(f'"{name}" is missing, or not a string of up to {MAX_SID_CHARS} characters.')


def read_number(value: object) -> int | None:
    """A count or a time: up to 18 digits, as a number or as a string of it; ``None`` if it is neither."""
    if isinstance(value, str):
        return int(value) if len(value) <= MAX_DIGITS and value.isdecimal() and value.isascii() else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 10**18:
        return None
    return int(value)
