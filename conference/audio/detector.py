"""What stands out from a source's noise: the question behind an adaptive gate.

A frame stands out as a whole, or 10 ms of it do, or 5 ms: the shorter, the more it takes, since a short stretch of mere
noise varies more. By how much noise varies depends on how wide a band is, so that each band has margins of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conference.audio.frame import Wide, full_scale
from conference.audio.noise import BLOCK_TICKS, LEARNT_BLOCKS, LOWEST, PAUSE_TICKS, NoiseFloor

LOUDEST_BESIDE = full_scale(-40.0)
"""No noise floor beside where voices are is taken to be above this mean square."""

_LEAST = 1e-3


@dataclass(frozen=True, slots=True)
class Margins:
    """How far above the noise floor something must be to stand out, as ratios of mean squares."""

    frame: float
    """A frame as a whole."""

    half: float
    """10 ms, the last 5 of the frame before included."""

    quarter: float
    """5 ms: no less than of a half."""

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
        loudest = max(last, one, two, three, four)
        return loudest > floor * self.half and (
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

    def stands_out(self, low: Wide, quarters: Sequence[float], ratio: float | None = None) -> bool | None:
        """Measure a frame against the noise, and learn from it.

        Args:
            low: the frame, `bands.folded`.
            quarters: its mean squares by `bands.voice_squares`.
            ratio: what the frame as a whole must exceed the floor by, if not what the margins say: the gate is open,
                so that it may be music.

        Returns:
            Whether it stands out; ``None`` if it is not known yet how much noise there is. A frame in which there is
            nothing of a voice, such as a constant, does not.
        """
        noise, margins = self.noise, self._margins
        known, floor = noise.known, noise.square
        one, two, three, four = quarters
        square = (one + two + three + four) / 4
        self._square, self._floor = square, floor
        last, self._last = self._last, four
        noise.process(square, () if known and ratio is None else (*self._before, low))
        self._before = (low,)
        if not known:
            return None if square > LOWEST else False
        return bool(square > floor * (ratio or margins.frame) or margins.part_stands_out(quarters, last, floor))

    def learn(self, quarters: Sequence[float]) -> None:
        """Learn from a frame that is not compared."""
        self.break_off()
        self.noise.process(sum(quarters) / 4)

    def ratio(self, least: float) -> float:
        """How many times the noise, taken to have that mean square at least, the frame measured last was."""
        return max(self._square, _LEAST) / max(self._floor, least, _LEAST)

    def break_off(self) -> None:
        """What comes next does not follow what came last."""
        self._last, self._before = 0.0, ()


class OnsetDetector:
    """The noise of one source beside where voices are, and what stands out from it there, as beginnings of words do.

    It is told of whole frames of which nothing is heard, so that its noise floor is next to the mean of what it is
    told: the lesser mean of two blocks of frames, lest a word that was missed counts. By half a dB the margins are
    beyond what steady noise ever reaches: in hours of white, pink and brown noise, as it comes out of Opus.

    Args:
        least: the noise is taken to have this mean square at least, in each band.
    """

    __slots__ = ("_before", "_blocks", "_floors", "_gap", "_last", "_least", "_sums", "_ticks", "faint", "ratio")

    faint: bool
    """Something could be made out in the last frame, as in one frame of noise in twenty, too."""

    ratio: float
    """How many times its noise floor the last frame was, in the band where it stood out most; 0: it did not."""

    def __init__(self, least: float) -> None:
        self._least = max(least, LOWEST)
        self._blocks: tuple[tuple[float, float, float], ...] = ()  # the means of the last ones, by band
        self._floors = (0.0, 0.0, 0.0)
        self._sums = (0.0, 0.0, 0.0)  # of this block
        self._ticks = 0
        self._gap = 0
        self._last = 0.0  # the last quarter of the frame before
        self._before = 0.0, 0.0, 0.0, 0.0  # the last frame, and the last two of them together: murmur, hum
        self.ratio = 0.0
        self.faint = False

    def stands_out(self, quarters: Sequence[float], murmur: float, hum: float) -> bool:
        """Measure a frame against the noise, and learn from it.

        Args:
            quarters: its mean squares by quarters, from 3.3 kHz on: see `bands.BandMeter`.
            murmur: of all of it, 250 to 900 Hz.
            hum: 90 to 320 Hz.

        Returns:
            Whether it stands out; not before it is known how much noise there is.
        """
        one, two, three, four = quarters
        hiss = (one + two + three + four) / 4
        last, self._last = self._last, four
        murmurs, more_murmurs, hums, more_hums = self._before
        self._before = murmur, murmur + murmurs, hum, hum + hums
        self.ratio, self.faint = 0.0, False
        if len(self._blocks) >= LEARNT_BLOCKS:
            floor, of_murmur, of_hum = self._floors
            self.faint = hiss > floor * _FAINT_HISS or murmur > of_murmur * _FAINT_MURMUR or hum > of_hum * _FAINT_HUM
            if (
                hiss > floor * _HISS.frame
                or _HISS.part_stands_out(quarters, last, floor)
                or _MURMUR.stands_out(murmur, murmurs, more_murmurs, of_murmur)
                or _HUM.stands_out(hum, hums, more_hums, of_hum)
            ):
                self.ratio = max(hiss / floor, murmur / of_murmur, hum / of_hum)
        self._learn(hiss, murmur, hum)
        return self.ratio > 0

    def learn(self, quarters: Sequence[float], murmur: float, hum: float) -> None:
        """Learn from a frame that is not compared."""
        self.break_off()
        self._learn(sum(quarters) / 4, murmur, hum)

    def learn_silence(self) -> None:
        """There was nothing."""
        self._gap = 0
        self._ticks += 1
        if self._ticks >= BLOCK_TICKS:
            self._end_block()

    def _learn(self, hiss: float, murmur: float, hum: float) -> None:
        hisses, murmurs, hums = self._sums
        self._sums = hisses + hiss, murmurs + murmur, hums + hum
        self.learn_silence()

    def _end_block(self) -> None:
        ticks, self._ticks = self._ticks, 0
        hisses, murmurs, hums = self._sums
        self._sums = 0.0, 0.0, 0.0
        self._blocks = (*self._blocks[1 - LEARNT_BLOCKS :], (hisses / ticks, murmurs / ticks, hums / ticks))
        self._find_floors()

    def _find_floors(self) -> None:
        hiss, murmur, hum = (min(max(min(one), self._least), LOUDEST_BESIDE) for one in zip(*self._blocks, strict=True))
        self._floors = hiss, murmur, hum

    def silent(self, ticks: int = 1) -> None:
        """Ticks without a frame."""
        before = self._gap
        self._gap = before + ticks
        self.break_off()
        if before < PAUSE_TICKS <= self._gap and self._blocks:
            self._blocks = ((0.0, 0.0, 0.0),) * len(self._blocks)
            self._find_floors()

    def rise(self, decibels: float) -> None:
        """The noise has become louder by that."""
        factor = 10 ** (decibels / 10)
        hisses, murmurs, hums = self._sums
        self._sums = hisses * factor, murmurs * factor, hums * factor
        self._blocks = tuple((hiss * factor, murmur * factor, hum * factor) for hiss, murmur, hum in self._blocks)
        if self._blocks:
            self._find_floors()

    def break_off(self) -> None:
        """What comes next does not follow what came last."""
        self._last, self._before = 0.0, (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Runs:
    """How far above the noise floor frames that follow each other must be to stand out, as ratios of mean squares.

    Where a band is narrow a frame of noise varies by many dB, and some frames of it together vary less.
    """

    one: float
    two: float
    three: float

    @classmethod
    def of(cls, one: float, two: float, three: float) -> _Runs:
        """The same in dB; of the means of so many frames."""
        return cls(10 ** (one / 10), 2 * 10 ** (two / 10), 3 * 10 ** (three / 10))

    def stands_out(self, square: float, before: float, two_before: float, floor: float) -> bool:
        """Whether a frame does, or it does together with the one before, or with the two before."""
        return (
            square > floor * self.one or square + before > floor * self.two or square + two_before > floor * self.three
        )


_HISS = Margins.of(2.8, 3.7, 4.8)
_MURMUR, _HUM = _Runs.of(6.5, 5.2, 4.3), _Runs.of(8.7, 7.2, 6.8)
_FAINT_HISS, _FAINT_MURMUR, _FAINT_HUM = 10**0.09, 10**0.25, 10**0.35
