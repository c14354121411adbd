"""Linear PCM of 16 bits as a codec of a room: L16 (RFC 3551, section 4.5.11), and the same with its bytes swapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from conference.audio.frame import Samples
from conference.audio.resample import RATES
from conference.codecs.waveform import WaveformCodec

ByteOrder: TypeAlias = Literal["big", "little"]
"""Which byte of a sample comes first: the standard's is big-endian; most providers of calls send little-endian."""


@dataclass(frozen=True, slots=True)
class LinearCodec(WaveformCodec):
    """Linear PCM, one channel.

    Args:
        sample_rate: 8000, 16000, 24000 or 48000 Hz.
        byte_order: of each sample.

    Raises:
        ValueError: another rate, or another order.
    """

    sample_rate: int
    byte_order: ByteOrder = "big"

    def __post_init__(self) -> None:
        if self.sample_rate not in RATES or self.byte_order not in ("big", "little"):
            raise ValueError(f"there is no linear PCM of {self.sample_rate} Hz, {self.byte_order}-endian")

    @property
    def name(self) -> str:
        """``L16/16000``, as in SDP; ``L16LE/16000`` with its bytes swapped.

        Each is a codec of its own: whoever can be given what comes in one cannot be given what comes in another.
        """
        return f"{'L16' if self.byte_order == 'big' else 'L16LE'}/{self.sample_rate}"

    @property
    def rate(self) -> int:
        """See `WaveformCodec.rate`."""
        return self.sample_rate

    @property
    def sample_bytes(self) -> int:
        """Two."""
        return 2

    @property
    def silence(self) -> bytes:
        """Zero."""
        return b"\0\0"

    def encode_samples(self, samples: Samples) -> bytes:
        """See `WaveformCodec.encode_samples`."""
        return samples.astype(self._dtype, copy=False).tobytes()

    def decode_samples(self, payload: bytes) -> Samples:
        """See `WaveformCodec.decode_samples`."""
        return np.frombuffer(payload, self._dtype, count=len(payload) // 2).astype(np.int16)

    @property
    def _dtype(self) -> str:
        return ">i2" if self.byte_order == "big" else "<i2"
