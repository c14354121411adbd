"""Is anybody speaking, and how loud: silence detection with hangover, and levels in dBov.

Two gates in one. The *fixed* one opens above a threshold and is the law (see `DEFAULT_THRESHOLD`). The *adaptive* one
demands more where there is noise: a voice has to stand out from its own background, by `OPEN_DB` to open the gate and
by `KEEP_DB` to keep it open. Where there is no noise, the two are the same.

A word's beginning is kept without delaying anybody: a frame opens the gate as a whole if any 5 ms of it stand out, so
that the up to 15 ms before an onset in the same frame come with it. To hold frames back until the next is known would
cost everybody 20 ms of delay. What begins with a hiss or a hum stands out there first: while the gate is not kept open
by what is heard of the voice itself, three more bands are listened to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from conference.audio.bands import BandMeter, folded, voice_squares
from conference.audio.detector import Margins, OnsetDetector, VoiceDetector
from conference.audio.frame import FRAME_SAMPLES, SILENT_LEVEL, Samples, Wide, full_scale
from conference.audio.noise import PAUSE_TICKS

DEFAULT_THRESHOLD = 5000 / 160
"""Mean square per sample at and below which a frame is silent: 31.25, that is -75.4 dBov. The edge case is 20 ms
at 8 kHz whose squares sum to 5000."""

DEFAULT_HANGOVER_TICKS = 20
"""Ticks that the gate stays open after the last loud frame: 400 ms keep the ends of words and the gaps between."""

OPEN_DB = 9.0
"""How far above its noise floor a frame must be to open the gate."""

ONSET_DB = 12.0
"""How far above it 5 ms of a frame must be to do the same: more, since so short a stretch of mere noise varies more."""

KEEP_DB = 6.0
"""How far above it a frame must be to keep an open gate open."""

ALWAYS = full_scale(-40.0)
"""A frame whose mean square is above this is heard however steady it is: a tone, music, an organ."""

_VOICE = Margins.of(OPEN_DB, ONSET_DB, ONSET_DB)

_LEAST = 1 / 8
"""Of the threshold: noise in one of these bands is taken to be as loud at least."""

_ABOUT_TO_CLOSE = 4
"""What is beside the voice is listened to while the gate is shut, and so many ticks before: what opens it is looked for
there, not what keeps it open."""

_FAINT_RATIO = 10**0.5
"""A frame of a voice that is as many times its noise floor can be made out: one of noise seldom is."""

_RATIO = {margin: 10 ** (margin / 10) for margin in (OPEN_DB, KEEP_DB)}
_FULL_SCALE = 32768.0**2
_LOWEST = _FULL_SCALE * 10 ** (SILENT_LEVEL / 10)


@dataclass(frozen=True, slots=True)
class GateSettings:
    """When a source is to be heard."""

    adaptive: bool = True
    """Whether the threshold rises with the source's own background noise."""

    threshold: float = DEFAULT_THRESHOLD
    """Mean square per sample, in squared int16 steps; a frame at or below it is always silent."""

    hangover_ticks: int = DEFAULT_HANGOVER_TICKS
    """Ticks that the gate stays open after the last loud frame."""


def mean_square(frame: Samples) -> float:
    """The mean of the squared samples: shape ``(n,)`` in, 0 to 2**30 out, exact; 0 for an empty frame."""
    if not len(frame):
        return 0.0
    wide = frame.astype(np.float64)  # an int16 product wraps; float64 holds any sum of these exactly
    return float(np.dot(wide, wide)) / len(frame)


def level_of(frame: Samples) -> float:
    """The level of a frame in dBov (RFC 6464).

    0 dBov is the root mean square of a full-scale square wave (every sample +-32768), so that a full-scale sine
    is at -3.01 dBov.

    Args:
        frame: shape ``(n,)``, int16, any rate.

    Returns:
        -127 (digital silence, and whatever is below) to 0.
    """
    return decibels(mean_square(frame))


