"""What a packet's silence is: the one rule by which a packet counts as silent, from its header and its size."""

from __future__ import annotations

SILENT_DBOV = -76
"""A packet whose sender measured this or less is silence: the gate's fixed threshold is at -75.4 dBov."""

DTX_BYTES = 2
"""A payload of this many bytes or fewer announces silence (RFC 6716 section 3.1: a lone TOC is an empty frame)."""


def is_silent(level: int | None, size: int, silent_dbov: int = SILENT_DBOV) -> bool:
    """Whether a packet is silence, as far as its header and its size tell.

    Args:
        level: what its sender measured, in dBov (RFC 6464); ``None`` if nothing is known, or believed.
        size: of its payload, in bytes.
        silent_dbov: what was measured as this or less is silence.
    """
    return size <= DTX_BYTES if level is None else level <= silent_dbov


def dtx_packet(codec: str, payload: bytes) -> bytes | None:
    """The packet by which a sender says that it sends nothing for a while (DTX).

    Args:
        codec: the encoding name, as in SDP.
        payload: of a packet like which it is: of the same mode, bandwidth and frame length.

    Returns:
        ``None``: the codec has no such packet.
    """
    return bytes((payload[0] & 0xFC,)) if codec == "opus" and payload else None  # code 0: one frame, which is empty
