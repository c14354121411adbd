"""G.711 as codecs of a room: PCMU and PCMA (RFC 3551, section 4.5.14), 8 kHz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conference.audio import g711
from conference.audio.frame import Samples
from conference.codecs.waveform import WaveformCodec

CLOCK_RATE = 8_000
"""Rate of G.711 in Hz, and of its RTP timestamps."""


class G711Codec(WaveformCodec):
    """What the two laws have in common."""

    __slots__ = ()

    @property
    def rate(self) -> int:
        """8000."""
        return CLOCK_RATE

    @property
    def sample_bytes(self) -> int:
        """One."""
        return 1


@dataclass(frozen=True, slots=True)
class PcmuCodec(G711Codec):
    """Mu-law. It has no settings."""

    @property
    def name(self) -> str:
        """``PCMU``, as in SDP."""
        return "PCMU"

    @property
    def silence(self) -> bytes:
        """The code of +0."""
        return bytes([g711.ULAW_SILENCE])

    def encode_samples(self, samples: Samples) -> bytes:
        """See `WaveformCodec.encode_samples`."""
        return g711.ulaw_encode(samples).tobytes()

    def decode_samples(self, payload: bytes) -> Samples:
        """See `WaveformCodec.decode_samples`."""
        return g711.ulaw_decode(payload)

    def mean_square(self, payload: bytes) -> float:
        """See `WaveformCodec.mean_square`."""
        return g711.ulaw_mean_square(payload)

    def loudest_square(self, payload: bytes) -> float:
        """See `WaveformCodec.loudest_square`."""
        return g711.ulaw_loudest_square(payload)


@dataclass(frozen=True, slots=True)
class PcmaCodec(G711Codec):
    """A-law. It has no settings."""

    @property
    def name(self) -> str:
        """``PCMA``, as in SDP."""
        return "PCMA"

    @property
    def silence(self) -> bytes:
        """The code of +0."""
        return bytes([g711.ALAW_SILENCE])

    def encode_samples(self, samples: Samples) -> bytes:
        """See `WaveformCodec.encode_samples`."""
        return g711.alaw_encode(samples).tobytes()

    def decode_samples(self, payload: bytes) -> Samples:
        """See `WaveformCodec.decode_samples`. What is of the least codes alone is silence, and decodes to zeros."""
        samples = g711.alaw_decode(payload)
        return np.zeros_like(samples) if g711.alaw_says_nothing(payload) else samples
