"""What goes on of a voice's background when the voice pauses, so that it is not switched on and off with the words.

The background fades by `RESIDUE_DB` within a quarter of a second, stays so for as long as people pause, and then fades
to nothing; at once, if somebody else's voice covers it. With the next word it is back as it was. What goes on is the
background itself. Where there is none to be had, since its sender sends nothing during pauses (DTX), it is made up:
noise of its colour and level, as RFC 3389 has it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.fft import irfft, rfft
from numpy.random import default_rng
from numpy.typing import NDArray

from conference.audio.fade import FADE_SAMPLES, tail
from conference.audio.frame import FRAME_SAMPLES, Samples, Wide

RESIDUE_DB = 4.5
"""By so much quieter is the background in pauses: more could be heard to come and go."""

RESIDUE_TICKS = 162
"""A pause may be so long, after the gate has closed, before the background begins to fade to nothing: 3.2 s."""

_FADE_DB = 0.5  # per tick, to the residue: 220 ms
_AWAY_DB = 1.5  # per tick, to nothing
_COVERED_DB = 3.0  # per tick, while somebody else talks
_GONE_DB = -40.0  # what is left is nothing

_SPAN = 2 * FRAME_SAMPLES
_STEPS = np.arange(1.0, FRAME_SAMPLES + 1) / FRAME_SAMPLES
_ONSET = np.minimum(np.arange(1.0, FRAME_SAMPLES + 1) / FADE_SAMPLES, 1.0)
_WINDOW = np.sin(np.pi * (np.arange(_SPAN) + 0.5) / _SPAN)
_TURN = 37  # by so many frequencies are the phases moved from one frame of what is made up to the next


class ComfortNoise:
    """The background of one voice. Told of every tick on which anything is to be heard of the voice."""

    __slots__ = ("_before", "_carry", "_colour", "_gain", "_gain_db", "_last", "_made", "_spectrum", "_ticks")

    def __init__(self) -> None:
        self._before: Samples | None = None  # the frame of the tick before, if it was but background
        self._colour: tuple[Samples, Samples] | None = None  # the last two such frames in a row
        self._spectrum: NDArray[np.float64] | None = None  # of what is made up, since it is
        self._made = 0  # frames so far
        self._last: Samples | None = None  # what was heard on the tick before
        self._rest()

    def _rest(self) -> None:
        self._carry: Wide | None = None  # what still sounds of what was made up
        self._gain_db = 0.0
        self._gain = 1.0  # at the end of the last frame
        self._ticks = 0  # of the pause

    def end(self) -> None:
        """Nothing is to be heard any more; what is known of the background stays known."""
        self._last = None
        self._rest()

    def talk(self, frame: Samples, *, background: bool) -> Samples:
        """Let a tick pass on which the voice is heard.

        Args:
            frame: shape ``(960,)``, int16; left as it is.
            background: whether there is nothing in it but the background.

        Returns:
            What is to be heard: the frame itself, or a new one into which the background comes back.
        """
        if background and self._before is not None:
            self._colour = self._before, frame
        self._before = frame if background else None
        if self._ticks or self._carry is not None:
            frame = self._come_back(frame)
        self._last = frame
        return frame

    def pause(self, frame: Samples | None, *, talking: bool, covered: bool) -> Samples | None:
        """Let a tick pass on which there is nothing to be heard but the background.

        Args:
            frame: the background, shape ``(960,)``, int16; left as it is. ``None``: there is none to be had.
            talking: it is but a moment, and the voice counts as being heard.
            covered: somebody else talks.

        Returns:
            What is to be heard; ``None``: nothing any more.
        """
        self._before = None
        if not self._gain:
            self.end()
            return None
        before = self._gain
        if not talking:
            self._fade(covered=covered)
        self._gain = 10 ** (self._gain_db / 20) if self._gain_db > _GONE_DB else 0.0
        if frame is not None and self._carry is None and before == self._gain:  # as on most ticks of a pause
            heard = frame if before == 1 else np.rint(frame * before).astype(np.int16)
        else:
            made = self._made_up(before) if frame is None else self._faded_in(frame)
            if made is None:
                self.end()
                return None
            sound = np.rint(made * (before + (self._gain - before) * _STEPS))
            heard = np.clip(sound, -32768, 32767).astype(np.int16)
        self._last = heard
        return heard

    def _fade(self, *, covered: bool) -> None:
        self._ticks += 1
        if covered:
            self._gain_db -= _COVERED_DB
        elif self._ticks > RESIDUE_TICKS:
            self._gain_db -= _AWAY_DB
        elif self._gain_db > -RESIDUE_DB:
            self._gain_db = max(self._gain_db - _FADE_DB, -RESIDUE_DB)

    def _come_back(self, frame: Samples) -> Samples:
        """Within 5 ms, so that no word's beginning is missing."""
        sound = frame * (self._gain + (1 - self._gain) * _ONSET)
        if self._carry is not None:
            sound += self._carry
        self._rest()
        return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)

    def _faded_in(self, frame: Samples) -> Wide:
        """The background itself, over the end of what was made up for it."""
        carry, self._carry = self._carry, None
        if carry is None:
            return frame.astype(np.float64)
        faded: Wide = frame * _WINDOW[:FRAME_SAMPLES] + carry
        return faded

    def _made_up(self, gain: float) -> Wide | None:
        """A frame of noise of the background's colour, to be heard by that gain at first; ``None`` if none is known."""
        if self._colour is None:
            return None
        carry = self._carry
        if carry is None or self._spectrum is None:
            self._spectrum = _spectrum(np.concatenate(self._colour))
            last = None if self._last is None else tail(self._last, FRAME_SAMPLES)
            carry = np.zeros(FRAME_SAMPLES) if last is None else last / max(gain, 1e-3)
        self._made += 1
        piece = irfft(self._spectrum * np.roll(_phases(), _TURN * self._made), _SPAN) * _WINDOW
        self._carry = piece[FRAME_SAMPLES:]
        made: Wide = piece[:FRAME_SAMPLES] + carry
        return made


def _spectrum(background: Samples) -> NDArray[np.float64]:
    """The amplitudes of noise of that colour and level."""
    wide = background.astype(np.float64)
    amplitudes: NDArray[np.float64] = np.abs(rfft(wide * np.hanning(_SPAN)))
    amplitudes[0] = 0.0
    power = 2 * float(amplitudes @ amplitudes) / _SPAN**2
    amplitudes *= np.sqrt(float(wide @ wide) / _SPAN / max(power, 1e-9))
    return amplitudes


@cache
def _phases() -> NDArray[np.complex128]:
    """Always the same, so that the same pause always sounds the same."""
    angles = default_rng(2).uniform(-np.pi, np.pi, FRAME_SAMPLES + 1)
    phases: NDArray[np.complex128] = np.exp(1j * angles)
    return phases
