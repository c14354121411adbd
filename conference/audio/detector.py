"""What stands out from a source's noise: the question behind an adaptive gate.

A frame stands out as a whole, or 10 ms of it do, or 5 ms: the shorter, the more it takes, since a short stretch of mere
noise varies more. By how much noise varies depends on how wide a band is, so that each band has margins of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conference.audio.bands import hiss_squares, low_squares, voice_squares
from conference.audio.frame import FRAME_SAMPLES, Wide
from conference.audio.noise import LOUDEST_BESIDE, SMOOTHING, NoiseFloor

_LEAST = 1e-3


@dataclass(frozen=True, slots=True)
class Margins:
    """How far above the noise floor something must be to stand out, as ratios of mean squares."""

    frame: float
    """A frame as a whole."""

    half: float
    """10 ms, the last 5 of the frame before included."""

    quarter: float
    """5 ms."""

    @classmethod
    def of(cls, frame: float, half: float, quarter: float) -> Margins:
        """The same in dB."""
        return cls(10 ** (frame / 10), 10 ** (half / 10), 10 ** (quarter / 10))

    def part_stands_out(self, quarters: Sequence[float], last: float, floor: float) -> bool:
        """Whether a part of a frame stands out.

        Args:
            quarters: of the frame: four mean squares.
            last: the quarter before them.
            floor: the noise.
        """
        one, two, three, four = quarters
        return (
            max(one, two, three, four) > floor * self.quarter
            or max(last + one, one + two, two + three, three + four) > 2 * floor * self.half
        )


class VoiceDetector:
    """The noise of one source where voices are, and what stands out from it.

    Args:
        margins: by how much something has to.
    """

    __slots__ = ("_before", "_floor", "_last", "_margins", "_square", "noise")

    noise: NoiseFloor

    def __init__(self, margins: Margins) -> None:
        self._margins = margins
        self._before: tuple[Wide, ...] = ()  # the frame before, if it was measured
        self._last = 0.0  # the last quarter of the frame before
        self._square = self._floor = 0.0  # of the frame measured last, and what it was measured against
        self.noise = NoiseFloor()

    def stands_out(self, wide: Wide, low: Wide, ratio: float | None = None) -> bool | None:
        """Measure a frame against the noise, and learn from it.

        Args:
            wide: shape ``(n,)``, float64, in int16 steps.
            low: the same, folded.
            ratio: what the frame as a whole must exceed the floor by, if not what the margins say: the gate is open,
                so that it may be music.

        Returns:
            Whether it stands out; ``None`` if it is not known yet how much noise there is.
        """
        noise, margins = self.noise, self._margins
        known, floor = noise.known, noise.square
        one, two, three, four = quarters = voice_squares(low).tolist()
        square = (one + two + three + four) / 4
        self._square, self._floor = square, floor
        last, self._last = self._last, four
        noise.process(square, () if known and ratio is None else (*self._before, wide))
        self._before = (wide,)
        if not known:
            return None
        return bool(square > floor * (ratio or margins.frame) or margins.part_stands_out(quarters, last, floor))

    def learn(self, low: Wide) -> None:
        """Learn from a frame, folded, that is not compared."""
        self.break_off()
        self.noise.process(float(voice_squares(low).mean()))

    def ratio(self, least: float) -> float:
        """How many times the noise, taken to have that mean square at least, the frame measured last was."""
        return max(self._square, _LEAST) / max(self._floor, least, _LEAST)

    def break_off(self) -> None:
        """What comes next does not follow what came last."""
        self._last, self._before = 0.0, ()


class OnsetDetector:
    """The noise of one source beside where voices are, and what stands out from it there, as beginnings of words do.

    It takes whole frames. By one dB or half of one the margins are beyond what steady noise ever reaches: in an hour
    of white, pink and brown noise, as it comes out of Opus.
    """

    __slots__ = ("_floors", "_last", "faint", "ratio")

    faint: bool
    """Something could be made out in the last frame, as in one frame of noise in fifty, too."""

    ratio: float
    """How many times its noise floor the last frame was, in the band where it stood out most."""

    def __init__(self) -> None:
        self._floors = tuple(NoiseFloor(SMOOTHING, loudest=LOUDEST_BESIDE) for _ in range(3))
        self._last = 0.0  # the last quarter of the frame before
        self.ratio = 0.0
        self.faint = False

    def stands_out(self, wide: Wide, low: Wide, least: float) -> bool:
        """Measure a frame against the noise, and learn from it.

        Args:
            wide: shape ``(960,)``, float64, in int16 steps.
            low: the same, folded.
            least: the noise is taken to have this mean square at least, in each band.

        Returns:
            Whether it stands out; not before it is known how much noise there is.
        """
        hiss, murmur, hum = self._floors
        one, two, three, four = quarters = hiss_squares(wide)
        last, self._last = self._last, four
        square = (one + two + three + four) / 4
        murmurs, hums = low_squares(low)
        ratio, faint = 0.0, False
        if hum.learnt:  # they have all heard the same
            floor = max(hiss.square, least)
            faint = square > floor * _FAINT_HISS
            if square > floor * _HISS.frame or _HISS.part_stands_out(quarters, last, floor):
                ratio = square / floor
            above, also = murmurs / max(murmur.square, least), hums / max(hum.square, least)
            faint = faint or above > _FAINT_MURMUR or also > _FAINT_HUM
            if above > _MURMUR or also > _HUM:
                ratio = max(ratio, above, also)
        hiss.process_mean(square)
        murmur.process_mean(murmurs)
        hum.process_mean(hums)
        self.ratio, self.faint = ratio, faint
        return ratio > 0

    def learn(self, wide: Wide, low: Wide) -> None:
        """Learn from a frame that is not compared."""
        squares = sum(hiss_squares(wide)) / 4, *low_squares(low)
        for noise, square in zip(self._floors, squares, strict=True):
            noise.process_mean(square)

    def learn_silence(self) -> None:
        """There was nothing."""
        for noise in self._floors:
            noise.process_mean(0.0)

    def silent(self, ticks: int = 1) -> None:
        """Ticks without a frame."""
        self.break_off()
        for noise in self._floors:
            noise.silent(ticks)

    def rise(self, decibels: float) -> None:
        """The noise has become louder by that."""
        for noise in self._floors:
            noise.rise(decibels)

    def break_off(self) -> None:
        """What comes next does not follow what came last."""
        self._last = 0.0
        for noise in self._floors:
            noise.break_off()

    @staticmethod
    def takes(wide: Wide) -> bool:
        """Whether a frame is whole."""
        return len(wide) == FRAME_SAMPLES


_HISS = Margins.of(2.8, 3.7, 4.8)
_MURMUR, _HUM = 10**0.82, 10**1.14
_FAINT_HISS, _FAINT_MURMUR, _FAINT_HUM = 10**0.16, 10**0.5, 10**0.6
