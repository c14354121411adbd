"""What dialects have in common whose sound comes in binary frames, and all else in text frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conference.telephony import fields
from conference.telephony.dialect import StreamMedia
from conference.telephony.settings import LONGEST_MESSAGE, LONGEST_SERVER_MESSAGE


def read_json(text: str) -> dict[str, Any]:
    """A text frame of a caller as a JSON object, of few enough parts.

    Raises:
        MessageError: it is none.
    """
    return fields.read_json(text, LONGEST_MESSAGE)


def read_server_json(text: str) -> dict[str, Any]:
    """A text frame of a server, which may hold much sound, as a JSON object.

    Raises:
        MessageError: it is none.
    """
    return fields.read_json(text, LONGEST_SERVER_MESSAGE)


def texts_of(data: Mapping[str, Any]) -> dict[str, str]:
    """What of an object can be a stream's parameters: its texts and numbers."""
    read = {name: fields.text_if_any(value, LONGEST_MESSAGE) for name, value in data.items()}
    return {name: text for name, text in read.items() if text is not None}


class BinaryProviderEnd:
    """What the provider's end of each of them does alike."""

    def media(self, payload: bytes) -> bytes:
        """See `ProviderEnd.media`."""
        return payload

    def cleared(self) -> Sequence[str]:
        """See `ProviderEnd.cleared`."""
        return ()

    def closing(self) -> Sequence[str]:
        """Nothing: the socket is closed."""
        return ()


def mono(payload: bytes, channels: int) -> Sequence[StreamMedia]:
    """Linear PCM of one or two channels as that of the first, who is the caller."""
    if channels == 1:
        return (StreamMedia(payload),)
    pairs = memoryview(payload)[: len(payload) // 4 * 4].cast("H")
    return (StreamMedia(pairs[::2].tobytes()),)
