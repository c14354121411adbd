"""Codecs in which every sample stands by itself: G.711 and linear PCM. How they code and decode for a room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Self

import numpy as np

from conference.audio.conceal import Concealer
from conference.audio.fade import FADE_SAMPLES, cross_fade
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, TICKS_PER_SECOND, Samples
from conference.audio.noise_gate import mean_square
from conference.audio.resample import Resampler
from conference.codecs.base import DecodeError

MAX_CONCEALED_SECONDS = 1
"""A gap is concealed for a second at most: long before, concealment is silence anyway."""


class WaveformCodec(ABC):
    """A codec of which any whole samples are a packet. Equal ones share an encoder."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """The encoding name as in SDP: ``PCMU``, ``PCMA`` or ``L16/16000``."""

    @property
    @abstractmethod
    def rate(self) -> int:
        """Samples per second."""

    @property
    @abstractmethod
    def sample_bytes(self) -> int:
        """Bytes of one sample."""

    @property
    @abstractmethod
    def silence(self) -> bytes:
        """One sample of silence."""

    @abstractmethod
    def encode_samples(self, samples: Samples) -> bytes:
        """Code samples of :attr:`rate`: int16, shape ``(n,)``."""

    @abstractmethod
    def decode_samples(self, payload: bytes) -> Samples:
        """Undo :meth:`encode_samples`: int16, shape ``(n,)``, at :attr:`rate`; bytes of half a sample are left out."""

    def mean_square(self, payload: bytes) -> float:
        """The mean of the squared samples, in squared int16 steps: 0 to 2**30; 0 of none."""
        return mean_square(self.decode_samples(payload))

    def loudest_square(self, payload: bytes) -> float:
        """The same of the loudest tick, of one or several."""
        wide = self.decode_samples(payload).reshape(-1, self.frame_samples).astype(np.float64)
        return float(np.einsum("ij,ij->i", wide, wide).max()) / self.frame_samples

    @property
    def frame_samples(self) -> int:
        """Samples of one tick."""
        return self.rate // TICKS_PER_SECOND

    @property
    def frame_bytes(self) -> int:
        """Bytes of one tick."""
        return self.frame_samples * self.sample_bytes

    @property
    def silent_frame(self) -> bytes:
        """One tick of silence."""
        return self.silence * self.frame_samples

    def make_encoder(self) -> WaveformEncoder:
        """An encoder of its own state."""
        return WaveformEncoder(self)

    def make_decoder(self) -> WaveformDecoder:
        """A decoder of its own state."""
        return WaveformDecoder(self)


class WaveformEncoder:
    """Encodes one mix: packets of one size, always.

    Args:
        codec: the packets'.
    """

    def __init__(self, codec: WaveformCodec) -> None:
        self._encode = codec.encode_samples
        self._silence = codec.silent_frame
        self._resampler = Resampler(SAMPLE_RATE, codec.rate)
        self._drained = True
        self.narrow = False
        """Whatever is encoded is coded in the same way."""

    def encode(self, frame: Samples, *, fresh: bool = False) -> bytes:
        """Encode a frame, shape ``(960,)``, int16. There is no memory: ``fresh`` changes nothing."""
        del fresh
        if frame.shape != (FRAME_SAMPLES,) or frame.dtype != np.int16:
            raise ValueError(f"a frame is 960 samples of int16, not {frame.shape} of {frame.dtype}")
        self._drained = False
        return self._encode(self._resampler.process(frame))

    def encode_silence(self) -> bytes:
        """The next packet of a silent stream; the first one holds the end of what the resampler delayed."""
        if self._drained:
            return self._silence
        packet = self.encode(SILENCE)
        self._drained = True  # the resampler remembers 4 ms, all of them silent now
        return packet

    def go_on_from(self, other: Self) -> None:
        """Become what another encoder is now; see `Encoder.go_on_from`."""
        self._resampler.go_on_from(other._resampler)
        self._drained = other._drained

    def restart(self) -> None:
        """What the resampler remembers is over with the next frame: nothing changes."""

    def set_expected_loss(self, percent: int) -> None:
        """There is no FEC: nothing changes."""

    def limit_complexity(self, complexity: int) -> None:
        """There is nothing to be spared: nothing changes."""


class WaveformDecoder:
    """Decodes one source to 48 kHz.

    Args:
        codec: the packets'.
    """

    def __init__(self, codec: WaveformCodec) -> None:
        self.name = codec.name
        """The codec's."""

        self.clock_rate = codec.rate
        self.has_memory = False
        self._codec = codec
        self._sample_bytes = codec.sample_bytes
        self._decode = codec.decode_samples
        self._concealer = Concealer(codec.rate)
        self._resampler = Resampler(codec.rate, SAMPLE_RATE)

    def duration(self, payload: bytes) -> int:
        """Length of a packet in samples at :attr:`clock_rate`.

        Raises:
            DecodeError: there is not one sample in it.
        """
        samples = len(payload) // self._sample_bytes
        if not samples:
            raise DecodeError(f"a packet of {self.name} has at least one sample")
        return samples

    def repairs(self, payload: bytes) -> bool:
        """No: there is no FEC."""
        del payload
        return False

    def decode(self, payload: bytes) -> Samples:
        """Decode a packet of any length to int16, 48 kHz: as much time as it holds.

        Raises:
            DecodeError: there is not one sample in it.
        """
        self.duration(payload)
        return self._resampler.process(self._concealer.good(self._decode(payload)))

    def conceal(self, duration: int, following: bytes | None = None) -> Samples:
        """Make up for lost samples; there is no FEC, so that ``following`` changes nothing.

        Args:
            duration: length of the gap in samples at :attr:`clock_rate`.
            following: the packet right after the gap.

        Returns:
            int16, 48 kHz, of the gap's length, cut to a second.
        """
        del following
        return self._resampler.process(self._concealer.lost(min(duration, self.clock_rate * MAX_CONCEALED_SECONDS)))

    def lead_to(self, samples: Samples) -> Samples:
        """Let sound of another decoder fade in over what is made up here; see `Decoder.lead_to`."""
        size = min(samples.size, FADE_SAMPLES)
        return cross_fade(self.conceal(size * self.clock_rate // SAMPLE_RATE)[:size], samples)

    def reset(self) -> None:
        """Forget all history: the next packet belongs to another stream."""
        self._concealer.reset()
        self._resampler.reset()

    def copy(self) -> Self:
        """Another decoder that goes on from where this one is."""
        twin = type(self)(self._codec)
        twin._concealer = deepcopy(self._concealer)
        twin._resampler.go_on_from(self._resampler)
        return twin
