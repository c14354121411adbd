"""Callers who are not in a room, not yet or not any more: they hear what is said to them, and nobody hears them."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from conference.audio.fade import fade_out
from conference.audio.frame import FRAME_SAMPLES, SILENCE, Samples
from conference.codecs.base import Encoder
from conference.room.participant import Mix, Sink, Source

log = logging.getLogger(__name__)

AFTERWARDS_TICKS = 25
"""What was said last is still on its way to their ear when the last frame has left: half a second."""

_NOTHING: Samples = np.zeros(0, dtype=np.int16)


class OutsideCaller:
    """One caller who is not in a room; see :meth:`OutsideCallers.enter`."""

    def __init__(self, source: Source | None, sink: Sink, on_tick: Callable[[int], None] | None) -> None:
        self._source = source
        self._sink = sink
        self._on_tick = on_tick
        self._encoder: Encoder | None = None if sink.codec is None else sink.codec.make_encoder()
        self._left = _NOTHING
        self._afterwards = 0
        self._then: Callable[[], None] | None = None

    @property
    def listening(self) -> bool:
        """Something is being said to them."""
        return bool(self._left.size)

    def say(self, samples: Samples, then: Callable[[], None] | None = None) -> None:
        """Say this instead of whatever is being said.

        Args:
            samples: shape ``(n,)``, int16, 48 kHz.
            then: called once, when it has been heard; not if something else is said before.
        """
        self._left = samples
        self._afterwards = AFTERWARDS_TICKS
        self._then = then

    def hush(self) -> None:
        """Say nothing any more; what should have followed does not."""
        frame = self._left[:FRAME_SAMPLES]
        self.say(fade_out(frame) if frame.size == FRAME_SAMPLES else _NOTHING)

    def tick(self, tick: int, now_ns: int) -> None:
        """Let 20 ms pass."""
        if self._source is not None:
            self._source.pull(now_ns)  # so that nothing piles up; what a caller says outside of a room concerns nobody
        frame, self._left = self._left[:FRAME_SAMPLES], self._left[FRAME_SAMPLES:]
        if not frame.size:
            payload = None if self._encoder is None else self._encoder.encode_silence()
            self._sink.deliver(Mix(tick, SILENCE, payload))
            self._fall_silent()
        else:
            frame = np.pad(frame, (0, FRAME_SAMPLES - frame.size))
            self._sink.deliver(Mix(tick, frame, None if self._encoder is None else self._encoder.encode(frame)))
        if self._on_tick is not None:
            self._on_tick(now_ns)

    def _fall_silent(self) -> None:
        if self._then is None:
            return
        self._afterwards -= 1
        if self._afterwards <= 0:
            then, self._then = self._then, None
            then()


class OutsideCallers:
    """All callers who are not in a room."""

    def __init__(self) -> None:
        self._callers: set[OutsideCaller] = set()

    def __len__(self) -> int:
        return len(self._callers)

    def enter(self, source: Source | None, sink: Sink, on_tick: Callable[[int], None] | None = None) -> OutsideCaller:
        """From now on play to a caller.

        Args:
            source: the caller's voice, which nobody hears.
            sink: takes what they hear.
            on_tick: called with the time after each tick, until they leave.
        """
        caller = OutsideCaller(source, sink, on_tick)
        self._callers.add(caller)
        return caller

    def leave(self, caller: OutsideCaller) -> None:
        """Play no more to a caller; doing so twice does no harm."""
        self._callers.discard(caller)

    def tick(self, tick: int, now_ns: int) -> None:
        """Let 20 ms pass."""
        for caller in tuple(self._callers):
            try:
                caller.tick(tick, now_ns)
            except Exception:
                log.exception("a caller outside of the rooms cannot be spoken to")
                self.leave(caller)
