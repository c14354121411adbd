"""Opus (RFC 6716, RFC 7587): the codec's settings, and the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.codecs import libopus
from conference.codecs.base import BEST_COMPLEXITY
from conference.codecs.opus_decoder import OpusDecoder

KEEP_ALIVE_TICKS = 20
"""How often a silent stream sends a packet: every 400 ms, as libopus itself does with DTX."""

ANALYSED_FROM = 7
"""From this complexity on, libopus analyses what it is given, and chooses between its ways of coding by whether it is a
voice: SILK or a hybrid for voices, CELT for music and tones. Whoever allows less work than that gets CELT for
everything: a third of the work, and voices sound worse (docs/sound.md)."""

_DTX_BYTES = 2  # "the packet does not need to be transmitted" (opus_encode): at most that long
_APPLICATIONS = {"voip": libopus.APPLICATION_VOIP, "audio": libopus.APPLICATION_AUDIO}
PLAIN_NARROW = ((48_000, 1), (32_000, 5))
"""From so many bits per second on, what is narrow is coded as music, at that complexity. At 56 kbit/s PESQ-WB is 4.39
at complexity 1, and 4.41 at 5, which takes twice as long; at 48 kbit/s it is 4.37 and 4.39, and at 32 kbit/s 4.19 and
4.29. As a voice, it would be 4.34 for more work than that; at 24 kbit/s it is 4.34 as a voice, and 4.07 as music."""

_NARROW = 8_000
_BANDWIDTHS = {8_000: 1101, 12_000: 1102, 16_000: 1103, 24_000: 1104, 48_000: 1105}  # OPUS_BANDWIDTH_*


@dataclass(frozen=True, slots=True)
class OpusCodec:
    """Opus with its settings. Equal settings share an encoder.

    Raises:
        ValueError: a setting is out of its range.
    """

    bitrate: int = 48_000
    """Bits per second, 6000 to 510000. Encoders are shared, so bits are what a better sound costs."""

    complexity: int = 5
    """0 to 10: how much work the encoder takes, unless it is allowed less: see `OpusEncoder.limit_complexity`."""

    application: Literal["voip", "audio"] = "voip"
    """With ``voip`` libopus takes what may be a voice for one, as mixes mostly are; it still codes music as music.
    With ``audio`` it is harder to convince, and from 50 kbit/s on, once there was music, it never is again. CELT, its
    way for music, has no FEC: where an ``expected_loss`` asks for that, everything is coded as voices are."""

    fec: bool = True
    """Packets repeat the one before at a lower rate, when ``expected_loss`` is above 0."""

    expected_loss: int = 10
    """Percent of packets that will be lost, 0 to 100: how much of the bitrate goes into repeating."""

    max_playback_rate: int = SAMPLE_RATE
    """``maxplaybackrate`` of RFC 7587, section 6.1, in Hz: what is above half of it is not worth sending."""

    def __post_init__(self) -> None:
        if not 6_000 <= self.bitrate <= 510_000:
            raise ValueError("an Opus bitrate is 6000 to 510000 bit/s")
        if not 0 <= self.complexity <= BEST_COMPLEXITY:
            raise ValueError(f"an Opus complexity is 0 to {BEST_COMPLEXITY}")
        if self.application not in _APPLICATIONS:
            raise ValueError("an Opus application is voip or audio")
        if not 0 <= self.expected_loss <= 100:
            raise ValueError("an expected loss is 0 to 100 percent")
        if not 8_000 <= self.max_playback_rate <= SAMPLE_RATE:
            raise ValueError("a maximum playback rate is 8000 to 48000 Hz")

    @property
    def name(self) -> str:
        """``opus``, as in SDP (RFC 7587, section 7)."""
        return "opus"

    def make_encoder(self) -> OpusEncoder:
        """An encoder of its own state."""
        return OpusEncoder(self)

    def make_decoder(self) -> OpusDecoder:
        """A decoder of its own state; it decodes any Opus, whatever the settings."""
        return OpusDecoder()


class OpusEncoder:
    """Encodes one mix: 20 ms, mono, one packet per frame.

    Raises:
        LibraryNotFoundError: there is no libopus.
    """

    def __init__(self, codec: OpusCodec) -> None:
        self._lib = libopus.library()
        error = libopus.ffi.new("int *")
        state = self._lib.opus_encoder_create(SAMPLE_RATE, 1, _APPLICATIONS[codec.application], error)
        libopus.check(error[0])
        self._state = libopus.ffi.gc(state, self._lib.opus_encoder_destroy)
        self._packet = libopus.ffi.new("unsigned char[]", libopus.MAX_PACKET_BYTES)
        self._dtx_packet: bytes | None = None  # what libopus said when it had nothing more to say
        self._silent_ticks = 0  # since the last packet of a silent stream
        self._quiet = False  # the last frame was silence
        self._complexity = codec.complexity
        self._set(libopus.SET_BITRATE, codec.bitrate)
        self._limit = BEST_COMPLEXITY
        self._set(libopus.SET_INBAND_FEC, int(codec.fec))
        self._set(libopus.SET_PACKET_LOSS_PERC, codec.expected_loss)
        self._widest = max(rate for rate in _BANDWIDTHS if rate <= codec.max_playback_rate)
        self.narrow = False
        """What is encoded next holds nothing above 4 kHz: then the bitrate is enough for CELT, without an analysis, to
        sound better than anything else, for a fraction of the work. libopus itself sees to it that no change is heard.
        """

        self._plain_narrow = next((most for bitrate, most in PLAIN_NARROW if codec.bitrate >= bitrate), None)
        self._begins = True  # all packets so far stand on their own
        self._has_begun = False  # the next packet is the first that leans on others
        self._tuned: tuple[bool, int, bool, bool] | None = None  # what libopus was told of these four

    def go_on_from(self, other: Self) -> None:
        """Become what another encoder of the same codec is now; see `Encoder.go_on_from`."""
        libopus.copy_state(self._state, other._state, self._lib.opus_encoder_get_size(1))
        self._dtx_packet = other._dtx_packet
        self._silent_ticks = other._silent_ticks
        self._quiet = other._quiet
        self._limit, self._tuned = other._limit, other._tuned
        self._begins, self._has_begun = other._begins, other._has_begun

    def restart(self) -> None:
        """Begin anew: see `Encoder.restart`.

        What comes first is coded with CELT, unless FEC is wanted. With the next packet that is not, a decoder begins
        anew (RFC 6716 section 4.5.2), and so follows whatever it has had before. It would not follow SILK at once where
        it has just made up for a voice, although the packet refers to none before it.

        The one after it is coded as a voice, from where libopus goes on by itself: else it would stay with CELT, which
        it did not choose, until it is convinced that it hears a voice: for up to a second of what is said.
        """
        libopus.check(self._lib.opus_encoder_ctl(self._state, libopus.RESET_STATE))
        self._begins = True
        if self._quiet:
            self._quiet = False
            self._dtx_packet = None
            self._set(libopus.SET_DTX, 0)

    def set_expected_loss(self, percent: int) -> None:
        """Change the share of packets that are taken to be lost: 0 to 100.

        Raises:
            ValueError: it is not in that range.
        """
        if not 0 <= percent <= 100:
            raise ValueError("an expected loss is 0 to 100 percent")
        self._set(libopus.SET_PACKET_LOSS_PERC, percent)

    def limit_complexity(self, complexity: int) -> None:
        """Take no more work than this from the next packet on, 0 to 10, nor more than the settings say.

        Below :data:`ANALYSED_FROM` everything is coded as music. How far the encoder is behind stays the same, and
        libopus itself sees to it that no change is heard.

        Raises:
            ValueError: it is not in that range.
        """
        if not 0 <= complexity <= BEST_COMPLEXITY:
            raise ValueError(f"an Opus complexity is 0 to {BEST_COMPLEXITY}")
        self._limit = complexity

    def _tune(self) -> None:
        """Tell libopus what :attr:`narrow` and the limit of complexity make of the next packet, if they are others."""
        wanted = (self.narrow, self._limit, self._begins, self._has_begun)
        if wanted == self._tuned:
            return
        self._tuned = wanted
        plain = self._plain_narrow if self.narrow else None
        complexity = min(self._limit, self._complexity, BEST_COMPLEXITY if plain is None else plain)
        as_music = plain is not None or self._limit < ANALYSED_FROM or self._begins
        self._set(libopus.SET_COMPLEXITY, complexity)
        as_voice = self._has_begun and not as_music
        signal = libopus.SIGNAL_VOICE if as_voice else libopus.SIGNAL_MUSIC if as_music else libopus.SIGNAL_AUTO
        self._set(libopus.SET_SIGNAL, signal)
        self._set(libopus.SET_MAX_BANDWIDTH, _BANDWIDTHS[_NARROW if self.narrow else self._widest])

    def encode(self, frame: Samples, *, fresh: bool = False) -> bytes:
        """Encode a frame that holds sound; DTX is off, so that a steady tone is not taken for silence.

        Args:
            frame: shape ``(960,)``, int16, 48 kHz.
            fresh: the packet leans on no earlier one. So does the first one after silence, whatever ``fresh`` says.

        Returns:
            One packet, 2 bytes or more.
        """
        if self._quiet:
            self.restart()
            fresh = True
        self._has_begun = self._begins and not fresh
        self._begins = self._begins and fresh
        if not fresh:
            return self._encode(frame)
        self._set(libopus.SET_PREDICTION_DISABLED, 1)
        try:
            return self._encode(frame)
        finally:
            self._set(libopus.SET_PREDICTION_DISABLED, 0)

    def encode_silence(self) -> bytes | None:
        """The next packet of a silent stream.

        Silence is encoded until libopus itself finds that nothing need be sent, some 200 to 400 ms later. From then
        on there is no work: every 400 ms the packet that says so again, else ``None``.
        """
        if not self._quiet:
            self._quiet, self._begins, self._has_begun = True, False, False
            self._silent_ticks = 0
            self._set(libopus.SET_DTX, 1)
        if self._dtx_packet is None:
            packet = self._encode(SILENCE)
            if len(packet) <= _DTX_BYTES:
                self._dtx_packet = packet
            return packet
        self._silent_ticks += 1
        if self._silent_ticks < KEEP_ALIVE_TICKS:
            return None
        self._silent_ticks = 0
        return self._dtx_packet

    def _encode(self, frame: Samples) -> bytes:
        if frame.shape != (FRAME_SAMPLES,) or frame.dtype != np.int16:
            raise ValueError(f"a frame is 960 samples of int16, not {frame.shape} of {frame.dtype}")
        pcm = libopus.ffi.from_buffer("int16_t[]", np.ascontiguousarray(frame).data)
        self._tune()
        length = libopus.check(
            self._lib.opus_encode(self._state, pcm, FRAME_SAMPLES, self._packet, libopus.MAX_PACKET_BYTES)
        )
        return bytes(libopus.ffi.buffer(self._packet, length))

    def _set(self, request: int, value: int) -> None:
        # The variadic part needs its C type said.
        libopus.check(self._lib.opus_encoder_ctl(self._state, request, libopus.ffi.cast("int32_t", value)))
