"""A packet of somebody who talks, as it goes from the node that serves them to others."""

from __future__ import annotations

import struct
from dataclasses import dataclass

CODECS = ("opus", "PCMU")
"""What a talker may send, by the number that stands for it."""

AGE_UNIT_NS = 100_000
_LONGEST_AGE = 0xFFFF
_NO_LEVEL = 255
_FIELDS = struct.Struct("!BHIBHB")  # codec, sequence, timestamp, level, age, bytes of the id that follow


class MalformedPacket(ValueError):
    """What has come over a trunk is no packet of a talker."""


@dataclass(frozen=True, slots=True)
class TalkerPacket:
    """One RTP packet of somebody who talks, decrypted."""

    participant_id: str
    codec: str
    """The encoding's name, as in SDP: ``opus``, ``PCMU``."""

    sequence: int
    """0 to 65535; what was left out as silent is not counted."""

    timestamp: int
    """In samples of the codec's RTP clock, 32 bits."""

    payload: bytes
    level: int | None
    """As its sender said it (RFC 6464): -127 to 0, in dBov; ``None`` if they did not."""

    age_ns: int
    """How long it was with the node that it came to: so a jitter buffer sees the network's jitter, and none of ours."""

    def encode(self) -> bytes:
        """As it is sealed."""
        who = self.participant_id.encode()
        level = _NO_LEVEL if self.level is None else min(127, max(0, -self.level))
        age = min(_LONGEST_AGE, max(0, self.age_ns) // AGE_UNIT_NS)
        head = _FIELDS.pack(CODECS.index(self.codec), self.sequence, self.timestamp, level, age, len(who))
        return head + who + self.payload


def read_packet(data: bytes) -> TalkerPacket:
    """Read a packet.

    Raises:
        MalformedPacket: it is none.
    """
    try:
        codec, sequence, timestamp, level, age, length = _FIELDS.unpack_from(data)
        who = data[_FIELDS.size : _FIELDS.size + length].decode("ascii")
        name = CODECS[codec]
    except (struct.error, UnicodeDecodeError, IndexError):
        raise MalformedPacket("This is no packet of a talker.") from None
    payload = data[_FIELDS.size + length :]
    if not who or len(who) != length or not payload or (level > 127 and level != _NO_LEVEL):
        raise MalformedPacket("This is no packet of a talker.")
    said = None if level == _NO_LEVEL else -level
    return TalkerPacket(who, name, sequence, timestamp, payload, said, age * AGE_UNIT_NS)
