"""Opus (RFC 6716): the decoder, with in-band FEC and concealment."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Self

import numpy as np

from conference.audio.conceal import Concealer
from conference.audio.fade import FADE_SAMPLES, cross_fade
from conference.audio.frame import SAMPLE_RATE, Samples
from conference.codecs import libopus
from conference.codecs.base import DecodeError

MAX_CONCEALED_SAMPLES = SAMPLE_RATE
"""A gap is concealed for a second at most: by then concealment has long been silence."""

OWN_FROM = SAMPLE_RATE * 20 // 1000
"""The samples of a loss that libopus conceals: it does so well, but is down by 15 dB after 60 ms, and silent after 100
(measured). From here on the voice goes on by `audio.conceal`."""

_STEP = 120  # libopus conceals in multiples of 2.5 ms
_MAX_FRAME_BYTES = 1275  # RFC 6716, section 3.4, R2

_sizes = libopus.ffi.new("int16_t[48]")  # where libopus puts what nobody asks for


def _frame_samples(toc: int) -> int:
    """Length of each frame of a packet in samples at 48 kHz, from its TOC byte (RFC 6716, table 2)."""
    config = toc >> 3
    if config < 12:  # SILK: 10, 20, 40, 60 ms
        return (480, 960, 1920, 2880)[config & 3]
    if config < 16:  # Hybrid: 10, 20 ms
        return (480, 960)[config & 1]
    return (120, 240, 480, 960)[config & 3]  # CELT: 2.5, 5, 10, 20 ms


_FRAME_SAMPLES = tuple(_frame_samples(toc) for toc in range(256))


def single_frame_samples(toc: int) -> int | None:
    """Length of a packet, in samples at 48 kHz, by its first byte; ``None`` if it does not hold a single frame."""
    return None if toc & 3 else _FRAME_SAMPLES[toc]


class OpusDecoder:
    """Decodes one source to 48 kHz mono, whatever it sends: mono or stereo, 2.5 to 120 ms, any mode.

    Raises:
        LibraryNotFoundError: there is no libopus.
    """

    name: str = "opus"
    """The codec's."""

    has_memory = True

    clock_rate: int = SAMPLE_RATE
    """"The RTP timestamp is incremented with a 48000 Hz clock rate for all modes of Opus" (RFC 7587, section 4.1)."""

    def __init__(self) -> None:
        self._lib = libopus.library()
        self._state: Any = None  # libopus's, 20 KB: made with the first packet, since most people never say a word
        self._concealer = Concealer(SAMPLE_RATE, begun=OWN_FROM)
        self._lost = 0  # samples made up in a row

    def duration(self, payload: bytes) -> int:
        """Length of a packet in samples at 48 kHz: 120 to 5760.

        Raises:
            DecodeError: the payload is empty or its framing breaks a rule of RFC 6716, section 3.4.
        """
        if not payload:
            raise DecodeError("an Opus packet has at least one byte")  # R1
        toc = payload[0]
        if not toc & 3 and len(payload) <= 1 + _MAX_FRAME_BYTES:  # code 0: one frame, the rest of the packet
            return _FRAME_SAMPLES[toc]
        frames = self._lib.opus_packet_parse(
            payload, len(payload), libopus.ffi.NULL, libopus.ffi.NULL, _sizes, libopus.ffi.NULL
        )
        if frames < 1:
            raise DecodeError("not an Opus packet")
        return int(frames) * _FRAME_SAMPLES[toc]

    def repairs(self, payload: bytes) -> bool:
        """Whether a packet holds FEC for the one before it (LBRR, RFC 6716, section 4.2.4)."""
        toc = payload[0]
        if toc >= 0x80 or toc & 3 or len(payload) < 2:  # CELT has none; and of packets with one frame only
            return False
        # Section 4.2.3: a VAD bit for each 20 ms of the frame, then the LBRR flag; each of probability 1/2, so one bit.
        frames = max(1, _FRAME_SAMPLES[toc] // 960)
        return bool(payload[1] >> (7 - frames) & 1)

    def decode(self, payload: bytes) -> Samples:
        """Decode a packet: int16, shape ``(n,)``, 48 kHz, mono; ``n`` is its :meth:`duration`.

        Raises:
            DecodeError: the payload is not an Opus packet; the decoder is as it was.
        """
        result = self._decode(payload, self.duration(payload), fec=False)
        if result is None:
            raise DecodeError("not an Opus packet")
        self._lost = 0
        return self._concealer.good(result)

    def conceal(self, duration: int, following: bytes | None = None) -> Samples:
        """Make up for lost samples: in-band FEC for the last packet of the gap, concealment for the rest.

        Args:
            duration: length of the gap at 48 kHz.
            following: the packet right after the gap; one without FEC, or one that is none at all, does no harm.

        Returns:
            int16, shape ``(duration,)``, cut to a second.
        """
        wanted = min(max(duration, 0), MAX_CONCEALED_SAMPLES)
        missing = -(-wanted // _STEP) * _STEP
        # libopus conceals the beginning of what is asked for, and recovers the end, as long as a frame.
        repaired = min(missing, self._repaired(following)) if following else 0
        made = self._make_up(missing - repaired)
        if following and repaired:
            recovered = self._decode(following, repaired, fec=True)
            if recovered is not None:
                self._lost = 0
                made.append(self._concealer.good(recovered))
            else:
                made += self._make_up(repaired)
        return np.concatenate([np.zeros(0, dtype=np.int16), *made])[:wanted] if len(made) != 1 else made[0][:wanted]

    def lead_to(self, samples: Samples) -> Samples:
        """Let sound of another decoder fade in over what is made up here; see `Decoder.lead_to`."""
        size = min(samples.size, FADE_SAMPLES)
        # Concealment of our own would begin with a seam, right where this one is to vanish.
        begun = self._lost <= OWN_FROM and size % _STEP == 0
        made = self._decode(None, size, fec=False) if begun else self._concealer.lost(size)
        return samples if made is None else cross_fade(made, samples)

    def reset(self) -> None:
        """Forget all history: the next packet belongs to another stream."""
        if self._state is not None:
            libopus.check(self._lib.opus_decoder_ctl(self._state, libopus.RESET_STATE))
        self._concealer.reset()
        self._lost = 0

    def copy(self) -> Self:
        """Another decoder that goes on from where this one is."""
        twin = type(self)()
        twin._concealer = deepcopy(self._concealer)
        twin._lost = self._lost
        if self._state is not None:
            twin._state = twin._make_state()
            libopus.copy_state(twin._state, self._state, self._lib.opus_decoder_get_size(1))
        return twin

    def _repaired(self, following: bytes) -> int:
        """How many samples before a packet its FEC may recover: 0, or its first frame's length."""
        several = following[0] < 0x80 and following[0] & 3  # more frames than one: whether there is FEC, libopus knows
        return _FRAME_SAMPLES[following[0]] if several or self.repairs(following) else 0

    def _make_up(self, missing: int) -> list[Samples]:
        """Concealment: libopus's, then our own. ``missing`` is a multiple of 2.5 ms."""
        made: list[Samples] = []
        while missing:
            begins = self._lost < OWN_FROM
            part = min(missing, OWN_FROM - self._lost if begins else libopus.MAX_PACKET_SAMPLES)
            guess = self._decode(None, part, fec=False)  # in any case, so that libopus knows what was lost
            if not begins:
                made.append(self._concealer.lost(part))
            elif guess is not None:
                made.append(self._concealer.good(guess))
            else:
                made.append(np.zeros(part, dtype=np.int16))
            self._lost += part
            missing -= part
        return made

    def _decode(self, payload: bytes | None, samples: int, *, fec: bool) -> Samples | None:
        """What libopus makes of a packet, ``samples`` at most; ``None`` if it refuses."""
        if self._state is None:
            self._state = self._make_state()
        data, length = (libopus.ffi.NULL, 0) if payload is None else (payload, len(payload))
        pcm = np.empty(samples, dtype=np.int16)
        place = libopus.ffi.from_buffer("int16_t[]", pcm.data, require_writable=True)
        decoded = self._lib.opus_decode(self._state, data, length, place, samples, fec)
        return pcm[:decoded] if decoded >= 0 else None

    def _make_state(self) -> Any:
        error = libopus.ffi.new("int *")
        state = self._lib.opus_decoder_create(SAMPLE_RATE, 1, error)
        libopus.check(error[0])
        return libopus.ffi.gc(state, self._lib.opus_decoder_destroy)
