"""What a client of an audio socket hears: each voice by itself, with who, when, and where its talk begins and ends.

What its connection does not take is kept for a while. Then the oldest sound goes first, and the client is told how much
of whom it has missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from conference.audio.frame import TICK_NS
from conference.room.talking_voice import TalkingVoice
from conference.telephony.dialect import Message
from conference.telephony.outgoing_queue import OutgoingQueue
from conference.voices.messages import write, write_sound

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
        self._queue: OutgoingQueue[tuple[int, int]] = OutgoingQueue()  # of sound: when, and whose
        self._missed: Counter[int] = Counter()  # milliseconds, by the voice's number
        self.sent_frames = self.dropped_frames = 0

    @property
    def stuck(self) -> bool:
        """The client takes nothing, and has not for long."""
        return self._queue.others > MAX_WAITING

    def hear(self, talking: Sequence[TalkingVoice], now_ns: int) -> None:
        """See `participant.VoicesSink`."""
        at_ms = (now_ns + self._epoch_ns) // 1_000_000
        heard = {one.id for one in talking}
        for silent in [one for one in self._talking if one not in heard]:
            self._queue.put(write("stopped", voice=self._talking.pop(silent), id=silent, at=at_ms))
        for one in talking:
            number = self._talking.get(one.id)
            if number is None:
                number = self._known.get(one.id)
                if number is None:
                    number = self._known[one.id] = next(self._numbers)
                self._talking[one.id] = number
                self._queue.put(write("started", voice=number, id=one.id, name=one.name, at=at_ms))
            samples = one.linear(self._rate)
            if samples is not None:
                self._put_sound(at_ms, number, write_sound(number, at_ms, samples))
        self._wake()

    def forget(self, participant_id: str) -> None:
        """Somebody has left: should they come again, they are somebody new."""
        self._known.pop(participant_id, None)

    def say(self, kind: str, /, **fields: Any) -> None:
        """Send a text message behind what waits."""
        self._queue.put(write(kind, **fields))
        self._wake()

    def take(self) -> list[Message]:
        """What is to be sent now, in order."""
        messages: list[Message] = [write("dropped", voice=voice, ms=ms) for voice, ms in self._missed.items()]
        self.sent_frames += self._queue.sounds
        messages += self._queue.take()
        self._missed.clear()
        return messages

    def _put_sound(self, at_ms: int, voice: int, message: bytes) -> None:
        self._queue.put_sound(message, (at_ms, voice))
        while at_ms - self._queue.oldest[0] >= self._max_ms:
            _, dropped = self._queue.drop_oldest()
            self.dropped_frames += 1
            self._missed[dropped] += FRAME_MS

    def _wake(self) -> None:
        if self.on_output is not None:
            self.on_output()
