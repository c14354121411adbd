"""What dialects have in common whose sound comes in binary frames, and all else in text frames."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from conference.telephony.dialect import StreamMedia
from conference.telephony.fields import DIGITS, MAX_PARTS, MessageError, text_if_any
from conference.telephony.settings import LONGEST_MESSAGE


def read_json(text: str) -> dict[str, Any]:
    """A text frame as a JSON object, of few enough parts.

    Raises:
        MessageError: it is none.
    """
    if len(text) > LONGEST_MESSAGE or sum(map(text.count, "{[,")) > MAX_PARTS:
        raise MessageError("The message is too large.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise MessageError("The message is not JSON.") from None
    if not isinstance(data, dict):
        raise MessageError("The message is not a JSON object.")
    return data


def write_json(body: Mapping[str, Any]) -> str:
    """An object as compact JSON."""
    return json.dumps(body, separators=(",", ":"))


def texts_of(data: Mapping[str, Any]) -> dict[str, str]:
    """What of an object can be a stream's parameters: its texts and numbers."""
    read = {name: text_if_any(value, LONGEST_MESSAGE) for name, value in data.items()}
    return {name: text for name, text in read.items() if text is not None}


def read_digit(value: object) -> str:
    """A key that was pressed.

    Raises:
        MessageError: it is none.
    """
    digit = text_if_any(value)
    if digit not in DIGITS:
        raise MessageError("A key is not one of 0-9, *, #, A-D.")
    return digit.upper()


def mono(payload: bytes, channels: int) -> Sequence[StreamMedia]:
    """Linear PCM of one or two channels as that of the first, who is the caller."""
    if channels == 1:
        return (StreamMedia(payload),)
    pairs = memoryview(payload)[: len(payload) // 4 * 4].cast("H")
    return (StreamMedia(pairs[::2].tobytes()),)
