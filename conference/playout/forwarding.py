"""What a source does with packets that others get as they came."""

from __future__ import annotations

import math
from collections import deque
from typing import Final, Protocol

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.codecs.base import DecodeError, Decoder

HISTORY_PACKETS: Final = 10
"""So many of the last packets are decoded when a decoder takes over in the middle of a word: it then sounds as one that
has followed from the beginning."""

QUIET_DBOV: Final = -50
"""Between words: with a packet no louder, a listener's decoder may go over from another encoder's packets."""


TICKS_PER_SECOND: Final = SAMPLE_RATE // FRAME_SAMPLES


class PacketTaker(Protocol):
    """Who gets a source's packets as they came. Its methods must not block and must not raise."""

    def forward(self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int) -> None:
        """Take a packet.

        Args:
            sequence: the sender's RTP sequence number, 16 bits.
            timestamp: the sender's RTP timestamp, 32 bits, at the codec's clock rate.
            duration: the packet's length at that rate.
            payload: as it came.
            arrival_ns: when it came.
        """
        ...

    def restart(self) -> None:
        """Another stream takes over: sequence numbers and timestamps begin somewhere else."""
        ...


class Forwarded:
    """The packets of a source that is forwarded, and not played: what has to be known of them to go on by playing."""

    __slots__ = ("_held", "_level", "_loudest", "_recent")

    def __init__(self) -> None:
        self._recent: deque[bytes] = deque(maxlen=HISTORY_PACKETS)
        self._loudest: int | None = None  # since the last tick
        self._level: int | None = None  # of what came last
        self._held = 0  # ticks for which that goes on

    def note(self, payload: bytes, level: int | None, seconds: float) -> None:
        """A packet was forwarded.

        Args:
            payload: what was in it.
            level: what its sender measured, in dBov; ``None`` if that is not known.
            seconds: how long it is.
        """
        self._recent.append(payload)
        self._held = math.ceil(seconds * TICKS_PER_SECOND)
        if level is not None and (self._loudest is None or level > self._loudest):
            self._loudest = level

    def take_level(self) -> int | None:
        """Let a tick pass. Returns how loud what was forwarded is said to be, in dBov; ``None`` if nothing was."""
        if self._loudest is not None:
            self._level, self._loudest = self._loudest, None
        elif self._held <= 0:
            self._level = None
        self._held -= 1
        return self._level

    def forget(self) -> None:
        """Another stream begins."""
        self._recent.clear()
        self._loudest = self._level = None
        self._held = 0

    def catch_up(self, decoder: Decoder) -> Samples:
        """Bring a decoder to where the listeners' are.

        Returns:
            The end of what they have heard: shape ``(960,)``, int16, 48 kHz; silence where that is not known.
        """
        decoder.reset()
        heard = SILENCE
        for payload in self._recent:
            try:
                heard = np.concatenate((heard, decoder.decode(payload)))[-FRAME_SAMPLES:]
            except DecodeError:
                continue
        self.forget()
        return heard
