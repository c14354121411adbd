"""What a headless participant says and keeps, a tick at a time: no sockets, no clock."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SILENCE, TICKS_PER_SECOND, Samples
from conference.cli.media import Recorder
from conference.cli.terminal.progress import Meter
from conference.client.speech import Speech
from conference.codecs.base import Encoder

TAIL_TICKS: Final = TICKS_PER_SECOND // 2
"""How long the call goes on after the file: its last words are still on their way to the others."""

_STEPS = np.arange(FRAME_SAMPLES)


class RecordedVoice:
    """A file, a frame at a time.

    Args:
        samples: 48 kHz mono, shape ``(n,)``, ``n > 0``.
        loop: after its last sample comes its first.
    """

    def __init__(self, samples: Samples, *, loop: bool = False) -> None:
        self._samples = samples
        self._loop = loop
        self.ticks: int | None = None if loop else math.ceil(samples.size / FRAME_SAMPLES)
        """How long it is; ``None`` if it has no end."""

    def frame(self, tick: int) -> Samples | None:
        """The frame of one tick, shape ``(960,)``; the last is padded; ``None`` after the end."""
        start = tick * FRAME_SAMPLES
        if self._loop:
            return self._samples[(start + _STEPS) % self._samples.size]
        piece = self._samples[start : start + FRAME_SAMPLES]
        if piece.size == FRAME_SAMPLES:
            return piece
        return np.pad(piece, (0, FRAME_SAMPLES - piece.size)) if piece.size else None


class HeadlessCall:
    """A call, a tick at a time: what is said goes out, what is heard is kept.

    Args:
        encoder: for what is said.
        voice: what to say; ``None`` for one who only listens.
        recorder: takes what is heard, 20 ms for every tick, silence included.
        ticks: after so many it is over; ``None`` for one without end.
    """

    def __init__(
        self, encoder: Encoder, voice: RecordedVoice | None, recorder: Recorder | None, ticks: int | None
    ) -> None:
        self._speech = Speech(encoder)
        self._voice = voice
        self._recorder = recorder
        self.ticks = ticks
        self.elapsed_ticks = 0
        self.heard_ticks = 0
        """Ticks with something to hear."""

        self.level_in, self.level_out = Meter(), Meter()

    def encode_with(self, encoder: Encoder) -> None:
        """Go on with another encoder: there is another decoder at the other end."""
        self._speech = Speech(encoder)

    @property
    def speaks(self) -> bool:
        """Whether anything is ever said."""
        return self._voice is not None

    @property
    def over(self) -> bool:
        """Whether its time is up."""
        return self.ticks is not None and self.elapsed_ticks >= self.ticks

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return self.elapsed_ticks / TICKS_PER_SECOND

    def tick(self, number: int, heard: Samples | None) -> bytes | None:
        """Take what was heard in the 20 ms number ``number``, and give the packet to send, if there is one.

        Numbers may leave some out (the process was stopped for a while): the recording then holds silence for them.

        Raises:
            MediaError: the recording can't be written.
        """
        skipped = number - self.elapsed_ticks
        self.elapsed_ticks = number + 1
        if self._recorder is not None:
            for _ in range(skipped):
                self._recorder.write(SILENCE)
            self._recorder.write(SILENCE if heard is None else heard)
        self.level_in.add(SILENCE if heard is None else heard)
        self.heard_ticks += heard is not None
        return self._say(number)

    def expect_loss(self, percent: float) -> None:
        """Have the encoder add the FEC that is needed where so many packets of a hundred are lost, 0 to 100."""
        self._speech.expect_loss(percent)

    def _say(self, number: int) -> bytes | None:
        if self._voice is None:
            return None
        frame = self._voice.frame(number)
        self.level_out.add(SILENCE if frame is None else frame)
        return self._speech.encode(frame)


def call_ticks(voice: RecordedVoice | None, duration_s: float | None) -> int | None:
    """How long a call lasts, in ticks; ``None`` for one that somebody has to end."""
    if duration_s is not None:
        return max(1, round(duration_s * TICKS_PER_SECOND))
    if voice is None or voice.ticks is None:
        return None
    return voice.ticks + TAIL_TICKS
