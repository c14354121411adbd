"""Slow levelling of one voice toward a common loudness, so that nobody need reach for the volume.

It learns from *speech* and from nothing else. Frames count that stand out from the source's noise; and among them,
loudness must move from frame to frame as it does in syllables, so that a tone, music or a fan passes as it is. Who
speaks at about the right level is left alone, bit for bit: only when the level is off by more than `TOLERANCE_DB` does
the gain move, and then all the way.

Amplifying is for speech alone, too: what does not stand out from the noise gets none of it, so that noise is not
pumped up in the gaps. And a frame that would come out far too loud (somebody louder at the same microphone, a laugh)
gets less gain within 5 ms. The gain is a continuous line of straight pieces, and a limiter sees to the peaks.

A shout, a laugh, a cough is much louder than the talk before it, and short. What was known before it is kept meanwhile,
and holds again as soon as the talk before goes on. What lasts for seconds is no shout: it is somebody else.
"""

from __future__ import annotations

import math

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SILENT_LEVEL, Samples
from conference.audio.limiter import Limiter

TARGET = -26.0
"""Active speech level aimed at, in dBov: the nominal level of ITU-T P.56 and of most test material."""

TOLERANCE_DB = 2.5
"""A voice as near as this to the target is left alone."""

MOST_DB = 24.0
LEAST_DB = -18.0
"""The range of the gain."""

_ARRIVED_DB = 0.3  # once the gain moves, it moves until this little is missing
_WINDOW = 75  # frames of speech that the active level is a mean of: 1.5 s
_FIRST = 20  # frames of speech before the gain moves at all
_SETTLED = 150  # frames of speech after which the gain moves slowly
_UNDER_DB = 16.0  # frames this far below the active level are gaps in speech (P.56 has 15.9 dB) ...
_UNDER_TICKS = 40  # ... but not if there are only such: that is a quieter voice
_RUN = 3  # frames in a row that are speech: a key that is hit is shorter
_MOVED_DB = 1.0  # between two frames of speech there is usually more than this ...
_STILL_DB = 0.25  # ... and seldom less than this: there is, in a tone, also in one that the network has torn
_SYLLABIC_WINDOW = 40
_DOUBT = -0.15  # a source is taken for no voice until it has shown that it is one

_QUICK_DB = 0.35  # per frame (17 dB/s) while a voice is new
_CALM_DB = 0.05  # per frame (2.5 dB/s) afterwards, upward
_DOWN_DB = 0.35  # per frame, downward, always
_EASE = 0.06  # of what is missing, per frame, when little is

_BARE_DB = 3.0  # a frame this close to the noise is noise: no gain
_CLEAR_DB = 12.0  # one this far above is speech: all of it
_PEAK_DB = 10.0  # no frame is amplified to more than this above the target ...
_YIELD_DB = 1.0  # ... and the gain gives way by up to this per frame, when one would be

_SHOUT_DB = 10.0  # a frame so far above the active level is a shout ...
_KNOWN = 60  # ... if that level is known from so many frames ...
_SHOUT_FRAMES = 150  # ... and it is over after so many frames of speech: 3 s
_AGAIN = 12  # so many frames of speech in a row that are no shout: the talk before it goes on ...
_OVER = 50  # ... and after so many the shout is over: until then it may go on, and nothing is learnt
_AGAIN_DB = 6.0  # ... if they are about as loud as it was
_RETURN_DB = 1.5  # per frame: how the gain comes back then

