"""Packets with ordinary headers, many at once, as the columns of an array of integers."""

from __future__ import annotations

from typing import Final

ORDINARY_RATE: Final = 48_000
"""Clock rate of the streams whose packets are handled so: Opus, which is nearly all."""

ORDINARY_BYTES: Final = 20
"""Of a header that has one extension element, with the level: of version 2, without padding and contributing sources,
then (RFC 8285 section 4.2) 0xBEDE, a length of one word, and the element."""

PLACE: Final = 0
"""In the batch that was read. The rows of the array: shape ``(FIELDS, packets)``, int64."""

INDEX: Final = 1
"""Of the stream's row in the receive table."""

SEQUENCE: Final = 2
TIMESTAMP: Final = 3
LEVEL: Final = 4
"""In -dBov, 0 to 127, as the header says."""

ARRIVAL: Final = 5
"""In nanoseconds."""

LENGTH: Final = 6
"""Of the payload, in bytes."""

FIELDS: Final = 7
