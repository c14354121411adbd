"""What became of the packets of one source, counted."""

from __future__ import annotations

from dataclasses import dataclass

from conference.playout.items import JitterStats


@dataclass(slots=True)
class StreamStats:
    """What became of the packets of one source."""

    jitter: JitterStats
    decoded: int = 0
    concealed: int = 0
    """Stretches made up because their packet was missing."""

    undecodable: int = 0
    """Packets that were not of the codec agreed on."""

    passed_over: int = 0
    """Packets whose sender measured silence, or that nobody was to hear: not decoded."""

    forwarded: int = 0
    """Packets that went on as they came."""

    mistrusted: int = 0
    """How often a sender was found to say something else of its loudness than what it sends."""

    shortened: int = 0
    """How often a piece was left out to bring the delay down."""

    lengthened: int = 0
    """How often a piece was put in because the network needs more delay."""
