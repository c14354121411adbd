"""What stands out from a source's noise in one band of the spectrum: the question behind an adaptive gate.

A frame stands out as a whole, or 10 ms of it do, or 5 ms: the shorter, the more it takes, since a short stretch of mere
noise varies more. By how much noise varies depends on how wide the band is, so that each band has margins of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from conference.audio.frame import Wide
from conference.audio.noise import Band, NoiseFloor

_LEAST = 1e-3


@dataclass(frozen=True, slots=True)
class Margins:
    """How far above the noise floor something must be to stand out, in dB."""

    frame: float
    """A frame as a whole."""

    half: float
    """10 ms, the last 5 of the frame before included."""

    quarter: float
    """5 ms."""


class Detector:
    """The noise of one source in one band, and what stands out from it.

    Args:
        band: which.
        margins: by how much something has to.
        tells_tones: whether tones that are held are told from noise.
    """

    __slots__ = (
        "_band",
        "_before",
        "_floor",
        "_half",
        "_last",
        "_quarter",
        "_ratio",
        "_square",
        "_tells_tones",
        "noise",
    )

    noise: NoiseFloor

    def __init__(self, band: Band, margins: Margins, *, tells_tones: bool = False) -> None:
        self._band = band
        self._tells_tones = tells_tones
        self._before: tuple[Wide, ...] = ()  # the frame before, if it was measured
        self._ratio, self._half, self._quarter = (
            10 ** (one / 10) for one in (margins.frame, margins.half, margins.quarter)
        )
        self._last = 0.0  # the last quarter of the frame before
        self._square = self._floor = 0.0  # of the frame measured last, and what it was measured against
        self.noise = NoiseFloor()

    def measure(self, wide: Wide) -> float:
        """The mean square of a frame in the band, shape ``(n,)``, float64, of which nothing is learnt."""
        self.break_off()
        return float(self._band.squares(wide).mean())

    def stands_out(self, wide: Wide, least: float, ratio: float | None = None) -> bool | None:
        """Measure a frame against the noise, and learn from it.

        Args:
            wide: shape ``(n,)``, float64, in int16 steps.
            least: the noise is taken to have this mean square at least.
            ratio: what the frame as a whole must exceed the floor by, if not what the margins say.

        Returns:
            Whether it stands out; ``None`` if it is not known yet how much noise there is.
        """
        noise = self.noise
        known, floor = noise.known, max(noise.square, least)
        one, two, three, four = self._band.squares(wide).tolist()
        square = (one + two + three + four) / 4
        self._square, self._floor = square, floor
        last, self._last = self._last, four
        if self._tells_tones:
            noise.process(square, (*self._before, wide))
            self._before = (wide,)
        else:
            noise.process(square)
        if not known:
            return None
        return bool(
            square > floor * (ratio or self._ratio)
            or max(one, two, three, four) > floor * self._quarter
            or max(last + one, one + two, two + three, three + four) > 2 * floor * self._half
        )

    def clearance(self, least: float) -> float:
        """How far the frame measured last stood above the noise, taken to have that mean square at least, in dB."""
        return 10 * math.log10(max(self._square, _LEAST) / max(self._floor, least, _LEAST))

    def silent(self, ticks: int = 1) -> None:
        """Ticks without a frame."""
        self.break_off()
        self.noise.silent(ticks)

    def break_off(self) -> None:
        """What comes next does not follow what came last."""
        self._last, self._before = 0.0, ()
