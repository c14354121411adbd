"""One voice by itself, as those get it who must know who speaks."""

from __future__ import annotations

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.audio.resample import Resampler


class VoiceRates:
    """Converts one voice to the rates at which it is wanted, each once for all who want it."""

    __slots__ = ("_resamplers",)

    def __init__(self) -> None:
        self._resamplers: dict[int, tuple[Resampler, int]] = {}

    def convert(self, frame: Samples, rate: int, tick: int) -> Samples:
        """A frame at another rate. What follows an interruption begins anew, so that nothing before it is heard.

        Args:
            frame: shape ``(960,)``, int16, 48 kHz.
            rate: 8000, 16000, 24000 or 48000 Hz.
            tick: the number of this tick.
        """
        resampler, last = self._resamplers.get(rate, (None, -1))
        if resampler is None:
            resampler = Resampler(SAMPLE_RATE, rate)
        elif last != tick - 1:
            resampler.reset()
        self._resamplers[rate] = resampler, tick
        return resampler.process(frame)


class TalkingVoice:
    """Somebody who talks, on one tick.

    Args:
        id: of the participant.
        name: what people see.
        frame: what was decoded of them, shape ``(960,)``, int16, 48 kHz; ``None`` if nothing came.
        tick: its number.
        rates: of this voice.
    """

    __slots__ = ("_made", "_rates", "_tick", "frame", "id", "name")

    def __init__(
        self,
        id: str,  # noqa: A002 - the API's own word
        name: str,
        frame: Samples | None,
        tick: int,
        rates: VoiceRates,
    ) -> None:
        self.id = id
        self.name = name
        self.frame = frame
        self._tick = tick
        self._rates = rates
        self._made: dict[int, bytes] = {}

    def linear(self, rate: int) -> bytes | None:
        """The frame as linear PCM, 16 bits, little-endian; ``None`` if there is none.

        Args:
            rate: 8000, 16000, 24000 or 48000 Hz.
        """
        if self.frame is None:
            return None
        made = self._made.get(rate)
        if made is None:
            made = self._made[rate] = self._rates.convert(self.frame, rate, self._tick).astype("<i2").tobytes()
        return made
