"""G.711 as codecs of a room: PCMU and PCMA (RFC 3551, section 4.5.14), 8 kHz."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from conference.audio import g711
from conference.audio.conceal import Concealer
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.audio.resample import Resampler
from conference.codecs.base import DecodeError

CLOCK_RATE = 8_000
"""Rate of G.711 in Hz, and of its RTP timestamps."""

PAYLOAD_BYTES = CLOCK_RATE // 50
"""Bytes of a packet of one tick (160)."""

MAX_CONCEALED_SAMPLES = CLOCK_RATE
"""A gap is concealed for a second at most: after 60 ms concealment is silence anyway."""


@dataclass(frozen=True, slots=True)
class PcmuCodec:
    """Mu-law. It has no settings."""

    @property
    def name(self) -> str:
        """``PCMU``, as in SDP."""
        return "PCMU"

    def make_encoder(self) -> G711Encoder:
        """An encoder of its own state."""
        return G711Encoder(g711.ulaw_encode, g711.ULAW_SILENCE)

    def make_decoder(self) -> G711Decoder:
        """A decoder of its own state."""
        return G711Decoder(self.name, g711.ulaw_decode)


@dataclass(frozen=True, slots=True)
class PcmaCodec:
    """A-law. It has no settings."""

    @property
    def name(self) -> str:
        """``PCMA``, as in SDP."""
        return "PCMA"

    def make_encoder(self) -> G711Encoder:
        """An encoder of its own state."""
        return G711Encoder(g711.alaw_encode, g711.ALAW_SILENCE)

    def make_decoder(self) -> G711Decoder:
        """A decoder of its own state."""
        return G711Decoder(self.name, g711.alaw_decode)


class G711Encoder:
    """Encodes one mix: 160 bytes per frame, always."""

    def __init__(self, encode: Callable[[Samples], g711.Codes], silence: int) -> None:
        self._encode = encode
        self._silence = bytes([silence]) * PAYLOAD_BYTES
        self._resampler = Resampler(SAMPLE_RATE, CLOCK_RATE)
        self._drained = True

    def encode(self, frame: Samples, *, fresh: bool = False) -> bytes:
        """Encode a frame, shape ``(960,)``, int16. G.711 has no memory: ``fresh`` changes nothing."""
        del fresh
        if frame.shape != (FRAME_SAMPLES,) or frame.dtype != np.int16:
            raise ValueError(f"a frame is 960 samples of int16, not {frame.shape} of {frame.dtype}")
        self._drained = False
        return self._encode(self._resampler.process(frame)).tobytes()

    def encode_silence(self) -> bytes:
        """The next packet of a silent stream; the first one holds the end of what the resampler delayed."""
        if self._drained:
            return self._silence
        packet = self.encode(SILENCE)
        self._drained = True  # the resampler remembers 4 ms, all of them silent now
        return packet

    def set_expected_loss(self, percent: int) -> None:
        """G.711 has no FEC: nothing changes."""

    def economize(self, wanted: bool) -> None:
        """There is nothing to be spared: nothing changes."""


class G711Decoder:
    """Decodes one source to 48 kHz: six samples for each byte."""

    clock_rate: int = CLOCK_RATE

    def __init__(self, name: str, decode: Callable[[bytes], Samples]) -> None:
        self.name = name
        """The codec's."""

        self._decode = decode
        self._concealer = Concealer(CLOCK_RATE)
        self._resampler = Resampler(CLOCK_RATE, SAMPLE_RATE)

    def duration(self, payload: bytes) -> int:
        """Length of a packet in samples at 8 kHz: its bytes.

        Raises:
            DecodeError: the payload is empty.
        """
        if not payload:
            raise DecodeError("a G.711 packet has at least one byte")
        return len(payload)

    def repairs(self, payload: bytes) -> bool:
        """No: G.711 has no FEC."""
        del payload
        return False

    def decode(self, payload: bytes) -> Samples:
        """Decode a packet of any length to int16, shape ``(6 * len(payload),)``, 48 kHz.

        Raises:
            DecodeError: the payload is empty.
        """
        self.duration(payload)
        return self._resampler.process(self._concealer.good(self._decode(payload)))

    def conceal(self, duration: int, following: bytes | None = None) -> Samples:
        """Make up for lost samples; G.711 has no FEC, so that ``following`` changes nothing.

        Args:
            duration: length of the gap at 8 kHz.
            following: the packet right after the gap.

        Returns:
            int16, shape ``(6 * duration,)``, 48 kHz, cut to a second.
        """
        del following
        return self._resampler.process(self._concealer.lost(min(duration, MAX_CONCEALED_SAMPLES)))

    def reset(self) -> None:
        """Forget all history: the next packet belongs to another stream."""
        self._concealer.reset()
        self._resampler.reset()
