"""What a client of an audio socket hears: each voice by itself, with who, when, and where its talk begins and ends.

What its connection does not take is kept for a while. Then the oldest sound goes first, and the client is told how much
of whom it has missed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, TypeAlias

from conference.audio.frame import TICK_NS
from conference.room.talking_voice import TalkingVoice
from conference.voices.messages import write, write_sound

Message: TypeAlias = str | bytes

FRAME_MS = TICK_NS // 1_000_000

MAX_WAITING = 10_000
"""Messages other than sound that may wait for a client who takes nothing."""


class VoicesOutlet:
    """What is to be sent to one client. Satisfies `participant.VoicesSink`.

    Args:
        rate: of its samples: 8000, 16000, 24000 or 48000 Hz.
        max_ms: how old sound may become before it is dropped.
        epoch_ns: what is added to monotonic time to have Unix time, in nanoseconds.
    """

    def __init__(self, rate: int, max_ms: int, epoch_ns: int) -> None:
        self._rate = rate
        self._max_ms = max_ms
        self._epoch_ns = epoch_ns
        self.on_output: Callable[[], None] | None = None
        """Called when there is something to :meth:`take`."""

        self._numbers = count(1)
        self._talking: dict[str, int] = {}  # the number of each voice that is being heard, by id
        self._known: dict[str, int] = {}  # and of each that has been
        self._queue: deque[tuple[int, int, Message]] = deque()  # when, whose (0: it is no sound), what
        self._sounds = 0  # of the queue
        self._missed: Counter[int] = Counter()  # milliseconds, by the voice's number
        self.sent_frames = self.dropped_frames = 0

    @property
    def stuck(self) -> bool:
        """The client takes nothing, and has not for long."""
        return len(self._queue) - self._sounds > MAX_WAITING

    def hear(self, talking: Sequence[TalkingVoice], now_ns: int) -> None:
        """See `participant.VoicesSink`."""
        at_ms = (now_ns + self._epoch_ns) // 1_000_000
        heard = {one.id for one in talking}
        for silent in [one for one in self._talking if one not in heard]:
            self._put(at_ms, 0, write("stopped", voice=self._talking.pop(silent), id=silent, at=at_ms))
        for one in talking:
            number = self._talking.get(one.id)
            if number is None:
                number = self._known.get(one.id)
                if number is None:
                    number = self._known[one.id] = next(self._numbers)
                self._talking[one.id] = number
                self._put(at_ms, 0, write("started", voice=number, id=one.id, name=one.name, at=at_ms))
            samples = one.linear(self._rate)
            if samples is not None:
                self._put(at_ms, number, write_sound(number, at_ms, samples))
        self._wake()

    def forget(self, participant_id: str) -> None:
        """Somebody has left: should they come again, they are somebody new."""
        self._known.pop(participant_id, None)

    def say(self, kind: str, /, **fields: Any) -> None:
        """Send a text message behind what waits."""
        self._put(0, 0, write(kind, **fields))
        self._wake()

    def take(self) -> list[Message]:
        """What is to be sent now, in order."""
        messages: list[Message] = [write("dropped", voice=voice, ms=ms) for voice, ms in self._missed.items()]
        messages += [message for _, _, message in self._queue]
        self.sent_frames += self._sounds
        self._missed.clear()
        self._queue.clear()
        self._sounds = 0
        return messages

    def _put(self, at_ms: int, voice: int, message: Message) -> None:
        self._queue.append((at_ms, voice, message))
        if voice:
            self._sounds += 1
            while self._queue and at_ms - self._oldest_ms() >= self._max_ms:
                self._drop_oldest()

    def _oldest_ms(self) -> int:
        return next(at_ms for at_ms, voice, _ in self._queue if voice)

    def _drop_oldest(self) -> None:
        """Drop the oldest sound, and keep all else in its order."""
        kept = []
        while not (oldest := self._queue.popleft())[1]:
            kept.append(oldest)
        self._queue.extendleft(reversed(kept))
        self._sounds -= 1
        self.dropped_frames += 1
        self._missed[oldest[1]] += FRAME_MS

    def _wake(self) -> None:
        if self.on_output is not None:
            self.on_output()