_SLOW = np.arange(1.0, FRAME_SAMPLES + 1) / FRAME_SAMPLES
_FAST = np.minimum(np.arange(1.0, FRAME_SAMPLES + 1) / (FRAME_SAMPLES // 4), 1.0)


class _Before:
    """What was known of a voice before a shout, and what has come since."""

    __slots__ = ("active", "frames", "gain_db", "of_shout", "run", "run_power")

    def __init__(self, active: float, frames: int, gain_db: float) -> None:
        self.active = active
        self.frames = frames
        self.gain_db = gain_db
        self.of_shout = 0  # frames of speech
        self.run = 0  # frames of speech in a row that are no shout
        self.run_power = 0.0  # their sum

    def goes_on(self, level: float) -> bool:
        """Take in a frame of speech. Returns whether the talk from before goes on."""
        usual = _decibels(self.active)
        self.of_shout += 1
        if level > usual + _SHOUT_DB:
            self.run, self.run_power = 0, 0.0
        elif level > usual - _UNDER_DB:
            self.run += 1
            self.run_power += 10 ** (level / 10)
        return self.run >= _AGAIN and abs(_decibels(self.run_power / self.run) - usual) <= _AGAIN_DB


class Leveller:
    """Levels one voice. Fed with the frames that are heard."""

    __slots__ = (
        "_active", "_before", "_frames", "_last", "_limiter", "_moving", "_now", "_run", "_syllabic", "_under",
        "gain_db",
    )  # fmt: skip

    gain_db: float
    """What speech gets by now, -18 to 24."""

    def __init__(self) -> None:
        self.gain_db = 0.0
        self._now = 0.0  # dB at the end of the last frame
        self._limiter = Limiter()
        self._last = SILENT_LEVEL
        self._run = 0
        self._syllabic = _DOUBT  # how much oftener the level moved than stood still, lately: -1 to 1
        self._moving = False
        self._restart()

    def _restart(self) -> None:
        self._before: _Before | None = None
        self._active = 0.0  # mean power of speech; 1 is 0 dBov
        self._frames = 0  # of speech, that it is known from
        self._under = 0

    def process(self, frame: Samples, level: float, clearance: float, *, loud: bool) -> Samples:
        """Level a frame.

        Args:
            frame: shape ``(960,)``, int16; left as it is.
            level: its level in dBov.
            clearance: how far it stands above the source's noise, in dB.
            loud: whether that is enough to be heard.

        Returns:
            The frame itself where there is nothing to do, else a new one.
        """
        self.learn(level, loud=loud)
        return self._apply(frame, self._wanted(level, clearance))

    def learn(self, level: float, *, loud: bool) -> None:
        """Learn from a frame that is not changed: the next one that is :meth:`process`-ed may be.

        Args:
            level: its level in dBov.
            loud: whether that is enough to be heard.
        """
        self._run = self._run + 1 if loud else 0
        if loud and self._before is None and self._frames >= _KNOWN and level > _decibels(self._active) + _SHOUT_DB:
            self._before = _Before(self._active, self._frames, self.gain_db)
        if self._run >= _RUN:
            self._learn(level)
        self._last = level

    def go_on(self) -> None:
        """What came last was heard as it was: from there on the gain moves."""
        self._now = 0.0

    @property
    def active(self) -> bool:
        """Frames are changed by it, or the next one will be."""
        return self.gain_db != 0.0 or self._now != 0.0

    def release(self, frame: Samples) -> Samples:
        """Let go of a voice that is to be heard as it is: the gain goes to 0 dB, by so little that nobody notices.

        Args:
            frame: shape ``(960,)``, int16; left as it is.

        Returns:
            The frame itself where there is nothing to do any more, else a new one.
        """
        self._run = 0
        self.gain_db = max(self.gain_db - _CALM_DB, 0.0) if self.gain_db > 0 else min(self.gain_db + _CALM_DB, 0.0)
        return self._apply(frame, self.gain_db)

    def rest(self) -> None:
        """A tick on which nothing is heard."""
        self._run = 0
        self._last = SILENT_LEVEL
        self._now = min(self.gain_db, 0.0)

    def _learn(self, level: float) -> None:
        """Take in a frame of what may be speech."""
        step = abs(level - self._last)
        self._syllabic += ((step > _MOVED_DB) - (step < _STILL_DB) - self._syllabic) / _SYLLABIC_WINDOW
        if self._before is not None and self._is_over(self._before, level):
            return
        if self._frames and level < _decibels(self._active) - _UNDER_DB:
            self._under += 1
            if self._under < _UNDER_TICKS:
                return
            self._restart()
        self._under = 0
        self._frames = min(self._frames + 1, _SETTLED)
        self._active += (10 ** (level / 10) - self._active) / min(self._frames, _WINDOW)
        if self._frames >= _FIRST and self._syllabic > 0:
            self._adapt()

    def _is_over(self, before: _Before, level: float) -> bool:
        """Take in a frame of speech during a shout, or after it. Returns whether what was known before it holds."""
        goes_on = before.goes_on(level)
        if goes_on:
            self._active, self._frames, self._under = before.active, before.frames, 0
            missing = before.gain_db - self.gain_db
            self.gain_db += min(max(missing, -_RETURN_DB), _RETURN_DB)
            if before.run < _OVER or abs(missing) > _RETURN_DB:
                return True
        if goes_on or before.of_shout >= _SHOUT_FRAMES:
            self._before = None
        return goes_on

    def _adapt(self) -> None:
        """Move the gain toward what the voice lacks."""
        wanted = min(max(TARGET - _decibels(self._active), LEAST_DB), MOST_DB)
        missing = wanted - self.gain_db
        self._moving = abs(missing) > (_ARRIVED_DB if self._moving else TOLERANCE_DB)
        if self._moving:
            up = _QUICK_DB if self._frames < _SETTLED else _CALM_DB
            self.gain_db += min(max(missing * _EASE, -_DOWN_DB), up)

    def _wanted(self, level: float, clearance: float) -> float:
        """The gain that suits a frame, in dB."""
        if self.gain_db <= 0:
            return self.gain_db
        allowed = max(TARGET + _PEAK_DB - level, 0.0)
        if allowed < self.gain_db:
            self.gain_db = max(allowed, self.gain_db - _YIELD_DB)
        share = min(max((clearance - _BARE_DB) / (_CLEAR_DB - _BARE_DB), 0.0), 1.0)
        return min(self.gain_db * share, allowed)

    def _apply(self, frame: Samples, wanted: float) -> Samples:
        before, self._now = self._now, wanted
        if before == wanted == 0 and self._limiter.gain == 1:
            return frame
        end = 10 ** (wanted / 20)
        if before == wanted:
            return self._limiter.process(np.multiply(frame, end, dtype=np.float64))
        begin = 10 ** (before / 20)
        # A word's beginning is to have its gain, a shout to lose it, and so is the noise after a word.
        curve = _FAST if abs(wanted - before) > 1 else _SLOW
        return self._limiter.process(frame * (begin + (end - begin) * curve))


def _decibels(power: float) -> float:
    return 10 * math.log10(power)
