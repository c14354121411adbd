"""Sounds that a room plays: tones, announcements, music. A sound is one more source, with an audience and an end."""

from __future__ import annotations

import numpy as np

from conference.audio.fade import fade_out
from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.audio.mix import quantise_gain


class Sound:
    """A sound that is played, once or over and over.

    Args:
        id: unique within the room, as of a participant.
        name: what people call it.
        samples: shape ``(n,)``, int16, 48 kHz; not changed.
        audience: who hears it, by participant id; ``None`` for everybody who is in the conversation. Those who are
            named hear it on hold, in the lobby and deafened, too.
        talk_gain: how loud those who hear it hear people meanwhile: 1 over the talk, 0 instead of it, between them the
            talk ducks.
        gain: of the sound itself, 0 to 2.
        loop: play it again and again, until it is stopped.
        for_absent: it is for those on hold and in the lobby, whoever that is at the time; and for nobody else.

    Raises:
        ValueError: a gain is out of range, or there is nothing to play.
    """

    __slots__ = (
        "_position",
        "_samples",
        "_stopping",
        "audience",
        "ended",
        "for_absent",
        "gain",
        "id",
        "loop",
        "name",
        "talk_gain",
    )

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - as of a participant
        name: str,
        samples: Samples,
        audience: frozenset[str] | None = None,
        talk_gain: float = 1.0,
        gain: float = 1.0,
        loop: bool = False,
        for_absent: bool = False,
    ) -> None:
        if not (0 <= gain <= 2 and 0 <= talk_gain <= 1):
            raise ValueError("A sound's gain is from 0 to 2, and that of the talk under it from 0 to 1.")
        if not len(samples):
            raise ValueError("This sound is empty.")
        self.id = id
        self.name = name
        self.audience = audience
        self.talk_gain = quantise_gain(talk_gain)
        self.gain = quantise_gain(gain)
        self.loop = loop
        self.for_absent = for_absent
        self.ended = False
        self._samples = samples
        self._position = 0
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """It ends with the next frame."""
        return self._stopping

    def stop(self) -> None:
        """End it with the next frame, which fades."""
        self._stopping = True

    def pull(self, now_ns: int) -> Samples | None:
        """The next frame, shape ``(960,)``, int16; ``None`` when it has ended."""
        del now_ns
        if self.ended:
            return None
        if self._stopping:
            self.ended = True
            return fade_out(self._take()) if self._position else None
        frame = self._take()
        if self._position >= len(self._samples) and not self.loop:
            self.ended = True
        return frame

    def _take(self) -> Samples:
        frame = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        filled = 0
        while filled < FRAME_SAMPLES:
            if self._position >= len(self._samples):
                if not self.loop:
                    break
                self._position = 0
            part = self._samples[self._position : self._position + FRAME_SAMPLES - filled]
            frame[filled : filled + len(part)] = part
            filled += len(part)
            self._position += len(part)
        return frame
