"""Long messages of sound, in parts: who says ten minutes at once must not hold up what everybody else says.

To read 6.4 MB of JSON and base64 takes as long as a tick; in parts, others have their turn in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conference.telephony.dialect import Message

PART_CHARS = 131_072
"""Of base64 in a part: 12 s of mu-law, which takes 0.5 ms to read. A multiple of four."""

_MOST_AROUND = 1024
"""Characters before the sound, and behind it."""

_BEGINS = re.compile(r'"payload" ?: ?"')


def in_parts(message: Message, size: int = PART_CHARS) -> Iterator[Message]:
    """A message, as several that together say the same; itself if it is short, or not written as sound usually is.

    Args:
        message: as it came.
        size: characters of base64 in a part; a multiple of four.
    """
    begins = _BEGINS.search(message, 0, _MOST_AROUND) if isinstance(message, str) and len(message) > size else None
    if begins is None or isinstance(message, bytes):
        yield message
        return
    begin = begins.end()
    end = message.find('"', begin)
    escaped = message.find("\\", begin, end) >= 0  # a part must not end in the middle of an escape
    if end < 0 or escaped or len(message) - end > _MOST_AROUND or _BEGINS.search(message, end):
        yield message
        return
    head, tail = message[:begin], message[end:]
    for at in range(begin, end, size):
        yield head + message[at : min(at + size, end)] + tail