def decibels(square: float) -> float:
    """The level of a mean square, in squared int16 steps, in dBov: see :func:`level_of`."""
    return 10 * math.log10(square / _FULL_SCALE) if square > _LOWEST else SILENT_LEVEL


class NoiseGate:
    """Says whether a source is to be heard. One per source, asked once a tick.

    The gate opens with the first frame above the threshold, and closes after ``hangover_ticks`` ticks without
    another; until then quiet frames still belong to the mix.

    Args:
        threshold: mean square per sample, in squared int16 steps; a frame at or below it is silent.
        hangover_ticks: ticks that the gate stays open after the last loud frame.
        adaptive: whether a frame must also stand out from the source's noise.

    Raises:
        ValueError: the threshold or the hangover is negative.
    """

    __slots__ = (
        "_hangover_ticks",
        "_meter",
        "_onsets",
        "_ratio",
        "_remaining",
        "_silent_ticks",
        "_threshold",
        "_voice",
        "adaptive",
        "audible",
        "faint",
        "level",
        "loud",
        "open",
    )

    adaptive: bool
    """A frame must stand out from the source's noise, too."""

    level: float
    """Level of the last frame in dBov, see :func:`level_of`; -127 on a tick without a frame."""

    loud: bool
    """The last frame itself was loud: the gate is not merely still open."""

    open: bool
    """The source is to be heard."""

    audible: bool
    """The last frame was above the threshold: it was not silent, whatever it was."""

    faint: bool
    """The gate was shut, and something could be made out in the last frame: a word that begins, or noise."""

    def __init__(
        self,
        threshold: float = DEFAULT_THRESHOLD,
        hangover_ticks: int = DEFAULT_HANGOVER_TICKS,
        *,
        adaptive: bool = False,
    ) -> None:
        if not threshold >= 0 or hangover_ticks < 0:
            raise ValueError("a gate's threshold and hangover cannot be negative")
        self._threshold = threshold
        self._hangover_ticks = hangover_ticks
        self.adaptive = adaptive
        self._voice = VoiceDetector(_VOICE)
        self._onsets = OnsetDetector(threshold * _LEAST)
        self._meter: BandMeter | None = None  # many never need one
        self.close()

    def close(self) -> None:
        """Close at once, as when the source is muted. What is known of its noise stays known."""
        self._remaining = 0
        self._silent_ticks = 0  # in a row
        self._voice.break_off()
        self._onsets.break_off()
        self.level = SILENT_LEVEL
        self._ratio = 1.0
        self.loud = self.open = self.audible = self.faint = False

    def process(self, frame: Samples) -> bool:
        """Measure a frame, shape ``(n,)``, int16. Returns :attr:`open`: the frame belongs to the mix."""
        wide = frame.astype(np.float64)
        square = float(wide.dot(wide)) / max(1, len(frame))
        self._silent_ticks = 0
        self.level = decibels(square)
        self.faint = False
        self.loud = self.audible = square > self._threshold
        if self.loud:
            stands_out = self._compare(wide)
            self.loud = stands_out or not self.adaptive or square > ALWAYS
        else:
            self._learn(wide, square)
            self._ratio = 1.0
        if self.loud:
            self._remaining = self._hangover_ticks
            self.open = True
            return True
        return self._count_down()

    def silent(self) -> bool:
        """A tick without a frame. Returns :attr:`open`: somebody is still taken to be talking."""
        if self._silent_ticks > PAUSE_TICKS and not self.open:
            return False  # nothing changes any more
        self._silent_ticks += 1
        self.level = SILENT_LEVEL
        self._ratio = 1.0
        self.loud = self.audible = self.faint = False
        self.slept(1)
        return self._count_down()

    def slept(self, ticks: int) -> None:
        """Let ticks without a frame have passed while closed, which change nothing but what is known of the noise."""
        self._voice.break_off()
        self._voice.noise.silent(ticks)
        self._onsets.silent(ticks)

    def learn(self, level: float, rise: float) -> None:
        """Their noise was as quiet as that, in dBov, while nobody heard it, and has risen by so many dB since."""
        self._silent_ticks = 0
        self._voice.noise.process(full_scale(level))
        self._voice.noise.rise(rise)
        self._onsets.rise(rise)

    def believe(self, level: float, ticks: int = 1) -> bool:
        """Ticks whose frames nobody hears, and of which no more is known than a level.

        Args:
            level: of the loudest, in dBov.
            ticks: how many.

        Returns:
            :attr:`open`: somebody is taken to be talking.
        """
        square = full_scale(level)
        self._silent_ticks = 0
        self.loud = square > self._needed(KEEP_DB if self.open else OPEN_DB)
        self._voice.noise.process(square, ticks=ticks)
        self.level = level
        self._ratio = 1.0
        if self.loud:
            self._remaining = self._hangover_ticks
            self.open = True
            return True
        return self._count_down(ticks)

    @property
    def clearance(self) -> float:
        """How far the last frame stands above the source's noise, in dB; 0 or less where it does not."""
        return 10 * math.log10(self._ratio)

    @property
    def holds_tones(self) -> bool:
        """What comes is held tones, and so music: see `NoiseFloor.holds_tones`."""
        return self._voice.noise.holds_tones

    @property
    def opening_level(self) -> float:
        """A frame no louder than this, in dBov, does not open the gate as far as :meth:`believe` can tell."""
        return decibels(self._needed(OPEN_DB))

    def _needed(self, margin: float) -> float:
        """The mean square that is believed to stand out by so many dB from what is known of the noise."""
        noise = self._voice.noise
        stands_out = noise.square * _RATIO[margin] if noise.known and self.adaptive else 0.0
        return min(max(stands_out, self._threshold), ALWAYS)

    def _compare(self, wide: Wide) -> bool:
        """Measure a frame above the threshold against the noise. Returns whether it is more than that."""
        voice = self._voice
        listens = self.adaptive and self._remaining <= _ABOUT_TO_CLOSE and len(wide) == FRAME_SAMPLES
        if listens:
            low, squares = self._measure(wide)
        else:
            low = folded(wide)
            squares = voice_squares(low).tolist()
        stands_out = voice.stands_out(low, squares[:4], _RATIO[KEEP_DB] if self.open else None)
        self._ratio = voice.ratio(self._threshold)
        if not self.adaptive or (stands_out and self._ratio > _RATIO[OPEN_DB]):
            return True
        if listens:
            onsets = self._onsets
            begins = onsets.stands_out(squares[4:8], *squares[8:])
            self.faint = onsets.faint or (stands_out is not None and self._ratio > _FAINT_RATIO)
            if begins:
                self._ratio = max(self._ratio, onsets.ratio)
                return True
        return stands_out is not False

    def _learn(self, wide: Wide, square: float) -> None:
        """Learn from a frame below the threshold.

        A rumble about as loud as the threshold is noise to be learnt; what is quieter is not worth the measuring.
        """
        if square <= self._threshold / 4:
            self._voice.noise.process(0.0)
            self._onsets.learn_silence()
            return
        if len(wide) != FRAME_SAMPLES:
            self._voice.learn(voice_squares(folded(wide)).tolist())
            return
        _, squares = self._measure(wide)
        self._voice.learn(squares[:4])
        self._onsets.learn(squares[4:8], *squares[8:])

    def _measure(self, wide: Wide) -> tuple[Wide, list[float]]:
        """Measure a whole frame in all bands."""
        if self._meter is None:
            self._meter = BandMeter()
        return self._meter.measure(wide)

    def _count_down(self, ticks: int = 1) -> bool:
        self.open = self._remaining >= ticks
        self._remaining = max(0, self._remaining - ticks)
        return self.open
